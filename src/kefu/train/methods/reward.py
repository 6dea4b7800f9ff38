"""`reward`: a model that gives an answer a number, from preferences (TRL's RewardTrainer; Ouyang et al. 2022, arXiv 2203.02155)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from kefu.errors import InputError
from kefu.project.schema import Block
from kefu.train.methods.causal import Causal, load

if TYPE_CHECKING:
    from kefu.train.base import Base
    from kefu.train.factory.job import Job, Prepared

_BATCH = 16


class Settings(Block):
    centre: float | None = Field(default=None, ge=0, description="pull the mean of both rewards to zero with this weight")


class Reward(Causal):
    name: ClassVar[str] = "reward"
    Settings: ClassVar[type[Block]] = Settings
    needs: ClassVar[str] = "preference"

    def load(self, job: Job, **options: Any) -> Base:
        opened = load(job, head="SequenceClassification", num_labels=1, **options)
        if not opened.tokenizer.chat_template:
            raise InputError(f"base: {opened.name!r} has no chat template", "it is a plain language model", "choose its instruction-tuned variant")
        return opened

    def defaults(self, job: Job) -> dict[str, tuple[Any, str]]:
        from kefu.train.factory.plan import READ

        return {
            "epochs": (1.0, "preferences are overfitted quickly"),
            "measure_rows": (READ, "a row costs two passes"),
            "learning_rate": (1e-5, "usual for a new head on a checkpoint"),
            "schedule": ("linear", "TRL's own choice"),
        }

    def sequences(self, job: Job) -> int:
        return 2  # the better answer and the other

    def encode(self, job: Job, rows: list[dict[str, Any]], split: str) -> Prepared:
        from kefu.train.methods.preference import encode_pairs

        made = encode_pairs(self.encoder(job), rows)
        made.items = [{side: item["prompt_ids"] + item[side] for side in ("chosen_ids", "rejected_ids")} for item in made.items]
        return made

    def trainer(self, job: Job, train: Prepared, validation: Prepared | None) -> Any:
        from trl import RewardConfig, RewardTrainer

        from kefu.train.methods.align import _parts, prepared

        options = RewardConfig(**job.arguments(bool(validation)), max_length=None, center_rewards_coefficient=job.settings.centre)
        return prepared(RewardTrainer, job, train)(**_parts(job, options, train, validation))

    def measure(self, job: Job, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """accuracy: the better answer has the higher reward; margin: by how much."""
        from kefu.train.factory import figures

        items = self.encode(job, rows, "test").items
        better = score(job.opened, [item["chosen_ids"] for item in items])
        worse = score(job.opened, [item["rejected_ids"] for item in items])
        margins = [b - w for b, w in zip(better, worse, strict=True)]
        return {"accuracy": figures.share([m > 0 for m in margins]), "margin": figures.mean(margins)}

    def trivial(self, job: Job, rows: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
        from kefu.train.factory import trivial
        from kefu.train.methods.align import BY_LENGTH
        from kefu.train.methods.preference import answers

        found = trivial.lengths(answers(job.rows.train if job.rows else []), answers(rows))
        return trivial.made(BY_LENGTH, found, ("accuracy",))

    def samples(self, job: Job, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        from kefu.train.methods.preference import pair

        items = self.encode(job, rows, "test")
        better = score(job.opened, [item["chosen_ids"] for item in items.items])
        return [
            {"asked": pair(row)[0][-1]["content"], "expected": pair(row)[1], "said": f"{number:.3f}"}
            for row, number in zip(items.rows, better, strict=True)
        ]

    def pieces(self, job: Job, item: dict[str, Any]) -> list[tuple[str, bool]]:
        return [(job.tokenizer.decode(item["chosen_ids"]), True), ("  rather than  ", False), (job.tokenizer.decode(item["rejected_ids"]), True)]

    def save(self, job: Job, folder: Path) -> dict[str, Any]:
        from kefu.train.methods.dialogue import style

        job.model.eval()
        job.model.save_pretrained(folder / "model")
        job.tokenizer.save_pretrained(folder / "model")
        for weights in (folder / "model").glob("*.safetensors"):
            weights.chmod(0o644)
        style(job.opened).save(folder)
        return {"task": "reward", "model": "model"}


def score(base: Base, rows: Sequence[Sequence[int]]) -> list[float]:
    """The reward of each token sequence."""
    import torch

    model, pad, made = base.model, base.tokenizer.pad_token_id, []
    training = model.training
    model.eval()
    for start in range(0, len(rows), _BATCH):
        some = rows[start : start + _BATCH]
        width = max(map(len, some))
        ids = torch.tensor([list(row) + [pad] * (width - len(row)) for row in some], device=model.device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in some], device=model.device)
        with torch.inference_mode():
            made += model(input_ids=ids, attention_mask=mask).logits[:, 0].float().tolist()
    model.train(training)
    return made
