"""One registered model on one screen: where it stands, how it was judged, what it was made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kefu.pipeline.summary import summarise
from kefu.registry import Entry
from kefu.statistics import show

_METRICS = {
    "score": "scenarios handled",
    "questions.right": "questions right",
    "questions.wrong": "questions answered wrongly",
    "questions.turned_away": "out of scope turned away",
    "held_out.right": "held-out questions right",
    "takeover": "take-over score",
    "glitch_rate": "undesired replies",
}
_TRAINING = ("base", "retrieval_context", "max_length", "epochs", "batch_size", "learning_rate")


def brief(root: Path, entry: Entry) -> list[str]:
    """About twenty lines. `root`: folder of the project; artefacts that are gone are said to be gone."""
    verdict = "passed" if entry.release_passed else "refused: " + "; ".join(entry.release_reasons)
    lines = [
        f"{entry.label}  {entry.stage}",
        f"  made         {entry.created}" + (f", after {entry.name}@{entry.parent}" if entry.parent else ""),
        f"  about        {entry.description}",
        *([f"  training     {entry.training} ({entry.recipe})"] if entry.recipe else []),
        *([f"  trials       {root / entry.trials}"] if entry.trials else []),
        *([f"  started from {', '.join(entry.parents)}"] if entry.parents else []),
        f"  release      {verdict}",
        *([f"  forced       {entry.forced}"] if entry.forced else []),
        f"  gates        {'passed' if entry.gates_passed else 'failed'}",
        *(f"    {'passed' if gate.passed else 'failed'}: {gate.name} ({gate.why})" for gate in entry.gates),
    ]
    for key, number in entry.metrics.items():
        words = _METRICS.get(key, key.replace("_", " ") if entry.recipe else "")
        if not words:
            continue
        if isinstance(number, dict) and number.get("value") is not None:
            peer = entry.trivial.get("metrics", {}).get(key, {}).get("value")
            lines.append(f"  {words:<27}{show({'low': None, 'n': '?', **number})}" + (f", trivial peer {peer:.3f}" if peer is not None else ""))
    for room in ("data", "knowledge", "train", "export"):
        if room in entry.artifacts:
            lines.append(f"  {room:<12} {_made(root / entry.artifacts[room], room)}")
    chosen = [f"{name} {_value(entry.hyperparameters[name])}" for name in _TRAINING if name in entry.hyperparameters]
    lines += [f"  settings     {', '.join(chosen)}"] if chosen else []
    return [*lines, f"  {'model' if entry.recipe else 'engine'}        {entry.access_point}"]


def _made(folder: Path, room: str) -> str:
    try:
        facts = json.loads((folder / "manifest.json").read_text("utf-8"))["facts"]
    except (OSError, ValueError, KeyError):
        return f"gone ({folder})"
    return summarise(room, facts)


def _value(choice: Any) -> str:
    value = choice.get("value") if isinstance(choice, dict) else choice
    return f"{value:.4g}" if isinstance(value, float) else str(value)
