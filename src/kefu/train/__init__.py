"""Dataset in, model out: supervised tuning through TRL, and its report. No training loop of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kefu.project import Loaded

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # nothing about a company's training leaves its machine; read when huggingface_hub is imported

__all__ = ["mask_view", "run"]


def run(project: Loaded, data: Path, knowledge: Path, out: Path, progress: Callable[[str, float], None] | None = None) -> dict[str, Any]:
    """Tune a model on the data artefact; fills `out` and returns facts. See `kefu.train.run`."""
    from kefu.train.recipe import train
    from kefu.train.source import folder

    return train(project, folder(project, data), knowledge, out, progress)


def mask_view(model_dir: Path, row: dict[str, Any]) -> list[tuple[str, bool]]:
    """The text pieces of a training row and whether each is learnt. See `kefu.train.encode.view`."""
    from kefu.train.encode import view

    return view(model_dir, row)
