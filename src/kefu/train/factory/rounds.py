"""A monthly round: which rows are new since a model was trained, told by the hashes of rows that are kept with every model.

`rows.json` beside a model names the rows that it and the models before it were trained on (`train`) and those that were held out
from all of them (`held`). What a row is does not depend on its id, its file, blanks, or the system message: a new persona makes no
row new.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kefu.artifacts import Artifact, fingerprint, write_json
from kefu.errors import ConfigError, InputError
from kefu.train.factory.data import Splits, hold_out

if TYPE_CHECKING:
    from kefu.registry import Entry
    from kefu.train.factory.job import Job
    from kefu.train.factory.recipe import Loaded

FILE = "rows.json"
ASKED, MOST_HELD = 10, 0.2  # new rows held out of a small round: so many where a fifth of it is enough
_DIGITS = 16  # of a hash, as hexadecimal: two of a million rows agree once in tens of millions of datasets
_OLD = "name the rows of the time before in incremental.old"


@dataclass
class Seen:
    """Hashes of the rows that a model and those before it learnt, and of the rows held out from all of them."""

    train: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)

    def write(self, folder: Path) -> None:
        write_json(folder / FILE, {"train": sorted(self.train), "held": sorted(self.held - self.train)})

    @classmethod
    def read(cls, file: Path) -> Seen:
        """Raises InputError for a file that was damaged."""
        try:
            raw = json.loads(file.read_text("utf-8"))
            return cls({str(one) for one in raw["train"]}, {str(one) for one in raw["held"]})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{file} cannot be read", f"it is no record of rows ({type(error).__name__})", _OLD) from None


@dataclass(frozen=True)
class Start:
    """The model a round goes on from. folder: with its weights; label: what it is called; seen: None where its rows were not recorded."""

    folder: Path
    label: str
    seen: Seen | None
    entry: Entry | None = None

    def artifact(self) -> Artifact:
        return Artifact.at(self.folder if (self.folder / FILE).is_file() or self.folder.name != "model" else self.folder.parent)


def mark(row: dict[str, Any]) -> str:
    """The hash that stands for a row of kind `messages`. Raises InputError for a row that is none."""
    from kefu.train.methods.dialogue import conversation

    said = [[m["role"], " ".join(m["content"].split())] for m in conversation(row) if m["role"] != "system"]
    return fingerprint(said)[:_DIGITS]


def marks(rows: Iterable[dict[str, Any]]) -> set[str]:
    return {mark(row) for row in rows}


def start(loaded: Loaded, given: Path | None) -> Start:
    """What a round goes on from: `given` (--continue), else the newest accepted model of the recipe's own name, else its `base`.

    Accepted is the one in production, or where there is none the newest candidate whose checks passed.
    Raises ConfigError and InputError.
    """
    from kefu.registry import Registry
    from kefu.train.factory import model_folder
    from kefu.train.factory.register import home

    root, base = home(loaded.root), loaded.recipe.base
    entries = Registry(root).entries()
    if given is not None:
        return _at(root, given, next((entry for entry in reversed(entries) if _holds(root, entry, given)), None))
    entry = _accepted(entries, loaded.recipe.name)
    if entry is None and "/" not in base and not loaded.path(base).exists():
        entry = Registry(root).resolve(base) if "@" in base else _accepted(entries, base)
    if entry is not None:
        _own_name(loaded, entry)
        return _at(root, (root / _weights(entry)).resolve(), entry)
    path = loaded.path(base)
    if base and not path.exists() and "/" not in base:
        path = model_folder(loaded.root, base)
    if not base or not path.exists():
        why = "a round goes on from a model made here" if base else "the recipe names no base"
        raise ConfigError(f"base: {base!r}", why, f"give the name of a registered model, or {_OLD}")
    return _at(root, path, None)


def divide(rows: Splits, seen: Seen, share: float, seed: int) -> None:
    """Split the rows by what a model has seen: new ones stay in their parts, others go to `old` (learnt) and `old_held` (held out).

    A row keeps its side for ever: what was held out once is never learnt, whatever part of the data it stands in now. New rows are
    held out anew (`share`, more of a small round) where no file holds any.
    """
    own = "taken from the training rows" in rows.ledger.get("validation", {})
    parts = [*([rows.train + rows.validation] if own else [rows.train, rows.validation]), rows.test]
    fresh: list[list[dict[str, Any]]] = []
    rows.old, rows.old_held = [], []
    for part in parts:
        kept: list[dict[str, Any]] = []
        for row in part:
            name = mark(row)
            (rows.old if name in seen.train else rows.old_held if name in seen.held else kept).append(row)
        fresh.append(kept)
    rows.train, rows.test = fresh[0], fresh[-1]
    rows.validation = [] if own else fresh[1]
    rows.ledger["train"] = {**rows.ledger.get("train", {}), "rows": len(rows.train), "known: learnt before": len(rows.old)}
    rows.ledger["train"] |= {"known: held out before": len(rows.old_held)}
    for name in ("validation", "test"):
        rows.ledger[name] = {"rows": len(getattr(rows, name))}
    rows.notes = [note for note in rows.notes if "held-out rows nearly repeat" not in note]
    rows.ledger["train"].pop("held out for validation", None)
    if not rows.validation and rows.train and share:
        hold_out(rows, min(MOST_HELD, max(share, ASKED / len(rows.train))), seed)


def too_few(rows: Splits, settings: Any, begun: Start, force: bool) -> str:
    """Why a round has nothing to do; empty where it has. Raises ConfigError where nothing of the time before is left."""
    least, label = settings.least_new, begun.label
    new = len(rows.train) + len(rows.validation) + len(rows.test)
    known = len(rows.old) + len(rows.old_held)
    if not rows.train:
        return f"nothing new since {label}: all {known + new} rows are known to it"
    if new < least and not force:
        return f"too few new rows since {label}: {new} of {known + new}, {least} are asked (incremental.least_new); --force trains on them"
    if not rows.old:
        why = "none of the rows it was trained on is in the data, so that forgetting can be neither prevented nor measured"
        raise ConfigError(f"a round after {label}", why, f"give old and new rows in data.train, or {_OLD}")
    return ""


def record(job: Job, seen: Seen | None, old: Sequence[dict[str, Any]]) -> None:
    """Write what the model of a run has seen, with all that went before it. seen: of the model it started from, else read beside that."""
    from kefu.train.methods.causal import found

    if seen is None:
        place = job.parent or (None if job.opened.embedded or not job.recipe.base else found(job, job.recipe.base))
        own = _beside(place) if place else None
        seen = Seen.read(own) if own else Seen()
    rows = job.rows or Splits()
    held = marks([*rows.validation, *rows.test])
    Seen(seen.train | marks(rows.train) | marks(old), seen.held | held).write(job.out)


def _accepted(entries: Sequence[Entry], name: str) -> Entry | None:
    mine = [entry for entry in entries if entry.name == name]
    passed = [entry for entry in mine if entry.stage == "candidate" and entry.gates_passed and entry.release_passed]
    return next((entry for entry in reversed(mine) if entry.stage == "production"), passed[-1] if passed else None)


def _weights(entry: Entry) -> str:
    """The folder of its trainable weights: a project's model is served from another."""
    return entry.artifacts.get("model") or entry.artifacts.get("train") or entry.access_point


