"""`incremental`: this month's rows with a share of the old ones, so that the model learns the new and keeps the old.

What was trained on before is replayed (Robins 1995; for language models measured in docs/results.md: without replay the old
questions fell from 0.75 to 0.37 right, with a quarter of the old rows they stayed). The check of forgetting asks the old
questions before and after; the model the run starts from is recorded as its parent.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from kefu.errors import ConfigError, GateError
from kefu.project.schema import Block
from kefu.train.methods.causal import found
from kefu.train.methods.lora import Lora, LoraMethod, merge, wrap

if TYPE_CHECKING:
    from kefu.train.factory.job import Job, Prepared


class Settings(Block):
    old: list[str] = Field(default=[], description="files, or the folder of a dataset, that the model was trained on before")
    replay: float = Field(default=0.25, ge=0, le=20, description="old rows / new rows")
    most_forgotten: float = Field(default=0.1, ge=0, le=1, description="fall of token F1 on old questions that fails the run")
    check_rows: int = Field(default=100, ge=1, description="old questions asked before and after")
    lora: Lora | None = Field(default=None, description="train adapters instead of all weights; they are merged afterwards")


class Incremental(LoraMethod):
    name: ClassVar[str] = "incremental"
    Settings: ClassVar[type[Block]] = Settings

    def __init__(self) -> None:
        self.old: list[dict[str, Any]] = []
        self.was: dict[str, dict[str, Any]] = {}
        self.replayed: set[int] = set()

    @staticmethod
    def reads(settings: Any) -> list[str]:
        return list(settings.old)

    def defaults(self, job: Job) -> dict[str, tuple[Any, str]]:
        return super().defaults(job) if job.settings.lora else {}

    def open(self, job: Job) -> None:
        from kefu.train.factory.data import rows_of

        given = job.settings
        if not given.old:
            raise ConfigError("incremental.old is empty", "forgetting can be neither prevented nor measured", "name the rows of the time before")
        self.old = rows_of(job.loaded, list(given.old), "train", self.needs)
        place = found(job, job.recipe.base) if job.recipe.base else None
        job.parent = job.parent or (place if place and place.exists() else None)  # a Hugging Face id is no model of the user's
        job.base = self.load(job)
        if given.lora:
            wrap(job, given.lora)

    def encode(self, job: Job, rows: list[dict[str, Any]], split: str) -> Prepared:
        """New rows and a seeded share of the old ones."""
        if split != "train":
            return super().encode(job, rows, split)
        count = min(len(self.old), round(job.settings.replay * len(rows)))
        chosen = random.Random(job.seed).sample(self.old, count)
        self.replayed = {id(row) for row in chosen}
        made = super().encode(job, [*rows, *chosen], split)
        made.ledger |= {"new_rows": len(rows), "replayed_rows": count, "old_rows": len(self.old)}
        return made

    def measure(self, job: Job, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Of new rows as usual; of old ones (those not replayed first) with `old_` before the name."""
        asked = sorted(self.old, key=lambda row: id(row) in self.replayed)[: job.settings.check_rows]
        old = super().measure(job, asked)
        if not self.was:
            self.was = old
        return {**super().measure(job, rows), **{f"old_{name}": number for name, number in old.items()}}

    def finish(self, job: Job) -> None:
        if job.settings.lora:
            merge(job)

    def judge(self, job: Job, after: dict[str, dict[str, Any]]) -> None:
        """Refuse a model that forgot. Raises GateError."""
        from kefu.train.factory.fit import sweep

        before, now = self.was["token_f1"]["value"], after["old_token_f1"]["value"]
        fall = before - now
        job.facts["forgetting"] = {"before": before, "after": now, "fall": round(fall, 5), "allowed": job.settings.most_forgotten}
        if fall > job.settings.most_forgotten:
            sweep(job.work)
            why = f"token F1 on old questions fell from {before:.3f} to {now:.3f}, {job.settings.most_forgotten:g} is allowed"
            raise GateError("the model forgot what it knew", why, "raise incremental.replay or lower train.learning_rate", layer="train")
