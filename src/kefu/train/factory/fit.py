"""Run a Trainer: progress, early stopping, whole checkpoints, curves. The loop itself is transformers'."""

from __future__ import annotations

import json
import math
import pickle
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from transformers import EarlyStoppingCallback, TrainerCallback
from transformers.integrations import TensorBoardCallback
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from kefu.artifacts import write_json

WHOLE = "whole.json"
_FLOWN = 1.5


@dataclass
class Curves:
    """What happened. train / validation: (step, loss); best_step: the weights kept; logged: every other number by step."""

    train: list[tuple[int, float]] = field(default_factory=list)
    validation: list[tuple[int, float]] = field(default_factory=list)
    logged: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    steps: int = 0
    planned_steps: int = 0
    epochs: float = 0.0
    best_step: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    tokens_seen: int = 0
    stopped_early: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {
            "steps": self.steps, "planned_steps": self.planned_steps, "epochs": round(self.epochs, 3), "best_step": self.best_step,
            "stopped_early": self.stopped_early, "seconds": round(self.seconds, 2), "cpu_seconds": round(self.cpu_seconds, 2),
            "tokens_seen": self.tokens_seen, "tokens_per_second": round(self.tokens_seen / self.seconds) if self.seconds else 0,
            "train_loss": self.train, "validation_loss": self.validation,
        }  # fmt: skip


class _Watch(TrainerCallback):
    """Tells the caller how far the run is."""

    def __init__(self, progress: Callable[[str, float], None]) -> None:
        self.progress, self.loss = progress, ""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self.loss = f", loss {float(logs['loss']):.3f}"

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.progress(f"step {state.global_step} of {state.max_steps}{self.loss}", state.global_step / max(1, state.max_steps))


class _Whole(TrainerCallback):
    """Marks a checkpoint that was written to its end; a killed run leaves one without the mark."""

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if state.is_world_process_zero and folder.is_dir():
            files = {p.name: p.stat().st_size for p in sorted(folder.iterdir()) if p.is_file()}
            write_json(folder / WHOLE, {"step": state.global_step, "files": files})


def checkpoints(work: Path) -> list[Path]:
    """Whole checkpoints, oldest first."""
    found = []
    for folder in work.glob("checkpoint-*"):
        try:
            files = json.loads((folder / WHOLE).read_text("utf-8"))["files"]
        except (OSError, ValueError, KeyError):
            continue
        if all((folder / name).is_file() and (folder / name).stat().st_size == size for name, size in files.items()):
            found.append(folder)
    return sorted(found, key=lambda folder: int(folder.name.rpartition("-")[2]))


def last_good(whole: Sequence[Path], broke: int) -> Path | None:
    """The newest checkpoint worth going on from after the loss broke at step `broke`: weights and optimiser state are finite, so is
    every loss up to it, the last of them is not far above the first (a run that has flown apart), and a step was made from it that held.
    """
    return next((folder for folder in reversed(whole) if int(folder.name.rpartition("-")[2]) < broke - 1 and _sound(folder)), None)


def _sound(folder: Path) -> bool:
    import torch
    from safetensors.torch import load_file

    try:
        log = json.loads((folder / "trainer_state.json").read_text("utf-8"))["log_history"]
        states = torch.load(folder / "optimizer.pt", map_location="cpu", weights_only=True) if (folder / "optimizer.pt").is_file() else {}
    except (OSError, ValueError, KeyError, RuntimeError, pickle.UnpicklingError):
        return False
    for name in ("loss", "eval_loss", "grad_norm"):
        seen = [float(entry[name]) for entry in log if name in entry]
        if not all(map(math.isfinite, seen)) or (seen and name != "grad_norm" and seen[-1] > max(_FLOWN * abs(seen[0]), seen[0] + 1)):
            return False
    tensors = chain((t for file in folder.glob("*.safetensors") for t in load_file(file).values()), _tensors(states))
    return all(bool(torch.isfinite(t).all()) for t in tensors)


def _tensors(value: Any) -> Iterator[Any]:
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _tensors(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _tensors(inner)


def fit(
    trainer: Any,
    progress: Callable[[str, float], None],
    *,
    lengths: Sequence[int],
    patience: int | None = None,
    tensorboard: Path | None = None,
    resume: Path | None = None,
) -> Curves:
    """Train; afterwards the model holds the best weights where there was an evaluation, else the last.

    lengths: tokens of the training rows. patience: evaluations without a better one. resume: a whole checkpoint.
    """
    trainer.add_callback(_Watch(progress))
    trainer.add_callback(_Whole())
    if tensorboard:
        from torch.utils.tensorboard import SummaryWriter

        trainer.add_callback(TensorBoardCallback(SummaryWriter(log_dir=str(tensorboard))))
    if patience and trainer.args.load_best_model_at_end:
        trainer.add_callback(EarlyStoppingCallback(patience))
    for chatty in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(chatty)
    started, cpu = time.perf_counter(), time.process_time()
    try:
        trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    except BaseException:
        if trainer.is_world_process_zero():
            _leave_whole(Path(trainer.args.output_dir))
        raise
    curves = _curves(trainer.state, trainer.args.max_steps)
    curves.seconds, curves.cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    batch = trainer.args.per_device_train_batch_size * trainer.args.gradient_accumulation_steps * trainer.args.world_size
    curves.tokens_seen = round(sum(lengths) * curves.steps / max(1, -(-len(lengths) // batch)))
    return curves


def _leave_whole(work: Path) -> None:
    """Remove checkpoints that were not written to their end: on a full disk they would keep the room that `--resume` needs."""
    whole = checkpoints(work)
    for folder in work.glob("checkpoint-*"):
        if folder not in whole:
            shutil.rmtree(folder, ignore_errors=True)


def sweep(work: Path) -> None:
    """Remove the checkpoints of a run that is saved."""
    shutil.rmtree(work, ignore_errors=True)


def _curves(state: Any, planned: int) -> Curves:
    log = state.log_history
    validation = [(int(entry["step"]), round(float(entry["eval_loss"]), 5)) for entry in log if "eval_loss" in entry]
    best = int(state.best_global_step or state.global_step)
    logged: dict[str, list[tuple[int, float]]] = {}
    for entry in log:
        for name, value in entry.items():
            if name not in _NOT_CURVES and isinstance(value, int | float):
                logged.setdefault(name, []).append((int(entry["step"]), round(float(value), 6)))
    return Curves(
        train=[(int(entry["step"]), round(float(entry["loss"]), 5)) for entry in log if "loss" in entry],
        validation=validation, logged=logged, steps=state.global_step, planned_steps=planned, epochs=float(state.epoch or 0), best_step=best,
        stopped_early=state.global_step < planned,
    )  # fmt: skip


_NOT_CURVES = {
    "step", "epoch", "loss", "eval_loss", "total_flos", "train_loss", "train_runtime", "train_samples_per_second", "train_steps_per_second",
    "eval_runtime", "eval_samples_per_second", "eval_steps_per_second", "num_tokens", "eval_num_tokens", "num_input_tokens_seen",
}  # fmt: skip
