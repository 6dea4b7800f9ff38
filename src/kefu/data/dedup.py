"""Exact and near-duplicates, never across different answers: which conversations go, and for which they go."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

import numpy as np

from kefu.conversation import Conversation
from kefu.data import spool
from kefu.data.compared import Compared, compared, outline
from kefu.data.differences import Values, explain
from kefu.data.minhash import Buckets, slight_bands
from kefu.text.normalise import fold
from kefu.text.script import simplified
from kefu.text.segment import is_han, shingles

_REMEMBERED, _READ = 1024, 4096  # texts
_SAMPLE = 20_000  # texts
_CELLS = 1 << 20
_RARE, _RARE_BESIDE = 2, 20
_RUN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+|[^\W\d_\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")


def exact(digests: np.ndarray) -> dict[int, int]:
    """`{number: the first one like it}` for what equals an earlier one in every turn (case, blanks and punctuation aside).

    digests: (n, 2) uint64.
    """
    order = np.lexsort((digests[:, 1], digests[:, 0]))
    sorted_ = digests[order]
    new = np.concatenate([[True], (sorted_[1:] != sorted_[:-1]).any(axis=1)]) if len(order) else np.zeros(0, bool)
    first = order[new][np.cumsum(new) - 1]
    again = np.flatnonzero(~new)
    return {int(order[i]): int(first[i]) for i in again}


class Near(NamedTuple):
    """original: number of the one that stays; differences: how the one that goes differs from it (`differences`)."""

    original: int
    differences: str


Turns = list[tuple[str, str]]
"""Who says it, and what."""


def near_questions(faq: Iterable[tuple[int, Conversation]], threshold: float) -> dict[int, Near]:
    """Near-duplicates among the questions of one FAQ entry."""
    given = [(number, conversation.answer_id, conversation.turns[0].text) for number, conversation in faq]
    if not given:
        return {}
    texts = [outline(text) for _, _, text in given]
    bands = slight_bands(texts, [spool.number(entry) or 1 for _, entry, _ in given])
    said = {number: text for number, _, text in given}
    return near_texts([number for number, _, _ in given], Buckets(bands, len(given)), lambda number: [("", said[number])], threshold)


def near_texts(numbers: Sequence[int], buckets: Buckets, turns: Callable[[int], Turns], threshold: float) -> dict[int, Near]:
    """What says the same as another one, and as which. `buckets` knows them by their place in `numbers`; `turns` reads one.

    Of two the first stays; where one has a sentence or message more, the fuller one.
    """
    gone: dict[int, Near] = {}
    forms = Forms(numbers, turns)
    read = Texts(len(numbers), lambda place: turns(numbers[place]))
    for place, number in enumerate(numbers):
        for other in read.candidates(buckets.met(place), place):
            if numbers[other] in gone or (same := explain(read(other), read(place), threshold, forms.rare)) is None:
                continue
            if not same.fuller:
                gone[number] = Near(numbers[other], same.differences)
                break
            gone[numbers[other]] = Near(number, same.differences)
        if number not in gone:
            buckets.enter(place)
    return {number: Near(_stays(gone, one.original), one.differences) for number, one in gone.items()}


class Texts:
    """Numbered texts as they are compared. Those read last are remembered, and of all that were read which values stand in them."""

    def __init__(self, count: int, turns: Callable[[int], Turns]) -> None:
        self._values, self._turns = Values(count), turns
        self._read = lru_cache(_READ)(self._again)

    def __call__(self, place: int) -> Compared:
        return self._read(place)

    def _again(self, place: int) -> Compared:
        text = compared(self._turns(place))
        self._values.put(place, text)
        return text

    def candidates(self, met: list[int], place: int) -> list[int]:
        """Those of the texts that can be the same as this one."""
        if not met:
            return met
        self(place)
        return self._values.may(met, place)


def _stays(gone: dict[int, Near], number: int) -> int:
    while number in gone:
        number = gone[number].original
    return number


class Forms:
    """How often words and pairs of Chinese characters are written, in a sample of the texts that is read when first asked."""

    def __init__(self, numbers: Sequence[int], turns: Callable[[int], Turns]) -> None:
        self._numbers, self._turns = numbers, turns
        self._counts: array[int] | None = None

    def rare(self, form: str, beside: str) -> bool:
        """At most twice, or once for every twenty times of what stands beside it."""
        return self._count(form) <= max(_RARE, self._count(beside) / _RARE_BESIDE)

    def _count(self, form: str) -> int:
        if self._counts is None:
            self._counts = self._read()
        return min((self._counts[crc32(part.encode()) % _CELLS] for part in _forms(form)), default=0)

    def _read(self) -> array[int]:
        counts = array("I", bytes(4 * _CELLS))
        for number in self._numbers[:: max(1, len(self._numbers) // _SAMPLE)]:
            for form in {form for _, text in self._turns(number) for form in _forms(fold(simplified(text)))}:
                counts[crc32(form.encode("utf-8", "replace")) % _CELLS] += 1
        return counts


def _forms(text: str) -> Iterator[str]:
    for run in _RUN.findall(text):
        if is_han(run[0]):
            yield from map("".join, pairwise(run))
        else:
            yield run


class Alike:
    """Jaccard of the character shingles of two numbered texts; those read last are remembered."""

    def __init__(self, text: Callable[[int], str]) -> None:
        self._shingles = lru_cache(_REMEMBERED)(lambda number: frozenset(shingles(text(number))))

    def __call__(self, a: int, b: int) -> float:
        left, right = self._shingles(a), self._shingles(b)
        common = len(left & right)
        return common / (len(left) + len(right) - common) if common else 0.0
