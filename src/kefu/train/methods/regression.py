"""`regression`: a text, or a pair of texts, to a number. Learnt on standardised numbers, answered in the rows' own unit."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from kefu.errors import InputError
from kefu.project.schema import Block
from kefu.train.heads.task import BadRow, Task
from kefu.train.methods.head import Counting, Head, TextSettings

if TYPE_CHECKING:
    from kefu.train.factory.job import Job, Prepared
    from kefu.train.heads.decisions import Decision


class Settings(TextSettings):
    loss: Literal["squared", "huber"] = Field(default="squared", description="huber: rows far off pull less")


class Regression(Head):
    name: ClassVar[str] = "regression"
    Settings: ClassVar[type[Block]] = Settings
    needs: ClassVar[str] = "numbers"
    auto: ClassVar[str] = "SequenceClassification"
    lower: ClassVar[bool] = True
    most_epochs: ClassVar[float] = 20.0

    def learn(self, job: Job) -> dict[str, Any]:
        values = [value for row in (job.rows.train if job.rows else []) if (value := number(row.get("value"))) is not None]
        if len(set(values)) < 2:
            why = f"all training rows say {values[0]:g}" if values else "no training row has a number"
            raise InputError("nothing to learn", why, "give rows with different numbers (see data.map)")
        mean = math.fsum(values) / len(values)
        spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))
        self.task = Task(task="regression", method=self.name, mean=mean, spread=spread)
        return {"num_labels": 1, "problem_type": "regression"}

    def encode(self, job: Job, rows: list[dict[str, Any]], split: str) -> Prepared:
        from kefu.train.heads import labels as head
        from kefu.train.heads.windows import columns

        task, ledger = self.sized(job), Counting(job, split)
        read, kept = [], []
        for row in rows:
            value = number(row.get("value"))
            try:
                text = head.texts(row)
            except BadRow as error:
                ledger.drop(row, error.what)
                continue
            if value is None:
                ledger.drop(row, "no number")
                continue
            read.append(text)
            kept.append((row, (value - task.mean) / task.spread))
        for (row, target), found in zip(kept, head.split(job.tokenizer, read, task), strict=True):
            ledger.keep(row, found, [{**columns(window), "targets": target} for window in found], 1)
        return ledger.done(len(rows))

    def loss(self, job: Job) -> Callable[..., Any]:
        import torch

        measure = torch.nn.functional.mse_loss if job.settings.loss == "squared" else torch.nn.functional.huber_loss

        def own(model: Any, inputs: Any) -> tuple[Any, Any]:
            out = model(**{name: value for name, value in inputs.items() if name != "targets"})
            return measure(out.logits[:, 0].float(), inputs["targets"].float()), out

        return own

    def measure(self, job: Job, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        from kefu.train.heads import metrics

        read, right = self._read(rows)
        return metrics.numbers(right, [one["value"] for one in self._say(job, read)])

    def decisions(self, job: Job, rows: list[dict[str, Any]]) -> tuple[list[Decision], bool]:
        from kefu.train.heads.decisions import Decision
        from kefu.train.heads.labels import whole

        read, right = self._read(rows)
        return [
            Decision(whole(text), frozenset([f"{value:g}"]), frozenset([f"{one['value']:.4g}"]), None, abs(one["value"] - value))
            for text, value, one in zip(read, right, self._say(job, read), strict=True)
        ], False

    def trivial(self, job: Job, rows: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
        from kefu.train.factory import trivial
        from kefu.train.heads import peers

        found = peers.numbers(self._read(job.rows.train if job.rows else [])[1], self._read(rows)[1])
        return trivial.made(peers.NUMBER, found, ("mae", "rmse"), ("spearman",))

    def samples(self, job: Job, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        read, right = self._read(rows)
        said = self._say(job, read)
        return [
            {"asked": " | ".join(t for t in text if t), "expected": f"{value:g}", "said": f"{one['value']:.4g}"}
            for text, value, one in zip(read, right, said, strict=True)
        ]

    def _say(self, job: Job, read: list[Any]) -> list[dict[str, Any]]:
        from kefu.train.heads.labels import Regressor

        return Regressor(job.opened, self.sized(job)).predict(read)

    @staticmethod
    def _read(rows: list[dict[str, Any]]) -> tuple[list[Any], list[float]]:
        from kefu.train.heads import labels as head

        read, right = [], []
        for row in rows:
            value = number(row.get("value"))
            if value is not None:
                try:
                    read.append(head.texts(row))
                except BadRow:
                    continue
                right.append(value)
        return read, right

    def pieces(self, job: Job, item: dict[str, Any]) -> list[tuple[str, bool]]:
        return [(job.tokenizer.decode(item["input_ids"]), False), (f" → {item['targets'] * self.task.spread + self.task.mean:g}", True)]


def number(value: Any) -> float | None:
    """A finite number, also as text (`4,5` is none: it could be 4.5 or 45)."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None
