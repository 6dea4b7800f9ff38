"""`multitask`: one encoder, several heads (labels, numbers, entities), with an adapter for each domain and knowledge let in by a gate.

A row may lack what a head learns: it then teaches the others only.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from kefu.errors import ConfigError, InputError
from kefu.project.schema import Block
from kefu.train.heads.task import BadRow, Part, Task
from kefu.train.methods.head import Counting, Head, HeadSettings, named
from kefu.train.methods.regression import number

if TYPE_CHECKING:
    from kefu.train.base import Base
    from kefu.train.factory.job import Job, Prepared
    from kefu.train.heads.shared import SharedReader

_FEW = 20


class Spec(Block):
    """One head."""

    task: Literal["classification", "regression", "token-classification"] = "classification"
    column: str = Field(default="", description="of the rows; empty: the head's name. Entities are lists of {start, end, label}")
    multi_label: bool | None = Field(default=None, description="unset: where the rows have lists")
    weight: float = Field(default=1.0, gt=0, description="of its loss")


class Settings(HeadSettings):
    heads: dict[str, Spec] = Field(default={}, description="name -> what it learns")

    @field_validator("heads", mode="before")
    @classmethod
    def _given(cls, value: Any) -> Any:
        """`--set multitask.heads.entities=null` takes away a head that the recipe has."""
        return {name: spec for name, spec in value.items() if spec is not None} if isinstance(value, dict) else value

    fusion: Literal["none", "gated", "attended"] = Field(default="gated", description="how the rows' knowledge comes in, where they have some")
    adapter: int = Field(default=32, ge=1, description="width of a domain's adapter, where rows name their domain")


class Multitask(Head):
    name: ClassVar[str] = "multitask"
    Settings: ClassVar[type[Block]] = Settings
    needs: ClassVar[str] = "tasks"

    def texts(self, row: dict[str, Any]) -> list[str]:
        return [str(row[key]) for key in ("text", "knowledge") if row.get(key)]

    def learn(self, job: Job) -> dict[str, Any]:
        rows, specs = (job.rows.train if job.rows else []), job.settings.heads
        if not specs:
            fix = "e.g. multitask.heads: {intent: {}, urgency: {task: regression}}"
            raise ConfigError("multitask.heads is empty", "nothing is said of what to learn", fix)
        parts, self.counts = {}, {}
        for name, spec in specs.items():
            values = [value for row in rows if (value := _value(row, name, spec)) not in (None, "")]
            if not values:
                there = ", ".join(rows[0].get("rest", {})) if rows else ""
                why = f"no training row has a column {spec.column or name!r} (there are: {there})"
                fix = f"set multitask.heads.{name}.column, or take the head away: --set multitask.heads.{name}=null"
                raise InputError(f"multitask.heads.{name}", why, fix)
            self.counts[name] = len(values)
            parts[name] = _part(name, spec, values, rows)
        domains = sorted({str(row["domain"]).strip() for row in rows if row.get("domain")})
        knows = any(row.get("knowledge") for row in rows)
        self.task = Task(
            task="multitask",
            method=self.name,
            heads=parts,
            domains=domains,
            adapter=job.settings.adapter,
            fusion=job.settings.fusion if knows else "none",
        )
        job.facts["labels"] = {name: part.labels for name, part in parts.items()}
        return {}

    def load(self, job: Job, more: dict[str, Any]) -> Base:
        import torch

        from kefu.train.base import Base
        from kefu.train.heads.shared import Shared

        opened = super().load(job, more)
        torch.manual_seed(job.seed)
        model = Shared(opened.model, self.task).to(opened.model.device)
        return Base(opened.name, model, opened.tokenizer, opened.embedded)

    def encode(self, job: Job, rows: list[dict[str, Any]], split: str) -> Prepared:
        from kefu.train.heads import shared, tags, windows

        task, ledger = self.sized(job), Counting(job, split)
        kept = []
        for row in rows:
            try:
                case, targets = shared.bare(row), self._targets(job, row)
            except BadRow as error:
                ledger.drop(row, error.what)
                continue
            unseen = [name for name, value in targets.items() if value == "unseen"]
            for name in unseen:
                ledger.facts[f"{name}: label not in the training rows"] += 1
                targets[name] = None
            if all(value is None for value in targets.values()):
                ledger.drop(row, "label not in the training rows" if unseen else "nothing to learn from")
                continue
            kept.append((row, case, targets))
        found, columns, cut = shared.given(job.tokenizer, [case for _, case, _ in kept], task)
        if cut:
            ledger.facts["knowledge cut"] = cut
            job.say(f"{cut} knowledge texts are longer than {shared.KNOWN_TOKENS} tokens: the rest of them is not read")
        for (row, case, targets), parts, own in zip(kept, found, columns, strict=True):
            tagged = tags.Tagged(case.text, tags.units_of(case.text))
            items = []
            for part in tags.place(parts, tagged.units):
                item = {**windows.columns(part.window), **own, "places": part.places}
                for n, (name, head) in enumerate(task.heads.items()):
                    item[f"target_{n}" + ("_labels" if head.task == "token-classification" else "")] = _column(head, targets[name], part.units)
                items.append(item)
            ledger.keep(row, parts, items, sum(value is not None for value in targets.values()))
        return ledger.done(len(rows))

    def _targets(self, job: Job, row: dict[str, Any]) -> dict[str, Any]:
        """What each head should say: an index, a list of shares, a number, tags; None: unknown; "unseen": a label it cannot say."""
        from kefu.train.heads import labels as head
        from kefu.train.heads import tags

        made: dict[str, Any] = {}
        for name, part in self.task.heads.items():
            value = _value(row, name, job.settings.heads[name])
            if value in (None, ""):
                made[name] = None
            elif part.task == "regression":
                given = number(value)
                made[name] = None if given is None else (given - part.mean) / part.spread
            elif part.task == "classification":
                chosen = head.given(value) or []
                if any(label not in part.labels for label in chosen):
                    made[name] = "unseen"
                elif part.multi_label:
                    made[name] = [float(label in chosen) for label in part.labels]
                else:
                    made[name] = part.labels.index(chosen[0]) if len(chosen) == 1 else None
            else:
                said = tags.labelled({"text": row.get("text"), "entities": value}, "bio").tags
                made[name] = "unseen" if any(tag not in part.labels for tag in said) else [part.labels.index(tag) for tag in said]
        return made

    def loss(self, job: Job) -> Callable[..., Any]:
        """The sum over heads, each a mean over rows; a head that few rows teach counts as much as one that all do."""
        import torch

        task, entropy = self.task, torch.nn.functional
        rows = len(job.rows.train) if job.rows else 1
        rates = [job.settings.heads[name].weight * rows / max(1, self.counts[name]) for name in task.heads]

        def own(model: Any, inputs: Any) -> tuple[Any, Any]:
            outputs = model(**{name: value for name, value in inputs.items() if not name.startswith("target_") and name != "places"})
            total = 0.0
            for n, (part, rate, logits) in enumerate(zip(task.heads.values(), rates, outputs, strict=True)):
                scores = logits.float()
                if part.task == "token-classification":
                    right = inputs[f"target_{n}_labels"]
                    scores = scores.gather(1, inputs["places"][..., None].expand(-1, -1, scores.shape[-1]))[:, : right.shape[1]]
                    each = entropy.cross_entropy(scores.transpose(1, 2), right, ignore_index=-100, reduction="none").sum(1)
                    each = each / (right >= 0).sum(1).clamp(min=1)
                elif part.task == "regression":
                    right = inputs[f"target_{n}"].float()
                    each = torch.where(right.isnan(), 0.0, (scores[:, 0] - right.nan_to_num()) ** 2)
                elif part.multi_label:
                    right = inputs[f"target_{n}"].float()
                    each = entropy.binary_cross_entropy_with_logits(scores, right.clamp(min=0), reduction="none").mean(1) * (right[:, 0] >= 0)
                else:
                    each = entropy.cross_entropy(scores, inputs[f"target_{n}"], ignore_index=-100, reduction="none")
                total = total + rate * each.mean()
            return total, outputs

        return own

    def finish(self, job: Job) -> None:
        """Temperature and thresholds of the label heads, on validation rows."""
        import numpy as np

        from kefu.train.heads import labels as head
        from kefu.train.heads import shared

        rows = [row for row in (job.rows.validation if job.rows else []) if str(row.get("text") or "").strip()]
        if len(rows) < _FEW:
            return
        _, logits = self._reader(job).logits([shared.bare(row) for row in rows])
        parts = dict(self.task.heads)
        for n, (name, part) in enumerate(self.task.heads.items()):
            targets: list[Any] = [self._targets_or_none(job, row).get(name) for row in rows]
            known = [i for i, value in enumerate(targets) if value not in (None, "unseen")]
            if part.task != "classification" or len(known) < _FEW:
                continue
            found = head.pooled([logits[n][i] for i in known])
            if part.multi_label:
                limits = head.thresholds(head.sigmoid(found), np.array([targets[i] for i in known]) > 0)
                parts[name] = part.model_copy(update={"thresholds": limits})
            else:
                chosen = [int(targets[i]) for i in known]
                parts[name] = part.model_copy(update={"temperature": round(head.temperature(found, chosen), 6)})
        self.task = self.task.model_copy(update={"heads": parts})

    def _targets_or_none(self, job: Job, row: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._targets(job, row)
        except BadRow:
            return {}

    def measure(self, job: Job, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Of each head its own metrics, `name.metric`; rows that say nothing of a head are not counted for it."""
        from kefu.train.heads import metrics, shared

        rows = _readable(rows)
        said = [one["heads"] for one in self._reader(job).predict([shared.bare(row) for row in rows])]
        made: dict[str, dict[str, Any]] = {}
        for name, part in self.task.heads.items():
            known = self.truths(job, rows, name)
            right, heard = [truth for _, truth in known], [_heard(part, said[i][name]) for i, _ in known]
            measure: Any = {"regression": metrics.numbers, "token-classification": metrics.entities}.get(
                part.task, metrics.label_sets if part.multi_label else metrics.labels
            )
            made |= {f"{name}.{metric}": figure for metric, figure in measure(right, heard).items()}
            if part.task == "classification" and not part.multi_label:
                unseen = sorted({*right} - set(part.labels))
                if unseen:
                    job.say(f"measured rows have labels of {name} that no training row has ({named(unseen)}): they cannot be right")
        return made

    def truths(self, job: Job, rows: list[dict[str, Any]], name: str) -> list[tuple[int, Any]]:
        """(place of the row, what the head should say) of the rows that tell it: a label, a set of labels or entities, a number."""
        from kefu.train.heads import labels as head
        from kefu.train.heads import tags

        part = self.task.heads[name]
        found: list[tuple[int, Any]] = []
        for i, row in enumerate(rows):
            value = _value(row, name, job.settings.heads[name])
            if value in (None, ""):
                continue
            if part.task == "classification":
                chosen = head.given(value) or []
                found.append((i, set(chosen) if part.multi_label else "|".join(chosen)))
            elif part.task == "regression":
                if (given := number(value)) is not None:
                    found.append((i, given))
            else:
                try:
                    one = tags.labelled({"text": row["text"], "entities": value}, "bio")
                except BadRow:
                    continue
                found.append((i, {span for span, _ in tags.entities(one, one.tags)}))
        return found

    def trivial(self, job: Job, rows: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
        from kefu.train.factory import trivial
        from kefu.train.heads import peers, tags

        rows, learnt = _readable(rows), _readable(job.rows.train if job.rows else [])
        made: dict[str, Any] = {}
        main, how = [], []
        group: tuple[str, ...]
        for name, part in self.task.heads.items():
            known = self.truths(job, rows, name)
            right, seen = [truth for _, truth in known], [truth for _, truth in self.truths(job, learnt, name)]
            if part.task == "classification":
                found = (peers.sets if part.multi_label else peers.labels)(seen, right, job.seed)
                group, said = (("micro_f1", "macro_f1"), peers.SETS) if part.multi_label else (("accuracy", "macro_f1"), peers.LABEL)
            elif part.task == "regression":
                found, group, said = peers.numbers(seen, right), ("mae", "rmse"), peers.NUMBER
            else:
                kind = trivial.commonest([span[2] for truth in seen for span in sorted(truth)])
                every = [{(a, b, kind) for a, b in tags.units_of(str(rows[i]["text"]))} for i, _ in known]
                found, group, said = peers.entities(right, every), ("entity_f1",), peers.ENTITY
            made |= {f"{name}.{metric}": figure for metric, figure in found.items()}
            main.append([f"{name}.{metric}" for metric in group])
            how.append(f"{name}: {said}")
        return trivial.made("; ".join(how), made, main)

    def samples(self, job: Job, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        from kefu.train.heads import shared

        rows = _readable(rows)
        said = [one["heads"] for one in self._reader(job).predict([shared.bare(row) for row in rows])]
        return [
            {
                "asked": str(row["text"]),
                "expected": "; ".join(f"{name}: {_value(row, name, spec)}" for name, spec in job.settings.heads.items()),
                "said": "; ".join(f"{name}: {_short(answer[name])}" for name in self.task.heads),
            }
            for row, answer in zip(rows, said, strict=True)
        ]

    def _reader(self, job: Job) -> SharedReader:
        from kefu.train.heads.shared import SharedReader

        return SharedReader(job.opened, self.sized(job))

    def pieces(self, job: Job, item: dict[str, Any]) -> list[tuple[str, bool]]:
        told = []
        for n, (name, part) in enumerate(self.task.heads.items()):
            value = item.get(f"target_{n}")
            if part.task == "classification" and isinstance(value, int) and value >= 0:
                told.append(f"{name}: {part.labels[value]}")
            elif isinstance(value, float) and not math.isnan(value):
                told.append(f"{name}: {value * part.spread + part.mean:g}")
        return [(job.tokenizer.decode(item["input_ids"]), False), (" → " + "; ".join(told), True)]

    def save(self, job: Job, folder: Path) -> dict[str, Any]:
        job.model.eval()
        job.model.save(folder / "model")
        job.tokenizer.save_pretrained(folder / "model")
        for weights in (folder / "model").glob("*.safetensors"):
            weights.chmod(0o644)
        return self.sized(job).facts()


def _readable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if str(row.get("text") or "").strip()]


def _heard(part: Part, answer: dict[str, Any]) -> Any:
    """What a head said, in the form of its truths."""
    if part.task == "regression":
        return answer["value"]
    if part.task == "token-classification":
        return {(e["start"], e["end"], e["label"]) for e in answer["entities"]}
    return set(answer["labels"]) if part.multi_label else answer["label"]


def _value(row: dict[str, Any], name: str, spec: Spec) -> Any:
    return (row.get("rest") or {}).get(spec.column or name)


def _part(name: str, spec: Spec, values: list[Any], rows: list[dict[str, Any]]) -> Part:
    """Labels or spread of a head, from its training rows. Raises InputError where there is nothing to learn."""
    from kefu.train.heads import labels as head
    from kefu.train.heads import tags

    if spec.task == "regression":
        numbers = [found for value in values if (found := number(value)) is not None]
        if len(set(numbers)) < 2:
            raise InputError(f"multitask.heads.{name}: nothing to learn", "its column has no two different numbers", "see its column")
        mean = math.fsum(numbers) / len(numbers)
        return Part(task="regression", mean=mean, spread=math.sqrt(math.fsum((v - mean) ** 2 for v in numbers) / len(numbers)))
    if spec.task == "classification":
        several = spec.multi_label if spec.multi_label is not None else head.several(values)
        labels = sorted({label for value in values for label in head.given(value) or []})
        if len(labels) < 2:
            raise InputError(f"multitask.heads.{name}: nothing to tell apart", f"its column has {len(labels)} label", "see its column")
        return Part(task="classification", labels=labels, multi_label=several)
    kinds: Counter[str] = Counter()
    for row in rows:
        value = _value(row, name, spec)
        if value not in (None, ""):
            try:
                kinds.update(tag[2:] for tag in tags.labelled({"text": row.get("text"), "entities": value}, "bio").tags if tag[0] == "B")
            except BadRow:
                continue
    if not kinds:
        raise InputError(f"multitask.heads.{name}: nothing to tag", "no row has an entity", "entities are lists of {start, end, label}")
    return Part(task="token-classification", labels=["O", *(f"{mark}-{kind}" for kind in sorted(kinds) for mark in "BI")])


def _column(part: Part, value: Any, units: Sequence[int]) -> Any:
    """What a window's item holds for a head; a value that is not known teaches nothing."""
    if part.task == "token-classification":
        return [] if value is None else [value[n] for n in units]
    if part.task == "regression":
        return math.nan if value is None else value
    if part.multi_label:
        return [-1.0] * len(part.labels) if value is None else value
    return -100 if value is None else value


def _short(answer: dict[str, Any]) -> str:
    if "entities" in answer:
        return ", ".join(f"{e['text']} [{e['label']}]" for e in answer["entities"]) or "(none)"
    if "value" in answer:
        return f"{answer['value']:.4g}"
    return ", ".join(answer["labels"]) if "labels" in answer else str(answer["label"])
