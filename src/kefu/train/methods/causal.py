"""What the methods that tune a language model share: opening, encoding messages, measuring answers, saving."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from kefu.errors import ConfigError, InputError
from kefu.project.schema import Block

if TYPE_CHECKING:
    from kefu.train.base import Base
    from kefu.train.encode import Encoder
    from kefu.train.factory.job import Job, Prepared

ANSWER_TOKENS = 96


class Causal:
    """A method whose base is a causal language model and whose rows are messages."""

    name: ClassVar[str]
    Settings: ClassVar[type[Block]] = Block
    needs: ClassVar[str] = "messages"

    def defaults(self, job: Job) -> dict[str, tuple[Any, str]]:
        return {}

    def open(self, job: Job) -> None:
        job.base = self.load(job)

    def load(self, job: Job, **options: Any) -> Base:
        """The base with the recipe's dropout and device map. Raises ConfigError for a base without such a thing."""
        return load(job, **options)

    def supervised(self, job: Job, train: Prepared, validation: Prepared | None, **more: Any) -> Any:
        """A trainer on the learnt tokens of the rows. more: further arguments of TRL's SFTConfig."""
        from kefu.train.sft import sft_trainer

        return sft_trainer(
            job.opened, job.arguments(bool(validation)), train.dataset(), validation.dataset() if validation else None, train.lengths,
            int(job.plan["batch_size"]), layer_decay=job.plan["layer_decay"], padding_free=job.plan["padding_free"], **more,
        )  # fmt: skip

    def encoder(self, job: Job) -> Encoder:
        from kefu.train.methods import dialogue

        return dialogue.encoder(job.opened, int(job.plan["max_length"]), str(job.plan["over_length"]))

    def encode(self, job: Job, rows: list[dict[str, Any]], split: str) -> Prepared:
        from kefu.train.methods import dialogue

        return dialogue.encode(self.encoder(job), rows)

    def measure(self, job: Job, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Of the last agent turn of each row: loss per learnt token, whole answer right, token F1, ended by itself."""
        from kefu.train.factory import figures
        from kefu.train.methods import asking, dialogue

        reader = self.encoder(job)
        asked = [turn for row in rows for turn in list(dialogue.turns(row))[-1:]]
        losses = asking.losses(job.opened, reader, asked)
        said = asking.said(job.opened, reader, asked, ANSWER_TOKENS)
        right, close, ended = asking.judge(asked, said)
        return {
            "loss": figures.mean(losses, figures.POSITIVE), "exact": figures.share(right), "token_f1": figures.mean(close, figures.UNIT),
            "ended": figures.share(ended),
        }  # fmt: skip

    def trivial(self, job: Job, rows: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
        """loss: of the base before training, or of chance where that is less; answers: the most frequent one to everything."""
        from kefu.train.factory import trivial
        from kefu.train.methods import dialogue

        learnt, right = ([list(dialogue.turns(row))[-1:] for row in some] for some in (job.rows.train if job.rows else [], rows))
        found = trivial.spoken(*([turn.answer for turns in some for turn in turns] for some in (learnt, right)))
        if "loss" in before:
            least = [one for one in (before["loss"]["value"], trivial.chance(job)) if one is not None]
            found["loss"] = trivial.fixed(min(least), before["loss"]["n"])
        how = "loss: the base before training, or chance (every token equally likely), whichever is less; answers: the most frequent one, always"
        return trivial.made(how, found, ("loss",), ("token_f1", "exact"))

    def samples(self, job: Job, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        from kefu.train.methods import asking, dialogue

        asked = [turn for row in rows for turn in list(dialogue.turns(row))[-1:]]
        said = asking.said(job.opened, self.encoder(job), asked, ANSWER_TOKENS)
        return [{"asked": turn.question, "expected": turn.answer, "said": text} for turn, (text, _) in zip(asked, said, strict=True)]

    def save(self, job: Job, folder: Path) -> dict[str, Any]:
        save(job.opened, folder)
        return {"task": "generation", "model": "model"}


def load(job: Job, **options: Any) -> Base:
    """Open the base of a run. Raises ConfigError (no base, a dropout the model does not have), InputError."""
    from kefu.train import base as bases

    name = job.start
    if not name:
        raise ConfigError(
            "the recipe names no base", "this method tunes a checkpoint", "set `base` to a folder, a Hugging Face id or a model made here"
        )
    given = job.recipe.train
    if given.device_map and "device_map" not in options:
        options["device_map"] = {"": given.device_map} if given.device_map not in ("auto", "balanced", "sequential") else given.device_map
    if given.padding_free and job.device.cuda and flash_attention():
        options.setdefault("attn_implementation", "flash_attention_2")
    opened = bases.load(name, found(job, name), setting="base", **options)
    if given.dropout is not None:
        drop(opened, given.dropout)
    pad(job, opened)
    return opened


def flash_attention() -> bool:
    """Whether the package is there that attends within each row of a flattened batch."""
    from importlib import util

    return util.find_spec("flash_attn") is not None


def found(job: Job, name: str) -> Path:
    """Where a checkpoint is: a folder, or a model made here by its name or version; else a path that does not exist (a Hugging Face id)."""
    from kefu.train.factory import model_folder

    path = job.loaded.path(name)
    if path.exists() or "/" in name:
        return path
    try:
        return model_folder(job.loaded.root, name)
    except InputError:
        if "@" in name:  # only a registry has versions
            raise
        return path


def drop(opened: Base, rate: float) -> None:
    """Set every dropout of a model. Raises ConfigError for one that has none."""
    import torch

    names = [
        name for name in vars(opened.model.config) if name.endswith(("dropout", "dropout_prob", "pdrop", "dropout_rate")) and "classifier" not in name
    ]
    if not names:
        raise ConfigError(f"train.dropout: {rate:g}", f"{opened.name} has no dropout", "leave it out")
    for name in names:
        setattr(opened.model.config, name, rate)
    for module in opened.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = rate
        if isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = rate


def pad(job: Job, opened: Base) -> None:
    """A tokenizer without a pad token gets one that ends nothing; only where it has none to spare does the end token pad."""
    tokenizer = opened.tokenizer
    if tokenizer.pad_token_id is None:
        ends = opened.end_ids()
        spare = [i for i, token in tokenizer.added_tokens_decoder.items() if token.special and i not in ends]
        known = sorted(spare, key=lambda i: ("pad" not in str(tokenizer.added_tokens_decoder[i]).lower(), i))
        tokenizer.pad_token = str(tokenizer.added_tokens_decoder[known[0]]) if known else tokenizer.eos_token
        job.say(f"the tokenizer has no pad token: {tokenizer.pad_token} pads (masks keep it from being learnt)")
    if tokenizer.pad_token is None:
        raise InputError(f"base: {opened.name!r}", "its tokenizer has neither a pad nor an end token", "use another checkpoint")
    opened.model.config.pad_token_id = tokenizer.pad_token_id


def save(opened: Base, folder: Path) -> None:
    """model/ with safetensors, tokenizer, the checkpoint's own template, generation settings; prompt.json beside it."""
    from transformers import GenerationConfig

    from kefu.train.methods.dialogue import style

    model = opened.model
    model.eval()
    model.generation_config = GenerationConfig(do_sample=False, eos_token_id=sorted(opened.end_ids()), pad_token_id=opened.tokenizer.pad_token_id)
    model.config.use_cache = True
    model.save_pretrained(folder / "model")
    for weights in (folder / "model").glob("*.safetensors"):
        weights.chmod(0o644)  # safetensors writes for the owner alone; a server may run as another user
    opened.tokenizer.save_pretrained(folder / "model")
    style(opened).save(folder)
