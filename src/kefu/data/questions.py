"""What customers ask in every row that could be learnt from, and which of these questions are the same.

One rule for all rows: two questions are the same when nothing but explained differences is between them (`compared`, `differences`), numbers and
words that may be left out aside. A turn that only answers, thanks or gives a number or name (好的, yes please, [手机号_1]) asks nothing.

Questions are read batch by batch, wherever the work is done. Equal ones meet by their key; of every key one waits in buckets (`minhash`) for
others that differ by a typing error. In memory stay some twenty bytes of each question.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from kefu.data import minhash, near, spool, writers
from kefu.data.compared import Compared, Sentence, join, outline, tables, words_of
from kefu.data.dedup import Forms
from kefu.data.differences import explain
from kefu.data.ledger import Step
from kefu.data.workers import BATCH, Crew
from kefu.project.schema import Messages

Texts = Callable[[bytes], list[str]]
"""A line of the spool -> its questions, in order; can be pickled."""
_THRESHOLD = 0.8  # of what one question may say more than the other
_VALUE = re.compile(r"[\d.%\ue000-\uf8ff-]+|[a-z]{1,2}[\d]+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
#: Whoever is spoken to is no part of the question; 老师 may be the one who asks, which the split need not tell.
_CALLED = re.compile(r"^\W*(?:(?:你好|您好|亲|在吗|哈喽)\W*)*(?:老师|师傅|老板|美女|帅哥|小姐姐|小哥哥|亲爱的)(?=\W*\w{2})")
_LONGEST = 600  # characters; a longer message is no question that comes again


def form(text: str) -> Compared:
    """The question as it is compared, numbers aside."""
    written = [join(words) for words in _words(text)]
    return Compared.of(Sentence(one, "", hash(one)) for one in written)


def key(text: str) -> int:
    """What equal questions have in common, 64 bits; 0 for a text that asks nothing."""
    known = tables()
    told = [word for words in _words(text) for word in words if word not in known.free]
    if all(word in known.answers or _VALUE.fullmatch(word) for word in told):
        return 0
    return spool.number("\x1f".join(told)) or 1


def _words(text: str) -> list[tuple[str, ...]]:
    return [tuple(_NUMBER.sub("0", word) for word in words) for words in words_of(_CALLED.sub("", text[:_LONGEST]))]


@dataclass
class Asked:
    """owner: number of the row, rising; place: which of its questions, from 0; same: equal for those that are one question; keys: see `key`."""

    owner: np.ndarray
    place: np.ndarray
    same: np.ndarray
    keys: np.ndarray

    def of(self, numbers: np.ndarray) -> Asked:
        """The questions of these rows, each owner by its place in `numbers` (rising)."""
        inside = np.isin(self.owner, numbers)
        return Asked(np.searchsorted(numbers, self.owner[inside]), self.place[inside], self.same[inside], self.keys[inside])

    def first(self, count: int) -> np.ndarray:
        """(count,) the first question of each row; -1 where none asks."""
        found = np.full(count, -1, np.int64)
        owner, at = np.unique(self.owner, return_index=True)
        found[owner] = self.same[at]
        return found


def of_conversation(line: bytes, given: Messages) -> list[str]:
    """The questions that its rows of the training files would answer, in order."""
    conversation = spool.unpack(line)
    if conversation.meta.get("record"):
        return []
    row = writers.messages_row(conversation, Step("", ""), given)
    return [one["instruction"] for one in writers.instructions(row)] if row else []


class QuestionJob:
    """Lines -> (line, place, key of each question, bands)."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def __call__(self, lines: list[bytes]) -> tuple[bytes, bytes, bytes, bytes]:
        owners, places, keys, outlines = [], [], [], []
        for owner, line in enumerate(lines):
            for place, text in enumerate(self._texts(line)):
                if known := _key(text):
                    owners.append(owner)
                    places.append(place)
                    keys.append(known)
                    outlines.append(outline(text[:_LONGEST]))
        bands = minhash.slight_bands(outlines).tobytes() if outlines else b""
        return np.array(owners, np.uint32).tobytes(), np.array(places, np.uint32).tobytes(), np.array(keys, np.uint64).tobytes(), bands


_key = lru_cache(8192)(key)


def gather(crew: Crew, numbers: np.ndarray, line: Callable[[int], bytes], folder: Path, texts: Texts) -> Asked:
    """The questions of the rows `numbers`, rising; line: their JSON by number; folder: for what waits on the disk; texts: what a row asks."""
    owners, places, keys = [np.zeros(0, np.int64)], [np.zeros(0, np.uint32)], [np.zeros(0, np.uint64)]
    with closing(spool.Column("u4", minhash.SLIGHT_BANDS, folder)) as column:
        starts = range(0, len(numbers), BATCH)
        lines = ([line(int(n)) for n in numbers[start : start + BATCH]] for start in starts)
        for start, (owner, place, its, bands) in zip(starts, crew.map(QuestionJob, texts, lines), strict=True):
            owners.append(numbers[start + np.frombuffer(owner, np.uint32).astype(np.int64)])
            places.append(np.frombuffer(place, np.uint32))
            keys.append(np.frombuffer(its, np.uint64))
            column.extend(bands)
        owner_of, place_of = np.concatenate(owners), np.concatenate(places)
        every = np.concatenate(keys)
        _, first, same = np.unique(every, return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first))  # in the order in which they were first asked
        first, same = np.sort(first), rank[same]
        buckets = minhash.Buckets((column.part(band)[first] for band in range(column.width)), len(first))

    def text(which: int) -> str:
        return texts(line(int(owner_of[first[which]])))[int(place_of[first[which]])]

    return Asked(owner_of, place_of, _joined(len(first), buckets, text)[same], every)


def _joined(count: int, buckets: minhash.Buckets, text: Callable[[int], str]) -> np.ndarray:
    """(count,) the first of those that are the same question but for an explained difference."""
    groups = near.Groups(count)
    read = lru_cache(2048)(lambda which: form(text(which)))
    rare = Forms(range(count), lambda which: [("", text(which))]).rare
    for which in range(count):
        for other in buckets.met(which):
            if groups.find(other) != groups.find(which) and explain(read(other), read(which), _THRESHOLD, rare):
                groups.join(other, which)
        buckets.enter(which)
    return np.array(groups.roots(), np.int64)
