"""Supervised tuning with TRL's SFTTrainer: our rows in, the best weights and the curves out.

Rows arrive tokenised with labels (`kefu.train.encode`), so TRL neither truncates nor masks anything that
the ledger has not counted; tests hold these labels equal to TRL's own for both of its mask modes.
"""

from __future__ import annotations

import math
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import EarlyStoppingCallback, TrainerCallback
from transformers.integrations import TensorBoardCallback
from transformers.trainer_callback import PrinterCallback, ProgressCallback
from trl import SFTConfig, SFTTrainer

from kefu.train.base import Base
from kefu.train.encode import Encoded
from kefu.train.settings import Plan

EVALUATIONS = 8
LOGS = 60
_CHUNK_BATCHES = 8


@dataclass
class Curves:
    """What happened. train / validation: (step, loss); best_step: the weights kept."""

    train: list[tuple[int, float]] = field(default_factory=list)
    validation: list[tuple[int, float]] = field(default_factory=list)
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


class Grouped(torch.utils.data.Sampler[int]):
    """Random order with like lengths side by side inside chunks of 8 batches.

    Sorting saves padding; sorting a whole small set makes every batch one kind of answer and spoils the
    training (measured: loss 5.44 against 4.28), hence small chunks, and batches shuffled inside them.
    """

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self.lengths, self.batch, self.seed, self.epoch = lengths, batch, seed, 0

    def __len__(self) -> int:
        return len(self.lengths)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        rng = random.Random(f"{self.seed}/{self.epoch}")
        order = list(range(len(self.lengths)))
        rng.shuffle(order)
        size = self.batch * _CHUNK_BATCHES
        for start in range(0, len(order), size):
            chunk = sorted(order[start : start + size], key=lambda i: self.lengths[i])
            batches = [chunk[i : i + self.batch] for i in range(0, len(chunk), self.batch)]
            last = batches.pop() if len(batches[-1]) < self.batch else []  # a short batch must stay last, or it shifts all others
            rng.shuffle(batches)
            yield from (i for batch in [*batches, last] for i in batch)
        self.epoch += 1


class _Trainer(SFTTrainer):
    """SFTTrainer with the sampler above."""

    lengths: Sequence[int] = ()

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return Grouped(self.lengths, self.args.train_batch_size, self.args.seed)


class _Watch(TrainerCallback):
    """Counts tokens and tells the caller how far the run is."""

    def __init__(self, progress: Callable[[str, float], None]) -> None:
        self.progress, self.loss = progress, ""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self.loss = f", loss {float(logs['loss']):.3f}"

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.progress(f"step {state.global_step} of {state.max_steps}{self.loss}", state.global_step / max(1, state.max_steps))


def fit(base: Base, plan: Plan, train: list[Encoded], held_out: list[Encoded], out: Path, progress: Callable[[str, float], None]) -> Curves:
    """Tune `base.model` in place; afterwards it holds the best weights by validation loss (the last without held-out rows)."""
    work = out / "checkpoints"
    steps_per_epoch = math.ceil(len(train) / plan["batch_size"])
    steps = plan["max_steps"] or max(1, round(steps_per_epoch * plan["epochs"]))
    callbacks: list[Any] = [_Watch(progress)]
    if "tensorboard" in plan["trackers"]:
        from torch.utils.tensorboard import SummaryWriter

        callbacks.append(TensorBoardCallback(SummaryWriter(log_dir=str(out / "tb"))))
    if held_out:
        callbacks.append(EarlyStoppingCallback(plan["patience"]))
    trainer = _Trainer(
        model=base.model,
        args=_arguments(base, plan, steps, work, bool(held_out)),
        processing_class=base.tokenizer,
        train_dataset=_dataset(train),
        eval_dataset=_dataset(held_out) if held_out else None,
        callbacks=callbacks,
    )
    for chatty in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(chatty)
    trainer.lengths = [len(row.ids) for row in train]
    started, cpu = time.perf_counter(), time.process_time()
    trainer.train()
    curves = _curves(trainer.state, steps)
    curves.seconds, curves.cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    curves.tokens_seen = round(sum(trainer.lengths) * curves.steps / steps_per_epoch)
    shutil.rmtree(work, ignore_errors=True)
    return curves


def _arguments(base: Base, plan: Plan, steps: int, work: Path, evaluate: bool) -> Any:
    """TRL's own defaults (bf16, gradient checkpointing) are for a GPU and fail or cost time on a CPU, so each is said here."""
    cuda = torch.cuda.is_available()
    every = max(1, -(-steps // EVALUATIONS))
    when = "steps" if evaluate else "no"
    return SFTConfig(
        output_dir=str(work),
        use_cpu=not cuda,
        bf16=plan["bf16"],
        fp16=False,
        gradient_checkpointing=cuda and not base.embedded,
        dataloader_pin_memory=False,
        dataloader_num_workers=0,
        per_device_train_batch_size=plan["rows_per_pass"],
        per_device_eval_batch_size=plan["rows_per_pass"] * (2 if base.embedded else 1),
        gradient_accumulation_steps=max(1, plan["batch_size"] // plan["rows_per_pass"]),
        max_steps=steps,
        learning_rate=plan["learning_rate"],
        lr_scheduler_type="cosine",
        warmup_steps=min(10, steps // 10) if base.embedded else round(steps * 0.03),
        logging_steps=max(1, steps // LOGS),
        logging_first_step=True,
        eval_strategy=when,
        eval_steps=every,
        save_strategy=when,
        save_steps=every,
        save_only_model=True,
        save_total_limit=1,
        load_best_model_at_end=evaluate,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        max_length=None,  # lengths are settled, and counted, before TRL sees a row
        seed=plan["seed"],
        data_seed=plan["seed"],
        report_to=["wandb"] if "wandb" in plan["trackers"] else "none",
        disable_tqdm=True,
    )


def _dataset(rows: list[Encoded]) -> Any:
    return Dataset.from_dict({"input_ids": [row.ids for row in rows], "labels": [row.labels for row in rows]})


def _curves(state: Any, planned: int) -> Curves:
    log = state.log_history
    validation = [(int(entry["step"]), round(float(entry["eval_loss"]), 5)) for entry in log if "eval_loss" in entry]
    best = min(validation, key=lambda point: point[1])[0] if validation else state.global_step
    return Curves(
        train=[(int(entry["step"]), round(float(entry["loss"]), 5)) for entry in log if "loss" in entry],
        validation=validation, steps=state.global_step, planned_steps=planned, epochs=float(state.epoch or 0), best_step=best,
        stopped_early=state.global_step < planned,
    )  # fmt: skip
