"""The first turn at which a person should take over, on short conversations whose answer people agree on; and what only looks like it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kefu.conversation import Conversation, Turn
from kefu.data import SupportDataset, signals

TALKS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("takeovers.yaml").read_text("utf-8"))


def turns(said: list[str]) -> list[Turn]:
    return [Turn({"c": "customer", "a": "agent"}[text[0]], text[2:]) for text in said]


def conversation(said: list[str]) -> Conversation:
    return Conversation(id="t", turns=turns(said), kind="dialogue", language="zh")


@pytest.mark.parametrize("talk", TALKS, ids=[row["talk"][0][2:40] for row in TALKS])
def test_the_turn_to_take_over(talk: dict[str, Any]) -> None:
    dataset = SupportDataset([])
    assert dataset.human_intervention_idx(conversation(talk["talk"])) == talk["take"]
    if talk["take"] is not None:  # nobody looks ahead: what follows changes nothing
        assert dataset.human_intervention_idx(conversation(talk["talk"][: talk["take"] + 1])) == talk["take"]


@pytest.mark.parametrize(
    ("text", "complains"),
    [
        ("投诉电话是多少", False),
        ("请问投诉渠道有哪些？", False),
        ("怎么投诉？", False),
        ("怎么投诉你们？", True),
        ("投诉电话多少，我要投诉你们", True),
        ("投诉电话打不通！没人管", True),
        ("这条短信是诈骗吗", False),
        ("你们是不是骗子？", True),
        ("what's your complaints number?", False),
        ("How do I make a complaint?", False),
        ("How do I complain about the driver?", True),
        ("I want your complaints number, this is a scam!", True),
        ("Is this email a scam?", False),
    ],
)
def test_asking_for_a_channel_is_no_complaint(text: str, complains: bool) -> None:
    assert signals.has("complaint", text) is complains
    talk = conversation([f"c:{text}", "a:0800 111 222", "c:ok, thanks"])
    assert (SupportDataset([]).label(talk) == "bad") is complains


@pytest.mark.parametrize(
    ("said", "count"),
    [
        (["c:怎么退款？", "a:您好，请问有什么可以帮您？"], 1),
        (["c:怎么退款？", "a:您好，请问有什么可以帮您？", "a:在订单页申请。"], 0),
        (["c:怎么退款？", "a:您好，退款请在订单页申请。"], 0),
        (["c:怎么退款？", "a:请稍等", "c:好"], 1),
        (["c:在吗？", "a:您好，请问有什么可以帮您？"], 0),
        (["c:在吗？"], 1),
        (["c:How do I get a refund?", "a:Hello! How can I help you today?"], 1),
        (["c:How do I get a refund?", "a:Hi, thanks for contacting us.", "a:Open the order and tap Refund."], 0),
        (["c:How do I get a refund?", "a:One moment please", "c:ok"], 1),
        (["c:How do I get a refund?", "a:Sorry, I don't understand."], 1),
    ],
)
def test_a_greeting_answers_no_question(said: list[str], count: int) -> None:
    assert signals.unanswered(turns(said)) == count


@pytest.mark.parametrize(
    ("said", "again"),
    [
        (["c:怎么开发票？", "c:我问怎么开发票啊"], True),
        (["c:团队版多少钱？", "c:企业版多少钱？"], False),
        (["c:附近有餐馆吗？", "c:附近还有其它餐馆吗？"], False),
        (["c:yes that works", "c:yes that works, I hope it lasts"], False),
    ],
)
def test_the_same_question_inside_more_words(said: list[str], again: bool) -> None:
    assert signals.repeats(turns(said), 1) is again


def test_a_long_text_is_looked_at_piece_by_piece() -> None:
    """What stands far away in the same endless sentence neither calms nor angers; and it takes no square of the length."""
    assert signals.has("complaint", "投诉电话是多少" + "，好的" * 100 + "，我要投诉你们")
    assert not signals.has("complaint", "投诉电话是多少" * 3000)


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("收银员私下要我转账", "complaint"),
        ("你们店员昨天骂人", "complaint"),
        ("再不修我就找市场监管局", "complaint"),
        ("报修半个月没人来修", "fed_up"),
        ("你们每次都这样说，没有一次兑现", "fed_up"),
        ("空调也不开，想热死人啊", "fed_up"),
    ],
)
def test_a_grievance_is_heard_without_the_word_for_it(text: str, sign: str) -> None:
    assert signals.has(sign, text)
    assert signals.sentiment(text) < 0


@pytest.mark.parametrize("text", ["消费者协会的电话是多少", "孩子在家骂我怎么办", "店里没人的时候能存包吗", "有没有人回复一下"])
def test_what_only_sounds_like_a_grievance_is_none(text: str) -> None:
    assert not any(signals.has(sign, text) for sign in ("complaint", "fed_up"))


@pytest.mark.parametrize(
    ("said", "label"),
    [
        (["c:密码我改成生日了还是连不上网", "a:请重启路由器。"], "good"),
        (["c:密码我改成生日了还是连不上网", "a:请重启路由器。", "c:重启了还是不行"], "bad"),
        (["c:The app still doesn't work on my phone", "a:Please update it."], "good"),
        (["c:The app crashes", "a:Please update it.", "c:It still doesn't work"], "bad"),
        (["c:邻居投诉外机太吵，怎么降噪", "a:可以加装减震垫。", "c:好的谢谢"], "good"),
    ],
)
def test_a_first_message_that_tells_the_matter_is_no_bad_service(said: list[str], label: str) -> None:
    assert SupportDataset([]).label(conversation(said)) == label
    assert (signals.outcome(turns(said)) == "unresolved") is (label == "bad")


@pytest.mark.parametrize(
    ("text", "complains"),
    [
        ("邻居投诉太吵", False),
        ("客人一直投诉房间冷", False),
        ("我被邻居投诉了", False),
        ("邻居要我投诉你们", True),
        ("我老婆投诉你们师傅迟到", True),
        ("他骚扰我女儿", True),
        ("my neighbours complain about the noise", False),
        ("my guests keep complaining about you", True),
        ("I complain about the noise", True),
    ],
)
def test_somebody_else_complains(text: str, complains: bool) -> None:
    assert signals.has("complaint", text) is complains


@pytest.mark.parametrize(
    "text",
    [
        "没有冒烟",
        "机器不冒烟了吧",
        "烟囱多高",
        "如果漏电怎么办",
        "需要人脸识别",
        "去机场接人",
        "what if it catches fire",
        "an ATM swallowed my card",
    ],
)
def test_what_only_sounds_like_danger_or_a_wish_for_a_person(text: str) -> None:
    assert not any(signals.has(sign, text) for sign in ("danger", "asks_person", "damage"))
