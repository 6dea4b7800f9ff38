"""What a reply costs does not depend on how much a caller sends; what is not read is noted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kefu.assistant import Assistant
from kefu.assistant.reading import MAX_CHARS, MAX_TOTAL, MAX_TURNS, ends, readable
from kefu.conversation import Conversation, Turn
from kefu.text.disguise import MOST, bounded, folded_size, unmask

from .support_desk import ask, dialogue

#: One character that is eighteen once normalised.
LIGATURE = "\ufdfa"


def test_an_ordinary_conversation_is_read_whole() -> None:
    conversation = dialogue("怎么退款", "请在订单页申请。", "要几天")
    assert readable(conversation) == (conversation, [])
    assert readable(conversation)[0] is conversation


@pytest.mark.parametrize(
    "turns",
    [
        [LIGATURE * 85_000], [LIGATURE * 200] * 400, ["我叫王小明，电话13800138000。" * 20] * 399 + ["怎么退款"], ["a"] * 400, ["怎" * 9000] * 3,
        ["e\u0301\u0316" * 9000], ["한" * 7999], [LIGATURE * 500],
    ],
)  # fmt: skip
def test_what_is_read_is_bounded_and_what_is_not_is_noted(turns: list[str]) -> None:
    conversation = Conversation("t", [Turn("customer" if i % 2 == 0 else "agent", text) for i, text in enumerate(reversed(turns))][::-1])
    kept, notes = readable(conversation)
    assert kept.turns
    assert len(kept.turns) <= MAX_TURNS
    assert sum(folded_size(turn.text) for turn in kept.turns) <= MAX_TOTAL
    assert all(folded_size(turn.text) <= MAX_CHARS for turn in kept.turns)
    assert kept.turns[-1].text[:5] == conversation.turns[-1].text[:5]
    assert bool(notes) == (kept.turns != conversation.turns)


def test_both_ends_of_a_long_text_are_read() -> None:
    text, note = ends("头" * 20_000 + "尾" * 3)
    assert text.startswith("头")
    assert text.endswith("尾尾尾")
    assert note == "read the first 5999 and the last 2000 of 20003 characters"
    text, note = ends(LIGATURE * 5000 + "尾")
    assert text.endswith("尾")
    assert "of 5001 characters" in note


def test_the_first_system_turn_stays() -> None:
    turns = [Turn("system", "be short"), *(Turn("customer" if i % 2 else "agent", "好") for i in range(200))]
    kept, notes = readable(Conversation("t", turns))
    assert kept.turns[0] == turns[0]
    assert kept.turns[1:] == turns[-MAX_TURNS:]
    assert notes == [f"read the last {MAX_TURNS} of 201 turns"]


def test_a_normalised_text_is_bounded() -> None:
    assert bounded(LIGATURE * 100, 36) == LIGATURE * 2
    assert bounded("한글", 2) == "한글"
    assert len(unmask(LIGATURE * 50_000)) <= MOST


def test_the_receipt_says_what_was_not_read(assistant: Assistant) -> None:
    reply = ask(assistant, LIGATURE * 5000 + "转人工")
    assert reply.handoff  # the end of a long turn is read
    assert any("of 5003 characters" in note for note in reply.receipt.notes)
    reply = ask(assistant, *["好的", "请问还有什么可以帮您？"] * 100, "怎么退款")
    assert f"read the last {MAX_TURNS} of 201 turns" in reply.receipt.notes


def test_a_long_conversation_does_not_hold_up_others(assistant: Assistant) -> None:
    """Others run while it is read: with the reading on the event loop, the count would be 0."""

    async def both() -> int:
        ticks = 0
        answering = asyncio.create_task(assistant.answer(_hostile()))
        await asyncio.sleep(0)
        while not answering.done():
            await asyncio.sleep(0.001)
            ticks += 1
        await answering
        return ticks

    assert asyncio.run(both()) > 2


def _hostile(**more: Any) -> Conversation:
    return Conversation("t", [Turn("customer", f"我叫王小{i}，电话1380013{i:04d}，" + LIGATURE * 100) for i in range(400)], **more)
