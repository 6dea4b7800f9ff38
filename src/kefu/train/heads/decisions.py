"""What a head decided, row by row, for whoever must decide about the head: each class, what is taken for what, and the worst errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kefu.train.factory import figures

MOST_CLASSES, MOST_CONFUSED, MOST_ERRORS = 40, 10, 12


@dataclass(frozen=True)
class Decision:
    """One row. truth, said: labels, or entities as `text [type]`. sure: probability of what was said, where there is one."""

    text: str
    truth: frozenset[str]
    said: frozenset[str]
    sure: float | None = None
    off: float = 0.0

    @property
    def wrong(self) -> bool:
        return bool(self.off) or self.truth != self.said


def summary(made: Sequence[Decision], single: bool, kinds: bool = True) -> dict[str, Any]:
    """{"n", "errors", "wrong", "classes", "confused", "matrix"}: the surest errors first. single: one label a row, so that one is taken
    for another. kinds: truths are labels, each a class."""
    wrong = sorted((one for one in made if one.wrong), key=lambda one: (-one.off, -(one.sure or 0.0), one.text))
    shown = [
        {"text": one.text[:500], "truth": _joined(one.truth), "said": _joined(one.said), "sure": None if one.sure is None else round(one.sure, 4)}
        for one in wrong[:MOST_ERRORS]
    ]
    found = {"n": len(made), "wrong": len(wrong), "errors": shown, "classes": [], "confused": [], "matrix": {}, "far": any(one.off for one in made)}
    names = Counter(label for one in made for label in one.truth)
    if not names or not kinds:
        return found
    names.update({label: 0 for one in made for label in one.said})
    ordered = [name for name, _ in names.most_common()]
    found["classes"] = [_class(name, made) for name in ordered[:MOST_CLASSES]]
    found["classes_in_all"] = len(ordered)
    if single:
        taken = Counter((_joined(one.truth), _joined(one.said)) for one in made if one.wrong)
        found["confused"] = [{"truth": a, "said": b, "rows": n, "of": names[a]} for (a, b), n in taken.most_common(MOST_CONFUSED)]
        found["matrix"] = _matrix(made, taken, names)
    return found


def _class(name: str, made: Sequence[Decision]) -> dict[str, Any]:
    return {
        "name": name, "rows": sum(name in one.truth for one in made),
        "precision": figures.share([name in one.truth for one in made if name in one.said]),
        "recall": figures.share([name in one.said for one in made if name in one.truth]),
        "f1": figures.resampled(_f1(name, made), len(made), draws=200),
    }  # fmt: skip


def _f1(name: str, made: Sequence[Decision]) -> Callable[[Any], float]:
    """The F1 of one class over row numbers, by counts: quick enough to be drawn again."""
    import numpy

    truth = numpy.array([name in one.truth for one in made])
    said = numpy.array([name in one.said for one in made])

    def f1(rows: Any) -> float:
        both = int(truth[rows].sum() + said[rows].sum())
        return 2 * int((truth & said)[rows].sum()) / both if both else float("nan")

    return f1


def _matrix(made: Sequence[Decision], taken: Counter[tuple[str, str]], names: Counter[str]) -> dict[str, Any]:
    """Rows by truth and answer of the classes confused most: {"names", "cells"}, cells[truth][said]."""
    worst: Counter[str] = Counter()
    for (a, b), n in taken.items():
        worst.update({a: n, b: n})
    chosen = [name for name, _ in worst.most_common(MOST_CONFUSED)]
    cells = Counter((_joined(one.truth), _joined(one.said)) for one in made)
    return {"names": chosen, "cells": [[cells[a, b] for b in chosen] for a in chosen]} if chosen else {}


def _joined(some: frozenset[str]) -> str:
    return ", ".join(sorted(some)) or "(none)"
