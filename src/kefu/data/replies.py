"""Conversations that answer one question with different facts, and conversations that deny what the FAQ says.

Pairs of a customer's question and the agent's answer are fingerprinted batch by batch, wherever the work is done; questions that may be one
meet in buckets (`minhash`), only those are read again, and whether they say the same is told as for near-duplicates (`differences`). In memory
stay the places of such pairs and, of each question asked again, a few answers; all else lies on the disk. What is found are possible
contradictions: agents also speak of one customer's case.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from kefu.conversation import Conversation
from kefu.data import conflicts, facts, jobs, minhash
from kefu.data.compared import outline
from kefu.data.dedup import Forms, Texts
from kefu.data.differences import explain
from kefu.data.spool import Column, number, unpack
from kefu.data.workers import BATCH, Crew
from kefu.text.language import detect
from kefu.text.segment import units

AMONG = "same question in conversations, different answers"
AGAINST_FAQ = "a conversation against the FAQ"
_ALIKE = jobs.LEAK
_MOST_VARIANTS = 16  # different answers to one question that are compared
_MOST_PLACES = 5  # rows named for each
_MOST_PAIRS = 20  # of one conversation
_FEWEST = {"zh": 4, "en": 3}
#: What is asked about a thing that was pointed at, or asked again: 这家几点开门 means another shop in every conversation.
_ONE_CASE = re.compile(
    r"\[[^\[\]\s]+_\d+\]|\d{5,}|[这那该](?:家|个|款|间|趟|条|景点|餐馆|酒店|商品|订单|里|次|种)|它|再次|"
    r"\b(?:this|that|these|those|it|again|once more|go ahead|status)\b",
    re.IGNORECASE,
)


class Pair(NamedTuple):
    """turn: of the question."""

    turn: int
    question: str
    answer: str


def pairs(conversation: Conversation) -> Iterator[Pair]:
    """Questions that stand alone, each with the answer of the company's side that follows and that another answer could deny."""
    if conversation.meta.get("record"):
        return
    found = 0
    for i in range(len(conversation.turns) - 1):
        asked, said = conversation.turns[i], conversation.turns[i + 1]
        if (asked.role, said.role) != ("customer", "agent") or said.bot or found >= _MOST_PAIRS:
            continue
        if _stands(asked.text, conversation.kind == "faq" or i == 0) and facts.deniable(said.text):
            found += 1
            yield Pair(i, asked.text, said.text)


def _stands(text: str, first: bool) -> bool:
    """A question of its own; a later one, which may lean on what was said, must be twice as long."""
    fewest = _FEWEST.get(detect(text), 4)
    return len(text) <= 160 and not _ONE_CASE.search(text) and len(units(text)) >= fewest * (1 if first else 2)


class PairJob:
    """Lines -> (line and turn of each pair as uint32, bands of its question)."""

    def __init__(self, setup: None) -> None: ...

    def __call__(self, lines: list[bytes]) -> tuple[bytes, bytes, bytes]:
        places, turns, texts, salts = [], [], [], []
        for place, line in enumerate(lines):
            conversation = unpack(line)
            for pair in pairs(conversation):
                places.append(place)
                turns.append(pair.turn)
                texts.append(jobs.plain(outline(pair.question)))
                salts.append(crc32(conversation.language.encode()) | 1)
        bands = minhash.bands(texts, _ALIKE, salts).tobytes() if texts else b""
        return np.array(places, np.uint32).tobytes(), np.array(turns, np.uint32).tobytes(), bands


@dataclass
class _Variant:
    """One answer (facts considered): the pair that is shown for it, the first that gave it and how many did."""

    shown: int
    faq: bool
    count: int = 0
    places: list[int] = field(default_factory=list)


@dataclass
class _Question:
    """What was answered to a question that was asked again; places of pairs, no texts."""

    variants: dict[int, _Variant] = field(default_factory=dict)
    beyond: int = 0  # answers that were not compared because there were so many

    def add(self, place: int, pair: Pair, faq: bool) -> None:
        key = number(repr(facts.signature(pair.answer)))
        if key not in self.variants and len(self.variants) >= _MOST_VARIANTS:
            self.beyond += 1
            return
        one = self.variants.setdefault(key, _Variant(place, faq))
        if faq and not one.faq:
            one.shown, one.faq = place, True
        one.count += 1
        if len(one.places) < _MOST_PLACES:
            one.places.append(place)


