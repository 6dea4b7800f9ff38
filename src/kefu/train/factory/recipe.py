"""A recipe: which rows, which base, which method, and every setting with its origin.

A recipe is a YAML file of the user's, or the name of one that comes with kefu. The settings of the
method stand in a block of the method's own name and are checked by the method's own model, so that a
fault in any block is reported with all the others, its line and the nearest right name.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, create_model, field_validator, model_validator

from kefu.errors import ConfigError, InputError
from kefu.project import expanded, strict
from kefu.project.schema import Block
from kefu.train.factory import methods

SHIPPED = resources.files("kefu.train.recipes")


class Data(Block):
    """Where rows come from. A path may be a file, a glob, a folder of the data artefact or a project; relative to the recipe."""

    train: list[str] = Field(default=[], description="files (jsonl, csv, parquet, ...), or the folder of a project or dataset")
    validation: list[str] = Field(default=[], description="rows to choose the best checkpoint with; empty: a share of the training rows")
    test: list[str] = Field(default=[], description="rows to measure with; empty: the validation rows")
    data_url: str = Field(
        default="", description="a data port (`kefu data serve`); its rows take the place of `train`, and of held-out files that are not named"
    )
    map: dict[str, str] = Field(default={}, description="field of the method -> column or dotted path of the rows")
    shape: str = Field(default="auto", description="how rows are laid out; auto: by their columns")
    validation_share: float = Field(default=0.1, ge=0, le=0.5, description="when no validation rows are given; 0: none")
    general: list[str] = Field(default=[], description="rows of other tasks, measured before and after: what training made the model forget")
    limit: int | None = Field(default=None, gt=0, description="rows of each part, at most (seeded choice)")

    @field_validator("train", "validation", "test", "general", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _somewhere(self) -> Data:
        if not self.train and not self.data_url:
            raise ValueError("give `train` (files) or `data_url` (a data port)")
        return self


class Train(Block):
    """How the run goes. What is left out is chosen by method, base and machine, and printed with the reason."""

    seed: int = Field(default=7, description="of weights, order and samples: the same seed gives the same model")
    epochs: float | None = Field(default=None, gt=0, description="readings of all training rows")
    max_steps: int | None = Field(default=None, gt=0, description="instead of epochs; with both, whichever ends first")
    batch_size: int | None = Field(default=None, gt=0, description="rows per optimiser step, over all passes and processes")
    accumulate: int | None = Field(default=None, gt=0, description="passes a batch is split into; the result does not depend on it")
    learning_rate: float | None = Field(default=None, gt=0, description="of the top layer, at its highest")
    schedule: Literal["linear", "cosine", "constant"] | None = Field(default=None, description="how the learning rate falls after the warm-up")
    warmup: float | None = Field(default=None, ge=0, description="below 1 a share of the steps, else steps")
    weight_decay: float | None = Field(default=None, ge=0, description="not on norms and biases")
    layer_decay: float | None = Field(default=None, gt=0, le=1, description="learning rate of a layer / that of the layer above")
    dropout: float | None = Field(default=None, ge=0, lt=1, description="unset: what the checkpoint says")
    max_grad_norm: float = Field(default=1.0, gt=0, description="longer gradients are shortened to it")
    bf16: bool | None = Field(default=None, description="compute in 16 bit; weights and optimiser stay at 32")
    gradient_checkpointing: bool | None = Field(default=None, description="make activations again instead of keeping them: less memory, more time")
    threads: int | None = Field(default=None, ge=1, description="of a CPU; `kefu doctor --threads` measures which number pays here")
    padding_free: bool | None = Field(default=None, description="a pass is one flattened row without padding; meant for a GPU with flash_attn")
    max_length: int | None = Field(default=None, ge=16, description="tokens of a row")
    over_length: Literal["drop", "cut_oldest", "fail"] = Field(
        default="cut_oldest",
        description="rows longer than max_length; cut_oldest: the oldest turns go, then the beginning of the question, never the answer (of prompts: "
        "not the question); heads read a long text in windows instead",
    )
    evaluations: int = Field(default=8, ge=1, description="during the run")
    save_every: int | None = Field(default=None, gt=0, description="steps between checkpoints; unset: at each evaluation")
    patience: int = Field(default=3, ge=1, description="evaluations without a better result before stopping")
    device_map: str = Field(default="", description="cpu, auto, cuda:0, ...: where the base is loaded; empty: the trainer decides")
    rehearse: bool = Field(default=True, description="one batch of training, evaluation and saving before the run")
    measure_rows: int | None = Field(
        default=None, ge=1, description="rows that are measured before and after training, at most, drawn by the seed; unset: all where that is cheap"
    )
    max_drop_share: float = Field(
        default=0.5, gt=0, le=1, description="more training rows than this left out (too long, without a label, ...) stop the run"
    )
    trackers: list[Literal["tensorboard", "wandb"]] = Field(default=["tensorboard"], description="who else keeps the curves")


class Span(Block):
    """Values that a search may try: `choices`, or `low` to `high` (on a logarithmic scale if `log`)."""

    choices: list[Any] = Field(default=[])
    low: float | None = None
    high: float | None = None
    log: bool = False
    whole: bool = Field(default=False, description="whole numbers only")

    @model_validator(mode="after")
    def _one(self) -> Span:
        if bool(self.choices) == (self.low is not None and self.high is not None):
            raise ValueError("give either `choices`, or `low` and `high`")
        if self.low is not None and self.high is not None and (self.low >= self.high or (self.log and self.low <= 0)):
            raise ValueError("low must be below high, and above 0 on a logarithmic scale")
        return self


class Search(Block):
    """What `kefu train RECIPE --search N` varies, and what it judges by."""

    space: dict[str, Span] = Field(default={}, description="dotted setting -> values to try")
    metric: str = Field(default="eval_loss", description="eval_loss, or a metric the method measures")
    direction: Literal["minimize", "maximize"] | None = Field(default=None, description="unset: minimize for losses, else maximize")


class Limit(Block):
    """What a metric must reach; at least one side."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one(self) -> Limit:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give `at_least` or `at_most`")
        return self