def _own_name(loaded: Loaded, entry: Entry) -> None:
    if entry.name == loaded.recipe.name and "train" in entry.artifacts:
        why = f"{entry.label} is the whole assistant of a project, and a model of a recipe cannot be its next version"
        raise ConfigError(f"name: {entry.name!r}", why, f"give the recipe a name of its own, such as {entry.name}-monthly")


def _holds(root: Path, entry: Entry, place: Path) -> bool:
    folders = [(root / folder).resolve() for folder in (entry.access_point, *entry.artifacts.values())]
    return any(place.resolve().is_relative_to(folder) for folder in folders)


def _at(root: Path, folder: Path, entry: Entry | None) -> Start:
    label = entry.label if entry else str(folder)
    if own := _beside(folder):
        return Start(folder, label, Seen.read(own), entry)
    data = root / entry.artifacts["data"] if entry and "data" in entry.artifacts else None
    return Start(folder, label, _of_dataset(data) if data and data.is_dir() else None, entry)


def _beside(folder: Path) -> Path | None:
    return next((place / FILE for place in (folder, folder.parent) if (place / FILE).is_file()), None)


def _of_dataset(folder: Path) -> Seen | None:
    """What a project's model has seen: the messages of the dataset it was trained on."""
    from kefu.artifacts import read_jsonl

    parts: dict[str, set[str]] = {}
    for split in ("train", "validation", "test"):
        file = folder / f"messages.{split}.jsonl"
        parts[split] = marks(read_jsonl(file)) if file.is_file() else set()
    return Seen(parts["train"], parts["validation"] | parts["test"]) if parts["train"] else None
