"""The HTML report of a run: one self-contained file, a view over recorded facts and nothing else."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from kefu.artifacts import Artifact, Store, provenance, read_jsonl, write_text
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
    "loss": "Loss per learnt token while training; dotted: the checkpoint that was kept",
}
_CASES = {"scenario": "scenarios", "question": "questions in wording never trained on", "held_out": "held-out questions of the data"}


def write_report(project: Loaded, store: Store, outcome: Outcome) -> Path:
    """Write `build/report.html` from the artefacts of the run; returns its path."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"figure": _figure, "interval": _interval, "short": _short, "line": _line, "made": _made}
    parts = {result.name: result.artifact for result in outcome.results if result.artifact is not None}
    page = environment.get_template("report.html.jinja").render(
        project=project.settings, outcome=outcome, results=outcome.results, environment=provenance(),
        data=_data(parts["data"]), training=_training(parts["train"]), gates=_json(parts["export"], "gates.json"),
        evaluation=_evaluation(parts["eval"]), smoke=_json(parts["smoke"], "smoke.json"), knowledge=parts["knowledge"].facts,
        paths={name: artifact.path.relative_to(project.root).as_posix() for name, artifact in parts.items()},
    )  # fmt: skip
    path = store.root / "report.html"
    write_text(path, page)
    return path


def _data(artifact: Artifact) -> dict[str, Any]:
    contradictions = _by_question(read_jsonl(artifact.file("contradictions.jsonl")))
    samples: list[dict[str, Any]] = []
    for kind, language in (("dialogue", "zh"), ("dialogue", "en"), ("faq", "zh"), ("faq", "en")):
        rows = (row for row in read_jsonl(artifact.file("conversations.jsonl")) if row["kind"] == kind and row["language"] == language)
        samples += islice(rows, 1)
    return {
        "facts": artifact.facts, "ledger": _json(artifact, "ledger.json"), "stats": _json(artifact, "stats.json"),
        "contradictions": contradictions[:_MOST_CONTRADICTIONS], "contradiction_count": len(contradictions),
        "samples": samples, "pictures": _pictures(artifact.path / "plots"),
    }  # fmt: skip


def _training(artifact: Artifact) -> dict[str, Any]:
    return {**_json(artifact, "training.json"), "pictures": _pictures(artifact.path / "plots")}


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
            one["answers"].setdefault(text, {**answer, "kept": kept, "rule": row.get("rule", "") if kept or row.get("rule") == "merged" else ""})
    return list(found.values())


def _json(artifact: Artifact, name: str) -> Any:
    return json.loads(artifact.file(name).read_text("utf-8"))


def _pictures(folder: Path) -> list[dict[str, str]]:
    found = []
    for path in sorted(folder.glob("*.png")):
        data = base64.b64encode(path.read_bytes()).decode()
        found.append({"name": _CAPTIONS.get(path.stem, path.stem.replace("_", " ")), "uri": f"data:image/png;base64,{data}"})
    return found


def _figure(number: Any, digits: int = 2) -> str:
    if not isinstance(number, dict):
        return "–" if number is None else str(number)
    if number.get("value") is None:
        return "–"
    text = f"{number['value']:.{digits}f}"
    if number.get("low") is not None:
        text += f" [{number['low']:.{digits}f}, {number['high']:.{digits}f}]"
    return f"{text} (n={number['n']})" if "n" in number else text


def _short(value: Any, length: int = 160) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)
    return text if len(text) <= length else text[: length - 1] + "…"


def _interval(number: Any, digits: int = 2) -> Markup:
    """The value, its interval and n below it in small: narrow enough for a table of many columns."""
    if not isinstance(number, dict) or number.get("value") is None:
        return Markup("–")
    low = f"{number['low']:.{digits}f} to {number['high']:.{digits}f}, " if number.get("low") is not None else ""
    return Markup("<b>{}</b> <small>{}n={}</small>").format(f"{number['value']:.{digits}f}", low, number.get("n", "?"))


def _line(value: str, length: int = 60) -> str:
    """One line of what may be gibberish: signs that cannot be printed become a dot, a run of the same thing is cut."""
    text = "".join(char if char.isprintable() and char != "\ufffd" else "·" for char in " ".join(str(value).split()))
    return _short(re.sub(r"(.{1,12}?)\1{3,}", r"\1\1\1…", text), length)


def _made(result: StageResult) -> Markup:
    """When a stage was made and how long it took; for a fresh one that is when it was made, not now."""
    if result.status != "fresh" or result.artifact is None:
        return Markup("{} s").format(f"{result.seconds:.1f}")
    manifest = result.artifact.manifest
    return Markup("{} s <small>{} UTC</small>").format(f"{manifest['seconds']:.1f}", str(manifest["created"])[:16].replace("T", " "))