class Cost(Block):
    """What a run costs. Nothing is assumed: without a power or a price the report says that it is not known."""

    power_w: float | None = Field(default=None, gt=0, description="watts the machine draws while training, where no counter can be read")
    price_per_kwh: float | None = Field(default=None, ge=0, description="price of electricity, in `currency`")
    price_per_hour: float | None = Field(default=None, ge=0, description="rent of the machine for an hour, in `currency`")
    currency: str = Field(default="", max_length=8, description="such as CNY or USD")

    @model_validator(mode="after")
    def _money(self) -> Cost:
        if (self.price_per_kwh is not None or self.price_per_hour is not None) and not self.currency:
            raise ValueError("a price needs its `currency`")
        return self


class Recipe(Block):
    """One training run."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="of the model that is made")
    method: str = Field(description="how it is made: sft, lora, classification, ... (`kefu train --list`)")
    base: str = Field(default="", description="a checkpoint folder, a Hugging Face id, a model made here, or embedded")
    description: str = Field(default="", description="a sentence for the report")
    data: Data
    train: Train = Train()
    search: Search = Search()
    gates: dict[str, Limit] = Field(default={}, description="metric -> limit; a model that misses one is kept, but not promoted")
    cost: Cost = Cost()


@dataclass(frozen=True)
class Loaded:
    """A checked recipe. root: the folder its paths are relative to. origins: dotted key -> `sft.yaml:12` or `flag`."""

    recipe: Recipe
    file: Path
    root: Path
    overrides: tuple[str, ...] = ()
    origins: dict[str, str] = field(default_factory=dict)
    scratch: Path | None = None

    @property
    def build(self) -> Path:
        """Where models and checkpoints go; a replay makes them elsewhere."""
        return self.scratch or self.root / "build"

    @property
    def settings(self) -> Block:
        """The method's own block."""
        return getattr(self.recipe, self.recipe.method.replace("-", "_"))  # type: ignore[no-any-return]

    def origin(self, key: str) -> str:
        return self.origins.get(key, "default")

    def path(self, text: str) -> Path:
        """A path of the recipe, resolved against its folder."""
        return self.root / expanded(text)


def shipped() -> dict[str, Path]:
    """Recipes that come with kefu, by name."""
    folder = Path(str(SHIPPED))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find(given: str) -> tuple[Path, Path]:
    """The file of a recipe and the folder its paths are relative to (a shipped one: this folder). Raises InputError."""
    path = expanded(given)
    if path.is_file():
        return path, path.resolve().parent
    known = shipped()
    if given in known:
        return known[given], Path.cwd()
    near = difflib.get_close_matches(given, known, 1, 0.5)
    hint = f"did you mean {near[0]!r}?" if near else "kefu train --list shows those that come with kefu"
    raise InputError(f"no recipe {given!r}", "there is no such file, and none of that name comes with kefu", hint)


def load(given: str, overrides: Sequence[str] = ()) -> Loaded:
    """Read and check a recipe. overrides: `dotted.key=value`. Raises ConfigError carrying every fault."""
    file, root = find(given)
    own = file not in shipped().values()
    fix = f"correct it and run `kefu train {given}`" if own else f"correct what is given with --set (kefu train settings {given} shows the keys)"
    recipe, origins = strict.read(file, _model, overrides, fix, "copy one of `kefu train --list`", "" if own else f"recipe {given}")
    return Loaded(recipe, file, root, tuple(overrides), origins)


def _model(raw: dict[str, Any]) -> type[Recipe]:
    """The recipe with the block of its method; blocks of other methods are refused by name."""
    name = raw.get("method")
    if not isinstance(name, str) or name not in methods.TABLE:
        near = difflib.get_close_matches(str(name), methods.TABLE, 1, 0.5)
        fix = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(methods.TABLE)}"
        raise ConfigError(f"method: {name!r}" if name else "the recipe names no method", "there is no such method" if name else "", fix)
    return _with_block(name)


@cache
def _with_block(name: str) -> type[Recipe]:
    settings = methods.find(name).Settings
    return create_model("Recipe", __base__=Recipe, **{name.replace("-", "_"): (settings, settings())})  # type: ignore[call-overload, no-any-return]
