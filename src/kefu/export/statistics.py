"""Intervals for gate values."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence


def wilson(good: int, n: int) -> tuple[float, float] | None:
    """95 % interval of a share (Wilson 1927); None without observations."""
    if not n:
        return None
    z, p = 1.959964, good / n
    centre, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (round((centre - spread) / (1 + z * z / n), 4), round((centre + spread) / (1 + z * z / n), 4))


def paired_interval(differences: Sequence[float], seed: int, rounds: int = 2000) -> tuple[float, tuple[float, float] | None]:
    """(mean, 95 % percentile bootstrap interval of the mean) of paired differences."""
    n = len(differences)
    if not n:
        return 0.0, None
    mean = math.fsum(differences) / n
    if not any(differences):
        return mean, (0.0, 0.0)
    draw = random.Random(seed)
    means = sorted(math.fsum(draw.choices(differences, k=n)) / n for _ in range(rounds))
    return mean, (round(means[int(0.025 * rounds)], 4), round(means[int(0.975 * rounds) - 1], 4))
