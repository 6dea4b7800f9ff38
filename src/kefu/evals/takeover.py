"""Take-over scoring (E2): did a person come in at the right turn?

A scenario labels the customer turn t at whose reply a person must take over, or `never`. The system hands over first at turn h,
or not at all. Credit of a scenario:

    on_time       h = t                              1
    rightly_never no label turn, no hand-over        1
    late          h > t                              1 / (1 + h - t)
    early         h < t                              1 / (1 + t - h)
    missed        label turn, no hand-over           0
    needless      no label turn, hand-over           0

score = mean credit; balanced = the mean of the two groups' mean credits (needs a person / needs none), so that it cannot be
bought by the share of either. Printed beside it: floor (never hands over), naive (always at the first turn), ceiling (oracle).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from kefu import statistics

RIGHT = ("on_time", "rightly_never")
OUTCOMES = (*RIGHT, "early", "late", "missed", "needless")
FORMULA = "mean credit: 1 at the right turn or rightly never, 1/(1+turns off) when early or late, 0 when missed or needless"


def outcome(label: int | None, handed_at: int | None) -> str:
    """One of OUTCOMES; empty without a label. `label`: turn index, or negative for never."""
    if label is None:
        return ""
    if label < 0:
        return "rightly_never" if handed_at is None else "needless"
    if handed_at is None:
        return "missed"
    return "on_time" if handed_at == label else "late" if handed_at > label else "early"


def credit(label: int, handed_at: int | None) -> float:
    """0..1 by the table above."""
    kind = outcome(label, handed_at)
    if kind in RIGHT:
        return 1.0
    if handed_at is None or kind == "needless":
        return 0.0
    return 1.0 / (1 + abs(handed_at - label))


def score(pairs: Sequence[tuple[int, int | None]]) -> dict[str, Any]:
    """`pairs`: (label, handed_at) of every labelled scenario."""
    counts = Counter(outcome(label, handed) for label, handed in pairs)
    return {
        "score": statistics.bounded_mean([credit(label, handed) for label, handed in pairs], "labelled scenarios"),
        "balanced": _balanced(pairs),
        "counts": {name: counts.get(name, 0) for name in OUTCOMES},
        "needs_person": sum(label >= 0 for label, _ in pairs),
        "formula": FORMULA,
        "floor_never": _plain([(label, None) for label, _ in pairs]),
        "naive_always": _plain([(label, 0) for label, _ in pairs]),
        "ceiling_oracle": _plain([(label, label if label >= 0 else None) for label, _ in pairs]),
    }


def _plain(pairs: Sequence[tuple[int, int | None]]) -> dict[str, float | None]:
    value = sum(credit(label, handed) for label, handed in pairs) / len(pairs) if pairs else None
    return {"score": None if value is None else round(value, 4), "balanced": _balanced(pairs)}


def _balanced(pairs: Sequence[tuple[int, int | None]]) -> float | None:
    groups = [[credit(label, handed) for label, handed in pairs if (label >= 0) is person] for person in (True, False)]
    means = [sum(group) / len(group) for group in groups if group]
    return round(sum(means) / len(means), 4) if means else None
