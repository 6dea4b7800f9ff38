"""Which texts may be near-duplicates, among millions: MinHash over character shingles, in bands (Broder 1997; Leskovec,
Rajaraman, Ullman, ch. 3).

The bands of a text are a few numbers computed once, wherever the text is read; texts that share two of them are candidates, and
whoever asks compares them in full. (Two, because one is shared by chance too often where all letters follow a form: on generated
dialogues 3 candidates a text became 0.1.) `bands` is for a threshold of Jaccard: what is found is exact, and what is missed is bounded,
at the threshold itself one pair in ten thousand, above it fewer. `slight_bands` is for texts that differ in a few places, whatever
their Jaccard: a band is two long shingles, which a text of many sentences keeps when some of its characters are damaged (3 % of them: 3 pairs
in ten thousand missed, 6 %: 8 in a hundred), and for short texts two short ones.
"""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from zlib import crc32

import numpy as np

SHINGLE = 4  # characters, as in `kefu.text.segment.shingles`
_HASHES = 256
_MISSED = 1e-4
_SHARED = 2  # bands that candidates have in common
_CROWD = 64  # of one bucket, the first so many are compared
_BLOCK = 1 << 17  # characters at once
_SLIGHT = (2, 20)  # rows in a band, bands
_SHORT = 100  # letters (a Chinese character is two) of a text of which the short shingles are compared too
_LONG_SHINGLE, _SHORT_SHINGLE = 8, 4  # letters
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_CODE = re.compile(r"[a-z]{0,6}\d{8,}[a-z0-9]*")
_POLITE = re.compile(r"^(?:hi|hello|hey)(?:there)?|please|kindly|thanks|thankyou|你好|您好|请问|谢谢|麻烦|一下|感谢|在吗|[呢吗啊吧呀哦嘛了的]")
_SPREAD, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


