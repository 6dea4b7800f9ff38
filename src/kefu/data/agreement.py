"""How far labellers (people, rules, models) agree beyond chance: Cohen's kappa for two, Krippendorff's alpha for any number and missing answers.

Sources: J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20 (1960) 37-46.
K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), University of Pennsylvania, by coincidence matrices.
Intervals: percentile bootstrap over the items, seeded, from ten items on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

Level = Literal["nominal", "ordinal", "interval"]
_RESAMPLES = 500
_ENOUGH = 10


@dataclass(frozen=True)
class Agreement:
    """value: 1 is full agreement, 0 what chance would give; None where it is undefined (fewer than one item, or only one value ever given).
    n: items that at least two people answered. low, high: 95 % interval, None for fewer than ten items."""

    measure: str
    value: float | None
    n: int
    low: float | None = None
    high: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return {"measure": self.measure, "value": _round(self.value), "n": self.n, "low": _round(self.low), "high": _round(self.high)}


def kappa(pairs: Sequence[tuple[Hashable, Hashable]], seed: int = 7) -> Agreement:
    """Cohen's kappa of two people over the items that both answered."""
    values = sorted({value for pair in pairs for value in pair}, key=repr)
    place = {value: i for i, value in enumerate(values)}
    patterns = Counter((place[a], place[b]) for a, b in pairs)

    def compute(weights: np.ndarray) -> float | None:
        table = np.zeros((len(values), len(values)))
        for (a, b), weight in zip(patterns, weights, strict=True):
            table[a, b] += weight
        n = table.sum()
        by_chance = float(table.sum(0) @ table.sum(1)) / n**2 if n else 1.0
        return None if by_chance >= 1 else (float(np.trace(table)) / n - by_chance) / (1 - by_chance)

    return _bootstrapped("kappa", compute, list(patterns.values()), seed)


def alpha(units: Sequence[Sequence[Any]], level: Level = "nominal", seed: int = 7) -> Agreement:
    """Krippendorff's alpha. units: for each item, the values given by whoever answered; ordinal and interval values must be numbers or sortable."""
    paired = [list(unit) for unit in units if len(unit) >= 2]
    distinct = {value for unit in paired for value in unit}
    values = sorted(distinct) if level != "nominal" else sorted(distinct, key=repr)
    place = {value: i for i, value in enumerate(values)}
    patterns = Counter(tuple(sorted(Counter(place[value] for value in unit).items())) for unit in paired)
    matrices = np.zeros((len(patterns), len(values), len(values)))
    for i, pattern in enumerate(patterns):
        counts = np.zeros(len(values))
        for value, count in pattern:
            counts[value] = count
        matrices[i] = (np.outer(counts, counts) - np.diag(counts)) / (counts.sum() - 1)

    def compute(weights: np.ndarray) -> float | None:
        coincidences = np.tensordot(weights.astype(float), matrices, 1)
        marginals = coincidences.sum(0)
        n = float(marginals.sum())
        distance = _distance(level, values, marginals)
        expected = float(marginals @ distance @ marginals)
        return None if expected <= 0 else 1 - (n - 1) * float((coincidences * distance).sum()) / expected

    return _bootstrapped(f"alpha, {level}", compute, list(patterns.values()), seed)


def _distance(level: Level, values: Sequence[Any], marginals: np.ndarray) -> np.ndarray:
    """Squared difference of any two values."""
    if level == "nominal":
        return 1 - np.eye(len(values))
    if level == "interval":
        numbers = np.array(values, dtype=float)
        return np.asarray((numbers[:, None] - numbers[None, :]) ** 2)
    upto = np.cumsum(marginals) - marginals / 2  # ordinal: how many values lie between, the ends counted half
    return np.asarray((upto[:, None] - upto[None, :]) ** 2)


def _bootstrapped(measure: str, compute: Callable[[np.ndarray], float | None], counts: list[int], seed: int) -> Agreement:
    """Items that look alike were counted together, so a resample of the items is a draw of counts."""
    n = sum(counts)
    value = compute(np.array(counts)) if n else None
    if value is None or n < _ENOUGH:
        return Agreement(measure, value, n)
    rng = np.random.default_rng(seed)
    draws = [drawn for weights in rng.multinomial(n, np.array(counts) / n, _RESAMPLES) if (drawn := compute(weights)) is not None]
    low, high = np.quantile(draws, [0.025, 0.975])
    return Agreement(measure, value, n, float(low), float(high))


def table(labels: Mapping[str, Mapping[str, str]], seed: int = 7) -> list[dict[str, Any]]:
    """Every pair of labellers (`labeller -> conversation -> label`) over what both labelled, with the share on which they are equal."""
    rows = []
    for a, b in combinations(labels, 2):
        pairs = [(labels[a][key], labels[b][key]) for key in labels[a] if key in labels[b]]
        if pairs:
            found = kappa(pairs, seed)
            equal = sum(left == right for left, right in pairs) / len(pairs)
            interval = {"low": _round(found.low), "high": _round(found.high)}
            rows.append({"between": [a, b], "n": found.n, "agreement": _round(equal), "kappa": _round(found.value), **interval})
    return rows


def of_task(task: str, answers: Mapping[str, Mapping[str, Any]], seed: int = 7) -> list[dict[str, Any]]:
    """The measures of one task. answers: annotator -> item -> value. Text answers have none."""
    if task == "answer":
        return []
    given: dict[str, list[tuple[str, Any]]] = {}
    for annotator, of in answers.items():
        for item, value in of.items():
            given.setdefault(item, []).append((annotator, value))
    shared = [said for said in given.values() if len(said) >= 2]
    people = {annotator for said in shared for annotator, _ in said}
    if task != "intervention":
        return _nominal(shared, people, "", seed)
    needed = [[(annotator, value != "none") for annotator, value in said] for said in shared]
    turns = [[value for _, value in said if value != "none"] for said in shared]
    return [*_nominal(needed, people, "needed", seed), {"of": "turn", **alpha(turns, "interval", seed).as_dict()}]


def _nominal(shared: list[list[tuple[str, Any]]], people: set[str], of: str, seed: int) -> list[dict[str, Any]]:
    found = [{"of": of, **alpha([[value for _, value in said] for said in shared], "nominal", seed).as_dict()}]
    if len(people) == 2:
        pairs = [(said[0][1], said[1][1]) for said in (sorted(one, key=lambda pair: pair[0]) for one in shared)]
        found.insert(0, {"of": of, **kappa(pairs, seed).as_dict()})
    return found


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
