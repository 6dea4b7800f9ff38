"""`classification`: a text, or a pair of texts, to one label or several. Transformers' Trainer on a model for sequence classification."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from kefu.errors import ConfigError, InputError
from kefu.project.schema import Block
from kefu.train.heads.task import BadRow, Task
from kefu.train.methods.head import Counting, Head, TextSettings, named, new_head, same_labels

if TYPE_CHECKING:
    from pathlib import Path

    from kefu.train.factory.job import Job, Prepared
    from kefu.train.heads.decisions import Decision
    from kefu.train.heads.labels import Classifier
    from kefu.train.heads.wording import Wording

_UNEVEN = 5
_FEW = 10  # held-out rows below which nothing is calibrated, and n-grams have no weight
_LIMITED = 20  # held-out rows below which `other` has no limit of its own
_FITTED_STEPS, _LEAST = 300, 5.0  # of a fitted head: steps that are enough, and epochs at least; half of both where each row is read twice
_GENTLE = 0.7  # of the usual rate, for a head that is fitted
_TOO_MANY = 20_000_000  # rows times labels


class Settings(TextSettings):
    multi_label: bool | None = Field(default=None, description="more than one label may be right; unset: where the rows have lists")
    label_separator: str | None = Field(
        default=None, max_length=5, description="sign between the labels of one cell (a;b); unset: found where there is one; empty: none"
    )
    weights: Literal["auto", "none", "root", "balanced"] = Field(
        default="auto", description="of rare labels: 1 / count, or its root; auto: root when the commonest is five times the rarest"
    )
    wording: Literal["auto", "add", "none"] = Field(
        default="auto",
        description="n-grams beside the encoder; auto: single texts with one label, where 10 held-out rows can weigh the two, or where the "
        "encoder starts from random weights",
    )
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    agreement: float | None = Field(
        default=None, ge=0, le=20,
        description="weight of the divergence between two passes of a row under different dropout (R-Drop; twice the work of a step); "
        "unset: 1 where the head starts fitted, else 0",
    )  # fmt: skip
    start: Literal["auto", "fitted", "random"] = Field(
        default="auto", description="the head before the first step: fitted to the encoder's vectors; auto: where it reads the mean and is a new one"
    )
    other: str = Field(default="", description="the label of rows that belong to none; also given when no label is sure enough (calibrated)")
    other_kept: float | None = Field(
        default=0.985, gt=0, lt=1,
        description="share of held-out rows of the classes that may not be taken for `other`; null: the limit at which most is right, the two "
        "kinds counting alike",
    )  # fmt: skip
    other_examples: Literal["class", "calibrate"] = Field(
        default="class", description="class: training rows of `other` are learnt like any label; calibrate: they only set the limit"
    )


class Classification(Head):
    name: ClassVar[str] = "classification"
    Settings: ClassVar[type[Block]] = Settings
    needs: ClassVar[str] = "labelled"
    auto: ClassVar[str] = "SequenceClassification"
    lower: ClassVar[bool] = True
    most_epochs: ClassVar[float] = 20.0

    def __init__(self) -> None:
        super().__init__()
        self.wording: Wording | None = None
        self.separator, self.several = "", False

    def learn(self, job: Job) -> dict[str, Any]:
        from kefu.train.heads import labels as head

        rows = job.rows.train if job.rows else []
        multi = job.settings.multi_label
        cells = [row.get("label") for row in rows]
        self.separator = self._separator(job, cells) if multi is not False else ""
        if multi is None:
            multi = bool(self.separator) or head.several(cells)
        self.several = bool(multi)
        self.counts = Counter(label for cell in cells for label in self.labels(cell) or [])
        if job.settings.other and job.settings.other_examples == "calibrate":
            del self.counts[job.settings.other]
        found = same_labels(job, sorted(self.counts))
        if len(found) < 2:
            why = f"all {len(rows)} training rows say {found[0]!r}" if found else "no training row has a label"
            raise InputError("nothing to tell apart", why, "give rows with two labels or more (see data.map)")
        if job.settings.other and multi:
            raise InputError(f"classification.other: {job.settings.other!r}", "of several labels none may be right", "leave it out")
        self.task = Task(task="classification", method=self.name, labels=found, multi_label=multi, other=(other := job.settings.other))
        if other in found:
            self.task = self.task.model_copy(update={"sure": 0.5})
        kind = "multi_label_classification" if multi else "single_label_classification"
        return {"num_labels": len(found), "id2label": dict(enumerate(found)), "label2id": {n: i for i, n in enumerate(found)}, "problem_type": kind}

    def labels(self, cell: Any) -> list[str] | None:
        """The labels of a row. Where several may be right, an empty cell or list says that none is: a true negative for every label.

        None: the row does not say; so an empty cell where one label is right, and a label that is missing (null) anywhere."""
        from kefu.train.heads.labels import given

        found = given(cell, self.separator)
        return [] if found is None and isinstance(cell, str) and self.several else found

    def _separator(self, job: Job, cells: list[Any]) -> str:
        from kefu.train.heads.labels import separator

        asked = job.settings.label_separator
        if asked is not None:
            return str(asked)
        if found := separator(cells):
            count = sum(isinstance(cell, str) and found in cell for cell in cells)
            job.say(f"{count} of {len(cells)} rows join several labels with {found!r} (classification.label_separator: '' reads them as one name)")
        return found

    def open(self, job: Job) -> None:
        super().open(job)
        if self.task.pooling == "own":
            new_head(job, self.task.labels)
        most, least = max(self.counts.values()), min(self.counts.values())
        job.facts["labels"] = dict(self.counts.most_common())
        self.kind = job.settings.weights
        if self.kind == "auto":
            self.kind = "root" if most >= _UNEVEN * least else "none"
            if self.kind == "root":
                job.say(f"labels are uneven (from {least} to {most} rows): rare ones weigh more (classification.weights: root)")

    def defaults(self, job: Job) -> dict[str, tuple[Any, str]]:
        made = super().defaults(job)
        if not self.fitted(job):
            return made
        rows, passes = len(job.rows.train) if job.rows else 0, 2 if self.agreement(job) else 1
        batch = int(job.recipe.train.batch_size or made["batch_size"][0])
        steps, least, most = (round(number / passes, 1) for number in (_FITTED_STEPS, _LEAST, self.most_epochs))
        epochs = min(most, max(least, round(steps * batch / max(1, rows), 1)))
        twice = ", each row twice" if passes == 2 else ""
        return made | {
            "epochs": (epochs, f"a fitted head needs some {steps:g} steps{twice}; between {least:g} and {most:g} epochs"),
            "learning_rate": (round(made["learning_rate"][0] * _GENTLE, 7), "gentler than usual: the head is fitted already"),
        }

    def encode(self, job: Job, rows: list[dict[str, Any]], split: str) -> Prepared:
        from kefu.train.heads import labels as head
        from kefu.train.heads.windows import columns, tell_unknown

        task, ledger = self.sized(job), Counting(job, split)
        place = {name: i for i, name in enumerate(task.labels)}
        read, kept = [], []
        for row in rows:
            labels = self.labels(row.get("label"))
            unseen = [label for label in labels or [] if label not in place]
            try:
                text = head.texts(row)
            except BadRow as error:
                ledger.drop(row, error.what)
                continue
            if labels is None or (not task.multi_label and len(labels) != 1):
                ledger.drop(row, "no label" if not labels else "more than one label")
            elif unseen:
                ledger.drop(row, "kept for the limit of `other`" if unseen == [task.other] else "label not in the training rows")
            else:
                read.append(text)
                kept.append((row, labels))
        cut = head.split(job.tokenizer, read, task)
        if split == "train":
            tell_unknown(job, cut)
        for (row, labels), found in zip(kept, cut, strict=True):
            target: Any = [float(name in labels) for name in task.labels] if task.multi_label else place[labels[0]]
            ledger.keep(row, found, [{**columns(window), "targets": target} for window in found], 1)
            if not labels:
                ledger.facts["rows of no label (true negatives)"] += 1
        return ledger.done(len(rows))

    def loss(self, job: Job) -> Callable[..., Any]:
        from kefu.train.heads import labels as head

        criterion, agreement = self.criterion(job), self.agreement(job)

        def own(model: Any, inputs: Any) -> tuple[Any, Any]:
            columns, right = {name: value for name, value in inputs.items() if name != "targets"}, inputs["targets"]
            if not (agreement and model.training):
                out = model(**columns)
                return criterion(out.logits.float(), right), out
            out = model(**{name: value.repeat(2, *[1] * (value.ndim - 1)) for name, value in columns.items()})
            logits = out.logits.float()
            return criterion(logits, right.repeat(2, *[1] * (right.ndim - 1))) + agreement * head.divergence(logits, self.task.multi_label), out

        return own

    def agreement(self, job: Job) -> float:
        asked = job.settings.agreement
        return float(asked if asked is not None else self.fitted(job))

    def sequences(self, job: Job) -> int:
        return 2 if self.agreement(job) else 1

    def fitted(self, job: Job) -> bool:
        """Whether the head is fitted to the encoder's vectors before the first step. Raises ConfigError where it is asked for and cannot be."""
        from kefu.train.heads import probe

        asked = job.settings.start
        if asked == "fitted" and self.task.pooling != "mean":
            raise ConfigError("classification.start: fitted", "the head does not read the mean over tokens", "add classification.pooling: mean")
        if asked == "fitted" and len(self.task.labels) > probe.MOST_LABELS:
            why = f"{len(self.task.labels)} labels are more than {probe.MOST_LABELS}"
            raise ConfigError("classification.start: fitted", why, "leave it out")
        few = len(self.task.labels) <= probe.MOST_LABELS
        return asked == "fitted" or (asked == "auto" and few and self.anew and self.task.pooling == "mean")

    def criterion(self, job: Job) -> Callable[[Any, Any], Any]:
        """(logits, targets) -> loss: the mean over rows, rare labels weighed."""
        import torch

        from kefu.train.heads.labels import weights

        given = torch.tensor(weights(self.counts, self.task.labels, self.kind))
        smoothing, multi = job.settings.label_smoothing, self.task.multi_label

        def loss(logits: Any, right: Any) -> Any:
            rates = given.to(logits.device)
            if multi:
                aim = right.float() * (1 - smoothing) + smoothing / 2
                each = torch.nn.functional.binary_cross_entropy_with_logits(logits, aim, reduction="none")
                return (each * torch.where(right > 0, rates, torch.ones_like(rates))).mean()
            each = torch.nn.functional.cross_entropy(logits, right, reduction="none", label_smoothing=smoothing)
            return (each * rates[right]).mean()

        return loss

    def begin(self, job: Job, train: Prepared) -> None:
        from kefu.train.heads import probe

        if not self.fitted(job):
            return
        job.progress("fitting the head to the encoder's vectors", 0.08)
        share = probe.begin(job.opened, job.model.heads[0], train.items, self.criterion(job), rows=64, bf16=job.plan["bf16"], seed=job.seed)
        job.facts["start"] = {"fitted": min(len(train.items), probe.MOST), "right": round(share, 4)}

    def judged(self, outputs: Any, inputs: Any) -> tuple[Any, Any]:
        import torch

        logits, right = outputs.logits.detach().float(), inputs["targets"]
        if self.task.multi_label:
            wrong = ((logits > 0) != (right > 0)).float().mean(1)
            return wrong, torch.nn.functional.binary_cross_entropy_with_logits(logits, right.float(), reduction="none").mean(1)
        return (logits.argmax(1) != right).float(), torch.nn.functional.cross_entropy(logits, right, reduction="none")

    def finish(self, job: Job) -> None:
        """Temperature, thresholds and the limit of `other`, on validation rows: what is measured on test rows did not choose them."""
        from kefu.train.factory import figures
        from kefu.train.heads import labels as head

        rows = job.rows.validation if job.rows else []
        classifier = self.classifier(job)
        read, right = [], []
        other = job.settings.other
        calibrating = [row for row in (job.rows.train if job.rows else []) if other and self.labels(row.get("label")) == [other]]
        for row in [*rows, *(calibrating if job.settings.other_examples == "calibrate" else [])]:
            labels = self.labels(row.get("label"))
            if labels is not None and all(label in self.task.labels or label == other for label in labels):
                try:
                    read.append(head.texts(row))
                except BadRow:
                    continue
                right.append(labels)
        believed = job.settings.wording == "add" or (job.settings.wording == "auto" and job.opened.embedded)
        if len(read) < _FEW and (self.task.multi_label or not believed):
            job.say(f"{len(read)} validation rows are too few to calibrate with: probabilities are as the model gives them")
            return
        logits = classifier.logits(read)[0] if read else np.zeros((0, len(self.task.labels)))
        place = {name: i for i, name in enumerate(self.task.labels)}
        if self.task.multi_label:
            truth = np.array([[name in labels for name in self.task.labels] for labels in right])
            self.task = self.task.model_copy(update={"thresholds": head.thresholds(head.sigmoid(logits), truth)})
            return
        known = [i for i, labels in enumerate(right) if labels[0] in place]
        logits = self._weighed(job, logits, known, read, [place[right[i][0]] for i in known])
        if other and len(read) >= _LIMITED:
            within = [labels[0] != other for labels in right]
            best, sure = head.inside(head.probabilities(logits, self.task), self.task)
            kept = job.settings.other_kept
            limit, rule = (head.keeping(sure, within, kept) if kept else None), f"{kept:g} of the classes' rows stay" if kept else ""
            if limit is None and not all(within):
                said = [self.task.labels[i] == labels[0] for i, labels in zip(best, right, strict=True)]
                limit, rule = head.outside(sure, within, said), "most is right, both kinds counting alike"
            elif limit is None:
                limit, rule = self.task.sure, "whichever is likelier"
            self.task = self.task.model_copy(update={"sure": round(limit, 6)})
            away = [s < limit for s in sure]
            job.facts["other"] = {
                "limit": self.task.sure, "rule": rule, "inside_kept": figures.share([not a for a, one in zip(away, within, strict=True) if one]),
                "other_found": figures.share([a for a, one in zip(away, within, strict=True) if not one]),
            }  # fmt: skip

    def _weighed(self, job: Job, logits: Any, known: list[int], read: list[Any], right: list[int]) -> Any:
        """Settle temperature and the weight of the wording on held-out rows; returns the logits of `read` with the wording in them."""
        from kefu.train.heads import labels as head
        from kefu.train.heads.wording import CHECKPOINT, SCRATCH, pool

        self.wording = self._wording(job, len(known))
        if self.wording is None:
            self.task = self.task.model_copy(update={"temperature": round(head.temperature(logits[known], right), 6)})
            return logits
        scores = self.wording.scores([head.whole(text) for text in read]) if read else logits
        belief = SCRATCH if job.opened.embedded else CHECKPOINT
        heat, weight = (round(number, 6) for number in pool(logits[known], scores[known], right, belief))
        both = logits + weight * scores
        self.task = self.task.model_copy(update={"temperature": heat, "wording": weight})
        if not known:
            job.facts["wording"] = {"weight": weight, "n_grams": len(self.wording.columns), "n": 0}
            job.say(f"n-grams of the wording weigh {weight:.2f} beside the encoder: no held-out row says how much")
            return both
        alone, joined = (float(np.mean(some[known].argmax(1) == right)) for some in (logits, both))
        job.facts["wording"] = {"weight": weight, "n_grams": len(self.wording.columns), "without": alone, "with": joined, "n": len(known)}
        job.say(
            f"n-grams of the wording weigh {weight:.2f} beside the encoder: {joined:.3f} of {len(known)} held-out rows right, {alone:.3f} without"
        )
        return both

    def _wording(self, job: Job, held: int) -> Wording | None:
        """N-grams learnt on the training rows, where they are wanted and can be weighed."""
        from kefu.train.heads import labels as head
        from kefu.train.heads.wording import Wording

        asked, rows = job.settings.wording, job.rows.train if job.rows else []
        place = {name: i for i, name in enumerate(self.task.labels)}
        read, labels = self._labelled(rows)
        if asked == "none" or (asked == "auto" and ((held < _FEW and not job.opened.embedded) or any(other for _, other in read))):
            return None
        kept = [(head.whole(text), place[names[0]]) for text, names in zip(read, labels, strict=True) if len(names) == 1 and names[0] in place]
        if asked == "auto" and len(kept) * len(place) > _TOO_MANY:
            job.say(f"{len(kept)} rows with {len(place)} labels are many for n-grams beside the encoder (classification.wording: add)")
            return None
        job.progress("learning n-grams", 0.92)
        # weights of rare labels that nobody asked for are left to the encoder: held-out rows weigh the two, as they come
        rates = head.weights(self.counts, self.task.labels, self.kind) if job.settings.weights in ("root", "balanced") else None
        return Wording.learn([text for text, _ in kept], [label for _, label in kept], len(place), job.seed, rates)

    def classifier(self, job: Job) -> Classifier:
        from kefu.train.heads.labels import Classifier

        return Classifier(job.opened, self.sized(job), wording=self.wording)

    def save(self, job: Job, folder: Path) -> dict[str, Any]:
        made = super().save(job, folder)
        if self.wording is not None:
            self.wording.save(folder / "model")
        return made

    def measure(self, job: Job, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Rows whose label was not met in training are counted as wrong, and named."""
        from kefu.train.heads import metrics

        read, right = self._labelled(rows)
        known = {*self.task.labels, self.task.other}
        unseen = sorted({label for labels in right for label in labels if label not in known})
        if unseen:
            count = sum(any(label in unseen for label in labels) for labels in right)
            job.facts["labels_not_met"] = {"rows": count, "of": len(right), "labels": unseen}
            job.say(f"{count} of {len(right)} measured rows have labels that no training row has ({named(unseen)}): they cannot be right")
        said = self.classifier(job).predict(read)
        if self.task.multi_label:
            return metrics.label_sets([set(labels) for labels in right], [set(one["labels"]) for one in said])
        made = metrics.labels([labels[0] for labels in right], [one["label"] for one in said])
        if self.task.other:
            from kefu.train.factory.figures import share

            inside = [(labels[0], one["label"]) for labels, one in zip(right, said, strict=True) if labels[0] != self.task.other]
            outside = [one["label"] for labels, one in zip(right, said, strict=True) if labels[0] == self.task.other]
            made |= {"inside_accuracy": share([a == b for a, b in inside]), "other_recall": share([b == self.task.other for b in outside])}
        return made

    def decisions(self, job: Job, rows: list[dict[str, Any]]) -> tuple[list[Decision], bool]:
        from kefu.train.heads import labels as head
        from kefu.train.heads.decisions import Decision

        read, right = self._labelled(rows)
        made = []
        for text, labels, one in zip(read, right, self.classifier(job).predict(read, scores=True), strict=True):
            said = one["labels"] if "labels" in one else [one["label"]]
            doubt = [one["scores"].get(label, 0.0) if label in said else 1 - one["scores"].get(label, 0.0) for label in {*said} ^ {*labels}]
            sure = (max(doubt) if doubt else None) if "labels" in one else one["probability"]
            made.append(Decision(head.whole(text), frozenset(labels), frozenset(said), sure))
        return made, not self.task.multi_label

    def trivial(self, job: Job, rows: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
        from kefu.train.factory import trivial
        from kefu.train.heads import peers

        (_, learnt), (_, right) = self._labelled(job.rows.train if job.rows else []), self._labelled(rows)
        if self.task.multi_label:
            found = peers.sets([set(labels) for labels in learnt], [set(labels) for labels in right], job.seed)
            return trivial.made(peers.SETS, found, ("micro_f1", "macro_f1"), ("exact",))
        found = peers.labels([labels[0] for labels in learnt], [labels[0] for labels in right], job.seed)
        return trivial.made(peers.LABEL, found, ("accuracy", "macro_f1"))

    def _labelled(self, rows: list[dict[str, Any]]) -> tuple[list[Any], list[list[str]]]:
        from kefu.train.heads import labels as head

        read, right = [], []
        for row in rows:
            labels = self.labels(row.get("label"))
            if labels is None or (not labels and not self.task.multi_label):
                continue
            try:
                read.append(head.texts(row))
            except BadRow:
                continue
            right.append(labels)
        return read, right

    def samples(self, job: Job, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:

        read, right = self._labelled(rows)
        said = self.classifier(job).predict(read)
        return [
            {"asked": " | ".join(t for t in text if t), "expected": ", ".join(labels), "said": _shown(one)}
            for text, labels, one in zip(read, right, said, strict=True)
        ]

    def pieces(self, job: Job, item: dict[str, Any]) -> list[tuple[str, bool]]:
        on = [item["targets"]] if isinstance(item["targets"], int) else [i for i, value in enumerate(item["targets"]) if value]
        return [(job.tokenizer.decode(item["input_ids"]), False), (" → " + ", ".join(self.task.labels[i] for i in on), True)]


def _shown(one: dict[str, Any]) -> str:
    if "labels" in one:
        return ", ".join(f"{label} {share:.3f}" for label, share in one["probabilities"].items()) or "(none)"
    return f"{one['label']} {one['probability']:.3f}"
