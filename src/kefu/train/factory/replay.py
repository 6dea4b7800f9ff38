"""A registered recipe run made again in a folder of its own, and compared with the one that was registered."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kefu.artifacts import Artifact, fingerprint
from kefu.errors import GateError, InputError
from kefu.registry import Entry
from kefu.train.factory import loop, register
from kefu.train.factory.recipe import Loaded, _with_block

_REPLAYED = ("data", "base", "parent")


def replay(root: Path, entry: Entry, keep: Path | None = None, progress: Callable[[str, float], None] | None = None) -> dict[str, Any]:
    """{"same": "weights" | "metrics" | "", "weights", "metrics": [...], "differs": [...], "folder"}.

    keep: folder for the model made again; without it a scratch folder that is removed. The weights are equal bit for bit on one CPU
    with the same packages and thread count; elsewhere the metrics must agree within their intervals.
    Raises InputError when what the run read is no longer what it was.
    """
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise InputError(f"{keep} is not empty", "a model made again must not be mixed with other files", "name another folder")
    with tempfile.TemporaryDirectory(prefix="kefu-replay-") as scratch:
        folder = keep or Path(scratch)
        loaded = _loaded(root, entry, folder)
        result = loop.run(loaded, parent=_parent(root, entry), progress=progress)
        if result is None:
            raise InputError("a replay runs in one process", "this is a helper process of another run", "run it by itself")
        _same_inputs(entry, result.artifact)
        return {**_compared(entry, result.artifact), "folder": str(result.artifact.path) if keep else ""}


def _loaded(root: Path, entry: Entry, folder: Path) -> Loaded:
    """The recipe as the registry recorded it; its paths are relative to where it lay, its model goes to `folder`."""
    from pydantic import ValidationError

    from kefu.train.factory import methods

    if entry.method not in methods.TABLE:
        raise InputError(
            f"{entry.label} cannot be made again", f"this version of kefu has no method {entry.method!r}", "use the version it was made with"
        )
    try:
        recipe = _with_block(entry.method).model_validate(entry.settings)
    except ValidationError as error:
        first = error.errors()[0]
        why = f"its settings are not those of this version ({'.'.join(map(str, first['loc']))}: {first['msg']})"
        raise InputError(f"{entry.label} cannot be made again", why, "use the version it was made with") from None
    made = root / entry.access_point
    beside = made.parents[3] if len(made.parents) > 3 else root  # <root of the recipe>/build/model/<name>/<key>
    return Loaded(recipe, beside / (entry.recipe or "recipe.yaml"), beside, scratch=folder)


def _parent(root: Path, entry: Entry) -> Path | None:
    if not entry.parents or "parent" not in entry.hashes:  # without --continue the recipe itself names where it started
        return None
    from kefu.registry import Registry

    name = entry.parents[-1]
    place = root / Registry(root).resolve(name).access_point if "@" in name and not Path(name).exists() else Path(name)
    if not place.exists():
        raise InputError(f"{entry.label} cannot be made again", f"the model it continued, {name}, is gone", "restore it")
    return place


def _same_inputs(entry: Entry, made: Artifact) -> None:
    inputs = made.manifest["inputs"]
    found = {
        "data": fingerprint({name: digest for name, digest in inputs.items() if name.startswith("data/")}),
        **{name: inputs[name] for name in ("base", "parent") if name in inputs},
    }
    changed = [name for name in _REPLAYED if entry.hashes.get(name, found.get(name)) != found.get(name)]
    if changed:
        raise GateError(
            f"{entry.label} was not made again", f"{' and '.join(changed)} changed since it was trained", "restore what it read", layer="replay"
        )


def _compared(entry: Entry, made: Artifact) -> dict[str, Any]:
    training = json.loads(made.file("training.json").read_text("utf-8"))
    equal = fingerprint(register.weights(made)) == entry.hashes.get("weights")
    rows = []
    for name, was in entry.metrics.items():
        again = training["metrics"].get(name, {})
        if not isinstance(was, dict) or was.get("value") is None:
            continue
        low, high = (was["value"], was["value"]) if was.get("low") is None else (was["low"], was["high"])  # no interval: only the same will do
        inside = again.get("value") is not None and low <= again["value"] <= high
        rows.append({"metric": name, "was": was["value"], "again": again.get("value"), "low": low, "high": high, "inside": inside})
    here = {"code": str(made.facts.get("code", "")), "environment": fingerprint(made.manifest["packages"])}
    agree = bool(rows) and all(row["inside"] for row in rows)
    return {
        "same": "weights" if equal else "metrics" if agree else "", "weights": equal, "metrics": rows,
        "differs": [name for name, digest in here.items() if entry.hashes.get(name) != digest],
    }  # fmt: skip
