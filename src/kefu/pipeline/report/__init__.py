"""The HTML report of a run: one self-contained file, a view over recorded facts and nothing else."""

from __future__ import annotations

import base64
import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kefu.artifacts import Artifact, Store, provenance, read_jsonl, write_text
from kefu.project import Loaded

if TYPE_CHECKING:
    from kefu.pipeline.run import Outcome

_HERE = Path(__file__).parent
_MOST_FAILURES = 30
_MOST_CONTRADICTIONS = 10


def write_report(project: Loaded, store: Store, outcome: Outcome) -> Path:
    """Write `build/report.html` from the artefacts of the run; returns its path."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"figure": _figure, "short": _short, "percent": _percent, "size": _size}
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
    contradictions = list(read_jsonl(artifact.file("contradictions.jsonl")))
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
    return {**_json(artifact, "eval.json"), "failures": failures[:_MOST_FAILURES], "failure_count": len(failures)}


def _json(artifact: Artifact, name: str) -> Any:
    return json.loads(artifact.file(name).read_text("utf-8"))


def _pictures(folder: Path) -> list[dict[str, str]]:
    found = []
    for path in sorted(folder.glob("*.png")):
        data = base64.b64encode(path.read_bytes()).decode()
        found.append({"name": path.stem.replace("_", " "), "uri": f"data:image/png;base64,{data}"})
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


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _size(count: float) -> str:
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
