"""`dpo`, `kto`, `orpo`: from preferences without a reward model, through TRL's trainers.

DPO: Rafailov et al. 2023, arXiv 2305.18290. KTO: Ethayarajh et al. 2024, arXiv 2402.01306. ORPO: Hong et al. 2024, arXiv 2403.07691.
Rows arrive tokenised from our one renderer; the trainers' own tokenising is not used (tests hold the ids equal to TRL's).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from kefu.project.schema import Block
from kefu.train.methods.causal import Causal
from kefu.train.methods.lora import Lora, merge, wrap

if TYPE_CHECKING:
    from kefu.train.encode import Encoded
    from kefu.train.factory.job import Job, Prepared


BY_LENGTH = "a coin, or the longer answer (the shorter where the training rows prefer that), whichever is right more often"


class Aligned(Block):
    beta: float = Field(default=0.1, gt=0, description="how dearly moving away from the base is paid for")
    lora: Lora | None = Field(default=None, description="train adapters instead of all weights; they are merged afterwards")


class Dpo(Aligned):
    loss: Literal["sigmoid", "hinge", "ipo", "robust"] = "sigmoid"
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5, description="share of preferences taken to be the wrong way round (robust)")


class Kto(Aligned):
    desirable_weight: float = Field(default=1.0, gt=0)
    undesirable_weight: float = Field(default=1.0, gt=0)


class Align(Causal):
    """What the three share. Metrics are of the model against itself before training."""

    needs: ClassVar[str] = "preference"

    def __init__(self) -> None:
        self.before: list[tuple[float, float]] = []

    def defaults(self, job: Job) -> dict[str, tuple[Any, str]]:
        from kefu.train.factory.plan import READ

        adapter = job.settings.lora is not None
        return {
            "epochs": (1.0, "preferences are overfitted quickly"),
            "measure_rows": (READ, "a row costs two passes"),
            "learning_rate": (1e-5 if adapter else 1e-6, "usual for aligning" + (" adapters" if adapter else " all weights")),
            "schedule": ("linear", "TRL's own choice"),
            "weight_decay": (0.0, "the distance to the base is already paid for"),
        }

    def open(self, job: Job) -> None:
        job.base = self.load(job)
        if job.settings.lora:
            wrap(job, job.settings.lora)
        else:
            job.facts["frozen_copies"] = self.copies

    copies: ClassVar[int] = 1

    def sequences(self, job: Job) -> int:
        return 2  # the better answer and the other

    def encode(self, job: Job, rows: list[dict[str, Any]], split: str) -> Prepared:
        from kefu.train.methods.preference import encode_pairs

        return encode_pairs(self.encoder(job), rows)

    def finish(self, job: Job) -> None:
        if job.settings.lora:
            merge(job)

    def measure(self, job: Job, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """accuracy: the better answer gained more log-probability than the worse; margin: by how much (nats);
        prefers_chosen: the better answer is the likelier one per token."""
        from kefu.train.factory import figures
        from kefu.train.methods.asking import logprobs

        pairs = self.pairs(job, rows)
        better, worse = logprobs(job.opened, [p[0] for p in pairs]), logprobs(job.opened, [p[1] for p in pairs])
        now = [(-b, -w) for (b, _), (w, _) in zip(better, worse, strict=True)]
        likelier = [b / n < w / m for (b, n), (w, m) in zip(better, worse, strict=True)]
        made = {"prefers_chosen": figures.share(likelier)}
        if not self.before:
            self.before = now
            return made
        margins = [(b - w) - (b0 - w0) for (b, w), (b0, w0) in zip(now, self.before, strict=True)]
        return {**made, "accuracy": figures.share([m > 0 for m in margins]), "margin": figures.mean(margins)}

    def trivial(self, job: Job, rows: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
        from kefu.train.factory import trivial
        from kefu.train.methods.preference import answers

        found = trivial.lengths(answers(job.rows.train if job.rows else []), answers(rows))
        return trivial.made(BY_LENGTH, found, ("accuracy",), ("prefers_chosen",))

    def pairs(self, job: Job, rows: list[dict[str, Any]]) -> list[tuple[Encoded, Encoded]]:
        from kefu.train.encode import IGNORE, Encoded
        from kefu.train.methods.preference import encode_pairs

        def whole(item: dict[str, Any], side: str) -> Encoded:
            start = len(item["prompt_ids"])
            return Encoded(item["prompt_ids"] + item[side], [IGNORE] * start + item[side], start)

        made = encode_pairs(self.encoder(job), [row for row in rows if row.get("chosen") is not None])
        return [(whole(item, "chosen_ids"), whole(item, "rejected_ids")) for item in made.items]

    def samples(self, job: Job, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        from kefu.train.methods import asking
        from kefu.train.methods.causal import ANSWER_TOKENS
        from kefu.train.methods.preference import pair, readable
        from kefu.train.rows import Row

        asked = [Row(str(i), "preference", tuple(h), b) for i, row in enumerate(rows) if readable(row) for h, b, _ in [pair(row)]]
        said = asking.said(job.opened, self.encoder(job), asked, ANSWER_TOKENS)
        return [{"asked": turn.question, "expected": turn.answer, "said": text} for turn, (text, _) in zip(asked, said, strict=True)]

    def pieces(self, job: Job, item: dict[str, Any]) -> list[tuple[str, bool]]:
        read = job.tokenizer.decode
        if "completion_ids" in item:
            return [(read(item["prompt_ids"]), False), (read(item["completion_ids"]), True), ("  good" if item["label"] else "  bad", False)]
        return [(read(item["prompt_ids"]), False), (read(item["chosen_ids"]), True), ("  rather than  ", False), (read(item["rejected_ids"]), True)]


class DpoMethod(Align):
    name: ClassVar[str] = "dpo"
    Settings: ClassVar[type[Block]] = Dpo

    def trainer(self, job: Job, train: Prepared, validation: Prepared | None) -> Any:
        from trl import DPOConfig, DPOTrainer

        given = job.settings
        options = DPOConfig(
            **job.arguments(bool(validation)), max_length=None, beta=given.beta, loss_type=[given.loss], label_smoothing=given.label_smoothing
        )
        return prepared(DPOTrainer, job, train)(**_parts(job, options, train, validation))


class KtoMethod(Align):
    name: ClassVar[str] = "kto"
    Settings: ClassVar[type[Block]] = Kto
    needs: ClassVar[str] = "feedback"

    def sequences(self, job: Job) -> int:
        return 1  # one judged answer; the pass that measures the divergence keeps nothing

    def encode(self, job: Job, rows: list[dict[str, Any]], split: str) -> Prepared:
        from kefu.train.methods.preference import encode_feedback

        made = encode_feedback(self.encoder(job), rows)
        if split == "train" and made.items and made.ledger["good"] in (0, len(made.items)):
            side = "good" if made.ledger["good"] else "bad"
            job.say(f"all {len(made.items)} answers are {side}: without the other kind there is little to learn")
        return made

    def measure(self, job: Job, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """accuracy: good answers gained log-probability, bad ones lost it, against the mean change; margin: difference of the means
        (nats), 0 before training by what it is."""
        from kefu.train.encode import IGNORE, Encoded
        from kefu.train.factory import figures
        from kefu.train.methods.asking import logprobs
        from kefu.train.methods.preference import encode_feedback

        items = encode_feedback(self.encoder(job), rows).items
        whole = [
            Encoded(i["prompt_ids"] + i["completion_ids"], [IGNORE] * len(i["prompt_ids"]) + i["completion_ids"], len(i["prompt_ids"])) for i in items
        ]
        now = [(-total, 0.0) for total, _ in logprobs(job.opened, whole)]
        if not self.before:
            self.before = now
            both = len({bool(item["label"]) for item in items}) == 2
            return {"margin": {"value": 0.0, "low": 0.0, "high": 0.0, "n": sum(bool(item["label"]) for item in items)}} if both else {}
        gains = [a - b for (a, _), (b, _) in zip(now, self.before, strict=True)]
        good = [g for g, item in zip(gains, items, strict=True) if item["label"]]
        bad = [g for g, item in zip(gains, items, strict=True) if not item["label"]]
        middle = (sum(good) / len(good) + sum(bad) / len(bad)) / 2 if good and bad else 0.0
        right = [(g > middle) == item["label"] for g, item in zip(gains, items, strict=True)]
        made = {"accuracy": figures.share(right), "gain_good": figures.mean(good), "gain_bad": figures.mean(bad)}
        if good and bad:
            lean = sum(bad) / len(bad)
            made["margin"] = figures.mean([g - lean for g in good])
        return made

    def trivial(self, job: Job, rows: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
        from kefu.train.factory import trivial

        n = before.get("margin", {}).get("n", len(rows))
        return trivial.made("a coin: no answer moves but by chance", {"accuracy": trivial.fixed(0.5, n)}, ("accuracy",), ("margin",))

    def trainer(self, job: Job, train: Prepared, validation: Prepared | None) -> Any:
        from trl import KTOConfig, KTOTrainer

        given = job.settings
        options = KTOConfig(
            **job.arguments(bool(validation)), max_length=None, beta=given.beta, desirable_weight=given.desirable_weight,
            undesirable_weight=given.undesirable_weight,
        )  # fmt: skip
        return prepared(KTOTrainer, job, train)(**_parts(job, options, train, validation))


class OrpoMethod(Align):
    name: ClassVar[str] = "orpo"
    Settings: ClassVar[type[Block]] = Aligned
    copies: ClassVar[int] = 0

    def defaults(self, job: Job) -> dict[str, tuple[Any, str]]:
        return {**super().defaults(job), "learning_rate": (8e-6, "ORPO tunes and aligns at once, without a reference model")}

    def trainer(self, job: Job, train: Prepared, validation: Prepared | None) -> Any:
        from trl.experimental.orpo import ORPOConfig, ORPOTrainer

        options = ORPOConfig(**job.arguments(bool(validation)), max_length=int(job.plan["max_length"]), beta=job.settings.beta)
        return prepared(ORPOTrainer, job, train)(**_parts(job, options, train, validation))


def prepared(kind: type, job: Job, train: Prepared) -> type:
    """A TRL trainer that takes our ids as they are."""
    from kefu.train.factory.optimise import tuned

    class Ours(kind):  # type: ignore[misc, valid-type]
        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

        def tokenize_row(self, row: dict[str, Any], model: Any = None) -> dict[str, Any]:
            start = row["prompt_ids"]
            made: dict[str, Any] = {"prompt_input_ids": start, "prompt_attention_mask": [1] * len(start)}
            for side in ("chosen", "rejected"):
                ids = start + row[f"{side}_ids"]
                made[f"{side}_input_ids"], made[f"{side}_attention_mask"] = ids, [1] * len(ids)
                made[f"{side}_labels"] = [-100] * len(start) + row[f"{side}_ids"]
            return made

    Ours.__name__ = kind.__name__
    batch = int(job.plan["batch_size"])
    return tuned(Ours, layer_decay=job.plan["layer_decay"], lengths=train.lengths, batch=batch)


def _parts(job: Job, options: Any, train: Prepared, validation: Prepared | None) -> dict[str, Any]:
    if "ref" in getattr(job.model, "peft_config", {}):  # left by the rehearsal; TRL makes it again
        job.model.delete_adapter("ref")
    return {
        "model": job.model, "args": options, "processing_class": job.tokenizer, "train_dataset": train.dataset(),
        "eval_dataset": validation.dataset() if validation else None,
    }  # fmt: skip
