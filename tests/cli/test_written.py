"""What others wrote runs nowhere: not in Markdown, not in a spreadsheet, not in the terminal."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.table import Table
from rich.text import Text

from kefu.cli.edge import Output, guarded
from kefu.cli.screen import Screen
from kefu.data.card import _outside_code
from kefu.errors import InputError
from kefu.pages.written import markdown, spreadsheet, terminal
from kefu.train.predict.tables import cell

EVIL = "\x1b]0;pwned\x07\x1b[2J\x9b31mred\x1b[0m"


@pytest.mark.parametrize("given", ["=1+1", "+cmd|x", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1+1", "＋1+x"])
def test_formulas_are_texts_in_a_table(given: str) -> None:
    assert spreadsheet(given) == f"'{given}"


@pytest.mark.parametrize("given", ["-5", "+3.5", "-1,200", "1e-4", "-12%", "a=b", "", 3, -2.5, None, "anna@x.com", "退款-运费"])
def test_numbers_and_words_stay(given: Any) -> None:
    assert spreadsheet(cell(given)) == given


def test_markdown_runs_nothing() -> None:
    assert markdown("<script>x</script> ![p](http://t/p.png) [手机号_1]") == "&lt;script>x&lt;/script> ![p]\\(http://t/p.png) [手机号_1]"
    once = markdown("<img src=x> [a](b)")
    assert markdown(once) == once
    assert list(_outside_code(["<b>", "```", "a < b", "```", "<i>"])) == ["&lt;b>", "```", "a < b", "```", "&lt;i>"]


def test_a_screen_shows_controls_of_others_as_nothing() -> None:
    shown = io.StringIO()
    screen = Screen(file=shown, force_terminal=True, width=80)
    table = Table("x")
    table.add_row(EVIL)
    for one in (EVIL, Text(EVIL), table):
        screen.print(one, markup=False)
    screen.print("[bold red]error[/]: yes")
    text = shown.getvalue()
    assert "\x1b]" not in text and "\x07" not in text and "\x9b" not in text and "\x1b[2J" not in text
    assert "\x1b[1;31merror" in text  # its own colours
    assert terminal("a\tb\nc\u202ed") == "a\tb\ncd"


@pytest.mark.parametrize("machine", [False, True])
def test_errors_at_the_edge(machine: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def app(standalone_mode: bool) -> int:
        raise InputError("the provider refused", EVIL, "look")

    monkeypatch.setattr(sys, "argv", ["kefu", *(["--json"] if machine else [])])
    assert guarded(app) == 2
    said = capsys.readouterr()
    assert not {"\x1b", "\x07", "\x9b"} & set(said.out + said.err)
    if machine:
        assert EVIL in json.loads(said.out)["message"]


def test_a_result_in_json_is_the_same_value(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.machine = True
    output.result({"said": EVIL + "中"}, lambda: None)
    out = capsys.readouterr().out
    assert json.loads(out) == {"said": EVIL + "中"} and "\x9b" not in out


def test_a_card_of_a_build(tmp_path: Path) -> None:
    rows = "question,answer,category\n" + "".join(
        f"请问第{i}种情况怎么退货,第{i}种请在订单页申请 <script>x</script>,<script>alert({i % 2})</script>\n" for i in range(12)
    )
    (tmp_path / "faq.csv").write_text(rows, "utf-8")
    (tmp_path / "kefu.yaml").write_text(yaml.safe_dump({"name": "shop", "data": {"sources": [{"name": "faq", "shape": "faq", "path": "faq.csv"}]}}))
    run = subprocess.run([sys.executable, "-m", "kefu", "data", "build", str(tmp_path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    card = next((tmp_path / "build").rglob("card.md")).read_text("utf-8")
    assert "&lt;script>alert" in card and "<script" not in card
