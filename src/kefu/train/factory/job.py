"""What one run knows: recipe, machine, chosen settings, base, and where it writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kefu.project.schema import Block
from kefu.train.factory.recipe import Loaded, Recipe
from kefu.train.settings import Plan

if TYPE_CHECKING:
    from kefu.train.base import Base
    from kefu.train.factory.data import Splits

Progress = Callable[[str, float], None]
#: rooms whose source decides what a run makes
CODE = ("train", "engines/prompt", "text")


@dataclass(frozen=True)
class Device:
    """The machine as training sees it. memory: bytes that a model may take. processes: of a launched run, 1 otherwise."""

    cuda: bool
    bf16: bool
    memory: int
    processes: int = 1
    rank: int = 0

    @classmethod
    def here(cls) -> Device:
        import os

        import torch

        cuda = torch.cuda.is_available()
        known = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
        bf16 = torch.cuda.is_bf16_supported() if cuda else bool(known and known())
        free = torch.cuda.mem_get_info()[0] if cuda else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
        return cls(cuda, bf16, int(free), int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0)))


@dataclass
class Prepared:
    """Rows as a trainer reads them.

    items: one dict of columns each. rows: the rows they came from, in the same order. lengths: tokens of each
    item. ledger: `rows_in` = `rows` + sum of `dropped`, and `supervised`: learnt tokens or labels.
    """

    items: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    lengths: list[int]
    ledger: dict[str, Any]

    def dataset(self) -> Any:
        from datasets import Dataset

        return Dataset.from_list(self.items)

    def longest(self, count: int) -> Prepared:
        """The rows that need most memory, for the rehearsal."""
        order = sorted(range(len(self.items)), key=lambda i: -self.lengths[i])[:count]
        return Prepared([self.items[i] for i in order], [self.rows[i] for i in order], [self.lengths[i] for i in order], self.ledger)


@dataclass
class Job:
    """One run. out: draft of the output folder. work: checkpoints. parent: folder of the model a run continues, or None."""

    loaded: Loaded
    out: Path
    work: Path
    device: Device
    progress: Progress
    plan: Plan = field(default_factory=Plan)
    base: Base | None = None
    rows: Splits | None = None
    parent: Path | None = None
    steps: int = 0
    rehearsing: bool = False
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def recipe(self) -> Recipe:
        return self.loaded.recipe

    @property
    def settings(self) -> Any:
        """The method's own block."""
        found: Block = self.loaded.settings
        return found

    @property
    def seed(self) -> int:
        return self.recipe.train.seed

    @property
    def model(self) -> Any:
        return self.opened.model

    @property
    def tokenizer(self) -> Any:
        return self.opened.tokenizer

    @property
    def opened(self) -> Base:
        if self.base is None:
            raise RuntimeError("the base is used before it is opened")
        return self.base

    def described(self) -> dict[str, Any]:
        """The base in the report: {"name", "parameters", "context"}; the last two None where it is not here."""
        if self.base is None:
            return {"name": self.start, "parameters": None, "context": None, **self.facts.get("base", {})}
        return {"name": self.base.name, "parameters": self.base.parameters, "context": self.base.context}

    @property
    def start(self) -> str:
        """The base to start from: the parent's weights when a run continues one."""
        return str(self.parent) if self.parent else self.recipe.base

    def say(self, text: str) -> None:
        """Something the user must know; it is also in the report."""
        if text not in self.notes:
            self.notes.append(text)
            self.progress(text, -1.0)

    def arguments(self, evaluate: bool) -> dict[str, Any]:
        """Keywords for TrainingArguments and its kin. See `kefu.train.factory.arguments`."""
        from kefu.train.factory.arguments import arguments

        return arguments(self, evaluate)
