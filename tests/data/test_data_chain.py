"""The chain of cleaning steps: dirt goes, meaning stays, in both languages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kefu import data
from kefu.data import steps
from kefu.data.look import changes
from kefu.project import Loaded
from kefu.project.schema import Clean

from .desk import dialogue, jsonl, rows_of


def through(text: str, **options: object) -> str:
    for _, step in steps.chain(Clean(**options)):
        text = step(text)
    return text


MEANING = [
    "¥1,299.00",
    "29元/月",
    "$3.50",
    "v2.10.3",
    "不能退",
    "don't",
    "cannot",
    "https://a.cn/x?y=1&z=2#k",
    "a@b.co",
    "50%",
    "3-5天",
    "10:30",
    "C++",
    "（急）",
    "《条款》",
    "A/B",
    "-5℃",
    "1～3个",
    "#42",
    "？",
    "...",
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(MEANING), min_size=1, max_size=8), st.sampled_from([" ", "，", "\n"]), st.booleans())
def test_prices_versions_negations_addresses_and_signs_stay(parts: list[str], between: str, simplify: bool) -> None:
    after = through(f"您好{between}{between.join(parts)}", simplify=simplify, emoji="remove").replace(" ", "")
    for part in parts:
        assert after.count(part) >= parts.count(part), part


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_the_chain_stands_still_after_one_pass_and_never_adds(text: str) -> None:
    once = through(text, html=False)
    assert through(once, html=False) == once
    assert len(once) <= len(text) + 8 * text.count("\r") + 3 * len(text)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>价格&nbsp;&lt; 100元</p>", "价格 < 100元"),
        ("ＡＢＣ１２３，好的？", "ABC123，好的？"),
        ("我的订单没到\n\nOn Mon, Mar 2, 2026 at 9:00 AM Shop <a@b.co> wrote:\n> Dear customer\n> thanks", "我的订单没到"),
        ("还是不行\n发件人: 客服\n发送时间: 2026年3月2日\n收件人: 我\n\n您好，请重启", "还是不行"),
        ("请看\n-----Original Message-----\nold words", "请看"),
        ("在 2026年3月2日，客服写道：\n您好", "在 2026年3月2日，客服写道：\n您好"),
        ("> 100元的能退吗", "> 100元的能退吗"),
        ("I said:\n> one\n> two\nand that is wrong", "I said:\nand that is wrong"),
        ("Please help me\nBest regards,\nAnn Lee\nSales, Shop Ltd", "Please help me"),
        ("货还没到\n此致\n敬礼\n王小明", "货还没到"),
        ("货还没到\n发自我的iPhone", "货还没到"),
        ("where is it?\nSent from my iPhone", "where is it?"),
        ("Best regards", "Best regards"),
        ("Can you give my regards to Ann?", "Can you give my regards to Ann?"),
        ("hello\nRegards,\nAnn\nWhere is my refund?", "hello\nRegards,\nAnn\nWhere is my refund?"),
    ],
)
def test_dirt_goes_and_what_only_looks_like_it_stays(before: str, after: str) -> None:
    assert through(before) == after


def test_emoji_stay_unless_asked_and_traditional_turns_simplified() -> None:
    assert through("太慢了😡！") == "太慢了😡！"
    assert through("太慢了😡！", emoji="remove") == "太慢了！" and through("😡😡", emoji="remove") == "😡😡"
    assert through("請問怎麼退款？", simplify=True) == "请问怎么退款？"


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        ("客服小王已接入会话", True),
        ("会话已结束，感谢您的咨询", True),
        ("您当前排队人数：3", True),
        ("[系统消息：对方正在输入]", True),
        ("请您对本次服务进行评价", True),
        ("Ann has joined the chat", True),
        ("The conversation was closed by the agent.", True),
        ("How would you rate your experience today? https://x.y", True),
        ("This is an automated message, please do not reply.", True),
        ("请问怎么评价商品", False),
        ("Please hold while I check your order", False),
        ("The chat on your website is closed for me, why?", False),
        ("我想结束会话怎么操作", False),
        ("You can rate the product on its page.", False),
    ],
)
def test_notices_are_whole_messages_of_the_software(text: str, notice: bool) -> None:
    assert steps.is_notice(text) is notice


def test_notices_and_languages_in_a_build(project: Callable[..., Loaded], tmp_path: Path, out: Path) -> None:
    said = dialogue(
        1,
        ("bot", "会话已结束"),
        ("customer", "怎么退款\n发自我的iPhone"),
        ("agent", "Please open the orders page."),
        ("staff", "请您对本次服务进行评价"),
        ("customer", "会话已结束"),
        ("agent", "好的"),
    )
    (tmp_path / "logs.jsonl").write_text(jsonl([said]), "utf-8")
    source = {
        "name": "logs",
        "shape": "dialogues",
        "path": "logs.jsonl",
        "map": {"id": "ticket_id", "turns": "messages", "role": "from", "text": "text"},
    }
    loaded = project({**source, "roles": {"customer": "customer", "agent": "agent", "staff": "agent", "bot": "bot"}})
    facts = data.build(loaded, out)
    row = rows_of(out / "conversations.jsonl")[0]
    assert facts["balanced"] and [turn["text"] for turn in row["turns"]] == ["怎么退款", "Please open the orders page.", "会话已结束", "好的"]
    assert row["meta"]["turn_languages"] == ["zh", "en", "zh", "zh"]
    assert sum("notice" in line["reason"] for line in rows_of(out / "excluded.jsonl")) == 2
    listed = changes(loaded, "logs", 5)
    assert {row["reason"] for row in listed} >= {"signature", "notice of the software or survey"}
    assert next(row for row in listed if row["reason"] == "signature")["after"] == "怎么退款"
    data.build(
        project(
            {**source, "roles": {"customer": "customer", "agent": "agent", "staff": "agent", "bot": "bot"}},
            clean={"notices": False, "signatures": False},
        ),
        out,
    )
    assert "发自我的iPhone" in rows_of(out / "conversations.jsonl")[0]["turns"][1]["text"]
