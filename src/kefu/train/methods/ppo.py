"""`ppo`: learning from a reward with a value head, clipped steps and a price on leaving the base.

TRL removed PPO in 2026 (huggingface/trl pull request 7020: PPOTrainer, PPOConfig and the value-head model are gone), so this is
the smallest honest version on transformers' Trainer: Schulman et al. 2017 (arXiv 1707.06347) with generalised advantage
estimation (arXiv 1506.02438) and, per token, the KL price to the frozen base of Ziegler et al. 2019 (arXiv 1909.08593). The
reward is given on the last token of an answer. The loop, the optimiser, checkpoints and resuming are the Trainer's: every
optimiser step is one PPO epoch, `inner_epochs` of them on the same answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from kefu.errors import ConfigError, GateError
from kefu.project.schema import Block
from kefu.train.methods.reinforce import Reinforced, Sampling

if TYPE_CHECKING:
    from kefu.train.factory.job import Job, Prepared


class Settings(Sampling):
    beta: float = Field(default=0.05, ge=0, description="price of the KL divergence from the base, per token")
    inner_epochs: int = Field(default=2, ge=1, description="optimiser steps on the same answers")
    clip: float = Field(default=0.2, gt=0, lt=1, description="how far a step may change the probability of a token")
    value_weight: float = Field(default=0.1, gt=0)
    gae: float = Field(default=0.95, ge=0, le=1, description="lambda of the advantage estimate")
    discount: float = Field(default=1.0, gt=0, le=1)
    most_kl: float = Field(default=50.0, gt=0, description="stop when the mean divergence of an answer (nats) passes this")


class Ppo(Reinforced):
    name: ClassVar[str] = "ppo"
    Settings: ClassVar[type[Block]] = Settings

    def open(self, job: Job) -> None:
        import torch

        if job.device.processes > 1:
            raise ConfigError("method: ppo", f"it runs in one process, not in {job.device.processes}", "use rloo or grpo on several")
        super().open(job)
        model = job.model
        hidden = model.config.get_text_config().hidden_size
        generator = torch.Generator().manual_seed(job.seed)
        head = torch.nn.Linear(hidden, 1)
        with torch.no_grad():
            head.weight.copy_(torch.randn(head.weight.shape, generator=generator) / hidden)
            head.bias.zero_()
        model.value_head = head.to(next(model.parameters()).device)
        self.reference = None if job.settings.lora else self.load(job).model.eval().requires_grad_(False)

    def encode(self, job: Job, rows: list[dict[str, Any]], split: str) -> Prepared:
        job.facts["steps_per_batch"] = job.settings.inner_epochs
        return super().encode(job, rows, split)

    def trainer(self, job: Job, train: Prepared, validation: Prepared | None) -> Any:
        from kefu.train.methods.ppo_trainer import PpoTrainer

        keywords = job.arguments(False)
        every = job.settings.inner_epochs
        keywords["save_steps"] = -(-keywords["save_steps"] // every) * every if not job.rehearsing else 1
        return PpoTrainer.make(job, self, train, keywords)

    def finish(self, job: Job) -> None:
        job.model.value_head = None
        del job.model.value_head
        self.reference = None
        super().finish(job)

    def stopped(self, kl: float, most: float) -> GateError:
        why = f"the mean divergence from the base is {kl:.1f} nats an answer, {most:g} are allowed"
        return GateError("the model runs away from its base", why, "lower train.learning_rate or raise ppo.beta", layer="train")
