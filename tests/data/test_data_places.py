"""What is left out of a conversation is listed under the row it stood in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kefu import data
from kefu.data import plots
from kefu.project import load


@pytest.mark.pictures
def test_a_dropped_message_is_listed_with_its_own_row_and_no_picture_is_drawn_of_nothing(tmp_path: Path) -> None:
    lines = ["会话编号,发送人,内容,时间"]
    for i in range(6):
        talk = [
            ("客户", f"第{i}次问怎么退卡"),
            ("客户", "[图片]"),
            ("客服", f"您好，第{i}张请到前台办理退卡"),
            ("客户", "[语音]"),
            ("客服", "请带上身份证原件"),
        ]
        lines += [f"S{i},{who},{text},2026-01-0{i + 1} 10:0{n}:00" for n, (who, text) in enumerate(talk)]
    (tmp_path / "c.csv").write_text("\n".join(lines), "utf-8")
    source = "{name: c, shape: messages, path: c.csv, max_drop_share: 0.9}"
    (tmp_path / "kefu.yaml").write_text(f"name: t\ndata:\n  sources:\n    - {source}\n", "utf-8")
    out = tmp_path / "out"
    out.mkdir()
    data.build(load(tmp_path), out)
    rows = [json.loads(line) for line in (out / "excluded.jsonl").read_text("utf-8").splitlines()]
    places = sorted(int(row["where"].rpartition("#")[2]) for row in rows if row["unit"] == "turns")
    assert places == sorted(line for i in range(6) for line in (2 + 5 * i + 1, 2 + 5 * i + 3))
    assert "turn_rows" not in (out / "conversations.jsonl").read_text("utf-8")
    stats = json.loads((out / "stats.json").read_text("utf-8"))
    assert "categories.png" not in stats["plots"] and stats["plots_left_out"].startswith("categories")
    assert "categories" not in plots.usable(plots.as_profile(out / "conversations.jsonl"))
