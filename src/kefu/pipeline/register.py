"""Turn a finished run into a registry entry, promoted only when gates and evaluation passed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from kefu.artifacts import code_fingerprint, fingerprint, provenance
from kefu.errors import GateError
from kefu.pipeline.stages import digest
from kefu.pipeline.summary import summarise
from kefu.project import Loaded
from kefu.registry import Entry, Registry

if TYPE_CHECKING:
    from kefu.pipeline.run import Outcome

ROOMS = ("data", "knowledge", "train", "export", "eval")


def register(project: Loaded, outcome: Outcome) -> tuple[Entry, GateError | None]:
    """Add (or find) the entry, and the GateError that says why it may not be promoted."""
    artifacts = {room: outcome.artifact(room) for room in ROOMS}
    verdict = json.loads(artifacts["eval"].file("eval.json").read_text("utf-8"))["release"]
    training = json.loads(artifacts["train"].file("training.json").read_text("utf-8"))
    environment = provenance()
    settings = project.settings
    fields: dict[str, Any] = {
        "name": settings.name,
        "access_point": (artifacts["export"].path / "engine").relative_to(project.root).as_posix(),
        "method": settings.train.method,
        "description": settings.description or f"{settings.train.base} tuned on {artifacts['data'].facts.get('conversations', '?')} conversations",
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "hyperparameters": training.get("settings", {}),
        "settings": {name: getattr(settings, name).model_dump() for name in ("data", "knowledge", "train", "export", "assistant")}
        | {"seed": settings.seed},
        "artifacts": {room: artifact.path.relative_to(project.root).as_posix() for room, artifact in artifacts.items()},
        "hashes": {
            **{room: artifact.digest() for room, artifact in artifacts.items() if room != "eval"},
            "template": digest(artifacts["train"], "model/chat_template.jinja"),
            "code": code_fingerprint("data", "knowledge", "train", "export", "engines", "assistant", "text"),
            "environment": fingerprint(environment["packages"]),
        },
        "environment": environment,
        "metrics": {**artifacts["eval"].facts, "summary": summarise("eval", artifacts["eval"].facts)},
        "gates_passed": True,
        "release_passed": bool(verdict["passed"]),
        "release_reasons": list(verdict["reasons"]),
    }
    entry = Registry(project.root).add(fields)
    if entry.release_passed:
        return entry, None
    what = f"{entry.label} is in production, but no longer passes" if entry.stage == "production" else f"{entry.label} stays a candidate"
    fix = "read the failures in the report, improve data or knowledge, run again"
    return entry, GateError(what, "; ".join(entry.release_reasons), fix, layer="evaluation")


def promote(project: Loaded, outcome: Outcome) -> str:
    """Once the last check passed too: into production, unless the release was refused. Returns the entry's stage."""
    registry = Registry(project.root)
    return registry.promote(outcome.model).stage if outcome.failure is None else registry.resolve(outcome.model).stage
