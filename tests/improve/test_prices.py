"""Prices: every row sourced, estimates from one's own sessions, differences shown before anything is written."""

from __future__ import annotations

import http.server
import json
import threading
from pathlib import Path

import pytest
import yaml

from cli_commands import kefu
from kefu.errors import EngineError, InputError
from kefu.improve import prices
from kefu.improve.prices import show
from kefu.improve.prices.table import NAME

ROW = {
    "use": "inference",
    "provider": "A",
    "model": "m",
    "input": 1.0,
    "output": 2.0,
    "currency": "CNY",
    "source": "https://a.example/p",
    "date": "2026-03",
}


def file(path: Path, *rows: dict, **more: object) -> Path:
    path.write_text(yaml.safe_dump({"rows": list(rows), **more}, allow_unicode=True), "utf-8")
    return path


def sessions(path: Path) -> Path:
    talk = [("user", "四个汉字吗？好"), ("assistant", "abcdefgh"), ("user", "abcd"), ("assistant", "六个汉字的话")]
    row = {"messages": [{"role": role, "content": text} for role, text in talk]}
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", "utf-8")
    return path


def test_the_shipped_table_has_a_source_for_each_row_and_invents_nothing(tmp_path: Path) -> None:
    table = prices.load(prices.find(tmp_path))
    assert {row.use for row in table.rows} == {"inference", "fine-tuning"} and table.leaderboards
    assert all(row.source.startswith("https://") for row in table.rows)
    assert all(cell != "0" for _, rows in prices.tables(table).values() for row in rows for cell in row)


def test_a_session_sends_what_was_said_before_with_every_turn(tmp_path: Path) -> None:
    used = prices.usage(sessions(tmp_path / "talks.jsonl"), prompt=10)
    first = 6 / 1.5 + 1 / 4
    second = first + 8 / 4 + 4 / 4
    assert used.input == pytest.approx(10 + first + 10 + second)
    assert used.output == pytest.approx(8 / 4 + 6 / 1.5)
    table = prices.load(file(tmp_path / NAME, ROW, {**ROW, "use": "fine-tuning", "training": 4.0}))
    assert show.cost(table.rows[0], used) == pytest.approx((used.input * 1 + used.output * 2) / 1e6)
    assert show.cost(table.rows[1], used) == pytest.approx(used.training * 3 * 4 / 1e6)
    assert show.cost(table.rows[0].model_copy(update={"output": None}), used) is None
    assert show.cost(table.rows[0], None) is None
    with pytest.raises(InputError, match="no session"):
        prices.usage(_write(tmp_path / "e.jsonl", '{"messages": [{"role": "user", "content": "a"}]}\n'))


def _write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_a_section_is_rewritten_between_its_markers_and_nowhere_else(tmp_path: Path) -> None:
    table = prices.load(file(tmp_path / NAME, {**ROW, "model": "a|b", "note": "备注"}))
    path = _write(tmp_path / "R.md", f"# 前\n{show.START}\nold\n{show.END}\nafter\n")
    section = show.markdown(table, None, "2026-11-21")
    assert prices.readme(path, section) and not prices.readme(path, section)
    text = path.read_text("utf-8")
    assert text.startswith("# 前\n") and text.endswith("\nafter\n") and "old" not in text
    assert "a\\|b" in text and "备注" in text and "2026-11-21" in text
    for bad in ("none", f"{show.START}", f"{show.END}{show.START}", f"{show.START}{show.END}" * 2):
        with pytest.raises(InputError, match="no place for the prices"):
            prices.readme(_write(tmp_path / "bad.md", bad), section)
        assert (tmp_path / "bad.md").read_text("utf-8") == bad


BAD = {
    "no source": {**ROW, "source": ""},
    "a negative price": {**ROW, "input": -1},
    "a price that is no number": {**ROW, "input": float("nan")},
    "a date of the future": {**ROW, "date": "2999-01-01"},
    "a date that is none": {**ROW, "date": "last week"},
    "another use": {**ROW, "use": "renting"},
    "an unknown column": {**ROW, "colour": "red"},
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_row_is_named(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError, match=r"is no price file: rows\.1"):
        prices.load(file(tmp_path / NAME, ROW, {**BAD[kind], "model": "other"}))


def test_files_that_are_no_price_files(tmp_path: Path) -> None:
    for text in ("[]", "rows: 3", "{", "rows: !!python/object:os.system {}", "- " * 2000):
        with pytest.raises(InputError, match=r"is no price file: [^:]"):
            prices.load(_write(tmp_path / NAME, text))
    with pytest.raises(InputError, match="stands twice"):
        prices.load(file(tmp_path / NAME, ROW, ROW))
    with pytest.raises(InputError, match="cannot read"):
        prices.load(tmp_path / "gone.yaml")
    with pytest.raises(EngineError, match="cannot be read"):
        prices.load("http://127.0.0.1:9/prices.yaml")


def test_refresh_shows_first_and_writes_only_when_asked(tmp_path: Path) -> None:
    file(tmp_path / NAME, ROW, {**ROW, "model": "only old"})
    (tmp_path / "served").mkdir()
    file(tmp_path / "served" / "new.yaml", {**ROW, "output": 3.0, "date": "2026-09-01"}, {**ROW, "model": "新模型"})
    handler = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: handler(*a, directory=str(tmp_path / "served")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/new.yaml"

    def run(*more: str) -> dict:
        done = kefu("prices", "refresh", url, "--json", *more, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    try:
        before = (tmp_path / NAME).read_text("utf-8")
        found = run()
        assert {one["change"] for one in found["changes"]} == {"added", "changed", "kept"} and not found["written"]
        assert next(one for one in found["changes"] if one["change"] == "changed")["fields"]["output"] == [2.0, 3.0]
        assert (tmp_path / NAME).read_text("utf-8") == before
        run("--write")
        assert {row.model: row.output for row in prices.load(tmp_path / NAME).rows} == {"m": 3.0, "only old": 2.0, "新模型": 2.0}
        assert {one["change"] for one in run()["changes"]} == {"kept"}
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("terminal", [True, False])
def test_names_are_never_cut(terminal: bool) -> None:
    import io

    from rich.console import Console

    from kefu.cli.prices import _grid

    made = Console(file=io.StringIO(), width=60, force_terminal=terminal, color_system=None, soft_wrap=True, highlight=False)
    name = "meta-llama/Llama-3.3-70B-Instruct-of-a-very-long-name"
    _grid(
        made,
        "Using",
        ["provider", "model", "in", "source", "date", "note"],
        [["Alibaba", name, "2 USD", "[1]", "2026-03", "a long note " * 5]],
        set(),
    )
    shown = made.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in shown and "2026-03" in shown and "a long note" in shown
    assert (name in shown) and (terminal or len(shown.splitlines()) == 3)
