"""changed.jsonl: every change with its reasons, before and after, and nothing of what masking took out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kefu import data
from kefu.conversation import Conversation, Turn
from kefu.data.clean import Cleaner
from kefu.data.exclusions import Notes, difference
from kefu.data.ledger import Step
from kefu.project import Loaded
from kefu.project.schema import Clean
from kefu.text import privacy

from .desk import dialogue, jsonl, rows_of, table

LOGS = {"name": "logs", "shape": "dialogues", "path": "logs.jsonl"}


def listed(*said: str, mask: bool = True, **cleaning: Any) -> list[dict[str, Any]]:
    """Rows for one dialogue in which customer and agent take turns, beginning with the customer; `+` adds to the turn before."""
    import json

    turns: list[Turn] = []
    for text in said:
        role = turns[-1].role if text.startswith("+") else "customer" if not turns or turns[-1].role == "agent" else "agent"
        turns.append(Turn(role, text.removeprefix("+")))
    notes = Notes()
    Cleaner(Clean(**cleaning), Step("clean", "conversations"), Step("clean turns", "turns"), notes)(
        Conversation("s:1", turns, source="logs.jsonl#1"), "s", mask
    )
    return [json.loads(line) for line in notes.changes]


def test_a_change_is_one_row_with_all_its_reasons() -> None:
    rows = listed("<b>发票</b>开在哪里１２", "请在\u200b设置里开", "+下载也在那里")
    assert [(row["reasons"], row["before"], row["after"]) for row in rows] == [
        (["html", "normalise"], "<b>发票</b>开在哪里１２", "发票开在哪里12"),
        (["normalise"], "请在\u200b设置里开", "请在设置里开"),
        (["merged"], "请在设置里开", "请在设置里开，下载也在那里"),
    ]
    assert {(row["unit"], row["source"], row["where"]) for row in rows} == {("turns", "s", "logs.jsonl#1")}
    assert listed("发票开在哪里", "请在设置里开") == []


def test_what_masking_took_is_struck_out_on_both_sides() -> None:
    cleaning, masking = listed("<p>我的手机是１３８１２３４５６７８</p>", "好的，稍后联系您")
    assert (cleaning["before"], cleaning["after"]) == ("<p>我的手机是███</p>", "我的手机是███")
    assert (masking["reasons"], masking["before"], masking["after"]) == (["pii"], "我的手机是███", "我的手机是[手机号_1]")


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize(
    ("said", "secrets"),
    [
        (["<p>我的手机是138&#49;2345678</p>", "好的"], ["138&#49;2345678", "13812345678", "2345678"]),
        (["我的手机是138<b>1234</b>5678，<i>急</i>", "好的"], ["1234</b>5678", "13812345678"]),
        (["my phone is<br> 1381234", "+<i>5678</i> please", "Sure"], ["1381234", "5678"]),
        (["我叫王小明，<b>急</b>", "<p>好的，已查到王小明的订单</p>"], ["王小明"]),
        (["<p>已查到王小明的订单了吗</p>", "请问贵姓", "我叫王小明"], ["王小明"]),
        (['<a href="mailto:wang.xm@example.com">写信</a>给我', "好的"], ["wang.xm@example.com"]),
        (["My name is Laura Stern, <b>hello</b>", "<p>Thank you Laura Stern</p>"], ["Laura", "Stern"]),
        (["<p>mail me: laura.stern&#64;example.com</p>", "Sure"], ["laura.stern"]),
        (["王小明的身份证号11010519491231002X<br>", "收到"], ["11010519491231002X", "19491231002"]),
    ],
)
def test_no_way_of_writing_it_gets_through(said: list[str], secrets: list[str], mask: bool) -> None:
    rows = listed(*said, mask=mask)
    assert rows
    for row in rows:
        assert not [secret for secret in secrets if secret in row["before"] + row["after"]], row


@pytest.mark.parametrize("mask", [True, False])
def test_prices_and_years_stay_readable_beside_personal_data(mask: bool) -> None:
    """Messages sent in a row are merged, and one of them holds a telephone number: of all other numbers none is struck out."""
    rows = listed("我叫王小明，手机13812345678", "+<b>99.5元</b>的套餐和995元的有什么区别", "2024年满100包邮", "+<i>95588</i>是银行的", mask=mask)
    shown = " ".join(row["before"] + row["after"] for row in rows)
    assert all(number in shown for number in ("99.5元", "995元", "2024年", "满100包邮", "95588")) and rows
    assert "13812345678" not in shown and "王小明" not in shown
    html = next(row for row in rows if row["before"].startswith("<b>"))
    assert (html["before"], html["after"]) == ("<b>99.5元</b>的套餐和995元的有什么区别", "99.5元的套餐和995元的有什么区别")


@pytest.mark.parametrize("mask", [True, False])
@given(number=st.integers(10**9, 10**10 - 1), first=st.integers(3, 8))
@example(number=4_300_100_000, first=3)
@settings(max_examples=40, deadline=None)
def test_a_number_cut_into_messages_is_struck_out_piece_by_piece(mask: bool, number: int, first: int) -> None:
    mobile = f"13{number % 10**9:09}"
    rows = listed(f"我的手机是{mobile[:first]}", f"+<b>{mobile[first:]}</b>", "好的", mask=mask)
    shown = " ".join(row["before"] + row["after"] for row in rows)
    assert mobile not in shown
    merged = f"我的手机是{mobile[:first]}，{mobile[first:]}"
    if any(span.start <= merged.index(mobile[:first]) for span in privacy.find(merged)):  # found as one number, not its end alone
        assert mobile[:first] not in shown and (len(mobile[first:]) < 3 or mobile[first:] not in shown)


def test_a_dropped_conversation_hides_its_names_too() -> None:
    rows = listed("我叫王小明", "+<p>王小明在吗</p>")
    assert rows and not any("王小明" in str(row) for row in rows)


@given(st.text("甲乙丙 ", max_size=900), st.text("甲乙丙 ", max_size=900))
def test_the_place_of_a_difference_is_shown(before: str, after: str) -> None:
    short = difference(before, after)
    assert (short[0] != short[1]) == (before != after)
    assert all(len(text) <= 302 for text in short)
    for text, whole in zip(short, (before, after), strict=True):
        assert text.strip("…") in whole


def test_a_build_lists_every_change_and_checks_its_count(tmp_path: Path, project: Callable[..., Loaded], out: Path) -> None:
    logs = [
        dialogue(i, ("customer", f"<b>第{i}台打印机</b>连不上"), ("staff", f"请重启第{i}台"), ("staff", "然后再试"), ("customer", f"好的{i}"))
        for i in range(90)
    ]
    (tmp_path / "logs.jsonl").write_text(jsonl(logs), "utf-8")
    faq = [
        ["编号", "分类", "问题", "相似问", "答案"],
        ["1", "", "怎么退款", "", "请<b>申请</b>退款"],
        ["1", "", "如何退钱", "", "请在订单页申请退款，三天到账"],
    ]
    (tmp_path / "faq.csv").write_bytes(table(faq))
    preferred = [
        {"prompt": f"<p>第{i}张发票怎么开，我的手机是1381234{i:04d}</p>", "chosen": f"在设置里开第{i}张", "rejected": f"不知道{i}"} for i in range(30)
    ]
    (tmp_path / "pairs.jsonl").write_text(jsonl(preferred), "utf-8")
    facts = data.build(
        project(LOGS, {"name": "faq", "shape": "faq", "path": "faq.csv"}, {"name": "pairs", "shape": "preference", "path": "pairs.jsonl"}), out
    )
    assert facts["balanced"]
    rows = rows_of(out / "changed.jsonl")
    reasons = Counter((row["unit"], reason) for row in rows for reason in row["reasons"])
    assert reasons["turns", "html"] == 91 and reasons["turns", "merged"] == 90
    assert reasons["examples", "html"] == reasons["examples", "pii"] == 30
    assert reasons["conversations", "answer replaced by the one that stands"] == 1
    assert not any(privacy.find(row["before"]) or privacy.find(row["after"]) for row in rows)
    assert not any("1381234" in str(row) for row in rows)


def test_what_a_template_reads_is_no_column_without_use(project: Any, tmp_path: Path) -> None:
    """`fields` reads every column; a template that names its columns reads those; a row without the label is told as dropped."""
    from kefu.data import findings, look

    (tmp_path / "r.csv").write_text("age,income,note,risk\n30,5000,x,high\n41,7000,y,\n", "utf-8")
    ready = {"name": "r", "shape": "records", "path": "r.csv", "template": "risk-en", "map": {"label": "risk"}}
    loaded = project(ready)
    assert not any("not used" in line for line in findings.lines("r", findings.look(loaded, "r")))
    assert [(row["what"], row["step"]) for row in look.left_out(loaded, "r", 5)] == [("row dropped", "form")]
    for text in ("{{ age }} {{ row.income }}", '{{ row["age"] }} {{ row.get("income") }}'):
        own = project({**ready, "template": {"instruction": text, "output": "{{ label }}"}})
        assert [line for line in findings.lines("r", findings.look(own, "r")) if "not used" in line] == ["r: columns not used: note"]
