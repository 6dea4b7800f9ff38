"""Knowledge for a company that exports conversations but no FAQ: the standard replies its agents keep giving.

A reply that agents gave word for word in several dialogues is the company's own approved wording. Each becomes an entry; the customer turns
before it are its questions. Held-out dialogues give held-out questions.

Replies that differ only in values (numbers, days, months, what stands for personal data) are one reply. Values that are the same nearly
everywhere are the company's (7 天, its hotline) and stay; a reply with any other is about one ticket and no entry: whoever asked next would read
the order number, the date or the name of a stranger, or a placeholder that nothing can fill. Such replies are counted.
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
from kefu.text import privacy
from kefu.text.normalise import fold
from kefu.text.segment import units

FEWEST_DIALOGUES = 5
MOST_ENTRIES = 500
MOST_QUESTIONS = 40
_HAN_DIGIT = "零〇一二三四五六七八九十百千万两"
_VALUE = re.compile(
    rf"\[[^\[\]\s]+_\d+\]|\d[\d.,:/-]*|[{_HAN_DIGIT}]+(?=个?(?:工作日|小时|分钟|天|日|月|号|点|周|年|元|块|件|次))|(?:星期|礼拜|周)[一二三四五六日天]|"
    r"[今明后昨][天日]|\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|today|tomorrow|yesterday|january|february|march|april|june|july|august|"
    r"september|october|november|december|(?:one|two|three|four|five|six|seven|eight|nine|ten)"
    r"(?= (?:business |working )?(?:day|hour|week|month)s?\b))\b",
    re.IGNORECASE,
)
_OWN = 0.9  # a value of the company's stands in such a share of the wordings of a reply
_FEWEST_UNITS = 3
#: meta of a row whose own answer has other numbers than the entry's wording: those of another order are wrong for it.
OWN_ANSWER = "own_answer"
Key = tuple[str, str]  # language, folded reply


class Mined(NamedTuple):
    """rows: of the entries, each a question with its answer; chosen: the split of each by its id; of_one_ticket: replies given often that are no
    entries because values of one ticket stand in them."""

    entries: list[Entry]
    rows: list[Conversation]
    chosen: dict[str, str]
    of_one_ticket: int


class Talk(NamedTuple):
    """A batch of dialogues: their lines, and the side of each (index into SPLITS)."""

    lines: list[bytes]
    sides: bytes


def mine(crew: Crew, talks: Callable[[], Iterable[Talk]], masked: bool = True) -> Mined:
    """The standard replies, each question on the side of its dialogue.

    `talks` gives the dialogues anew at each call: they are read three times, and never held. masked: was personal data masked in them?
    Where it was not, it is looked for in the replies.
    """
    often, wordings, said = _often(crew, talks, masked)
    usual = {key: answer for key in often if (answer := _usual(wordings[key], masked))}
    entries = {key: _entry(i, key, answer) for i, (key, answer) in enumerate(usual.items(), 1)}
    asked: dict[tuple[str, str], int] = {}
    known: dict[str, set[str]] = {}
    chosen: dict[str, str] = {}
    rows = []
    for found in crew.map(_Questions, (list(entries), masked), talks()):
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
    return Mined(usable, [row for row in rows if row.answer_id in names], chosen, len(often) - len(usual))


def _often(crew: Crew, talks: Callable[[], Iterable[Talk]], masked: bool) -> tuple[list[Key], dict[Key, Counter[str]], np.ndarray]:
    """The replies that stand in most training dialogues, how each was worded, and the numbers of all that customers say there, sorted."""
    found = list(crew.map(_Replies, masked, talks()))
    hashes = np.frombuffer(b"".join(replies for replies, _ in found), np.uint64)
    said = np.unique(np.frombuffer(b"".join(said for _, said in found), np.uint64))
    replies, counts = np.unique(hashes, return_counts=True)
    least = max(FEWEST_DIALOGUES, int(np.sort(counts)[-MOST_ENTRIES]) if len(counts) >= MOST_ENTRIES else 0)
    wanted = {int(reply): int(n) for reply, n in zip(replies, counts, strict=True) if n >= least}
    wordings: dict[Key, Counter[str]] = {}
    for found in crew.map(_Wordings, (set(wanted), masked), talks()):
        for key, texts in found.items():
            wordings.setdefault(key, Counter()).update(texts)
    return sorted(wordings, key=lambda key: (-wanted[_number(key)], key))[:MOST_ENTRIES], wordings, said


def _among(value: int, sorted_: np.ndarray) -> bool:
    place = int(np.searchsorted(sorted_, np.uint64(value)))
    return place < len(sorted_) and int(sorted_[place]) == value


class _Replies:
    """Talk -> the numbers of the replies of each training dialogue, and of what its customer says, as the bytes of uint64."""

    def __init__(self, masked: bool) -> None:
        self._masked = masked

    def __call__(self, talk: Talk) -> tuple[bytes, bytes]:
        found: list[int] = []
        said: set[int] = set()
        for conversation, _ in _training(talk):
            found += {_number((conversation.language, _key(reply.text, self._masked))) for _, reply in _pairs(conversation)}
            said.update(number(fold(turn.text)) for turn in conversation.turns if turn.role == "customer")
        return np.array(found, np.uint64).tobytes(), np.array(sorted(said), np.uint64).tobytes()


class _Wordings:
    """Talk -> the texts of wanted replies."""

    def __init__(self, setup: tuple[set[int], bool]) -> None:
        self._wanted, self._masked = setup

    def __call__(self, talk: Talk) -> dict[Key, Counter[str]]:
        found: dict[Key, Counter[str]] = {}
        for conversation, _ in _training(talk):
            for _, reply in _pairs(conversation):
                key = (conversation.language, _key(reply.text, self._masked))
                if _number(key) in self._wanted:
                    found.setdefault(key, Counter())[reply.text] += 1
        return found


class _Questions:
    """Talk -> (reply, dialogue, category, source, question, reply as it was given, split) wherever a wanted reply was given."""

    def __init__(self, setup: tuple[list[Key], bool]) -> None:
        self._wanted, self._masked = set(setup[0]), setup[1]

    def __call__(self, talk: Talk) -> list[tuple[Key, str, str, str, str, str, str]]:
        return [
            (key, c.id, c.category, c.source, turn.text, reply.text, SPLITS[side])
            for c, side in ((unpack(line), side) for line, side in zip(talk.lines, talk.sides, strict=True))
            for turn, reply in _pairs(c)
            if (key := (c.language, _key(reply.text, self._masked))) in self._wanted
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


def _key(text: str, masked: bool) -> str:
    return fold(_VALUE.sub("0", _struck(text, masked)))


def _struck(text: str, masked: bool) -> str:
    return text if masked else privacy.mask(text)


def _usual(wordings: Mapping[str, int], masked: bool) -> str:
    """The wording given most often; empty when a value of one ticket stands in it."""
    answer = min(wordings, key=lambda text: (-wordings[text], text))
    values = _VALUE.findall(_struck(answer, masked))
    if any(value[0] == "[" for value in values):
        return ""
    agree = Counter[int]()
    for text, count in wordings.items():
        for place, (value, own) in enumerate(zip(values, _VALUE.findall(_struck(text, masked)), strict=False)):
            agree[place] += count * (fold(value) == fold(own))
    total = sum(wordings.values())
    return answer if all(agree[place] >= _OWN * total for place in range(len(values))) else ""


def _entry(number: int, key: Key, answer: str) -> Entry:
    return Entry(f"canned-{number:03d}", key[0], answer, source="dialogues", answers=[answer], flags=["canned"])
