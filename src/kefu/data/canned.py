"""Knowledge for a company that exports conversations but no FAQ: the standard replies its agents keep giving.

A reply that agents gave word for word (numbers and placeholders aside) in several dialogues is the company's own approved wording.
Each becomes an entry; the customer turns before it are its questions. Held-out dialogues give held-out questions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from kefu.conversation import Conversation, Turn
from kefu.data.entries import Entry
from kefu.data.spool import number, unpack
from kefu.data.workers import Crew
from kefu.data.writers import SPLITS
from kefu.text.normalise import fold
from kefu.text.segment import units

FEWEST_DIALOGUES = 5
MOST_ENTRIES = 500
MOST_QUESTIONS = 40
_VARIABLE = re.compile(r"\[[^\[\]\s]+_\d+\]|\d[\d.,:/-]*")
_FEWEST_UNITS = 3
#: meta of a row whose own answer has other numbers than the entry's wording: those of another order are wrong for it.
OWN_ANSWER = "own_answer"
Key = tuple[str, str]  # language, folded reply


class Talk(NamedTuple):
    """A batch of dialogues: their lines, and the side of each (index into SPLITS)."""

    lines: list[bytes]
    sides: bytes


def mine(crew: Crew, talks: Callable[[], Iterable[Talk]]) -> tuple[list[Entry], list[Conversation], dict[str, str]]:
    """`(entries, their rows, {row id: split})`; each row is a question with its answer, on the side of its dialogue.

    `talks` gives the dialogues anew at each call: they are read three times, and never held.
    """
    often, wordings, said = _often(crew, talks)
    entries = {key: _entry(i, key, wordings[key]) for i, key in enumerate(often, 1)}
    asked: dict[tuple[str, str], int] = {}
    known: dict[str, set[str]] = {}
    chosen: dict[str, str] = {}
    rows = []
    for found in crew.map(_Questions, list(entries), talks()):
        for key, name, category, source, text, said_there, side in found:
            entry = entries[key]
            if side != "train" and _among(number(fold(text)), said):
                continue  # a training dialogue asks it word for word
            if asked.get((entry.id, side), 0) >= MOST_QUESTIONS or fold(text) in known.setdefault(entry.id, set()):
                continue
            asked[entry.id, side] = asked.get((entry.id, side), 0) + 1
            row = Conversation(
                f"{entry.id}:{name}", [Turn("customer", text), Turn("agent", entry.answer)], kind="faq", language=entry.language,
                category=category, source=source, answer_id=entry.id, meta={OWN_ANSWER: said_there} if said_there != entry.answer else {},
            )  # fmt: skip
            if row.id in chosen:
                continue
            chosen[row.id] = side
            known[entry.id].add(fold(text))
            entry.category = entry.category or category
            entry.rows.append(row)
            rows.append(row)
    usable = [entry for entry in entries.values() if any(chosen[row.id] == "train" for row in entry.rows)]
    names = {entry.id for entry in usable}
    return usable, [row for row in rows if row.answer_id in names], chosen


def _often(crew: Crew, talks: Callable[[], Iterable[Talk]]) -> tuple[list[Key], dict[Key, Counter[str]], np.ndarray]:
    """The replies that stand in most training dialogues, how each was worded, and the numbers of all that customers say there, sorted."""
    found = list(crew.map(_Replies, None, talks()))
    hashes = np.frombuffer(b"".join(replies for replies, _ in found), np.uint64)
    said = np.unique(np.frombuffer(b"".join(said for _, said in found), np.uint64))
    replies, counts = np.unique(hashes, return_counts=True)
    least = max(FEWEST_DIALOGUES, int(np.sort(counts)[-MOST_ENTRIES]) if len(counts) >= MOST_ENTRIES else 0)
    wanted = {int(reply): int(n) for reply, n in zip(replies, counts, strict=True) if n >= least}
    wordings: dict[Key, Counter[str]] = {}
    for found in crew.map(_Wordings, set(wanted), talks()):
        for key, texts in found.items():
            wordings.setdefault(key, Counter()).update(texts)
    return sorted(wordings, key=lambda key: (-wanted[_number(key)], key))[:MOST_ENTRIES], wordings, said


def _among(value: int, sorted_: np.ndarray) -> bool:
    place = int(np.searchsorted(sorted_, np.uint64(value)))
    return place < len(sorted_) and int(sorted_[place]) == value


class _Replies:
    """Talk -> the numbers of the replies of each training dialogue, and of what its customer says, as the bytes of uint64."""

    def __init__(self, setup: None) -> None: ...

    def __call__(self, talk: Talk) -> tuple[bytes, bytes]:
        found: list[int] = []
        said: set[int] = set()
        for conversation, _ in _training(talk):
            found += {_number((conversation.language, _key(reply.text))) for _, reply in _pairs(conversation)}
            said.update(number(fold(turn.text)) for turn in conversation.turns if turn.role == "customer")
        return np.array(found, np.uint64).tobytes(), np.array(sorted(said), np.uint64).tobytes()


class _Wordings:
    """Talk -> the texts of wanted replies."""

    def __init__(self, wanted: set[int]) -> None:
        self._wanted = wanted

    def __call__(self, talk: Talk) -> dict[Key, Counter[str]]:
        found: dict[Key, Counter[str]] = {}
        for conversation, _ in _training(talk):
            for _, reply in _pairs(conversation):
                key = (conversation.language, _key(reply.text))
                if _number(key) in self._wanted:
                    found.setdefault(key, Counter())[reply.text] += 1
        return found


class _Questions:
    """Talk -> (reply, dialogue, category, source, question, reply as it was given, split) wherever a wanted reply was given."""

    def __init__(self, wanted: list[Key]) -> None:
        self._wanted = set(wanted)

    def __call__(self, talk: Talk) -> list[tuple[Key, str, str, str, str, str, str]]:
        return [
            (key, c.id, c.category, c.source, turn.text, reply.text, SPLITS[side])
            for c, side in ((unpack(line), side) for line, side in zip(talk.lines, talk.sides, strict=True))
            for turn, reply in _pairs(c)
            if (key := (c.language, _key(reply.text))) in self._wanted
        ]


def _training(talk: Talk) -> Iterator[tuple[Conversation, int]]:
    return ((unpack(line), side) for line, side in zip(talk.lines, talk.sides, strict=True) if side == 0)


def _pairs(conversation: Conversation) -> list[tuple[Turn, Turn]]:
    if conversation.kind != "dialogue":
        return []
    return [
        (turn, reply)
        for turn, reply in pairwise(conversation.turns)
        if not reply.bot  # what a machine says is not what the company's people stand for
        and (turn.role, reply.role) == ("customer", "agent")
        and len(units(turn.text)) >= _FEWEST_UNITS
        and len(units(reply.text)) >= _FEWEST_UNITS
    ]


def _number(key: Key) -> int:
    return number("\x1f".join(key))


def _key(text: str) -> str:
    return fold(_VARIABLE.sub("0", text))


def _entry(number: int, key: Key, wordings: Mapping[str, int]) -> Entry:
    answer = min(wordings, key=lambda text: (-wordings[text], text))
    return Entry(f"canned-{number:03d}", key[0], answer, source="dialogues", answers=[answer], flags=["canned"])
