"""Make a registered model again from what the registry recorded, in a folder of its own, and say whether it came out the same."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from kefu.artifacts import Artifact, write_text
from kefu.errors import InputError
from kefu.registry import Entry

Progress = Callable[[str, float], None]
_WEIGHTS = (".safetensors", ".bin")
_CONTENT = (*_WEIGHTS, ".jsonl", ".jinja", "tokenizer.json")
_ROOMS = ("data", "knowledge", "train", "export")


def replay(root: Path, entry: Entry, keep: Path | None = None, progress: Progress | None = None) -> dict[str, Any]:
    """{"same", "weights", "metrics", "differs", "folder"}; `same` is "weights", "metrics" or "" (it came out different).

    Of a recipe's model: `kefu.train.factory.replay`. Of a project's model: the stages up to the exported engine, with the recorded
    settings, on a copy of the project's files.
    """
    if entry.recipe:
        from kefu.train.factory.replay import replay as again

        return again(root, entry, keep, progress)
    return _project(root, entry, keep)


def drift(root: Path, entry: Entry) -> list[str]:
    """What a replay would meet that is not as it was: code and packages. (Files of the model are a matter of `verify`.)"""
    from kefu.artifacts import code_fingerprint, fingerprint, provenance

    rooms: tuple[str, ...] = ("data", "knowledge", "train", "export", "engines", "assistant", "text")
    if entry.recipe:
        from kefu.train.factory.job import CODE

        rooms = CODE
    here = {"code": code_fingerprint(*rooms), "environment": fingerprint(provenance()["packages"])}
    words = {"code": "the code of kefu", "environment": "the packages"}
    return [f"{words[name]} changed since" for name, digest in here.items() if entry.hashes.get(name) and entry.hashes[name] != digest]


def _project(root: Path, entry: Entry, keep: Path | None) -> dict[str, Any]:
    from kefu.pipeline.run import run
    from kefu.project import Project, load

    file = root / "kefu.yaml"
    if not file.is_file():
        raise InputError(f"{entry.label} cannot be made again", f"{file} is gone", "restore the project's files")
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise InputError(f"{keep} is not empty", "a model made again must not be mixed with other files", "name another folder")
    with tempfile.TemporaryDirectory(prefix="kefu-replay-") as scratch:
        folder = (keep or Path(scratch)) / root.resolve().name
        shutil.copytree(root, folder, ignore=lambda place, names: {"build"} & set(names) if Path(place) == root else set())
        load(root)  # a faulty file is told in one line, before its text is read again without the defaults
        whole = Project.model_validate(yaml.safe_load(file.read_text("utf-8")) | entry.settings)
        given = whole.model_dump(mode="json", exclude_defaults=True)  # a default written out would count as a wish
        write_text(folder / "kefu.yaml", yaml.safe_dump(given, allow_unicode=True, sort_keys=False))
        outcome = run(load(folder), until="export")
        differs = [f"{room}: {name}" for room in _ROOMS for name in _unlike(root, entry, room, outcome.artifact(room))]
        weights = not any(name.endswith(_WEIGHTS) for name in differs)
        same = "weights" if weights else ""
        return {"same": same, "weights": weights, "metrics": [], "differs": differs, "folder": str(folder) if keep else ""}


def _unlike(root: Path, entry: Entry, room: str, made: Artifact) -> list[str]:
    """Files of an artefact that came out different; those that hold times and places always do, and say nothing."""
    try:
        recorded = json.loads((root / entry.artifacts[room] / "manifest.json").read_text("utf-8"))["files"]
    except (OSError, ValueError, KeyError):
        raise InputError(f"{entry.label} cannot be compared", f"its {room} artefact is gone", "run the project again") from None
    files = made.manifest["files"]
    return sorted(n for n in {*recorded, *files} if n.endswith(_CONTENT) and recorded.get(n, {}).get("sha256") != files.get(n, {}).get("sha256"))
