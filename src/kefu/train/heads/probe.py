"""A head that starts as the best linear classifier on the untouched encoder.

A head of random weights sends its first, large and meaningless gradients through an encoder that already knows much, and with few rows
that is never made good again. So the linear layer is fitted first, on the vectors as they are, and then everything learns together
(linear probing, then fine-tuning: Kumar et al. 2022, arXiv 2202.10054).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kefu.train.heads import windows

#: windows that are looked at, at most: a fitted layer of some hundred numbers a label does not need more
MOST = 10_000
MOST_LABELS = 5_000  # the fit holds a number for each window and label several times
_STRENGTH = 10.0  # as C of a logistic regression, on vectors whose mean distance from their centre is 1
_ROUNDS = 100


def vectors(base: Any, items: Sequence[dict[str, Any]], rows: int, bf16: bool) -> Any:
    """[items, hidden]: what the head reads of each window; float32 on the CPU."""
    import torch

    made: list[Any] = [None] * len(items)
    training = base.model.training
    base.model.eval()
    try:
        with torch.no_grad(), torch.autocast(base.model.device.type, torch.bfloat16, enabled=bf16):
            for chosen, batch in windows.batches(base, items, rows):
                for i, vector in zip(chosen, base.model.vector(**batch).float().cpu(), strict=True):
                    made[i] = vector
    finally:
        base.model.train(training)
    return torch.stack(made)


def fit(found: Any, targets: Any, outputs: int, loss: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
    """([outputs, hidden] weights, [outputs] bias) with the lowest loss(logits, targets) and small weights. found: [rows, hidden]."""
    import torch

    centre = found.mean(0)
    size = (found - centre).norm(dim=1).mean().clamp(min=1e-6)
    rows = (found - centre) / size
    weight, bias = (torch.zeros(shape, requires_grad=True) for shape in ((outputs, found.shape[1]), (outputs,)))
    steps = torch.optim.LBFGS([weight, bias], max_iter=_ROUNDS, history_size=10, line_search_fn="strong_wolfe")
    shared = 1 if targets.ndim == 1 else outputs  # of several labels the loss is the mean over them too
    pull = 1 / (2 * _STRENGTH * len(rows) * shared)

    def closure() -> Any:
        steps.zero_grad()
        value = loss(rows @ weight.T + bias, targets) + pull * weight.square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        steps.step(closure)
    with torch.no_grad():
        scaled = weight / size
        return scaled.detach(), (bias - scaled @ centre).detach()


def begin(base: Any, layer: Any, items: Sequence[dict[str, Any]], loss: Callable[[Any, Any], Any], *, rows: int, bf16: bool, seed: int) -> float:
    """Fit `layer`, the last one of `base.model`, to the items (their `targets`); returns the share of them it then gets right.

    rows: at once. bf16: as in training.
    """
    import torch

    chosen = list(items)
    if len(chosen) > MOST:
        chosen = random.Random(seed).sample(chosen, MOST)
    columns = [{name: value for name, value in item.items() if name != "targets"} for item in chosen]
    found = vectors(base, columns, rows, bf16)
    targets = torch.as_tensor(np.array([item["targets"] for item in chosen]))
    weight, bias = fit(found, targets, layer.out_features, loss)
    if not (torch.isfinite(weight).all() and torch.isfinite(bias).all()):
        return float("nan")  # the head stays as it was made
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
        said = found @ weight.T + bias
        right = (said.argmax(1) == targets) if targets.ndim == 1 else ((said > 0) == (targets > 0)).all(1)
    return float(right.float().mean())
