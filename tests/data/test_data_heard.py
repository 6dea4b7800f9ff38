"""Wordings and standard replies drawn from dialogues."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kefu.conversation import Conversation, Turn
from kefu.data import canned, heard
from kefu.data.entries import Entry
from kefu.data.spool import pack
from kefu.data.workers import crew
from kefu.data.writers import SPLITS

ANSWERS = {
    "Z1": ("zh", "怎么退款", "未拆封的商品签收后7天内可以退货，在“我的订单”里点“申请退货”即可。"),
    "Z2": ("zh", "运费多少", "订单满99元包邮，不满收8元运费；新疆、西藏另加12元。"),
    "E1": ("en", "How do I track my parcel?", "Open My orders and choose Track to see the courier number and progress."),
}


def faq() -> list[Entry]:
    found = []
    for name, (language, question, answer) in ANSWERS.items():
        row = Conversation(f"{name}.0", [Turn("customer", question), Turn("agent", answer)], kind="faq", language=language, answer_id=name)
        found.append(Entry(name, language, answer, rows=[row]))
    return found


def dialogue(name: str, *turns: str, language: str = "zh") -> Conversation:
    return Conversation(name, [Turn("agent" if i % 2 else "customer", text) for i, text in enumerate(turns)], language=language)


def sides(entries: list[Entry], talks: list[Conversation], **other: str) -> dict[str, str]:
    return {**{row.id: "train" for entry in entries for row in entry.rows}, **{talk.id: "train" for talk in talks}, **other}


def listen(talks: list[Conversation], entries: list[Entry], chosen: dict[str, str]) -> list[heard.Heard]:
    listener, found = heard.Listener(entries, chosen), heard.FirstHeard()
    for talk in talks:
        if chosen[talk.id] == "train":
            found.take(listener.hear(talk))
    return found.heard


def mine(tmp_path: Path, talks: list[Conversation], chosen: dict[str, str], masked: bool = True) -> canned.Mined:
    """In batches of three, so that what stands in several batches is added up."""
    batches = [talks[i : i + 3] for i in range(0, len(talks), 3)]
    with crew("local", 1, tmp_path) as workers:
        return canned.mine(
            workers,
            lambda: (canned.Talk([pack(one) for one in part], bytes(SPLITS.index(chosen[one.id]) for one in part)) for part in batches),
            masked,
        )


def test_a_customers_wording_goes_to_the_entry_the_agent_answered_from() -> None:
    talks = [
        dialogue("a", "买了个杯子没拆，不太想要了能寄回去不", "可以的，没拆封签收7天内都能退货，您到我的订单里点申请退货就行"),
        dialogue(
            "b", "where has my box got to by now", "Please open My orders and choose Track, you will see the courier number there", language="en"
        ),
        dialogue("c", "你们几点下班呀，我想打电话问问", "晚上九点下班哦"),
    ]
    entries = faq()
    found = listen(talks, entries, sides(entries, talks))
    assert [(one.entry, one.where) for one in found] == [("Z1", "a#0"), ("E1", "b#0")]


def test_a_wording_that_repeats_another_entrys_question_teaches_nothing_and_is_counted() -> None:
    """The agent pasted the reply about returns where postage was asked for."""
    talks = [dialogue("a", "你好，请问运费是多少呢", ANSWERS["Z1"][2]), dialogue("b", "请问这个怎么退货退款呀", ANSWERS["Z1"][2])]
    entries = faq()
    chosen = sides(entries, talks)
    listener, found = heard.Listener(entries, chosen), heard.FirstHeard()
    for talk in talks:
        found.take(listener.hear(talk))
    assert [(one.entry, one.where) for one in found.heard] == [("Z1", "b#0")]
    assert found.notes() == ["1 wordings heard in dialogues were left out: they ask for another entry than the reply gave"]


def test_nothing_is_heard_from_held_out_dialogues_near_held_out_questions_or_from_fragments() -> None:
    answer = ANSWERS["Z2"][2]
    talks = [
        dialogue("held", "寄到乌鲁木齐一共要花多少运费", answer),
        dialogue("near", "请问运费是怎么计算的呢", answer),
        dialogue("short", "多少", answer),
        dialogue("good", "拼单不到一百块还要另外掏邮费吗", answer),
        dialogue("again", "拼单不到一百块还要另外掏邮费吗", answer),
    ]
    entries = faq()
    question = Conversation("Z2.1", [Turn("customer", "请问运费是怎么计算的"), Turn("agent", answer)], kind="faq", answer_id="Z2")
    entries[1].rows.append(question)
    chosen = sides(entries, talks, held="test") | {"Z2.1": "test"}
    assert [one.where for one in listen(talks, entries, chosen)] == ["good#0"]


def test_replies_given_often_become_entries_and_their_questions_keep_their_side(tmp_path: Path) -> None:
    talks = [dialogue(f"d{i}", f"第{i}次问你们周末营业不营业呀", "您好，我们周末照常营业，9点到21点") for i in range(7)]
    talks += [dialogue(f"x{i}", "随便问问别的事情", f"这是只说过一次的话{'啊' * i}") for i in range(4)]
    chosen = {talk.id: "train" for talk in talks} | {"d6": "test"}
    entries, rows, chosen, _ = mine(tmp_path, talks, chosen)
    assert [entry.id for entry in entries] == ["canned-001"]
    assert "照常营业" in entries[0].answer
    assert [chosen[row.id] for row in rows].count("test") == 1
    assert len(rows) == 7
    assert all(row.kind == "faq" and row.answer_id == "canned-001" for row in rows)


def test_without_repeated_replies_there_is_no_entry(tmp_path: Path) -> None:
    talks = [dialogue(f"d{i}", "这个问题每次都不一样吗", f"答复{chr(0x4E00 + i * 7)}各不相同{chr(0x5000 + i * 11)}") for i in range(8)]
    assert mine(tmp_path, talks, {talk.id: "train" for talk in talks}) == ([], [], {}, 0)


@pytest.mark.parametrize(
    ("given", "masked"),
    [
        (lambda i: f"您好，您的订单{20231100 + i}已经发货，请留意查收", True),
        (lambda i: f"您的包裹预计{'一二三四五六日'[i]}月送到，请留意查收短信".replace("日月", "七月"), True),
        (lambda i: f"Your parcel will be with you on {('Monday', 'Tuesday', 'Friday')[i % 3]}, please be at home", True),
        (lambda i: f"[姓名_{i + 1}]您好，材料已经收到，我们会尽快处理", True),
        (lambda i: "[姓名_1]您好，材料已经收到，我们会尽快处理", True),
        (lambda i: f"{'张王李赵陈刘杨'[i]}伟先生您好，材料已经收到，我们会尽快处理", False),
        (lambda i: f"Please write to anna.b{i}@example.com and attach the form", False),
    ],
)
def test_a_reply_with_a_value_of_one_ticket_is_no_entry(tmp_path: Path, given: Callable[[int], str], masked: bool) -> None:
    talks = [dialogue(f"d{i}", f"第{chr(0x4E00 + 9 * i)}次问你们这件事情怎么样了呀", given(i)) for i in range(7)]
    entries, rows, _, left_out = mine(tmp_path, talks, {talk.id: "train" for talk in talks}, masked)
    assert (entries, rows, left_out) == ([], [], 1)


@pytest.mark.parametrize("masked", [True, False])
def test_values_of_the_company_stay_though_one_agent_mistyped(tmp_path: Path, masked: bool) -> None:
    said = "周一到周五9点到21点都可以拨打400-820-1234，退款三天内到账"
    talks = [dialogue(f"d{i}", f"第{chr(0x4E00 + 9 * i)}次问你们什么时候上班呀", said.replace("21点", "12点") if i == 7 else said) for i in range(12)]
    entries, rows, _, left_out = mine(tmp_path, talks, {talk.id: "train" for talk in talks}, masked)
    assert [entry.answer for entry in entries] == [said] and len(rows) == 12 and left_out == 0
    assert [row.meta for row in rows if row.meta] == [{canned.OWN_ANSWER: said.replace("21点", "12点")}]
