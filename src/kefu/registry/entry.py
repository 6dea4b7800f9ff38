"""One model of the registry: everything needed to find it, judge it and make it again."""

from __future__ import annotations

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


class Entry(BaseModel):
    """A line of `models.yaml`.

    access_point: folder of the engine or model, relative to the project, or a URL. method: training method; training: that method in
    words. parent: the version before this one; parents: the models whose weights it started from.
    artifacts: room -> artefact folder (relative); hashes: room -> digest of its contents, plus
    `template`, `code` and `environment`. metrics: name -> {"value", "low", "high", "n"} or a plain number.
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
    metrics: dict[str, Any] = {}
    gates: list[Gate] = []
    gates_passed: bool = False
    release_passed: bool = False
    release_reasons: list[str] = []

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"

    def row(self) -> dict[str, Any]:
        """As it is written: fields that say nothing are left out."""
        return {key: value for key, value in self.model_dump().items() if key not in _OPTIONAL or value}


_OPTIONAL = {"training", "parents", "recipe", "trials", "gates"}
