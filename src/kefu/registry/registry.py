"""Reading and changing `models.yaml`, one writer at a time, whole or not at all."""

from __future__ import annotations

import difflib
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kefu.artifacts import Artifact, fingerprint, make_folder, storage_errors, write_text
from kefu.errors import GateError, InputError
from kefu.registry import file
from kefu.registry.entry import Entry, Gate

FILE_NAME = "models.yaml"


class Registry:
    """The registry of one project folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / FILE_NAME

    def entries(self) -> list[Entry]:
        """All entries, oldest first. Raises InputError when the file was damaged by hand."""
        return file.read(self.path).entries

    def resolve(self, reference: str = "") -> Entry:
        """`name`, `name@3`, `name@production`, `@candidate`, `@latest` (the newest in use) or empty (production, else the newest in use).

        What is retired is out of use: only its version, or `@retired`, means it.

        Raises InputError naming what exists.
        """
        name, _, which = reference.partition("@")
        entries = [entry for entry in self.entries() if name in ("", entry.name)]
        if which.isdigit():
            entries = [entry for entry in entries if entry.version == int(which)]
        elif which in ("production", "candidate", "retired"):
            entries = [entry for entry in entries if entry.stage == which]
        elif which not in ("", "latest"):
            raise InputError(f"unknown model version {which!r}", "a version is a number, `latest` or a stage", "see `kefu models list`")
        if not entries and which == "production" and (named := [entry for entry in self.entries() if name in ("", entry.name)]):
            newest = next((entry for entry in reversed(named) if entry.stage == "candidate"), named[-1])
            raise InputError(
                f"no model {reference}", "none was promoted yet", f"promote one: `kefu models promote . {newest.label}`, or name it: {newest.label}"
            )
        if not entries and name and not any(entry.name == name for entry in self.entries()):
            near = difflib.get_close_matches(name, sorted({entry.name for entry in self.entries()}), 1, 0.6)
            if near:
                there = ", ".join(f"{entry.label} ({entry.stage})" for entry in self.entries() if entry.name == near[0])
                raise InputError(f"no model {name!r}", f"the registry holds {there}", f"did you mean {near[0]!r}?")
        if not entries:
            known = ", ".join(f"{entry.label} ({entry.stage})" for entry in self.entries()) or "none yet"
            raise InputError(f"no model {reference or 'at all'}", f"the registry holds: {known}", "make one with `kefu run` or `kefu train RECIPE`")
        if which in ("", "latest"):
            retired, entries = entries, [entry for entry in entries if entry.stage != "retired"]
            if not entries:
                gone = ", ".join(entry.label for entry in retired)
                raise InputError(f"no model {reference or 'at all'} in use", f"retired: {gone}", "name a version, or promote one")
        if not which:
            entries = [entry for entry in entries if entry.stage == "production"] or entries
        return entries[-1]

    def with_former(self, reference: str) -> tuple[Entry, Entry]:
        """The entry made before the one named, and that one. Raises InputError when there is none before it."""
        entry = self.resolve(reference)
        former = [one for one in self.entries() if one.name == entry.name and one.version < entry.version]
        if not former:
            raise InputError(f"{entry.label} has none before it", "there is nothing to compare it with", "change data or settings and make it again")
        return former[-1], entry

    def add(self, fields: dict[str, Any]) -> Entry:
        """Add a candidate, or return the entry that already stands for the same hashes and settings."""
        with self._writing() as entries:
            same = [e for e in entries if e.name == fields["name"] and e.hashes == fields["hashes"] and e.settings == fields["settings"]]
            if same:
                entry = same[-1]
                entry.metrics, entry.release_passed = fields["metrics"], fields["release_passed"]
                entry.release_reasons, entry.artifacts = fields["release_reasons"], fields["artifacts"]
                entry.access_point, entry.trials = fields["access_point"], fields.get("trials") or entry.trials
                entry.gates_passed = fields["gates_passed"]
                entry.gates = [Gate.model_validate(gate) for gate in fields.get("gates", [])]
                return entry
            mine = [e.version for e in entries if e.name == fields["name"]]
            entry = Entry(version=max(mine, default=0) + 1, parent=max(mine, default=None), **fields)
            entries.append(entry)
            return entry

    def promote(self, reference: str, *, force: bool = False) -> Entry:
        """Make an entry the production one; the former becomes retired. Raises GateError if it failed a check."""
        with self._writing() as entries:
            wanted = self._among(entries, reference)
            if not wanted.artifacts and "://" not in wanted.access_point:
                raise InputError(f"{wanted.label} is not promoted", f"{FILE_NAME} names no artefact of it", "restore the entry, or make it again")
            if not (wanted.gates_passed and wanted.release_passed) and not force:
                failed = [f"{gate.name}: {gate.why}" for gate in wanted.gates if not gate.passed]
                why = "; ".join([*wanted.release_reasons, *failed]) or "its gates did not pass"
                raise GateError(f"{wanted.label} is not promoted", why, "improve it, or promote with --force and answer for it")
            for entry in entries:
                if entry.name == wanted.name and entry.stage == "production" and entry.version != wanted.version:
                    entry.stage = "retired"
            wanted.stage = "production"
            return wanted

    def retire(self, reference: str) -> Entry:
        """Take an entry out of use; nothing is deleted."""
        with self._writing() as entries:
            wanted = self._among(entries, reference)
            wanted.stage = "retired"
            return wanted

    def _among(self, entries: list[Entry], reference: str) -> Entry:
        label = self.resolve(reference).label
        return next(entry for entry in entries if entry.label == label)

    def verify(self, entry: Entry) -> list[str]:
        """Faults between the entry and what lies on the disk; every file is hashed again."""
        faults = []
        for room, folder in entry.artifacts.items():
            try:
                artifact = Artifact.at(self.root / folder)
            except InputError:
                faults.append(f"{room}: {folder} is gone or damaged")
                continue
            faults += [f"{room}: {fault}" for fault in artifact.verify()]
            if room in entry.hashes and artifact.digest() != entry.hashes[room]:
                faults.append(f"{room}: {folder} is not the artefact that {entry.label} was registered with")
            files = artifact.manifest["files"]
            template = fingerprint({n: f["sha256"] for n, f in files.items() if n == "model/chat_template.jinja"})
            if room in ("train", "model") and entry.hashes.get("template", template) != template:
                faults.append(f"{room}: the chat template is not the one {entry.label} was registered with")
        return faults

    @contextmanager
    def _writing(self) -> Iterator[list[Entry]]:
        lock = self.root / "build" / ".registry.lock"
        make_folder(lock.parent)
        with storage_errors(self.path):
            with open(lock, "a") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX)
                text = file.read(self.path)
                entries = [entry.model_copy(deep=True) for entry in text.entries]
                yield entries
                write_text(self.path, file.render(text, entries))
