"""`kefu run`: check, data, knowledge, train, export, eval, registry, smoke, report.

A stage's key is made of the contents of exactly the files and settings it reads, so a change redoes
what depends on it and nothing else; a stage whose inputs come out equal after all stays fresh.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kefu.artifacts import Artifact, Store, canonical, fingerprint
from kefu.errors import ConfigError, GateError, InputError
from kefu.pipeline import stages
from kefu.pipeline.check import check, check_answers
from kefu.pipeline.summary import summarise
from kefu.project import Loaded

ORDER = ("data", "knowledge", "train", "export", "eval", "smoke")
Progress = Callable[[str, float], None]


@dataclass
class StageResult:
    """One line of a run. status: `done`, `fresh` or `failed`."""

    name: str
    status: str
    seconds: float
    facts: dict[str, Any] = field(default_factory=dict)
    artifact: Artifact | None = None
    why: str = ""

    @property
    def summary(self) -> str:
        return summarise(self.name, self.facts) if self.status != "failed" or self.name == "registry" else ""

    def as_dict(self) -> dict[str, Any]:
        path = str(self.artifact.path) if self.artifact else ""
        return {"stage": self.name, "status": self.status, "seconds": round(self.seconds, 2), "why": self.why, "artifact": path, "facts": self.facts}


@dataclass
class Outcome:
    """What a run came to. failure: the gate that stopped it or the release that was refused."""

    project: Loaded
    results: list[StageResult] = field(default_factory=list)
    model: str = ""
    stage: str = ""
    report: Path | None = None
    failure: GateError | None = None

    def artifact(self, name: str) -> Artifact:
        """The artefact of a stage that was done or fresh. Raises InputError when the stage was not reached."""
        for result in self.results:
            if result.name == name and result.artifact is not None:
                return result.artifact
        raise InputError(f"stage {name} has no result", "the run stopped before it", "run `kefu run`")

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": self.failure is None, "project": self.project.settings.name, "model": self.model, "stage": self.stage,
            "report": str(self.report or ""), "stages": [result.as_dict() for result in self.results],
            **({"failure": self.failure.as_dict()} if self.failure else {}),
        }  # fmt: skip


class Listener:
    """What a run tells its caller while it goes on. The default is silent."""

    def started(self, name: str) -> None: ...
    def progress(self, name: str, message: str, share: float) -> None: ...
    def finished(self, result: StageResult) -> None: ...


def run(project: Loaded, *, until: str = "smoke", force: tuple[str, ...] = (), listener: Listener | None = None) -> Outcome:
    """Run every stage up to `until`; stages named in `force` are made anew.

    Raises ConfigError with all faults found by the check, GateError when a gate fails (that stage publishes
    nothing then, and nothing is promoted), KefuError kinds for bad input. A refused release is no exception:
    the entry stays a candidate and `Outcome.failure` says why.
    """
    from kefu.pipeline.register import promote

    listener = listener or Listener()
    store = Store(project.build)
    outcome = Outcome(project)
    with store.lock():
        _check(project, outcome, listener)
        for name in ORDER[: ORDER.index(until) + 1]:
            if name == "knowledge":
                check_answers(project, outcome.artifact("data").path)  # before anything is trained for an evaluation that cannot be
            if name == "smoke" and "eval" in ORDER[: ORDER.index(until)]:
                _register(project, store, outcome, listener)
            _stage(name, project, store, outcome, name in force or "all" in force, listener)
        if until == "smoke":
            outcome.stage = promote(project, outcome)
            _report(project, store, outcome, listener)
    return outcome


def _check(project: Loaded, outcome: Outcome, listener: Listener) -> None:
    started = time.perf_counter()
    listener.started("check")
    faults = check(project)
    if faults:
        count = f"{len(faults)} fault{'s' if len(faults) != 1 else ''}"
        raise ConfigError(f"the project has {count}", faults[0], "correct it and run `kefu check`", faults=faults)
    _done(outcome, listener, StageResult("check", "done", time.perf_counter() - started, {"sources": len(project.settings.data.sources)}))


def _stage(name: str, project: Loaded, store: Store, outcome: Outcome, force: bool, listener: Listener) -> None:
    plan = stages.PLANS[name](project, outcome)
    key = fingerprint({"stage": name, "inputs": plan.inputs, "settings": plan.settings, "code": plan.code})
    label = project.settings.name
    started = time.perf_counter()
    before = store.newest(name, label)
    found = None if force else store.find(name, label, key)
    if found is not None:
        store.touch(found)
        _done(outcome, listener, StageResult(name, "fresh", time.perf_counter() - started, found.facts, found))
        return
    why = "forced" if force else _why(before, plan, key)
    listener.started(name)

    def progress(message: str, share: float) -> None:
        listener.progress(name, message, share)

    try:
        with store.publish(name, label, key, inputs=plan.inputs, settings=plan.settings, seed=project.settings.seed) as draft:
            draft.record(**plan.work(draft.path, progress))
    except GateError as error:
        result = StageResult(name, "failed", time.perf_counter() - started, {"layer": error.layer}, None, error.line())
        _done(outcome, listener, result)
        raise
    made = store.find(name, label, key)
    if made is None:
        raise InputError(f"stage {name} left nothing to read", f"{store.root / name} changed under the run", "run again")
    _done(outcome, listener, StageResult(name, "done", time.perf_counter() - started, made.facts, made, why))


def _why(before: Artifact | None, plan: stages.Plan, key: str) -> str:
    """Which input or setting differs from the last time, in words."""
    if before is None:
        return "first time"
    if before.key == key:
        return "the former result was damaged"
    changed = [name for name in {**before.manifest["inputs"], **plan.inputs} if before.manifest["inputs"].get(name) != plan.inputs.get(name)]
    for name in {**before.manifest["settings"], **plan.settings}:
        if canonical(before.manifest["settings"].get(name)) != canonical(plan.settings.get(name)):
            changed.append(f"setting {name}")
    return "changed: " + ", ".join(changed[:4]) + (f" and {len(changed) - 4} more" if len(changed) > 4 else "") if changed else "kefu's code changed"


def _register(project: Loaded, store: Store, outcome: Outcome, listener: Listener) -> None:
    from kefu.pipeline.register import register

    started = time.perf_counter()
    entry, refused = register(project, outcome)
    outcome.model, outcome.stage, outcome.failure = entry.label, entry.stage, refused
    facts = {"model": entry.label, "stage": entry.stage, "reasons": entry.release_reasons}
    _done(outcome, listener, StageResult("registry", "failed" if refused else "done", time.perf_counter() - started, facts))


def _report(project: Loaded, store: Store, outcome: Outcome, listener: Listener) -> None:
    from kefu.pipeline.report import write_report

    started = time.perf_counter()
    outcome.report = write_report(project, store, outcome)
    _done(outcome, listener, StageResult("report", "done", time.perf_counter() - started, {"file": str(outcome.report)}))


def _done(outcome: Outcome, listener: Listener, result: StageResult) -> None:
    outcome.results.append(result)
    listener.finished(result)
