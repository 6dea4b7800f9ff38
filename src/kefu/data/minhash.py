"""Which texts may be near-duplicates, among millions: MinHash over character shingles, in bands (Broder 1997; Leskovec,
Rajaraman, Ullman, ch. 3).

The bands of a text are a few numbers computed once, wherever the text is read; texts that share two of them are candidates, and
whoever asks compares them in full. (Two, because one is shared by chance too often where all letters follow a form: on generated
dialogues 3 candidates a text became 0.1.) So what is found is exact, and what is missed is bounded: at the threshold itself one
pair in ten thousand, above it fewer.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

SHINGLE = 4  # characters, as in `kefu.text.segment.shingles`
_HASHES = 256
_MISSED = 1e-4
_SHARED = 2  # bands that candidates have in common
_CROWD = 64  # of one bucket, the first so many are compared
_BLOCK = 1 << 17  # characters at once
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
    found = np.empty((count, len(texts)), np.uint32)
    salt = np.array(salts or [0] * len(texts), np.uint64)
    start = 0
    while start < len(texts):
        stop, size = start, 0
        while stop < len(texts) and (stop == start or size + len(texts[stop]) <= _BLOCK):
            size += len(texts[stop])
            stop += 1
        signature = _signatures(texts[start:stop])
        for band in range(count):
            mixed = salt[start:stop].copy()
            for row in range(band * rows, (band + 1) * rows):
                mixed = (mixed ^ signature[row]) * _SPREAD
                mixed ^= mixed >> np.uint64(31)
            found[band, start:stop] = (mixed * _MIX) >> np.uint64(32)
        start = stop
    return found


def _signatures(texts: Sequence[str]) -> np.ndarray:
    """(hashes, n) uint32: the least value of each hash function over the shingles of each text."""
    codes = [np.frombuffer(text.ljust(SHINGLE, "\0").encode("utf-32-le", "surrogatepass"), np.uint32) for text in texts]
    lengths = np.array([len(code) for code in codes])
    flat = np.concatenate(codes).astype(np.uint64)
    inside = np.ones(len(flat), bool)
    ends = np.cumsum(lengths)
    for back in range(1, SHINGLE):
        inside[ends - back] = False  # a shingle does not reach into the next text
    inside = inside[: len(flat) - SHINGLE + 1]
    hashed: np.ndarray = np.zeros(len(inside), np.uint64)
    for step in range(SHINGLE):
        hashed = (hashed ^ flat[step : step + len(inside)]) * _SPREAD
        hashed ^= hashed >> np.uint64(29)
    hashed = ((hashed * _MIX) >> np.uint64(32)).astype(np.uint32)[inside]
    starts = np.concatenate([[0], np.cumsum(lengths - SHINGLE + 1)[:-1]])
    found = np.empty((_HASHES, len(texts)), np.uint32)
    mixed = np.empty_like(hashed)
    for i, (add, times) in enumerate(zip(*_multipliers(), strict=True)):
        np.bitwise_xor(hashed, add, out=mixed)
        np.multiply(mixed, times, out=mixed)
        found[i] = np.minimum.reduceat(mixed, starts)
    return found


class Buckets:
    """Numbered texts by the bands they share. Only texts that share one with another take memory."""

    def __init__(self, parts: Iterable[np.ndarray], count: int) -> None:
        """parts: (n,) of each band, n = count."""
        texts: list[np.ndarray] = [np.zeros(0, np.int32)]
        buckets: list[np.ndarray] = [np.zeros(0, np.int32)]
        before = 0
        for part in parts:
            order: np.ndarray = np.argsort(part, kind="stable").astype(np.int32)
            sorted_ = part[order]
            new = np.concatenate([[True], sorted_[1:] != sorted_[:-1]]) if count else np.zeros(0, bool)
            bucket = np.cumsum(new) - 1
            shared = np.bincount(bucket)[bucket] > 1 if count else new
            number = np.cumsum(new & shared) - 1
            texts.append(order[shared])
            buckets.append((number[shared] + before).astype(np.int32))
            before += int((new & shared).sum())
        flat = np.concatenate(texts)
        order = np.argsort(flat, kind="stable")
        self._buckets = np.concatenate(buckets)[order]
        self._starts = np.searchsorted(flat[order], np.arange(count + 1))
        self._members: dict[int, list[int]] = {}
        self.crowded = 0  # texts that were not entered because a bucket had its crowd

    def of(self, text: int) -> list[int]:
        return self._buckets[self._starts[text] : self._starts[text + 1]].tolist()  # type: ignore[no-any-return]

    def met(self, text: int) -> list[int]:
        """Texts entered so far that share enough bands with this one, in rising order."""
        found: Counter[int] = Counter()
        for bucket in self.of(text):
            found.update(self._members.get(bucket, ()))
        return sorted(other for other, shared in found.items() if shared >= _SHARED)

    def enter(self, text: int) -> None:
        left_out = False
        for bucket in self.of(text):
            members = self._members.setdefault(bucket, [])
            if len(members) < _CROWD:
                members.append(text)
            else:
                left_out = True
        self.crowded += left_out
