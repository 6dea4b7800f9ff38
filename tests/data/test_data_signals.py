"""Signs of how a conversation goes, in both languages, with the cases that fool word lists."""

from __future__ import annotations

import pytest

from kefu.conversation import Turn
from kefu.data import signals


def talk(*said: str) -> list[Turn]:
    """`c:` the customer, `a:` the agent."""
    return [Turn({"c": "customer", "a": "agent"}[text[0]], text[2:]) for text in said]


@pytest.mark.parametrize(
    ("text", "complains"),
    [
        ("我要投诉你们", True),
        ("再不处理我就投诉", True),
        ("不退款就投诉", True),
        ("不得不投诉了", True),
        ("要不我投诉吧", True),
        ("不投诉，就是问问", False),
        ("我不是要投诉，只是想问问", False),
        ("没打算投诉你们", False),
        ("别投诉我", False),
        ("I want to file a complaint", True),
        ("I'm going to complain if this is not fixed", True),
        ("I don't want to complain, just asking", False),
        ("this is not a complaint", False),
        ("I'm not trying to make a complaint", False),
        ("it's not a scam, right? no: total scam!", True),
    ],
)
def test_complaint_and_its_denial(text: str, complains: bool) -> None:
    assert signals.has("complaint", text) is complains


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("太差了，垃圾", -1),
        ("一点都不满意", -1),
        ("不生气，你慢慢来", 0),
        ("谢谢，解决了", 1),
        ("还是不行，谢谢", 0),
        ("我的订单在哪", 0),
        ("I'm not happy with this", -1),
        ("not angry, just curious", 0),
        ("great, that worked, thank you", 1),
        ("thanks but it still doesn't work", 0),
        ("where is my order", 0),
        ("真是太好了，又坏了", 1),  # sarcasm is left alone: it counts as it reads
        ("Great, broken again", 1),
    ],
)
def test_sentiment(text: str, mood: int) -> None:
    assert signals.sentiment(text) == mood


@pytest.mark.parametrize(
    ("text", "asks"),
    [("转人工", True), ("不用转人工", False), ("能转人工吗", True), ("I don't need to talk to a person", False), ("talk to a human please", True)],
)
def test_asking_for_a_person(text: str, asks: bool) -> None:
    assert signals.has("asks_person", text) is asks


@pytest.mark.parametrize(
    ("said", "stated", "end"),
    [
        (("c:怎么退款", "a:在订单页申请。", "c:好的谢谢"), "", "resolved"),
        (("c:怎么退款", "a:在订单页申请。", "c:还是不行"), "", "unresolved"),
        (("c:怎么退款", "a:为您转接专员。"), "", "escalated"),
        (("c:怎么退款", "a:您好", "c:退款在哪里申请？"), "", "abandoned"),
        (("c:怎么退款",), "", "abandoned"),
        (("c:how do I return it", "a:Use the form."), "", "unknown"),
        (("c:how do I return it", "a:Use the form.", "c:thanks, solved"), "unresolved", "unresolved"),
        (("c:how do I return it", "a:Use the form."), "Complete", "resolved"),
        *(
            (("c:how do I return it", "a:Use the form."), stated, "unresolved")
            for stated in ("Not resolved", "not yet solved", "unsolved", "incomplete", "未完成", "没有解决", "尚未解决", "Failed")
        ),
        (("c:how do I return it", "a:Use the form."), "已解决", "resolved"),
        (("c:how do I return it", "a:Use the form."), "EarlyDisconnect", "abandoned"),
    ],
)
def test_outcome_by_words_and_by_the_ticket_system(said: tuple[str, ...], stated: str, end: str) -> None:
    assert signals.outcome(talk(*said), stated) == end


def test_logic_breaks_and_what_only_looks_like_one() -> None:
    assert signals.logic_breaks(talk("c:订单号CM20260117925897还没到", "a:请提供您的订单号")) == [(1, "asks what was given")]
    assert signals.logic_breaks(talk("c:我的快递还没到", "a:请提供您的订单号")) == []
    assert signals.logic_breaks(talk("c:mail me at a@b.co", "a:Could you provide your email address?")) == [(1, "asks what was given")]
    assert signals.logic_breaks(talk("c:多久到账", "a:退款3天到账。", "c:真的？", "a:退款7天到账。")) == [(3, "contradicts himself")]
    assert signals.logic_breaks(talk("c:可以退吗", "a:这个商品可以退款。", "c:真的？", "a:这个商品不可以退款。")) == [(3, "contradicts himself")]
    assert signals.logic_breaks(
        talk("c:hi", "a:You can return the item after opening.", "c:really?", "a:You can not return the item after opening.")
    ) == [(3, "contradicts himself")]
    assert signals.logic_breaks(talk("c:多久到账", "a:退款3天到账。", "c:真的？", "a:是的，退款3天到账。")) == []
    assert signals.logic_breaks(talk("c:团队版多少钱", "a:每月29元。", "c:那企业版呢？", "a:每月59元。")) == []
    assert signals.logic_breaks(talk("c:a room?", "a:Dr. [NAME_1] is free at 5 pm.", "c:what about 7?", "a:Dr. [NAME_2] is free at 7 pm.")) == []
    assert signals.logic_breaks(talk("c:怎么修改密码", "a:Please open the settings page.")) == [(1, "another language")]
    assert signals.logic_breaks(talk("c:怎么调用 API", "a:API key")) == []


def test_refund_talk_follows_the_moves() -> None:
    moves = signals.refund_talk(talk("c:我要退款", "a:超过7天不能退款", "c:太过分了", "a:可以给您补偿20元", "c:行吧"))
    assert moves == [(0, "asks"), (1, "refuses"), (2, "insists"), (3, "offers"), (4, "agrees")]
    moves = signals.refund_talk(
        talk("c:I want a refund", "a:We cannot refund opened items.", "c:That is unacceptable", "a:I can offer you a partial refund", "c:ok fine")
    )
    assert [move for _, move in moves] == ["asks", "refuses", "insists", "offers", "agrees"]
    assert signals.refund_talk(talk("c:怎么修改地址", "a:可以退款", "c:好的")) == []


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("你们都是傻逼", ["abuse"]),
        ("我不想活了", ["self_harm"]),
        ("信不信我找人弄你", ["threat"]),
        ("能套现吗", ["illegal"]),
        ("you idiot, I'll kill you", ["abuse", "threat"]),
        ("assistant, class, Scunthorpe", []),
        ("妈妈的手机号", []),
    ],
)
def test_sensitive_words(text: str, kinds: list[str]) -> None:
    assert signals.sensitive(text) == kinds


def test_escalation_and_complaint_over_turns() -> None:
    assert signals.escalated(talk("c:你好", "a:为您转接专员"))
    assert signals.escalated(talk("c:I want to speak to a manager", "a:ok"))
    assert not signals.escalated(talk("c:不用转人工", "a:好的"))
    assert signals.complained(talk("c:我要去12315"))
    assert not signals.complained(talk("c:你好", "a:您可以投诉"))


def test_summary_is_all_numbers_and_stands_on_nothing() -> None:
    for turns in ([], talk("c:"), talk("a:好"), talk("c:转人工", "a:好的", "c:谢谢")):
        assert all(isinstance(value, float) for value in signals.summary(turns).values())
