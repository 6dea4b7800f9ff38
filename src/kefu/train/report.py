"""`training.json` and the loss picture: what was learnt from, how it went, and what the model says now."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kefu.artifacts import provenance
from kefu.train.encode import Encoded
from kefu.train.rows import Row


def distribution(rows: Sequence[Row], encoded: Sequence[Encoded]) -> dict[str, Any]:
    """Counts by language, kind and category, and a histogram of lengths (tokens; upper ends of bins of 16, 32, 64, ...)."""
    lengths = sorted(len(item.ids) for item in encoded)
    histogram: dict[str, int] = {}
    edge, low = 16, 0
    while lengths and low < lengths[-1]:
        histogram[str(edge)] = sum(low < length <= edge for length in lengths)
        low, edge = edge, edge * 2
    return {
        "rows": len(rows),
        "languages": dict(Counter(row.language for row in rows).most_common()),
        "kinds": dict(Counter(row.kind for row in rows).most_common()),
        "categories": dict(Counter(row.category or "(none)" for row in rows).most_common(50)),
        "noisy_copies": sum(row.copy > 0 for row in rows),
        "answers": len({row.answer_id for row in rows if row.answer_id}),
        "length_histogram": histogram,
        "length": {"min": lengths[0], "median": lengths[len(lengths) // 2], "max": lengths[-1]} if lengths else {},
    }


def environment() -> dict[str, Any]:
    """Versions, hardware and thread count of this process."""
    import torch

    return {
        **provenance(),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.is_available(),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS", ""),
    }


_FEW = 12


def _ends(low: float, high: float) -> tuple[float, float]:
    """Ends of the axis of losses: from 0 where they fall towards it; close around them where they hardly move or are below 0."""
    room = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    return (0.0, high + room) if low >= 0 and high - low > 0.1 * high else (low - room, high + room)


def plot_loss(curves: dict[str, Any], path: Path, words: str = "loss per learnt token (nats)") -> None:
    """Training and validation loss by step, the kept step marked. words: what the loss is; Latin only, so any font will do."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    every = [loss for key in ("train_loss", "validation_loss") for _, loss in curves[key] if math.isfinite(loss)]
    for key, label, style in (("train_loss", "training", "-"), ("validation_loss", "validation (held out)", "o-")):
        if curves[key]:
            steps, losses = zip(*curves[key], strict=True)
            few = "s" if len(steps) < _FEW and style == "-" else ""  # one point alone draws no line
            axes.plot(steps, losses, style + few, label=label, markersize=4, linewidth=1.2)
    if curves["validation_loss"]:
        axes.axvline(curves["best_step"], color="grey", linestyle=":", linewidth=1, label=f"kept: step {curves['best_step']}")
    axes.set_xlabel("step")
    axes.set_ylabel(words)
    if every:
        axes.set_ylim(*_ends(min(every), max(every)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".png", ".svg"):
        figure.savefig(path.with_suffix(suffix), dpi=120, metadata={"Date": None} if suffix == ".svg" else None)
