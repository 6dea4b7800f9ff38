"""Kernel ridge over entry ids: the discriminative view, which learns that "how do I" says nothing and "Team" says much.

With C = (K + lambda I)^-1 and Y one-hot the weights are C Y, and the leave-one-out prediction of question i is
Y_i - (C Y)_i / C_ii, exactly: so blend and lambda are chosen without refitting. Above `MOST_ROWS` it is fitted on a
part of the rows, entries taken in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kefu.knowledge.postings import Postings

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
BIAS = 0.05
BLENDS = (0.3, 0.5, 0.7)
LAMBDAS = (0.1, 0.3, 1.0)
MOST_ROWS = 3000
MOST_WEIGHTS = 4_000_000
_CHOICE_ROWS = 500


class Likeness:
    """Cosine of questions by characters and by units, mixed by `blend`; blocks of the matrix are made when asked for."""

    def __init__(self, grams: Postings, units: Postings) -> None:
        self._parts = (_unit_rows(grams), _unit_rows(units))
        self.blend = 0.5

    def parts(self, rows: Rows, columns: Rows) -> tuple[Array, Array]:
        first, second = self._parts
        return (first[rows] @ first[columns].T).toarray(), (second[rows] @ second[columns].T).toarray()

    def block(self, rows: Rows, columns: Rows) -> Array:
        first, second = self.parts(rows, columns)
        return np.asarray(self.blend * first + (1 - self.blend) * second)


class Ridge:
    """`weights`: (len(rows), entries), for the rows `rows`."""

    def __init__(self, likeness: Likeness, rows: Rows, owner: Rows, entries: int, strength: float) -> None:
        self.rows = rows
        system = likeness.block(rows, rows) + BIAS + strength * np.eye(len(rows))
        self.weights: Array = np.asarray(np.linalg.solve(system, _one_hot(owner[rows], entries)), np.float64)


@dataclass(frozen=True)
class Choice:
    """How much characters count against units, the ridge strength (lambda), and whether there is a ridge at all."""

    blend: float = 0.5
    strength: float = 0.3
    ridge: bool = True


def choose(likeness: Likeness, order: Rows, owner: Rows, entries: int, questions: int) -> Choice:
    """The choice with the best leave-one-out log-loss on the first rows of `order`; rows below `questions` are questions, the others answers."""
    pick = order[:_CHOICE_ROWS]
    truth = _one_hot(owner[pick], entries)
    ridge = fits(len(owner), entries)
    fair = (pick < questions) & (truth.sum(axis=0)[owner[pick]] > 1)  # the only row of an entry cannot be predicted without itself
    if fair.sum() < 8 or not ridge:
        return Choice(ridge=ridge)
    first, second = likeness.parts(pick, pick)
    best, found = np.inf, Choice()
    for blend in BLENDS:
        for strength in LAMBDAS:
            inverse = np.linalg.inv(blend * first + (1 - blend) * second + BIAS + strength * np.eye(len(pick)))
            scores = 10 * (truth - (inverse @ truth) / np.diag(inverse)[:, None])
            scores -= scores.max(axis=1, keepdims=True)
            loss = np.log(np.exp(scores).sum(axis=1)) - (scores * truth).sum(axis=1)
            if (value := float(loss[fair].mean())) < best - 1e-4:
                best, found = value, Choice(blend, strength)
    return found


def fit(likeness: Likeness, order: Rows, owner: Rows, entries: int, strength: float) -> Ridge | None:
    """`order`: rows in the order in which they matter. None when entries are too many for it."""
    rows = np.sort(order[:MOST_ROWS])
    return Ridge(likeness, rows, owner, entries, strength) if fits(len(owner), entries) else None


def fits(rows: int, entries: int) -> bool:
    """Whether so many entries can have a ridge."""
    rows = min(rows, MOST_ROWS)
    return entries > 1 and rows >= entries and rows * entries <= MOST_WEIGHTS


def _one_hot(owner: Rows, entries: int) -> Array:
    truth = np.zeros((len(owner), entries))
    truth[np.arange(len(owner)), owner] = 1.0
    return truth


def _unit_rows(posts: Postings):  # type: ignore[no-untyped-def]
    """CSR matrix (rows, names) with rows of length one."""
    from scipy.sparse import csc_matrix, diags

    matrix = csc_matrix((posts.values.astype(np.float64), posts.rows, posts.start), shape=(posts.size, len(posts.names))).tocsr()
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return (diags(1 / np.maximum(length, 1e-9)) @ matrix).tocsr()
