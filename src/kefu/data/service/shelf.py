"""What is served: the built datasets of some projects, each opened once. Nothing outside their artefact folders is ever read.

A dataset is called `name` (the one built last; it moves when the project is built again) or `name@key` (that one for good).
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from kefu.artifacts import Artifact, Store
from kefu.data.service.facets import Facets
from kefu.errors import ConfigError, InputError
from kefu.project import Loaded

#: name, or name@key with at least the first eight signs of the key.
REFERENCE = r"^[a-z0-9][a-z0-9_-]*(@[0-9a-f]{8,64})?$"
_KEY = re.compile(r"^[0-9a-f]{16}$")
_MOST_OPEN = 16
#: Files that training reads; the rest is for people.
_TRAINING = re.compile(r"^(faq|heard|[\w-]+\.(train|validation|test|people))\.jsonl$")
_SPLIT = re.compile(r"\.(train|validation|test)\.")


class Dataset:
    """One built dataset, open for reading."""

    def __init__(self, name: str, artifact: Artifact, indexes: Path) -> None:
        self.name, self.artifact, self.key = name, artifact, artifact.path.name
        self.facets = Facets(artifact.file("conversations.jsonl"), indexes / f"{name}-{self.key}")

    @property
    def reference(self) -> str:
        return f"{self.name}@{self.key}"

    def document(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.artifact.file(name).read_text("utf-8"))
        return found

    def files(self) -> dict[str, dict[str, Any]]:
        """`{name: what the manifest says}` of every file but the pictures."""
        found = {}
        for name, entry in self.artifact.manifest["files"].items():
            if "/" not in name:
                split = _SPLIT.search(name)
                found[name] = {**entry, "training": bool(_TRAINING.match(name)), "split": split[1] if split else None}
        return found

    def plots(self) -> list[str]:
        return [name.removeprefix("plots/") for name in self.artifact.manifest["files"] if name.startswith("plots/")]

    def open_path(self, name: str) -> Path | None:
        """Where a file of the manifest lies; None for any other name, and for one that leads out of the artefact."""
        if name not in self.artifact.manifest["files"]:
            return None
        root = self.artifact.path.resolve()
        path = (root / name).resolve()
        return path if path.is_relative_to(root) and path.is_file() else None


class Shelf:
    """The datasets of some projects by name. indexes: a folder for the indexes over their files."""

    def __init__(self, projects: Sequence[Loaded], indexes: Path) -> None:
        self._projects: dict[str, Loaded] = {}
        for project in projects:
            name = project.settings.name
            if name in self._projects:
                raise ConfigError(
                    f"two projects are called {name!r}",
                    f"{self._projects[name].root} and {project.root}",
                    "give each a `name` of its own in kefu.yaml",
                )
            self._projects[name] = project
        self._indexes, self._open, self._lock = indexes, OrderedDict[tuple[str, str], Dataset](), Lock()
        for name in self._projects:
            if self._newest(name) is None:
                raise InputError(f"{name} has no built dataset", "nothing to serve", f"run `kefu data build {self._projects[name].root}`")

    @property
    def names(self) -> list[str]:
        return list(self._projects)

    def built(self) -> list[dict[str, Any]]:
        """Every dataset that can be opened, newest first in each project."""
        found = []
        for name in self._projects:
            current = self._newest(name)
            ours = [artifact for key in self._keys(name) if (artifact := self._artifact(name, key))]
            ours.sort(key=lambda artifact: str(artifact.manifest["created"]), reverse=True)
            found += [
                {
                    "name": name,
                    "key": artifact.path.name,
                    "reference": f"{name}@{artifact.path.name}",
                    "created": artifact.manifest["created"],
                    "current": current is not None and artifact.path == current.path,
                    "conversations": artifact.facts.get("conversations"),
                }
                for artifact in ours
            ]
        return found

    def open(self, reference: str) -> Dataset | None:
        """The dataset of that name, or None when there is none. Raises InputError when the key fits several."""
        if not re.match(REFERENCE, reference):
            return None
        name, _, key = reference.partition("@")
        if name not in self._projects:
            return None
        if key:
            fitting = [one for one in self._keys(name) if one.startswith(key[:16])]
            if len(fitting) > 1:
                raise InputError(f"{reference} fits {len(fitting)} datasets", ", ".join(fitting), "give more of the key")
            artifact = self._artifact(name, fitting[0]) if fitting else None
            artifact = artifact if artifact is None or artifact.key.startswith(key) else None
        else:
            artifact = self._newest(name)
        if artifact is None:
            return None
        with self._lock:
            place = (name, artifact.key)
            if place not in self._open:
                self._open[place] = Dataset(name, artifact, self._indexes)
                while len(self._open) > _MOST_OPEN:
                    self._open.popitem(last=False)
            self._open.move_to_end(place)
            return self._open[place]

    def at(self, path: str) -> Dataset | None:
        """The dataset whose folder, or whose conversations.jsonl, that path is (absolute or relative to its project)."""
        for name, project in self._projects.items():
            try:
                target = (project.root / path).resolve()
            except (OSError, ValueError):
                return None
            folder = target.parent if target.name == "conversations.jsonl" else target
            if folder.parent == (project.build / "data" / name).resolve() and _KEY.match(folder.name):
                return self.open(f"{name}@{folder.name}")
        return None

    def _store(self, name: str) -> Store:
        return Store(self._projects[name].build)

    def _newest(self, name: str) -> Artifact | None:
        return self._store(name).newest("data", name)

    def _keys(self, name: str) -> list[str]:
        folder = self._projects[name].build / "data" / name
        return sorted(entry.name for entry in folder.iterdir() if _KEY.match(entry.name)) if folder.is_dir() else []

    def _artifact(self, name: str, key: str) -> Artifact | None:
        try:
            manifest = json.loads((self._projects[name].build / "data" / name / key / "manifest.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return self._store(name).find("data", name, str(manifest.get("key", "")))
