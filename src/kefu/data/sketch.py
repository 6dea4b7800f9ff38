"""Counts of ten million things in a few kilobytes, with known error, and mergeable: processes count apart and add up.

`Quantiles`  DDSketch (Masson, Rim, Lee 2019): every quantile within ALPHA of the true value, relative; memory grows with the logarithm of the range.
`Distinct`   HyperLogLog (Flajolet et al. 2007): how many different things; standard error 1.04 / sqrt(2^p), 1.6 % for p = 12.
`Top`        Misra-Gries (1982): the frequent things; each count short by at most n / (size + 1), exact while there are at most `size` things.
`Samples`    the things with the smallest hash: a fair sample whatever the order, the same on every run.

Merging in any order and grouping gives the same error bounds; for Quantiles, Distinct and Samples the very same result.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

ALPHA = 0.01
_GAMMA = (1 + ALPHA) / (1 - ALPHA)
_LOG_GAMMA = math.log(_GAMMA)


def hashed(text: str) -> int:
    """64 bits, the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


@dataclass
class Quantiles:
    """Of numbers >= 0. count, total, least and most are exact."""

    bins: Counter[int] = field(default_factory=Counter)
    zeros: int = 0
    count: int = 0
    total: float = 0.0
    least: float = math.inf
    most: float = 0.0

    def add(self, value: float, times: int = 1) -> None:
        """Raises ValueError for a negative or endless number."""
        if not 0 <= value < math.inf:
            raise ValueError(f"{value!r} is not a number from 0 on")
        if value == 0:
            self.zeros += times
        else:
            self.bins[math.ceil(math.log(value) / _LOG_GAMMA - 1e-9)] += times
        self.count += times
        self.total += value * times
        self.least, self.most = min(self.least, value), max(self.most, value)

    def merge(self, other: Quantiles) -> Self:
        self.bins.update(other.bins)
        self.zeros, self.count, self.total = self.zeros + other.zeros, self.count + other.count, self.total + other.total
        self.least, self.most = min(self.least, other.least), max(self.most, other.most)
        return self

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else 0.0

    def quantile(self, share: float) -> float:
        """The value below which `share` of all lie, within ALPHA of it; 0 for nothing."""
        if not self.count:
            return 0.0
        rank = min(self.count - 1, max(0, math.floor(share * (self.count - 1))))
        seen = self.zeros
        if rank < seen:
            return 0.0
        for place in sorted(self.bins):
            seen += self.bins[place]
            if rank < seen:
                return min(self.most, max(self.least, 2 * _GAMMA**place / (_GAMMA + 1)))
        return self.most

    def histogram(self, edges: list[float]) -> list[int]:
        """How many lie between neighbouring edges; a bin of the sketch counts where its middle lies."""
        counts = [0] * (len(edges) - 1)
        points = [(0.0, self.zeros)] + [(min(self.most, max(self.least, 2 * _GAMMA**place / (_GAMMA + 1))), n) for place, n in self.bins.items()]
        for value, n in points:
            for i in range(len(counts)):
                if edges[i] <= value < edges[i + 1] or (i == len(counts) - 1 and value >= edges[i]):
                    counts[i] += n
                    break
        return counts

    def summary(self) -> dict[str, float]:
        """n, min, mean, p50, p90, p99, max; empty for nothing. Whole numbers where all were whole and small."""
        if not self.count:
            return {}
        picked = {f"p{int(share * 100)}": round(self.quantile(share), 2) for share in (0.5, 0.9, 0.99)}
        return {"n": self.count, "min": self.least, "mean": round(self.mean, 2), **picked, "max": self.most}


@dataclass
class Distinct:
    precision: int = 12
    registers: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        if not self.registers:
            self.registers = bytearray(1 << self.precision)

    def add(self, text: str) -> None:
        value = hashed(text)
        place = value >> (64 - self.precision)
        rest = value & ((1 << (64 - self.precision)) - 1)
        rank = 64 - self.precision - rest.bit_length() + 1
        self.registers[place] = max(self.registers[place], rank)

    def merge(self, other: Distinct) -> Self:
        """Raises ValueError for another precision."""
        if other.precision != self.precision:
            raise ValueError("sketches of different precision cannot be merged")
        self.registers = bytearray(map(max, self.registers, other.registers))
        return self

    def estimate(self) -> float:
        size = len(self.registers)
        raw = 0.7213 / (1 + 1.079 / size) * size * size / sum(2.0**-rank for rank in self.registers)
        empty = self.registers.count(0)
        return size * math.log(size / empty) if raw <= 2.5 * size and empty else raw


@dataclass
class Top:
    size: int = 1000
    counts: Counter[str] = field(default_factory=Counter)
    total: int = 0
    lost: int = 0  # at most so much is any count too low

    def add(self, name: str, times: int = 1) -> None:
        self.total += times
        self.counts[name] += times
        if len(self.counts) > 2 * self.size:
            self._shrink()

    def merge(self, other: Top) -> Self:
        self.counts.update(other.counts)
        self.total += other.total
        self.lost += other.lost
        self._shrink()
        return self

    def _shrink(self) -> None:
        if len(self.counts) <= self.size:
            return
        cut = heapq.nlargest(self.size + 1, self.counts.values())[-1]
        self.counts = Counter({name: n - cut for name, n in self.counts.items() if n > cut})
        self.lost += cut

    def most(self, count: int | None = None) -> list[tuple[str, int]]:
        """By count, then by name."""
        return sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))[:count]


@dataclass
class Samples:
    size: int = 12
    held: dict[int, Any] = field(default_factory=dict)

    def add(self, key: str, item: Any) -> None:
        place = hashed(key)
        if len(self.held) < self.size or place < max(self.held):
            self.held[place] = item
            self._cut()

    def merge(self, other: Samples) -> Self:
        self.held.update(other.held)
        self._cut()
        return self

    def _cut(self) -> None:
        for place in sorted(self.held)[self.size :]:
            del self.held[place]

    def items(self) -> list[Any]:
        return [self.held[place] for place in sorted(self.held)]
