"""The numbers of a run as transformers and TRL take them. The pipeline's run and every recipe go through here.

TRL's own defaults (bf16, gradient checkpointing) are for a GPU and fail or cost time on a CPU, so each is said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kefu.train.factory.job import Job

LOGS = 60


#: methods whose loss reaches every weight they train
ALL_USED = ("sft", "freeze", "lora", "qlora", "incremental")


@dataclass(frozen=True)
class Run:
    """steps: of the optimiser. rows_per_pass: on each device. every: steps between evaluations and checkpoints.

    resumable: checkpoints hold the optimiser and the state of the random numbers too. all_used: every weight that is trained takes part in
    every pass, so that several processes need not look for those that do not (and do not warn that there are none).
    """

    work: Path
    steps: int
    rows_per_pass: int
    accumulate: int
    learning_rate: float
    every: int
    evaluate: bool
    cuda: bool
    bf16: bool
    seed: int
    schedule: str = "cosine"
    warmup_steps: int = 0
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    gradient_checkpointing: bool = False
    resumable: bool = True
    save: bool = True
    metric: str = "eval_loss"
    higher_is_better: bool = False
    eval_rows: int | None = None
    wandb: bool = False
    all_used: bool = False

    def keywords(self) -> dict[str, Any]:
        when = "steps" if self.evaluate else "no"
        kind = "constant_with_warmup" if self.schedule == "constant" and self.warmup_steps else self.schedule
        return {
            "output_dir": str(self.work), "use_cpu": not self.cuda, "bf16": self.bf16, "fp16": False,
            "gradient_checkpointing": self.gradient_checkpointing, "dataloader_pin_memory": False, "dataloader_num_workers": 0,
            "per_device_train_batch_size": self.rows_per_pass, "per_device_eval_batch_size": self.eval_rows or self.rows_per_pass,
            "gradient_accumulation_steps": self.accumulate, "max_steps": self.steps, "learning_rate": self.learning_rate,
            "lr_scheduler_type": kind, "warmup_steps": self.warmup_steps, "weight_decay": self.weight_decay,
            "max_grad_norm": self.max_grad_norm, "logging_steps": max(1, self.steps // LOGS), "logging_first_step": True,
            "logging_nan_inf_filter": False, "eval_strategy": when, "eval_steps": self.every,
            "save_strategy": "steps" if self.save else "no", "save_steps": self.every, "save_only_model": not self.resumable,
            "save_total_limit": 2 if self.resumable else 1, "load_best_model_at_end": self.evaluate and self.save,
            "metric_for_best_model": self.metric, "greater_is_better": self.higher_is_better, "seed": self.seed, "data_seed": self.seed,
            "report_to": ["wandb"] if self.wandb else "none", "disable_tqdm": True,
            "log_level_replica": "error",  # else the trainer turns the warnings of helper processes on again: tied weights "missing", and so on
            **({"ddp_find_unused_parameters": False} if self.all_used else {}),
        }  # fmt: skip


def arguments(job: Job, evaluate: bool) -> dict[str, Any]:
    """Keywords of a recipe's run, or of its rehearsal: one step that moves nothing, one evaluation, one checkpoint."""
    plan, steps = job.plan, 1 if job.rehearsing else job.steps
    given = plan["warmup"]
    return Run(
        work=job.work,
        steps=steps,
        rows_per_pass=rows_per_pass(job),
        accumulate=plan["accumulate"],
        learning_rate=0.0 if job.rehearsing else plan["learning_rate"],
        every=1 if job.rehearsing else plan["save_every"] or max(1, -(-steps // plan["evaluations"])),
        evaluate=evaluate,
        cuda=job.device.cuda,
        bf16=plan["bf16"],
        seed=plan["seed"],
        schedule=plan["schedule"],
        warmup_steps=0 if job.rehearsing else round(given if given >= 1 else given * steps),
        weight_decay=plan["weight_decay"],
        max_grad_norm=plan["max_grad_norm"],
        gradient_checkpointing=plan["gradient_checkpointing"],
        all_used=job.device.processes > 1 and job.recipe.method in ALL_USED,
        wandb="wandb" in plan["trackers"] and not job.rehearsing,
    ).keywords()


def rows_per_pass(job: Job) -> int:
    """Rows that one device takes at once."""
    return max(1, int(job.plan["batch_size"]) // (int(job.plan["accumulate"]) * job.device.processes))


def steps_for(rows: int, batch: int, epochs: float, most: int | None) -> int:
    """Optimiser steps of a run over `rows`."""
    steps = max(1, round(math.ceil(rows / batch) * epochs))
    return min(steps, most) if most else steps
