"""Knowledge for a company that exports conversations but no FAQ: the standard replies its agents keep giving.

A reply that agents gave word for word (numbers and placeholders aside) in several dialogues is the company's own approved wording.
Each becomes an entry; the customer turns before it are its questions. Held-out dialogues give held-out questions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from kefu.conversation import Conversation, Turn
from kefu.data.entries import Entry
from kefu.text.normalise import fold
from kefu.text.segment import units

FEWEST_DIALOGUES = 5
MOST_ENTRIES = 500
MOST_QUESTIONS = 40
_VARIABLE = re.compile(r"\[[^\[\]\s]+_\d+\]|\d[\d.,:/-]*")
_FEWEST_UNITS = 3


def mine(conversations: Sequence[Conversation], chosen: dict[str, str]) -> tuple[list[Entry], list[Conversation]]:
    """`(entries, their rows)`; each row is a question with its answer and is entered in `chosen` on the side of its dialogue."""
    pairs = [pair for conversation in conversations if conversation.kind == "dialogue" for pair in _pairs(conversation)]
    seen: dict[tuple[str, str], set[str]] = {}
    wordings: dict[tuple[str, str], Counter[str]] = {}
    for conversation, _, reply in pairs:
        if chosen[conversation.id] == "train":
            key = (conversation.language, _key(reply.text))
            seen.setdefault(key, set()).add(conversation.id)
            wordings.setdefault(key, Counter())[reply.text] += 1
    often = sorted((key for key, where in seen.items() if len(where) >= FEWEST_DIALOGUES), key=lambda key: (-len(seen[key]), key))[:MOST_ENTRIES]
    entries = {key: _entry(i, key, wordings[key]) for i, key in enumerate(often, 1)}
    rows = []
    said = {fold(turn.text) for c in conversations if chosen[c.id] == "train" for turn in c.turns if turn.role == "customer"}
    asked: dict[tuple[str, str], int] = {}
    for conversation, turn, reply in pairs:
        entry = entries.get((conversation.language, _key(reply.text)))
        side = chosen[conversation.id]
        if side != "train" and fold(turn.text) in said:
            continue  # a training dialogue asks it word for word
        if entry is None or (asked.get((entry.id, side), 0) >= MOST_QUESTIONS) or _known(entry, turn.text):
            continue
        asked[entry.id, side] = asked.get((entry.id, side), 0) + 1
        row = Conversation(
            f"{entry.id}:{conversation.id}", [Turn("customer", turn.text), Turn("agent", entry.answer)], kind="faq", language=entry.language,
            category=conversation.category, source=conversation.source, answer_id=entry.id, group=conversation.group,
        )  # fmt: skip
        if row.id in chosen:
            continue
        chosen[row.id] = side
        entry.category = entry.category or conversation.category
        entry.rows.append(row)
        rows.append(row)
    usable = [entry for entry in entries.values() if any(chosen[row.id] == "train" for row in entry.rows)]
    names = {entry.id for entry in usable}
    return usable, [row for row in rows if row.answer_id in names]


def _pairs(conversation: Conversation) -> list[tuple[Conversation, Turn, Turn]]:
    turns = conversation.turns
    by_bot = set(conversation.meta.get("bot") or ())  # what a machine says is not what the company's people stand for
    return [
        (conversation, turn, reply)
        for i, (turn, reply) in enumerate(pairwise(turns), 1)
        if i not in by_bot
        and (turn.role, reply.role) == ("customer", "agent")
        and len(units(turn.text)) >= _FEWEST_UNITS
        and len(units(reply.text)) >= _FEWEST_UNITS
    ]


def _key(text: str) -> str:
    return fold(_VARIABLE.sub("0", text))


def _entry(number: int, key: tuple[str, str], wordings: Mapping[str, int]) -> Entry:
    answer = min(wordings, key=lambda text: (-wordings[text], text))
    return Entry(f"canned-{number:03d}", key[0], answer, source="dialogues", answers=[answer], flags=["canned"])


def _known(entry: Entry, text: str) -> bool:
    plain = fold(text)
    return any(fold(row.turns[0].text) == plain for row in entry.rows)
