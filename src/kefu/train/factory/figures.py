"""Numbers with their interval and n, as every metric of a run is given."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any


def share(outcomes: Sequence[bool]) -> dict[str, Any]:
    """Share of true outcomes with its Wilson interval (95 %)."""
    from scipy.stats import binomtest

    n = len(outcomes)
    if not n:
        return {"value": None, "low": None, "high": None, "n": 0}
    interval = binomtest(sum(outcomes), n).proportion_ci(method="wilson")
    return _figure(sum(outcomes) / n, interval.low, interval.high, n)


def mean(values: Sequence[float]) -> dict[str, Any]:
    """Mean with its t interval (95 %)."""
    from scipy.stats import t

    n = len(values)
    if not n:
        return {"value": None, "low": None, "high": None, "n": 0}
    centre = math.fsum(values) / n
    if n == 1:
        return _figure(centre, centre, centre, 1)
    spread = math.sqrt(math.fsum((v - centre) ** 2 for v in values) / (n - 1) / n)
    half = float(t.ppf(0.975, n - 1)) * spread
    return _figure(centre, centre - half, centre + half, n)


def _figure(value: float, low: float, high: float, n: int) -> dict[str, Any]:
    return {"value": round(value, 5), "low": round(float(low), 5), "high": round(float(high), 5), "n": n}


def resampled(statistic: Callable[[Any], float], n: int, draws: int = 500, seed: int = 7) -> dict[str, Any]:
    """A statistic of rows 0..n-1 with its percentile bootstrap interval (95 %). statistic: row numbers (numpy, with repeats) -> number."""
    import numpy

    if not n:
        return {"value": None, "low": None, "high": None, "n": 0}
    rng = numpy.random.default_rng(seed)
    values = [statistic(rng.integers(0, n, n)) for _ in range(draws)]
    whole = statistic(numpy.arange(n))
    known = [value for value in values if math.isfinite(value)]
    if not known or not math.isfinite(whole):
        return {"value": None, "low": None, "high": None, "n": n}
    low, high = numpy.quantile(known, [0.025, 0.975])
    return _figure(whole, min(low, whole), max(high, whole), n)
