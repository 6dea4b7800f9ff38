"""`kefu data import` through the command line."""

from __future__ import annotations

import json
from pathlib import Path

from cli_commands import kefu


def test_guess_append_check_and_preview(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("".join(json.dumps({"log": f"用户：发票{i}呢？\n客服：已寄出。"}) + "\n" for i in range(5)), "utf-8")
    assert kefu("init", "shop", cwd=tmp_path).returncode == 0
    before = (tmp_path / "shop/kefu.yaml").read_text("utf-8")
    told = kefu("data", "import", "--guess", "log.jsonl", cwd=tmp_path)
    assert told.returncode == 0 and "shape: alternating" in told.stdout and "sure" in told.stdout
    assert (tmp_path / "shop/kefu.yaml").read_text("utf-8") == before
    added = kefu("data", "import", "log.jsonl", "--into", "shop", "--json", cwd=tmp_path)
    assert json.loads(added.stdout)["added"]["name"] == "log"
    assert kefu("check", "shop", cwd=tmp_path).returncode == 0
    shown = kefu("data", "show", "shop", "--source", "log", "--rows", "1", cwd=tmp_path)
    assert "customer  发票0呢？" in shown.stdout and "agent     已寄出。" in shown.stdout


def test_wrong_input_is_one_line(tmp_path: Path) -> None:
    for arguments in (("nothere.csv",), ("x.csv", "--into", "shop")):
        (tmp_path / "x.csv").write_text("a\n1\n", "utf-8")
        done = kefu("data", "import", *arguments, cwd=tmp_path)
        assert done.returncode == 2 and done.stderr.startswith("error:") and "Traceback" not in done.stderr


def test_lines_are_for_the_project_and_a_guess_with_into_writes_nothing(tmp_path: Path) -> None:
    assert kefu("init", "shop", cwd=tmp_path).returncode == 0
    (tmp_path / "shop/raw").mkdir(exist_ok=True)
    (tmp_path / "shop/raw/q.csv").write_text("问题,答案\n怎么退款,在订单页申请即可\n怎么开票,在发票页填写抬头\n", "utf-8")
    (tmp_path / "q.csv").write_bytes((tmp_path / "shop/raw/q.csv").read_bytes())
    before = (tmp_path / "shop/kefu.yaml").read_text("utf-8")
    assert "path: raw/q.csv" in kefu("data", "import", "--guess", "shop/raw/q.csv", cwd=tmp_path).stdout
    assert f"path: {tmp_path}/q.csv" in kefu("data", "import", "q.csv", cwd=tmp_path).stdout
    told = kefu("data", "import", "--guess", "shop/raw/q.csv", "--into", "shop", cwd=tmp_path)
    assert told.returncode == 0 and "path: raw/q.csv" in told.stdout and "shape: faq" in told.stdout
    assert (tmp_path / "shop/kefu.yaml").read_text("utf-8") == before


def test_what_fits_nothing_is_asked(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n3,4\n5,6\n", "utf-8")
    told = kefu("data", "import", "x.csv", cwd=tmp_path)
    assert told.returncode in (1, 2) and (told.returncode == 2 or all(line.startswith("#") for line in told.stdout.splitlines() if line))


def test_settings_of_other_shapes_are_faults(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text,label\na b,c\n", "utf-8")
    source = "{name: s, shape: classification, path: x.csv, template: risk-zh, scheme: bio, query: DROP TABLE x, map: {texts: text}}"
    (tmp_path / "kefu.yaml").write_text(f"name: t\ndata:\n  sources:\n    - {source}\n", "utf-8")
    done = kefu("check", ".", cwd=tmp_path)
    assert done.returncode == 2
    for fault in (
        "`template` means nothing for shape classification",
        "`scheme` means nothing",
        "the query is refused: it begins with DROP",
        "map has no field 'texts'",
    ):
        assert fault in done.stderr
