"""Two small convex fits with a prior: which entry is best (conditional logit), and how sure one may be (logistic regression).

Weights may not become negative, since every signal is oriented so that more is better: a fit on few questions can then be
imprecise but never perverse. The prior is what was found good on public question sets; a company's own questions pull away
from it as far as their number allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """One question for the ranker: candidates' signals (n, d) and which of them is right."""

    table: Array
    truth: int
    weight: float = 1.0


def fit_ranker(choices: Sequence[Choice], prior: Array, strength: float = 0.1) -> Array:
    """Weights (d,) that maximise the likelihood of the right candidates (McFadden's conditional logit), drawn towards `prior`."""
    from scipy.optimize import minimize

    if not choices:
        return prior.copy()
    widest = max(len(choice.table) for choice in choices)
    tables = np.zeros((len(choices), widest, len(prior)))
    mask = np.full((len(choices), widest), -1e9)
    for row, choice in enumerate(choices):
        tables[row, : len(choice.table)] = choice.table
        mask[row, : len(choice.table)] = 0.0
    truth = np.array([choice.truth for choice in choices])
    weight = np.array([choice.weight for choice in choices])
    pull = strength * max(50.0, float(weight.sum()))
    rows = np.arange(len(choices))

    def loss(theta: Array) -> tuple[float, Array]:
        scores = tables @ theta + mask
        top = scores.max(axis=1, keepdims=True)
        share = np.exp(scores - top)
        total = share.sum(axis=1, keepdims=True)
        share /= total
        value = float((weight * (np.log(total[:, 0]) + top[:, 0] - scores[rows, truth])).sum())
        slope = ((np.einsum("nk,nkd->nd", share, tables) - tables[rows, truth]) * weight[:, None]).sum(axis=0)
        away = (theta - prior) / np.maximum(prior, 1.0)
        return value + 0.5 * pull * float(away @ away), slope + pull * away / np.maximum(prior, 1.0)

    found = minimize(loss, prior, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(prior), options={"maxiter": 200})
    return np.asarray(found.x)


@dataclass(frozen=True)
class Logistic:
    """P = 1 / (1 + exp(-(weights . x + bias)))."""

    weights: Array
    bias: float

    def __call__(self, x: Array) -> Array:
        return np.asarray(1 / (1 + np.exp(-np.clip(x @ self.weights + self.bias, -40, 40))))


def fit_logistic(x: Array, y: Array, weight: Array, prior: Logistic, strength: float = 0.1) -> Logistic:
    """Weighted logistic regression (n, d) -> {0, 1} with non-negative weights, drawn towards `prior`. `weight` sums to the rows it stands for."""
    from scipy.optimize import minimize

    if len(y) == 0 or y.min() == y.max():
        return prior
    pull = strength * max(50.0, float(weight.sum()))
    start = np.append(prior.weights, prior.bias)

    def loss(theta: Array) -> tuple[float, Array]:
        scores = x @ theta[:-1] + theta[-1]
        value = float((weight * (np.logaddexp(0, scores) - y * scores)).sum())
        error = weight * (1 / (1 + np.exp(-np.clip(scores, -40, 40))) - y)
        away = (theta - start) / np.maximum(np.abs(start), 1.0)
        slope = np.append(x.T @ error, error.sum()) + pull * away / np.maximum(np.abs(start), 1.0)
        return value + 0.5 * pull * float(away @ away), slope

    bounds = [(0.0, None)] * x.shape[1] + [(None, None)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 300})
    return Logistic(np.asarray(found.x[:-1]), float(found.x[-1]))
