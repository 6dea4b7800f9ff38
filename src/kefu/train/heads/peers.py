"""Answers of heads that read nothing: what is most frequent in the training rows, or drawn by its share; measured like the head's own."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from statistics import fmean, median

from kefu.train.factory.trivial import better_of
from kefu.train.heads import metrics
from kefu.train.heads.metrics import Figure, Span

LABEL = "the most frequent label of the training rows, or labels drawn by their shares, whichever is better in a figure"
SETS = "the same labels for every row (those most frequent in the training rows, as many as are best there), or sets drawn from those rows"
NUMBER = "one number for every row: the median of the training rows (mae), their mean (rmse)"
ENTITY = "no entity, or every word one of the most frequent type"
ANSWER = "no answer, or the first sentence of the text, whichever is better in a figure"


def labels(train: Sequence[str], right: Sequence[str], seed: int) -> dict[str, Figure]:
    counts = Counter(train)
    first = min(counts, key=lambda one: (-counts[one], one))
    return _best(metrics.labels(right, [first] * len(right)), metrics.labels(right, random.Random(seed).choices(list(train), k=len(right))))


def sets(train: Sequence[set[str]], right: Sequence[set[str]], seed: int) -> dict[str, Figure]:
    """The one set that has the best micro F1 on the training rows, or a set drawn from them for each row."""
    counts = Counter(label for one in train for label in one)
    ordered = sorted(counts, key=lambda one: (-counts[one], one))
    total, hits, best = sum(counts.values()), 0, (0.0, 0)
    for n, label in enumerate(ordered, 1):
        hits += counts[label]
        best = max(best, (2 * hits / (total + n * len(train)), n))
    always = set(ordered[: best[1]])
    drawn = random.Random(seed).choices(list(train), k=len(right))
    whole = Counter(frozenset(one) for one in train)
    often = min(whole, key=lambda one: (-whole[one], sorted(one)))
    return _best(*(metrics.label_sets(right, said) for said in ([always] * len(right), [set(often)] * len(right), drawn)))


def numbers(train: Sequence[float], right: Sequence[float]) -> dict[str, Figure]:
    middle, mean = metrics.numbers(right, [median(train)] * len(right)), metrics.numbers(right, [fmean(train)] * len(right))
    return {"mae": middle["mae"], "rmse": mean["rmse"]}


def entities(right: Sequence[set[Span]], every: Sequence[set[Span]]) -> dict[str, Figure]:
    """every: each word of a row as an entity of the most frequent type."""
    return _best(metrics.entities(right, [set() for _ in right]), metrics.entities(right, every))


def answers(right: Sequence[Sequence[str]], first: Sequence[str]) -> dict[str, Figure]:
    """first: the first sentence of each text."""
    return _best(metrics.answers(right, [""] * len(right)), metrics.answers(right, first))


def _best(*some: dict[str, Figure]) -> dict[str, Figure]:
    return {name: better_of(name, [one[name] for one in some]) for name in some[0]}
