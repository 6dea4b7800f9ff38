"""One model of the registry: everything needed to find it, judge it and make it again."""

from __future__ import annotations

import itertools
import math
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Stage = Literal["candidate", "production", "retired"]
STAGES: tuple[str, ...] = get_args(Stage)


def _inside(place: str) -> str:
    """The file is edited by hand and travels with a project: what it names lies in the project, or behind a URL."""
    if "://" in place:
        return place
    if not place or PurePosixPath(place).is_absolute() or ".." in PurePosixPath(place).parts or "\0" in place:
        raise ValueError("a folder inside the project is needed, without a leading / and without ..")
    return place


Place = Annotated[str, AfterValidator(_inside)]


class Gate(BaseModel):
    """A check of the finished model and what it found."""

    model_config = ConfigDict(extra="forbid")

    name: str
    passed: bool
    why: str = ""


#: figures that are shares, and those that cannot be below nothing; of one task in many `task.figure`, of old questions `old_figure`
_SHARES = {
    "accuracy", "exact", "token_f1", "f1", "micro_f1", "macro_f1", "entity_f1", "precision", "recall", "ended", "answered", "fits", "prefers_chosen",
    "inside_accuracy", "other_recall", "no_answer_recall",
}  # fmt: skip
_POSITIVE = {"loss", "perplexity", "mae", "rmse"}
_ROUNDED = 1e-4


def _possible(metrics: dict[str, Any]) -> dict[str, Any]:
    """Figures that can be: finite, inside their interval and the range of what they measure, from a whole number of cases."""
    for name, number in metrics.items():
        if isinstance(number, dict):
            if "value" in number:
                _figure(name, number)
            else:
                _possible({f"{name}.{key}": one for key, one in number.items() if isinstance(key, str)})
    return metrics


def _figure(name: str, number: dict[str, Any]) -> None:
    known = {end: number.get(end) for end in ("low", "value", "high")}
    for end, one in known.items():
        if one is not None and (isinstance(one, bool) or not isinstance(one, int | float) or not math.isfinite(one)):
            raise ValueError(f"{name}: {end} {one!r} is no number")
    n = number.get("n", 0)
    if isinstance(n, bool) or not isinstance(n, int | float) or n < 0:
        raise ValueError(f"{name}: n {n!r} is no number of cases")
    ends = [one for one in known.values() if one is not None]
    if any(a > b + _ROUNDED for a, b in itertools.pairwise(ends)):
        raise ValueError(f"{name}: the value {known['value']} lies outside its interval, {known['low']} to {known['high']}")
    last = name.rpartition(".")[2].removeprefix("old_")
    share = last in _SHARES or str(number.get("how", "")).startswith("share of")
    low, high = (0.0 if share or last in _POSITIVE else -1.0 if last == "spearman" else -math.inf), 1.0 if share or last == "spearman" else math.inf
    if ends and not (low - _ROUNDED <= min(ends) and max(ends) <= high + _ROUNDED):
        raise ValueError(f"{name}: {known['value']} cannot be: it lies between {low:g} and {high:g}")


class Entry(BaseModel):
    """A line of `models.yaml`.

    access_point: folder of the engine or model, relative to the project, or a URL. method: training method; training: that method in
    words. parent: the version before this one; parents: the models whose weights it started from.
    artifacts: room -> artefact folder (relative); hashes: room -> digest of its contents, plus
    `template`, `code` and `environment`. metrics: name -> {"value", "low", "high", "n"} or a plain number.
    trivial: what a model that learnt nothing reaches on the same rows, {"how", "metrics"}. forced: why it was promoted although a check refused it.
    recipe: the file it was trained from with `kefu train RECIPE`; empty for a model of `kefu run`. trials: the page of the search it is the
    best of.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, pattern=r"^[^@\s/]+$")
    version: int = Field(ge=1)
    stage: Stage = "candidate"
    access_point: Place
    method: str
    training: str = ""
    description: str = ""
    created: str
    parent: int | None = None
    parents: list[str] = []
    recipe: str = ""
    trials: Annotated[str, AfterValidator(lambda place: place and _inside(place))] = ""
    hyperparameters: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    artifacts: dict[str, Place] = {}
    hashes: dict[str, str] = {}
    environment: dict[str, Any] = {}
    metrics: Annotated[dict[str, Any], AfterValidator(_possible)] = {}
    trivial: dict[str, Any] = {}
    gates: list[Gate] = []
    gates_passed: bool = False
    release_passed: bool = False
    release_reasons: list[str] = []
    forced: str = ""

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"

    def row(self) -> dict[str, Any]:
        """As it is written: fields that say nothing are left out."""
        return {key: value for key, value in self.model_dump().items() if key not in _OPTIONAL or value}


_OPTIONAL = {"training", "parents", "recipe", "trials", "gates", "trivial", "forced"}
