"""`image-text`: a picture with a text to a label, on CLIP; its own contrast of right and wrong pairs may be learnt beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from kefu.errors import InputError
from kefu.project.schema import Block
from kefu.train.heads.task import BadRow, Task
from kefu.train.methods.head import Counting, Head, HeadSettings, named

if TYPE_CHECKING:
    from kefu.train.base import Base
    from kefu.train.factory.job import Job, Prepared
    from kefu.train.heads.decisions import Decision
    from kefu.train.heads.pictures import Pair, PairReader


SHOWN = 3


class Settings(HeadSettings):
    contrast: float = Field(default=0.0, ge=0, description="weight of CLIP's own loss: each text is to find its picture among those of the batch")


class ImageText(Head):
    name: ClassVar[str] = "image-text"
    Settings: ClassVar[type[Block]] = Settings
    needs: ClassVar[str] = "image-text"
    longest: ClassVar[int] = 77

    def texts(self, row: dict[str, Any]) -> list[str]:
        return [str(row["text"])] if row.get("text") else []

    def learn(self, job: Job) -> dict[str, Any]:
        from kefu.train.heads import labels as head

        rows = job.rows.train if job.rows else []
        self.counts = Counter(label for row in rows for label in head.given(row.get("label")) or [])
        if len(self.counts) < 2:
            why = f"the training rows have {len(self.counts)} label" if rows else "there are no rows"
            raise InputError("nothing to tell apart", why, "give rows of picture, text and label with two labels or more (see data.map)")
        self.task = Task(task="image-text", method=self.name, labels=sorted(self.counts), max_length=77)
        job.facts["labels"] = dict(self.counts.most_common())
        return {}

    def load(self, job: Job, more: dict[str, Any]) -> Base:
        import torch

        from kefu.train import base as bases
        from kefu.train.heads import pictures
        from kefu.train.methods import causal

        if job.start == "embedded":
            texts = [text for row in (job.rows.train if job.rows else []) for text in self.texts(row)]
            clip, words, self.processor = pictures.embedded(texts, job.settings.embedded, job.seed)
            opened = bases.Base(bases.EMBEDDED, clip, words, embedded=True)
        else:
            opened = causal.load(job, head="", **more)
            self.processor = pictures.processor_of(*bases.locate(job.start, causal.found(job, job.start), "base"))
        if getattr(opened.model.config, "model_type", "") != "clip":
            raise InputError(f"base: {opened.name!r}", f"it is a {opened.model.config.model_type} model", "give a CLIP checkpoint, or embedded")
        held = int(opened.model.config.text_config.max_position_embeddings)
        opened.tokenizer.model_max_length = min(held, int(opened.tokenizer.model_max_length))
        torch.manual_seed(job.seed)
        model = pictures.PairModel(opened.model, len(self.task.labels)).to(opened.model.device)
        return bases.Base(opened.name, model, opened.tokenizer, opened.embedded)

    def collate(self, job: Job) -> Any:
        from kefu.train.heads.pictures import PairCollate

        return PairCollate(job.tokenizer.pad_token_id or 0, self.processor)

    def encode(self, job: Job, rows: list[dict[str, Any]], split: str) -> Prepared:
        from kefu.train.heads import pictures
        from kefu.train.heads.windows import Window

        task, ledger = self.sized(job), Counting(job, split)
        for row, pair, label in self._pairs(job, rows, ledger, split):
            if label not in task.labels:
                ledger.drop(row, "label not in the training rows")
                continue
            made = pictures.item(job.tokenizer, pair)
            if len(made["input_ids"]) > task.max_length:
                ledger.drop(row, "text longer than the model reads")
                continue
            window = Window(0, made["input_ids"], None, [], [])
            ledger.keep(row, [window], [{**made, "targets": task.labels.index(label)}], 1)
        return ledger.done(len(rows))

    def _pairs(self, job: Job, rows: list[dict[str, Any]], ledger: Counting | None = None, split: str = "") -> list[tuple[dict[str, Any], Pair, str]]:
        from kefu.train.heads import labels as head
        from kefu.train.heads import pictures

        made, lost = [], list[str]()
        roots = _roots(job)
        for row in rows:
            labels = head.given(row.get("label"))
            try:
                if not labels or len(labels) > 1:
                    raise BadRow("more than one label" if labels else "no label")
                pair = pictures.bare(row, *roots)
                pictures.pixels(pair.path).close()
            except pictures.NoPicture as error:
                lost.append(error.what.removeprefix("no picture "))
                if ledger:
                    ledger.drop(row, "picture file not there")
                continue
            except BadRow as error:
                if ledger:
                    ledger.drop(row, error.what)
                continue
            made.append((row, pair, labels[0]))
        if lost and ledger:
            more = ", ..." if len(lost) > SHOWN else ""
            places = " and ".join(dict.fromkeys(str(root.resolve()) for root in roots))
            said = f"{len(lost)} pictures are not there ({', '.join(lost[:SHOWN])}{more}); looked in {places}"
            if not made and split == "train":
                raise InputError("no row has a picture that is there", said, "name them relative to the recipe or to the file of the rows")
            job.say(said)
        return made

    def loss(self, job: Job) -> Callable[..., Any]:
        import torch

        weight, entropy = job.settings.contrast, torch.nn.functional.cross_entropy

        def own(model: Any, inputs: Any) -> tuple[Any, Any]:
            logits, out = model(**{name: value for name, value in inputs.items() if name != "targets"})
            loss = entropy(logits.float(), inputs["targets"])
            if weight and len(logits) > 1:
                right = torch.arange(len(logits), device=logits.device)
                alike = out.logits_per_text.float()
                loss = loss + weight * (entropy(alike, right) + entropy(alike.T, right)) / 2
            return loss, (logits,)

        return own

    def measure(self, job: Job, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        from kefu.train.heads import metrics

        found = self._pairs(job, rows)
        unseen = sorted({label for _, _, label in found} - set(self.task.labels))
        if unseen:
            job.say(f"the measured rows have labels that no training row has ({named(unseen)}): they cannot be right")
        said = self._reader(job).predict([pair for _, pair, _ in found])
        return metrics.labels([label for _, _, label in found], [one["label"] for one in said])

    def decisions(self, job: Job, rows: list[dict[str, Any]]) -> tuple[list[Decision], bool]:
        from kefu.train.heads.decisions import Decision

        found = self._pairs(job, rows)
        said = self._reader(job).predict([pair for _, pair, _ in found])
        return [
            Decision(f"{pair.path.name} | {pair.text}", frozenset([label]), frozenset([one["label"]]), one["probability"])
            for (_, pair, label), one in zip(found, said, strict=True)
        ], True

    def trivial(self, job: Job, rows: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
        from kefu.train.factory import trivial
        from kefu.train.heads import peers

        learnt = [label for label, count in self.counts.items() for _ in range(count)]
        found = peers.labels(learnt, [label for _, _, label in self._pairs(job, rows)], job.seed)
        return trivial.made(peers.LABEL, found, ("accuracy", "macro_f1"))

    def samples(self, job: Job, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found = self._pairs(job, rows)
        said = self._reader(job).predict([pair for _, pair, _ in found])
        return [
            {"asked": f"{pair.path.name} | {pair.text}", "expected": label, "said": f"{one['label']} {one['probability']:.3f}"}
            for (_, pair, label), one in zip(found, said, strict=True)
        ]

    def _reader(self, job: Job) -> PairReader:
        from kefu.train.heads.pictures import PairReader

        return PairReader(job.opened, self.sized(job), self.processor, job.loaded.root)

    def pieces(self, job: Job, item: dict[str, Any]) -> list[tuple[str, bool]]:
        return [(f"[{Path(item['path']).name}] {job.tokenizer.decode(item['input_ids'])}", False), (f" → {self.task.labels[item['targets']]}", True)]

    def save(self, job: Job, folder: Path) -> dict[str, Any]:
        job.model.eval()
        job.model.save(folder / "model")
        job.tokenizer.save_pretrained(folder / "model")
        self.processor.save_pretrained(folder / "model")
        for weights in (folder / "model").glob("*.safetensors"):
            weights.chmod(0o644)
        return self.sized(job).facts()


def _roots(job: Job) -> list[Path]:
    """Where pictures are looked for: beside the recipe, then beside each file of rows."""
    given = job.recipe.data
    places = [job.loaded.path(place) for place in (*given.train, *given.validation, *given.test, *given.general)]
    return list(dict.fromkeys([job.loaded.root, *(place if place.is_dir() else place.parent for place in places)]))
