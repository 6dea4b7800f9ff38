"""Metrics of heads, each with its interval and n: accuracy and F1, error and rank correlation, entity F1, exact match and F1 of spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kefu.text.normalise import fold
from kefu.text.similarity import token_f1
from kefu.train.factory.figures import POSITIVE, UNIT, mean, resampled, share

Figure = dict[str, Any]
Span = tuple[int, int, str]


def labels(expected: Sequence[str], chosen: Sequence[str]) -> dict[str, Figure]:
    """accuracy, and macro F1 over the expected labels. Of one label a row, micro F1 is the accuracy."""
    names = {name: i for i, name in enumerate(dict.fromkeys([*expected, *chosen]))}
    truth, said = np.array([names[e] for e in expected], dtype=int), np.array([names[c] for c in chosen], dtype=int)

    def macro(rows: Any) -> float:
        right, given = truth[rows], said[rows]
        hits = np.bincount(right[right == given], minlength=len(names))
        real, told = np.bincount(right, minlength=len(names)), np.bincount(given, minlength=len(names))
        met = real > 0
        return float(np.mean(2 * hits[met] / (real + told)[met])) if met.any() else float("nan")

    return {"accuracy": share([e == c for e, c in zip(expected, chosen, strict=True)]), "macro_f1": resampled(macro, len(truth))}


def label_sets(expected: Sequence[set[str]], chosen: Sequence[set[str]]) -> dict[str, Figure]:
    """Several labels a row: exact (the whole set right), micro and macro F1 over the expected labels."""
    names = sorted(set().union(*expected, *chosen)) if expected else []
    place = {name: i for i, name in enumerate(names)}
    truth, said = np.zeros((len(expected), len(names)), dtype=bool), np.zeros((len(expected), len(names)), dtype=bool)
    for table, sets in ((truth, expected), (said, chosen)):
        for i, some in enumerate(sets):
            table[i, [place[name] for name in some]] = True

    def f1(rows: Any, micro: bool) -> float:
        right, given = truth[rows], said[rows]
        hits, real, told = (right & given).sum(0), right.sum(0), given.sum(0)
        if micro:
            return float(2 * hits.sum() / (real.sum() + told.sum())) if real.sum() + told.sum() else 1.0
        met = real > 0
        return float(np.mean(2 * hits[met] / (real + told)[met])) if met.any() else float("nan")

    return {
        "exact": share([e == c for e, c in zip(expected, chosen, strict=True)]),
        "micro_f1": resampled(lambda rows: f1(rows, True), len(truth)), "macro_f1": resampled(lambda rows: f1(rows, False), len(truth)),
    }  # fmt: skip


def numbers(expected: Sequence[float], said: Sequence[float]) -> dict[str, Figure]:
    """mae, rmse (in the unit of the rows), spearman (rank correlation, -1 to 1)."""
    from scipy.stats import rankdata

    truth, given = np.asarray(expected, dtype=float), np.asarray(said, dtype=float)

    def spearman(rows: Any) -> float:
        a, b = rankdata(truth[rows]), rankdata(given[rows])
        return float(np.corrcoef(a, b)[0, 1]) if a.std() and b.std() else float("nan")

    return {
        "mae": mean(list(np.abs(truth - given)), POSITIVE),
        "rmse": resampled(lambda rows: float(np.sqrt(np.mean((truth - given)[rows] ** 2))), len(truth), POSITIVE),
        "spearman": resampled(spearman, len(truth), (-1.0, 1.0)),
    }  # fmt: skip


def entities(expected: Sequence[set[Span]], said: Sequence[set[Span]]) -> dict[str, Figure]:
    """Precision, recall and F1 of whole entities: type and both ends right (CoNLL 2003's measure), micro over all rows."""
    hits = np.array([len(e & s) for e, s in zip(expected, said, strict=True)], dtype=float)
    real, told = np.array([len(e) for e in expected], dtype=float), np.array([len(s) for s in said], dtype=float)

    def ratio(above: Any, below: Any) -> Figure:
        return resampled(lambda rows: float(above[rows].sum() / below[rows].sum()) if below[rows].sum() else 0.0, len(hits))

    return {"entity_f1": ratio(2 * hits, real + told), "precision": ratio(hits, told), "recall": ratio(hits, real)}


def answers(expected: Sequence[Sequence[str]], said: Sequence[str]) -> dict[str, Figure]:
    """exact and f1, the best over the right answers (Rajpurkar et al. 2016), Han by character; no right answer: right is to give none."""
    right = [any(fold(given) == fold(one) for one in many or [""]) for many, given in zip(expected, said, strict=True)]
    close = [max(token_f1(given, one) for one in many or [""]) for many, given in zip(expected, said, strict=True)]
    made = {"exact": share(right), "f1": mean(close, UNIT)}
    none = [ok for ok, many in zip(right, expected, strict=True) if not many]
    return {**made, **({"no_answer_recall": share(none)} if none else {})}
