"""Numbers with their interval (95 %) and n, as every metric of a run is given; the intervals are those of `kefu.statistics`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from kefu import statistics

#: (low, high) a statistic cannot leave; None: no such end
Bounds = tuple[float | None, float | None]
UNIT: Bounds = (0.0, 1.0)
POSITIVE: Bounds = (0.0, None)
_NONE: dict[str, Any] = {"value": None, "low": None, "high": None}


def share(outcomes: Sequence[bool]) -> dict[str, Any]:
    """Share of true outcomes with its Wilson interval."""
    n = len(outcomes)
    if not n:
        return {**_NONE, "n": 0}
    hits = sum(map(bool, outcomes))
    return _figure(hits / n, *statistics.wilson(hits, n), n)


def mean(values: Sequence[float], bounds: Bounds = (None, None)) -> dict[str, Any]:
    """Mean with its interval: of values between two bounds `statistics.bounded`, else Student's t, cut at a bound that is known."""
    n = len(values)
    if not n:
        return {**_NONE, "n": 0}
    centre = math.fsum(values) / n
    return _figure(centre, *_interval(centre, math.fsum((v - centre) ** 2 for v in values) / n, n, bounds), n)


def resampled(statistic: Callable[[Any], float], n: int, bounds: Bounds = UNIT, draws: int = 500, seed: int = 7) -> dict[str, Any]:
    """A statistic of rows 0..n-1; its variance by the bootstrap (Efron & Tibshirani 1993, ch. 6), its interval as that of a mean.

    statistic: row numbers (numpy, with repeats) -> number.
    """
    import numpy

    if not n:
        return {**_NONE, "n": 0}
    rng = numpy.random.default_rng(seed)
    values = [statistic(rng.integers(0, n, n)) for _ in range(draws)]
    whole = statistic(numpy.arange(n))
    known = [value for value in values if math.isfinite(value)]
    if not known or not math.isfinite(whole):
        return {**_NONE, "n": n}
    return _figure(whole, *_interval(whole, n * float(numpy.var(known)), n, bounds), n)


def _interval(value: float, variance: float, n: int, bounds: Bounds) -> tuple[float | None, float | None]:
    """variance: of one row. Without two bounds, one row or rows that are all alike say nothing of the spread: no interval is claimed."""
    low, high = bounds
    if low is not None and high is not None:
        return statistics.bounded(value, variance, n, low, high)
    if n == 1 or variance <= 1e-18:
        return None, None
    from scipy.stats import t

    half = float(t.ppf(0.975, n - 1)) * math.sqrt(variance / (n - 1))
    return max(value - half, -math.inf if low is None else low), min(value + half, math.inf if high is None else high)


def _figure(value: float, low: float | None, high: float | None, n: int) -> dict[str, Any]:
    ends = [None if end is None else round(float(end), 5) for end in (low, high)]
    return {"value": round(value, 5), "low": ends[0], "high": ends[1], "n": n}
