"""`token-classification`: entities in a text (BIO), by a softmax on each token or with a CRF over the sequence, decoded with Viterbi."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from kefu.errors import InputError
from kefu.project.schema import Block
from kefu.train.heads.task import BadRow, Task
from kefu.train.methods.head import Counting, Head, HeadSettings, kept_from, named, new_head, same_labels

if TYPE_CHECKING:
    from kefu.train.factory.job import Job, Prepared
    from kefu.train.heads.decisions import Decision
    from kefu.train.heads.tags import Tagged

_TOLD = 0.01


class Settings(HeadSettings):
    crf: bool = Field(default=False, description="learn which tag follows which (linear-chain CRF), not only which tag fits a token")
    crf_rate: float = Field(default=30.0, ge=1, le=10_000, description="steps of the CRF's few numbers / steps of the other weights")


class Tagging(Head):
    name: ClassVar[str] = "token-classification"
    Settings: ClassVar[type[Block]] = Settings
    needs: ClassVar[str] = "tagged"
    auto: ClassVar[str] = "TokenClassification"

    def texts(self, row: dict[str, Any]) -> list[str]:
        from kefu.train.heads import tags

        try:
            return [tags.bare(row).text]
        except BadRow:
            return []

    def learn(self, job: Job) -> dict[str, Any]:
        from kefu.data.tasks.tags import scheme_of
        from kefu.train.heads import tags

        rows = job.rows.train if job.rows else []
        given = [row["tags"] for row in rows if isinstance(row.get("tags"), list)]
        self.scheme = scheme_of([[str(tag) for tag in some] for some in given]) if given else "bio"
        kinds: Counter[str] = Counter()
        for row in rows:
            try:
                kinds.update(tag[2:] for tag in tags.labelled(row, self.scheme).tags if tag.startswith("B-"))
            except BadRow:
                continue
        if not kinds and rows and not any(row.get("tags") or row.get("entities") for row in rows):
            why = f"no column of the {len(rows)} training rows is called as tags or entities usually are"
            raise InputError("the column of the tags was not found", why, "name it: --set data.map.tags=COLUMN (or data.map.entities=COLUMN)")
        if not kinds:
            raise InputError("nothing to tag", f"none of the {len(rows)} training rows has an entity", "see data.map, and the tags of the rows")
        labels = same_labels(job, ["O", *(f"{mark}-{kind}" for kind in sorted(kinds) for mark in "BI")])
        job.facts["labels"] = dict(kinds.most_common())
        self.task = Task(task="token-classification", method=self.name, labels=labels, crf=job.settings.crf)
        return {"num_labels": len(labels), "id2label": dict(enumerate(labels)), "label2id": {n: i for i, n in enumerate(labels)}}

    def open(self, job: Job) -> None:
        super().open(job)
        new_head(job, self.task.labels)
        if self.task.crf:
            from kefu.train.heads import crf

            crf.attach(job.model, self.task.labels, job.settings.crf_rate, kept_from(job, self.task.labels, "crf."))

    def encode(self, job: Job, rows: list[dict[str, Any]], split: str) -> Prepared:
        from kefu.train.heads import tags, windows

        task, ledger = self.sized(job), Counting(job, split)
        index = {name: i for i, name in enumerate(task.labels)}
        kept: list[tuple[dict[str, Any], Tagged]] = []
        for row in rows:
            try:
                one = tags.labelled(row, self.scheme)
            except BadRow as error:
                ledger.drop(row, error.what)
                continue
            ledger.facts.update({reason: count for reason, count in one.counts.items() if count})
            if any(tag not in index for tag in one.tags):
                ledger.drop(row, "entity type not in the training rows")
            elif not one.units:
                ledger.drop(row, "no words")
            else:
                kept.append((row, one))
        lost = total = 0
        cut = windows.windows(job.tokenizer, [one.text for _, one in kept], None, task.max_length, task.stride)
        if split == "train":
            windows.tell_unknown(job, cut)
        for (row, one), found in zip(kept, cut, strict=True):
            items, used, seen = [], [], set()
            for part in tags.place(found, one.units):
                if not part.units:
                    continue
                seen.update(part.units)
                used.append(part.window)
                items.append({
                    **windows.columns(part.window), "places": part.places, "tag_labels": [index[one.tags[n]] for n in part.units],
                    "first": part.units[0] == 0, "last": part.units[-1] == len(one.units) - 1,
                })  # fmt: skip
            total += len(one.units)
            lost += sum(n not in seen and one.tags[n] != _goes_on(one.tags[n - 1] if n else "O") for n in range(len(one.units)))
            if not items:
                ledger.drop(row, "no words")
                continue
            ledger.keep(row, used, items, len(seen))
        ledger.facts["entity ends inside a token"] = lost
        if total and lost > _TOLD * total:
            job.say(f"{lost} of {total} words or characters share a token with another of a different tag: this tokenizer cannot tell them apart")
        return ledger.done(len(rows))

    def loss(self, job: Job) -> Callable[..., Any]:
        """The mean over rows of each row's mean over its units, so that it does not depend on how a batch is split."""
        import torch

        crf = job.model.crf if self.task.crf else None

        def own(model: Any, inputs: Any) -> tuple[Any, Any]:
            places, right = inputs["places"], inputs["tag_labels"]
            out = model(**{name: value for name, value in inputs.items() if name not in _OURS})
            emissions = out.logits.float().gather(1, places[..., None].expand(-1, -1, out.logits.shape[-1]))
            mask = right >= 0
            if crf is not None:
                each = crf(emissions, right, mask, inputs["first"], inputs["last"])
            else:
                each = torch.nn.functional.cross_entropy(emissions.transpose(1, 2), right, ignore_index=-100, reduction="none").sum(1)
            return (each / mask.sum(1)).mean(), out

        return own

    def measure(self, job: Job, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        from kefu.train.heads import metrics, tags

        read = self._labelled(rows)
        known = {label[2:] for label in self.task.labels}
        right = [{span for span, _ in tags.entities(one, one.tags)} for one in read]
        unseen = sorted({kind for spans in right for _, _, kind in spans if kind not in known})
        if unseen:
            job.say(f"the measured rows have entities of types that no training row has ({named(unseen)}): they cannot be found")
        said = self._say(job, read)
        return metrics.entities(right, [{(e["start"], e["end"], e["label"]) for e in one["entities"]} for one in said])

    def decisions(self, job: Job, rows: list[dict[str, Any]]) -> tuple[list[Decision], bool]:
        from kefu.train.heads import tags
        from kefu.train.heads.decisions import Decision

        read = self._labelled(rows)
        return [
            Decision(
                one.text,
                frozenset(f"{one.text[a:b]} [{kind}]" for (a, b, kind), _ in tags.entities(one, one.tags)),
                frozenset(f"{e['text']} [{e['label']}]" for e in said["entities"]),
            )
            for one, said in zip(read, self._say(job, read), strict=True)
        ], False

    def trivial(self, job: Job, rows: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
        from kefu.train.factory import trivial
        from kefu.train.heads import peers, tags

        read = self._labelled(rows)
        kind = trivial.commonest([kind for kind, count in job.facts["labels"].items() for _ in range(count)])
        right = [{span for span, _ in tags.entities(one, one.tags)} for one in read]
        found = peers.entities(right, [{(a, b, kind) for a, b in one.units} for one in read])
        return trivial.made(peers.ENTITY, found, ("entity_f1",))

    def _say(self, job: Job, read: list[Tagged]) -> list[dict[str, Any]]:
        from kefu.train.heads.tags import Tagger

        return Tagger(job.opened, self.sized(job)).predict(read)

    def _labelled(self, rows: list[dict[str, Any]]) -> list[Tagged]:
        from kefu.train.heads import tags

        read = []
        for row in rows:
            try:
                read.append(tags.labelled(row, self.scheme))
            except BadRow:
                continue
        return read

    def samples(self, job: Job, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        from kefu.train.heads import tags

        read = self._labelled(rows)
        return [
            {
                "asked": one.text,
                "expected": _shown([(one.text[a:b], kind) for (a, b, kind), _ in tags.entities(one, one.tags)]),
                "said": _shown([(e["text"], e["label"]) for e in said["entities"]]),
            }
            for one, said in zip(read, self._say(job, read), strict=True)
        ]

    def pieces(self, job: Job, item: dict[str, Any]) -> list[tuple[str, bool]]:
        tags = {place: self.task.labels[label] for place, label in zip(item["places"], item["tag_labels"], strict=True)}
        return [
            (text + ("" if tags.get(n, "O") == "O" else f"[{tags[n]}]"), tags.get(n, "O") != "O")
            for n, text in enumerate(job.tokenizer.decode([i]) for i in item["input_ids"])
        ]


_OURS = ("places", "tag_labels", "first", "last")


def _goes_on(before: str) -> str:
    return "O" if before == "O" else f"I-{before[2:]}"


def _shown(found: list[tuple[str, str]]) -> str:
    return ", ".join(f"{text} [{kind}]" for text, kind in found) or "(none)"
