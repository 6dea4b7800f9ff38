"""The HTML report of a run: one self-contained file, a view over recorded facts and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from kefu.artifacts import Artifact, Store, provenance, read_jsonl, write_text
from kefu.pages import reports
from kefu.project import Loaded
from kefu.text.normalise import fold

if TYPE_CHECKING:
    from kefu.pipeline.run import Outcome, StageResult

_HERE = Path(__file__).parent
_MOST_FAILURES = 400
_MOST_CONTRADICTIONS = 40
_CAPTIONS = {
    "categories": "Conversations by category",
    "interventions": "Turn at which a person should take over",
    "lengths": "Length of conversations, in words and Han characters",
    "quality": "Quality of the conversations, as labelled",
    "turns": "Turns of the dialogues",
    "languages": "Languages of the conversations",
    "months": "Conversations by month",
    "hours": "When customers write: day of the week and hour",
    "tokens": "Length of conversations in tokens",
    "loss": "Loss per learnt token while training; dotted: the checkpoint that was kept",
}
_CASES = {"scenario": "scenarios", "question": "questions in wording never trained on", "held_out": "held-out questions of the data"}


def write_report(project: Loaded, store: Store, outcome: Outcome) -> Path:
    """Write `build/report.html` from the artefacts of the run; returns its path."""
    environment = reports.environment(_HERE)
    environment.filters["made"] = _made
    parts = {result.name: result.artifact for result in outcome.results if result.artifact is not None}
    page = environment.get_template("report.html.jinja").render(
        style=reports.style(), project=project.settings, outcome=outcome, results=outcome.results, environment=provenance(),
        data=_data(parts["data"]), training=_training(parts["train"]), gates=_json(parts["export"], "gates.json"),
        evaluation=_evaluation(parts["eval"]), smoke=_json(parts["smoke"], "smoke.json"), knowledge=parts["knowledge"].facts,
        paths={name: artifact.path.relative_to(project.root).as_posix() for name, artifact in parts.items()},
    )  # fmt: skip
    path = store.root / "report.html"
    write_text(path, page)
    return path


def _data(artifact: Artifact) -> dict[str, Any]:
    told = list(read_jsonl(artifact.file("contradictions.jsonl")))
    contradictions = _by_question(row for row in told if "labels" not in row)
    labelled = [row for row in told if "labels" in row]
    samples: list[dict[str, Any]] = []
    for kind, language in (("dialogue", "zh"), ("dialogue", "en"), ("faq", "zh"), ("faq", "en")):
        rows = (row for row in read_jsonl(artifact.file("conversations.jsonl")) if row["kind"] == kind and row["language"] == language)
        samples += islice(rows, 1)
    return {
        "facts": artifact.facts, "ledger": _json(artifact, "ledger.json"), "stats": _json(artifact, "stats.json"),
        "contradictions": contradictions[:_MOST_CONTRADICTIONS], "contradiction_count": len(contradictions),
        "unsure_labels": labelled[:_MOST_CONTRADICTIONS], "unsure_label_count": len(labelled),
        "samples": samples, "pictures": reports.pictures(artifact.path / "plots", _CAPTIONS),
    }  # fmt: skip


def _training(artifact: Artifact) -> dict[str, Any]:
    return {**_json(artifact, "training.json"), "pictures": reports.pictures(artifact.path / "plots", _CAPTIONS)}


def _evaluation(artifact: Artifact) -> dict[str, Any]:
    failures = list(read_jsonl(artifact.file("failures.jsonl")))
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in failures[:_MOST_FAILURES]:
        groups.setdefault(_CASES.get(str(row.get("case")), str(row.get("case"))), []).append(row)
    return {**_json(artifact, "eval.json"), "failures": groups, "failure_count": len(failures), "failures_shown": min(len(failures), _MOST_FAILURES)}


def _by_question(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for a question, however many of its answers contradict each other; an answer stands once."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        question, chosen = str(row.get("question", "")), row.get("chosen") or {}
        one = found.setdefault(fold(question), {"question": question, "answers": {}})
        for answer, kept in ((chosen, True), *((other, False) for other in row.get("others") or [])):
            text = str(answer.get("answer", ""))
            one["answers"].setdefault(
                text, {**answer, "kept": kept, "rule": row.get("rule", "") if kept or row.get("rule") in ("merged", "both kept") else ""}
            )
    return list(found.values())


def _json(artifact: Artifact, name: str) -> Any:
    return json.loads(artifact.file(name).read_text("utf-8"))


def _made(result: StageResult) -> Markup:
    """When a stage was made and how long it took; for a fresh one that is when it was made, not now."""
    if result.status != "fresh" or result.artifact is None:
        return Markup("{} s").format(f"{result.seconds:.1f}")
    manifest = result.artifact.manifest
    return Markup("{} s <small>{} UTC</small>").format(f"{manifest['seconds']:.1f}", str(manifest["created"])[:16].replace("T", " "))
