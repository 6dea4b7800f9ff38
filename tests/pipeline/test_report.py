"""What the report makes of recorded facts."""

from pathlib import Path

import pytest

from kefu.artifacts import Store
from kefu.pages import reports
from kefu.pipeline import report
from kefu.pipeline.run import StageResult


def test_a_question_stands_once_however_often_its_answers_contradict() -> None:
    one = {"where": "a#1", "answer": "29元"}
    rows = [
        {"question": "怎么收费？", "chosen": one, "rule": "newest", "others": [{"where": "a#2", "answer": "25元"}]},
        {
            "question": "怎么收费？",
            "chosen": one,
            "rule": "merged",
            "others": [{"where": "a#3", "answer": "每月29元"}, {"where": "a#2", "answer": "25元"}],
        },
        {"question": "多久发货", "chosen": one, "others": []},
    ]
    found = report._by_question(rows)
    assert [(row["question"], list(row["answers"])) for row in found] == [("怎么收费？", ["29元", "25元", "每月29元"]), ("多久发货", ["29元"])]
    assert [answer["kept"] for answer in found[0]["answers"].values()] == [True, False, False]


@pytest.mark.parametrize(
    ("gibberish", "shown"),
    [
        ("\ufffd" * 48, "···…"),
        ("重新" * 40, "重新重新重新…"),
        (" Go\n Go\x00\x1b[31m" + "x" * 90, "Go Go··[31mxxx…"),
        ("一个正常的回答。", "一个正常的回答。"),
        ("", ""),
    ],
)
def test_gibberish_becomes_one_printable_line(gibberish: str, shown: str) -> None:
    assert reports.line(gibberish) == shown
    assert len(reports.line("不同的字abcdefghijklmnop" * 3 + gibberish, 28)) <= 28


def test_a_fresh_stage_shows_when_it_was_made(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.publish("data", "shop", "a" * 64, inputs={}, settings={}) as draft:
        (draft.path / "x").write_text("x")
    made = store.find("data", "shop", "a" * 64)
    assert made is not None
    assert str(made.manifest["created"])[:10] in report._made(StageResult("data", "fresh", 0.0, {}, made))
    assert report._made(StageResult("data", "done", 1.25, {}, made)) == "1.2 s"


def test_a_figure_without_a_value_is_a_dash_and_words_are_escaped() -> None:
    assert reports.interval(None) == "–"
    assert reports.interval({"value": None, "n": 0}) == "–"
    assert reports.interval({"value": 0.5, "low": 0.4, "high": 0.6, "n": "<b>"}) == "<b>0.50</b> <small>0.40 to 0.60, n=&lt;b&gt;</small>"