@lru_cache(maxsize=8)
def shape(threshold: float) -> tuple[int, int]:
    """(rows in a band, bands): the most selective of which a pair at the threshold is missed with `_MISSED` at most."""
    for rows in range(_HASHES // 4, 0, -1):
        bands = _HASHES // rows
        if missed(threshold, rows, bands) <= _MISSED:
            return rows, bands
    return 1, _HASHES


def missed(alike: float, rows: int, bands: int) -> float:
    """Probability that two texts of this Jaccard share fewer than `_SHARED` bands."""
    shared = alike**rows
    return math.fsum(math.comb(bands, k) * shared**k * (1 - shared) ** (bands - k) for k in range(_SHARED))


@lru_cache(maxsize=1)
def _multipliers() -> tuple[list[np.uint32], list[np.uint32]]:
    random = np.random.default_rng(20261121)
    numbers = random.integers(0, 1 << 32, (2, _HASHES), dtype=np.uint64).astype(np.uint32)
    return list(numbers[0]), list(numbers[1] | np.uint32(1))


def bands(texts: Sequence[str], threshold: float, salts: Sequence[int] = ()) -> np.ndarray:
    """(bands, n) uint32 of folded texts without blanks. Texts of different salts never share a band."""
    rows, count = shape(threshold)
    return _bands(texts, rows, count, salts or [0] * len(texts), SHINGLE)


def slight_bands(texts: Sequence[str], salts: Sequence[int] = ()) -> np.ndarray:
    """(SLIGHT_BANDS, n) uint32 of folded texts without blanks, polite words and long codes aside. Texts of different salts never share one."""
    rows, count = _SLIGHT
    found = np.empty((SLIGHT_BANDS, len(texts)), np.uint32)
    given = np.array(salts or [0] * len(texts), np.uint64)
    bare = [_CODE.sub("0", text) for text in texts]
    han = [len(_HAN.findall(text)) for text in bare]
    short = [len(text) + n <= _SHORT for text, n in zip(bare, han, strict=True)]
    bare = [(_POLITE.sub("", text) or text) if brief else text for text, brief in zip(bare, short, strict=True)]
    for chinese, per in ((False, 1), (True, 2)):
        which = [i for i, text in enumerate(bare) if (2 * han[i] > len(text)) == chinese]
        if not which:
            continue
        found[:count, which] = _bands([bare[i] for i in which], rows, count, given[which], _LONG_SHINGLE // per)
        own = np.array([crc32(bare[i].encode("utf-8", "replace"), int(given[i]) & 0xFFFFFFFF) for i in which], np.uint32)
        found[count:, which] = own * (2 * np.arange(count, dtype=np.uint32)[:, None] + np.uint32(1))  # a long text meets no other here
        if brief := [i for i in which if short[i]]:
            found[count:, brief] = _bands([bare[i] for i in brief], rows, count, given[brief], _SHORT_SHINGLE // per)
    return found


SLIGHT_BANDS = 2 * _SLIGHT[1]


def _bands(texts: Sequence[str], rows: int, count: int, salts: Sequence[int] | np.ndarray, shingle: int) -> np.ndarray:
    found = np.empty((count, len(texts)), np.uint32)
    salt = np.array(salts, np.uint64)
    start = 0
    while start < len(texts):
        stop, size = start, 0
        while stop < len(texts) and (stop == start or size + len(texts[stop]) <= _BLOCK):
            size += len(texts[stop])
            stop += 1
        signature = _signatures(texts[start:stop], shingle, rows * count)
        for band in range(count):
            mixed = salt[start:stop].copy()
            for row in range(band * rows, (band + 1) * rows):
                mixed = (mixed ^ signature[row]) * _SPREAD
                mixed ^= mixed >> np.uint64(31)
            found[band, start:stop] = (mixed * _MIX) >> np.uint64(32)
        start = stop
    return found


def _signatures(texts: Sequence[str], shingle: int, hashes: int) -> np.ndarray:
    """(hashes, n) uint32: the least value of each hash function over the shingles of each text."""
    codes = [np.frombuffer(text.ljust(shingle, "\0").encode("utf-32-le", "surrogatepass"), np.uint32) for text in texts]
    lengths = np.array([len(code) for code in codes])
    flat = np.concatenate(codes).astype(np.uint64)
    inside = np.ones(len(flat), bool)
    ends = np.cumsum(lengths)
    for back in range(1, shingle):
        inside[ends - back] = False  # a shingle does not reach into the next text
    inside = inside[: len(flat) - shingle + 1]
    hashed: np.ndarray = np.zeros(len(inside), np.uint64)
    for step in range(shingle):
        hashed = (hashed ^ flat[step : step + len(inside)]) * _SPREAD
        hashed ^= hashed >> np.uint64(29)
    hashed = ((hashed * _MIX) >> np.uint64(32)).astype(np.uint32)[inside]
    starts = np.concatenate([[0], np.cumsum(lengths - shingle + 1)[:-1]])
    found = np.empty((hashes, len(texts)), np.uint32)
    mixed = np.empty_like(hashed)
    for i, (add, times) in enumerate(zip(*_multipliers(), strict=True)):
        if i == hashes:
            break
        np.bitwise_xor(hashed, add, out=mixed)
        np.multiply(mixed, times, out=mixed)
        found[i] = np.minimum.reduceat(mixed, starts)
    return found


class Buckets:
    """Numbered texts by the bands they share; texts are met and entered in rising order. Only texts that share a band with another take memory."""

    def __init__(self, parts: Iterable[np.ndarray], count: int) -> None:
        """parts: (n,) of each band, n = count."""
        texts: list[np.ndarray] = [np.zeros(0, np.int32)]
        sizes: list[np.ndarray] = [np.zeros(0, np.int32)]
        for part in parts:
            order: np.ndarray = np.argsort(part, kind="stable").astype(np.int32)
            starts = np.flatnonzero(np.concatenate([[True], part[order][1:] != part[order][:-1]])) if count else np.zeros(0, np.int64)
            size = np.diff(np.append(starts, count)).astype(np.int32)
            texts.append(order[np.repeat(size > 1, size)])
            sizes.append(size[size > 1])
        self._texts = np.concatenate(texts)  # bucket by bucket, in each rising
        every = np.concatenate(sizes)
        self._ends = np.cumsum(every, dtype=np.int64)
        bucket = np.repeat(np.arange(len(every), dtype=np.int32), every)
        order = np.argsort(self._texts, kind="stable").astype(np.int32)
        self._buckets = bucket[order]
        self._starts = np.searchsorted(self._texts[order], np.arange(count + 1)).astype(np.int32)
        self._entered = bytearray(count)
        self._crowds = array("B", bytes(len(every)))
        self.crowded = 0  # texts that were not entered because a bucket had its crowd

    def of(self, text: int) -> list[int]:
        return self._buckets[self._starts[text] : self._starts[text + 1]].tolist()  # type: ignore[no-any-return]

    def met(self, text: int) -> list[int]:
        """Texts entered so far that share enough bands with this one, in rising order."""
        found: Counter[int] = Counter()
        for bucket in self.of(text):
            if self._crowds[bucket]:
                found.update(self._members(bucket, text))
        return sorted(other for other, shared in found.items() if shared >= _SHARED)

    def _members(self, bucket: int, before: int) -> list[int]:
        """The first that were entered, a crowd at most."""
        at, end = int(self._ends[bucket - 1]) if bucket else 0, int(self._ends[bucket])
        found: list[int] = []
        while at < end and len(found) < self._crowds[bucket]:
            for other in self._texts[at : min(end, at + _CROWD)].tolist():
                if other >= before or len(found) >= _CROWD:
                    return found
                if self._entered[other]:
                    found.append(other)
            at += _CROWD
        return found

    def enter(self, text: int) -> None:
        self._entered[text] = 1
        left_out = False
        for bucket in self.of(text):
            if self._crowds[bucket] < _CROWD:
                self._crowds[bucket] += 1
            else:
                left_out = True
        self.crowded += left_out
