"""Intervals and paired tests, so that no number is printed without its uncertainty and n.

Every number is a figure: `{"value", "low", "high", "n", "how"}`; `how` is its signature.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, TypeVar

from kefu.errors import MissingExtra

Figure = dict[str, Any]
Number = TypeVar("Number", int, float)
LEVEL = 0.95
RESAMPLES = 2000
#: below so many cases two figures are not compared: their intervals nearly always meet, and where they do not it says little
FEW = 5


def figure(value: float | None, low: float | None, high: float | None, n: int, how: str) -> Figure:
    return {"value": _round(value), "low": _round(low), "high": _round(high), "n": n, "how": how}


def show(number: Figure, digits: int = 2) -> str:
    """`0.83 [0.76, 0.88] (n=100)`; a number that could not be measured is `- (n=0)`. What it was measured on is said where it matters (`on`)."""
    n = f"(n={number['n']}{', on ' + number['on'] if number.get('on') else ''})"
    if number["value"] is None:
        return f"- {n}"
    if number["low"] is None:
        return f"{number['value']:.{digits}f} {n}"
    return f"{number['value']:.{digits}f} [{number['low']:.{digits}f}, {number['high']:.{digits}f}] {n}"


def apart(first: Figure, second: Figure) -> tuple[bool | None, str]:
    """Whether the intervals of two figures do not meet, and in words. None: it cannot be said, and why."""
    if any(number.get("on") for number in (first, second)):
        return None, f"no verdict: measured on {first.get('on') or second.get('on')}"
    if min(int(number.get("n") or 0) for number in (first, second)) < FEW:
        return None, "too few rows to compare"
    if any(number.get("low") is None for number in (first, second)):
        return None, "no interval to compare by"
    if second["low"] > first["high"] or second["high"] < first["low"]:
        return True, "beyond the intervals"
    return False, "within the intervals"


def wilson(successes: float, n: float, level: float = LEVEL) -> tuple[float, float]:
    """Score interval of a share (Wilson 1927, JASA 22:209). `n` may be an effective size; n > 0."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def share(outcomes: Sequence[bool], what: str = "cases") -> Figure:
    """Share of true outcomes with its Wilson interval."""
    n = len(outcomes)
    if not n:
        return figure(None, None, None, 0, f"no {what}")
    hits = sum(map(bool, outcomes))
    return figure(hits / n, *wilson(hits, n), n, f"share of {what}, Wilson 95 %")


def clustered_share(groups: Sequence[Sequence[bool]], what: str = "replies") -> Figure:
    """Share over all members of all groups; replies of one conversation are not independent.

    Wilson interval at the effective size n / deff, deff = ratio-estimator variance over binomial
    variance, never below 1 (Korn & Graubard 1998, Survey Methodology 24:193).
    """
    groups = [group for group in groups if group]
    n = sum(map(len, groups))
    if not n:
        return figure(None, None, None, 0, f"no {what}")
    hits = sum(sum(map(bool, group)) for group in groups)
    p, k = hits / n, len(groups)
    deff = 1.0
    if 0 < p < 1 and k > 1:
        spread = sum((sum(map(bool, group)) - p * len(group)) ** 2 for group in groups)
        deff = max(1.0, (k / (k - 1) * spread / n**2) / (p * (1 - p) / n))
    low, high = wilson(hits / deff, n / deff)
    return figure(p, low, high, n, f"share of {what} in {k} conversations, Wilson 95 %, design effect {deff:.2f}")


def bounded(value: float, variance: float, n: int, low: float = 0.0, high: float = 1.0) -> tuple[float, float]:
    """Interval of a statistic that lies in [low, high], from the variance of one case: the score interval of Wilson at the effective size
    n / deff. deff is that variance over the binomial one (as in `clustered_share`), both with two cases at either end added (Agresti &
    Coull 1998, The American Statistician 52:119), so that equal values are not taken for certainty: the interval has always a width, never
    leaves [low, high], and of zeros and ones is Wilson's own. n > 0.
    """
    wide = high - low
    m, v = min(1.0, max(0.0, (value - low) / wide)), max(0.0, variance / wide**2)
    middle = (n * m + 2) / (n + 4)
    spread = (n * v + 1) / (n + 4) + 4 * n / (n + 4) ** 2 * (m - 0.5) ** 2
    effective = n * middle * (1 - middle) / spread
    below, above = wilson(m * effective, effective)
    return low + wide * min(below, m), low + wide * max(above, m)


def bounded_mean(values: Sequence[float], what: str = "cases", low: float = 0.0, high: float = 1.0) -> Figure:
    """Mean of values in [low, high] with the interval of `bounded`."""
    n = len(values)
    if not n:
        return figure(None, None, None, 0, f"no {what}")
    average = math.fsum(values) / n
    variance = math.fsum((value - average) ** 2 for value in values) / n
    return figure(average, *bounded(average, variance, n, low, high), n, f"mean over {what}, Wilson 95 % at the effective size")


def mean(values: Sequence[float], what: str = "cases", seed: int = 7) -> Figure:
    """Mean with a percentile bootstrap interval (Efron & Tibshirani 1993, ch. 13)."""
    n = len(values)
    if not n:
        return figure(None, None, None, 0, f"no {what}")
    average = sum(values) / n
    if n == 1:
        return figure(average, None, None, 1, f"mean over {what}; one value has no interval")
    numpy = _numpy()
    array = numpy.asarray(values, dtype=float)
    generator = numpy.random.default_rng(seed)
    rows = max(1, min(RESAMPLES, 4_000_000 // n))
    means: list[float] = []
    while len(means) < RESAMPLES:
        take = min(rows, RESAMPLES - len(means))
        means += array[generator.integers(0, n, size=(take, n))].mean(axis=1).tolist()
    low, high = numpy.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return figure(average, float(low), float(high), n, f"mean over {what}, percentile bootstrap 95 %, {RESAMPLES} resamples, seed {seed}")


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> dict[str, Any]:
    """Exact two-sided McNemar test of two systems on the same cases (McNemar 1947; binomial form).

    Raises ValueError for lists of unequal length.
    """
    if len(first) != len(second):
        raise ValueError(f"paired lists of unequal length: {len(first)} and {len(second)}")
    only_first = sum(a and not b for a, b in zip(first, second, strict=True))
    only_second = sum(b and not a for a, b in zip(first, second, strict=True))
    m, smaller = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(m, i) for i in range(smaller + 1))
    p = min(1.0, float(2 * tail / 2**m)) if m else 1.0
    n = len(first)
    return {
        "n": n, "only_first": only_first, "only_second": only_second,
        "difference": _round((only_first - only_second) / n if n else 0.0), "p": p, "how": "exact McNemar, two-sided",
    }  # fmt: skip


def nearest_rank(ordered: Sequence[Number], percent: int) -> Number:
    """The least of some sorted numbers, at least one, that so many per cent of them do not exceed (1 to 100)."""
    return ordered[-(-len(ordered) * percent // 100) - 1]


def _round(value: float | None) -> float | None:
    return None if value is None else round(float(value), 6)


def _numpy() -> Any:
    try:
        import numpy
    except ImportError:
        raise MissingExtra("an interval by resampling", "eval") from None
    return numpy
