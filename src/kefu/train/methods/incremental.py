"""`incremental`: this month's rows with a share of the old ones, so that the model learns the new and keeps the old.

Without `old` it is a round that a clock can start: the model in service, or the newest accepted one, says which rows are new; with too few of
them nothing is done; what was held out from it once is asked before and after, and new rows are held out for what was gained.

What was trained on before is replayed (Robins 1995; for language models measured in docs/results.md: without replay the old
questions fell from 0.75 to 0.37 right, with a quarter of the old rows they stayed). The check of forgetting asks the old
questions before and after; the model the run starts from is recorded as its parent.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from kefu.errors import ConfigError, GateError
from kefu.project.schema import Block
from kefu.train.factory.data import Splits
from kefu.train.methods.causal import found
from kefu.train.methods.lora import Lora, LoraMethod, merge, wrap

if TYPE_CHECKING:
    from pathlib import Path

    from kefu.train.factory.job import Job, Prepared
    from kefu.train.factory.recipe import Loaded
    from kefu.train.factory.rounds import Seen, Start


class Settings(Block):
    old: list[str] = Field(
        default=[],
        description="files, or the folder of a dataset, that the base was trained on before; empty: a round, in which the record of the model "
        "it goes on from tells old rows of data.train from new ones",
    )

    @field_validator("old", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    replay: float = Field(default=0.25, ge=0, le=20, description="old rows / new rows")
    least_new: int = Field(default=50, ge=1, description="of a round: with fewer new rows nothing is done")
    most_forgotten: float = Field(default=0.1, ge=0, le=1, description="fall of token F1 on old questions that fails the run")
    most_loss_rise: float = Field(
        default=0.2, ge=0, description="rise of the loss on old answers, nats a token, that fails the run where the intervals do not meet either"
    )
    least_gain: float = Field(
        default=0.01, ge=-1, le=1, description="of a round: rise of token F1 on held-out new questions, beside a lower loss, without which it fails"
    )
    promote: bool = Field(default=False, description="of a round: put the model into production when every gate passed")
    check_rows: int = Field(default=100, ge=1, description="old questions asked before and after")
    lora: Lora | None = Field(default=None, description="train adapters instead of all weights; they are merged afterwards")


class Incremental(LoraMethod):
    name: ClassVar[str] = "incremental"
    Settings: ClassVar[type[Block]] = Settings

    def __init__(self) -> None:
        self.begun: Start | None = None
        self.seen: Seen | None = None
        self.old: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.was: dict[str, dict[str, Any]] = {}
        self.replayed: set[int] = set()

    @staticmethod
    def reads(settings: Any) -> list[str]:
        return list(settings.old)

    def divide(self, loaded: Loaded, rows: Splits, parent: Path | None) -> Start | None:
        """Without `old`: the model to go on from, and the rows divided by what it has seen. Raises ConfigError where that is not known."""
        from kefu.train.factory import rounds

        if loaded.settings.old:  # type: ignore[attr-defined]
            return None
        self.begun = rounds.start(loaded, parent)
        if self.begun.seen is None:
            why = f"nothing says which rows {self.begun.label} was trained on, so that forgetting can be neither prevented nor measured"
            raise ConfigError("incremental.old is empty", why, "name the rows of the time before, or train the first model with kefu too")
        self.seen = self.begun.seen
        rounds.divide(rows, self.seen, loaded.recipe.data.validation_share, loaded.recipe.train.seed)
        return self.begun

    def defaults(self, job: Job) -> dict[str, tuple[Any, str]]:
        return super().defaults(job) if job.settings.lora else {}

    def open(self, job: Job) -> None:
        from kefu.train.factory.data import rows_of

        given = job.settings
        if self.begun:
            rows = job.rows or Splits()
            self.old, self.asked = rows.old, rows.old_held
            if not self.asked:
                job.say(f"forgetting is measured on rows that {self.begun.label} was trained on: none held out from it is in the data")
        else:
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
        asked = (self.asked or sorted(self.old, key=lambda row: id(row) in self.replayed))[: job.settings.check_rows]
        made = {**super().measure(job, rows), **{f"old_{name}": number for name, number in super().measure(job, asked).items()}}
        self.was = self.was or made
        return made

    def finish(self, job: Job) -> None:
        if job.settings.lora:
            merge(job)

    def judge(self, job: Job, after: dict[str, dict[str, Any]]) -> None:
        """Refuse a model that forgot. Raises GateError."""
        from kefu.train.factory.fit import sweep
        from kefu.train.factory.trivial import surely_worse

        if self.begun:
            job.facts["round"] = self.told(job, after)
        given, was = job.settings, self.was
        told: dict[str, Any] = {}
        for name, allowed in (("token_f1", given.most_forgotten), ("loss", given.most_loss_rise)):
            before, now = was[f"old_{name}"]["value"], after[f"old_{name}"]["value"]
            if before is not None and now is not None:
                told[name] = {"before": before, "after": now, "worse_by": round(before - now if name == "token_f1" else now - before, 5)}
                told[name]["allowed"] = allowed
        job.facts["forgetting"] = told
        f1, loss = told.get("token_f1"), told.get("loss")
        lost = []
        if f1 and f1["worse_by"] > f1["allowed"]:
            lost.append(f"token F1 on old questions fell from {f1['before']:.3f} to {f1['after']:.3f}, {f1['allowed']:g} is allowed")
        if loss and loss["worse_by"] > loss["allowed"] and surely_worse("loss", was["old_loss"], after["old_loss"]):
            said = f"the loss on old answers rose from {loss['before']:.3f} to {loss['after']:.3f}"
            lost.append(f"{said}, {loss['allowed']:g} is allowed (incremental.most_loss_rise)")
        if lost:
            sweep(job.work)
            fix = "raise incremental.replay or lower train.learning_rate"
            raise GateError("the model forgot what it knew", "; ".join(lost), fix, layer="train")

    def told(self, job: Job, after: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """What the round was made of and what it gained on new rows; its gate is made from this (`kefu.train.factory.register`)."""
        rows, begun = job.rows or Splits(), self.begun
        names = ("token_f1", "loss")
        return {
            "from": begun.label if begun else "", "new_rows": len(rows.train) + len(rows.validation) + len(rows.test),
            "known_rows": len(rows.old) + len(rows.old_held), "replayed_rows": len(self.replayed), "old_rows_asked": len(self.asked or self.old),
            "old_rows_were_held_out": bool(self.asked), "least_gain": job.settings.least_gain,
            "before": {name: self.was[name]["value"] for name in names}, "after": {name: after[name]["value"] for name in names},
            "n": after["token_f1"]["n"],
        }  # fmt: skip
