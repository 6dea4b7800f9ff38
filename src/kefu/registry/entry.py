"""One model of the registry: everything needed to find it, judge it and make it again."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Stage = Literal["candidate", "production", "retired"]
STAGES: tuple[str, ...] = get_args(Stage)


class Entry(BaseModel):
    """A line of `models.yaml`.

    access_point: folder of the engine, relative to the project.
    artifacts: room -> artefact folder (relative); hashes: room -> digest of its contents, plus
    `template`, `code` and `environment`. metrics: name -> {"value", "low", "high", "n"} or a plain number.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    version: int = Field(ge=1)
    stage: Stage = "candidate"
    access_point: str
    method: str
    description: str = ""
    created: str
    parent: int | None = None
    hyperparameters: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    artifacts: dict[str, str] = {}
    hashes: dict[str, str] = {}
    environment: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    gates_passed: bool = False
    release_passed: bool = False
    release_reasons: list[str] = []

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"
