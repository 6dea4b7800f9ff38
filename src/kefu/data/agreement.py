"""How far two labellers agree: Cohen's kappa with a bootstrap interval and n (Cohen 1960; Efron 1979)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

_DRAWS = 1000


def kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Agreement beyond chance, -1..1; None when both always say the same one thing, so that chance explains everything."""
    n = len(pairs)
    if not n:
        return None
    left, right = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    observed = sum(a == b for a, b in pairs) / n
    expected = sum(left[name] * right[name] for name in left) / (n * n)
    return None if expected >= 1 else (observed - expected) / (1 - expected)


def agreement(pairs: Sequence[tuple[str, str]], seed: int = 7) -> dict[str, Any]:
    """`{n, agreement, kappa, low, high}`; low and high bound 95 % of resamples, None where kappa is not defined."""
    rng = random.Random(seed)
    drawn = sorted(value for _ in range(_DRAWS if len(pairs) > 1 else 0) if (value := kappa(rng.choices(pairs, k=len(pairs)))) is not None)
    value = kappa(pairs)
    known = value is not None and len(drawn) >= _DRAWS // 2
    return {
        "n": len(pairs),
        "agreement": round(sum(a == b for a, b in pairs) / len(pairs), 4) if pairs else None,
        "kappa": None if value is None else round(value, 4),
        "low": round(drawn[int(0.025 * len(drawn))], 4) if known else None,
        "high": round(drawn[min(len(drawn) - 1, int(0.975 * len(drawn)))], 4) if known else None,
    }


def table(labels: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Every pair of labellers (`labeller -> conversation -> label`) over what both labelled."""
    rows = []
    for a, b in combinations(labels, 2):
        both = [key for key in labels[a] if key in labels[b]]
        if both:
            rows.append({"between": [a, b], **agreement([(labels[a][key], labels[b][key]) for key in both])})
    return rows