def compare(crew: Crew, numbers: np.ndarray, line: Callable[[int], bytes], folder: Path) -> list[dict[str, Any]]:
    """Reports for contradictions.jsonl, in the order in which the questions were first asked.

    numbers: of the conversations and FAQ rows that stay, rising; line: their JSON by number; folder: for what waits on the disk.
    """
    owners: list[np.ndarray] = [np.zeros(0, np.int64)]
    turns: list[np.ndarray] = [np.zeros(0, np.uint32)]
    width = minhash.shape(_ALIKE)[1]
    with closing(Column("u4", width, folder)) as column:
        starts = range(0, len(numbers), BATCH)
        for start, (places, turn, bands) in zip(
            starts, crew.map(PairJob, None, ([line(n) for n in numbers[s : s + BATCH]] for s in starts)), strict=True
        ):
            owners.append(numbers[start + np.frombuffer(places, np.uint32).astype(np.int64)])
            turns.append(np.frombuffer(turn, np.uint32))
            column.extend(bands)
        owner, at = np.concatenate(owners), np.concatenate(turns)
        buckets = minhash.Buckets((column.part(band) for band in range(width)), len(owner))
    read = _Reader(owner, at, line)
    return [report for question in _asked_again(len(owner), buckets, read) if (report := _report(question, read))]


class _Reader:
    """A pair by its place."""

    def __init__(self, owner: np.ndarray, at: np.ndarray, line: Callable[[int], bytes]) -> None:
        self._owner, self._at, self._line = owner, at, line

    def __call__(self, place: int) -> tuple[Conversation, Pair]:
        conversation, turn = unpack(self._line(int(self._owner[place]))), int(self._at[place])
        return conversation, Pair(turn, conversation.turns[turn].text, conversation.turns[turn + 1].text)

    def question(self, place: int) -> str:
        return self(place)[1].question


def _asked_again(count: int, buckets: minhash.Buckets, read: _Reader) -> Iterable[_Question]:
    """Questions that were asked more than once; the first wording of each stands for it in the buckets."""
    text = lru_cache(1024)(read.question)
    form = Texts(count, lambda place: [("", text(place))])
    rare = Forms(range(count), lambda place: [("", text(place))]).rare
    found: dict[int, _Question] = {}
    for place in range(count):
        if not buckets.of(place):
            continue
        met = (o for o in form.candidates(buckets.met(place), place) if explain(form(o), form(place), _ALIKE, rare))
        root = next(met, None)
        if root is None:
            buckets.enter(place)
            continue
        for one in (place,) if root in found else (root, place):
            conversation, pair = read(one)
            found.setdefault(root, _Question()).add(one, pair, conversation.kind == "faq")
    return found.values()


def _report(question: _Question, read: _Reader) -> dict[str, Any] | None:
    """The answers that stand against the one that is meant: the FAQ's, else the one most often given."""
    variants = list(question.variants.values())
    if len(variants) < 2 or all(one.faq for one in variants):
        return None
    said = {one.shown: read(one.shown)[1] for one in variants}
    for chosen in sorted(variants, key=lambda one: (not one.faq, -one.count)):
        others, why = [], Counter[str]()
        for one in variants:
            if one is chosen or (one.faq and chosen.faq):
                continue
            if reason := facts.against(said[chosen.shown].answer, said[one.shown].answer, said[one.shown].question):
                others.append(one)
                why[reason] += one.count
        if others:
            told = sorted(others, key=lambda one: -one.count)[: conflicts.MOST_TOLD]
            sides = [_side(one, read) for one in (chosen, *told)]
            return {
                "kind": AGAINST_FAQ if any(one.faq for one in (chosen, *others)) else AMONG, "possible": True,
                "language": read(chosen.shown)[0].language, "question": said[chosen.shown].question, "answers": 1 + len(others),
                "rows": chosen.count + sum(one.count for one in others), "sources": sorted({name for one in sides for name in one.pop("sources")}),
                "chosen": sides[0], "rule": "both kept", "others": sides[1:], "why": why.most_common(1)[0][0],
                **({"not_compared": question.beyond} if question.beyond else {}),
            }  # fmt: skip
    return None


def _side(one: _Variant, read: _Reader) -> dict[str, Any]:
    """where: up to five of the rows that answered so; for a dialogue, its id and the turn."""
    places = [read(place) for place in dict.fromkeys((one.shown, *one.places))][:_MOST_PLACES]
    where = [c.source if c.kind == "faq" else f"{c.id}#{pair.turn + 1}" for c, pair in places]
    shown = places[0]
    return {
        "where": where[0], "answer": shown[1].answer, "updated": str(shown[0].meta.get("updated", "")), "rows": one.count, "all": where,
        "sources": [conflicts.source_of(c) for c, _ in places],
    }  # fmt: skip
