"""An inverted index in three numpy arrays: name -> (row, value) pairs, summed over the names of a query in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Postings:
    """`rows[start[i]:start[i+1]]` are the rows that hold name i; `values` has one or more columns for them."""

    def __init__(self, names: dict[str, int], start: NDArray[np.int64], rows: NDArray[np.int32], values: Floats, size: int) -> None:
        self.names = names
        self.start, self.rows, self.values, self.size = start, rows, values, size

    @classmethod
    def build(cls, table: Sequence[Mapping[str, float]], names: Sequence[str]) -> Postings:
        """`table[row]` maps names to values; every name must stand in `names`."""
        place = {name: i for i, name in enumerate(names)}
        total = sum(len(row) for row in table)
        ids, rows, values = np.empty(total, np.int64), np.empty(total, np.int32), np.empty(total, np.float32)
        at = 0
        for number, row in enumerate(table):
            for name, value in row.items():
                ids[at], rows[at], values[at] = place[name], number, value
                at += 1
        order = np.argsort(ids, kind="stable")
        start = np.zeros(len(names) + 1, np.int64)
        np.cumsum(np.bincount(ids, minlength=len(names)), out=start[1:])
        return cls(place, start, rows[order], values[order], len(table))

    def ids(self, names: Mapping[str, float]) -> tuple[NDArray[np.int64], Floats, list[float]]:
        """Ids of the known names, the weights that belong to them, and the weights of the unknown names."""
        found: list[int] = []
        weights: list[float] = []
        unknown: list[float] = []
        place = self.names
        for name, weight in names.items():
            at = place.get(name)
            if at is None:
                unknown.append(weight)
            else:
                found.append(at)
                weights.append(weight)
        return np.array(found, np.int64), np.array(weights, np.float32), unknown

    def spread(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
        """All (position in the arrays, row, place in `ids`) of these names."""
        first = self.start[ids]
        lengths = self.start[ids + 1] - first
        place = np.repeat(np.arange(len(ids)), lengths)
        before = np.cumsum(lengths) - lengths
        where = np.arange(len(place)) + (first - before)[place]
        return where, self.rows[where], place

    def sums(self, ids: NDArray[np.int64], *weights: Floats) -> tuple[NDArray[Any], ...]:
        """Sum of weight x value per row, shape (size,), for each of the weightings of `ids`."""
        where, rows, place = self.spread(ids)
        values = self.values[where]
        return tuple(np.bincount(rows, weights=values * weight[place], minlength=self.size) for weight in weights)

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        return {f"{prefix}_start": self.start, f"{prefix}_rows": self.rows, f"{prefix}_values": self.values}

    @classmethod
    def from_arrays(cls, names: Sequence[str], arrays: Mapping[str, NDArray[Any]], prefix: str, size: int) -> Postings:
        return cls({name: i for i, name in enumerate(names)}, arrays[f"{prefix}_start"], arrays[f"{prefix}_rows"], arrays[f"{prefix}_values"], size)

    def beside(self, arrays: Mapping[str, NDArray[Any]], prefix: str, size: int) -> Postings:
        """Other postings over the same names."""
        return Postings(self.names, arrays[f"{prefix}_start"], arrays[f"{prefix}_rows"], arrays[f"{prefix}_values"], size)
