"""What changed between two registered models: data, settings, template, metrics, and what they did on the same cases."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kefu.registry import Entry
from kefu.statistics import apart, show

MOST_LINES = 40
_ABOUT = ("method", "training", "description", "parents", "recipe", "gates_passed", "release_passed")


def compare(root: Path, old: Entry, new: Entry) -> dict[str, Any]:
    """{"about", "data", "settings", "metrics": [{"key", "old", "new", ...}], "template": lines, "behaviour": {...} or {"absent": why}}."""
    return {
        "about": [_row(key, getattr(old, key), getattr(new, key)) for key in _ABOUT if getattr(old, key) != getattr(new, key)],
        "data": _changes(_data(root, old), _data(root, new)),
        "settings": _changes(_settings(old), _settings(new)),
        "metrics": list(_metrics(old, new)),
        "template": _template(root, old, new),
        "behaviour": _behaviour(root, old, new),
        "made_with": _changes(_hashes(old), _hashes(new)),
    }


def lines(found: dict[str, Any], old: Entry, new: Entry) -> Iterator[str]:
    """The comparison as it is printed."""
    if old.label == new.label or not any(found[part] for part in ("about", "data", "settings", "metrics", "template", "made_with")):
        yield f"{old.label} and {new.label} do not differ"
    for part in ("about", "data", "settings", "made_with"):
        if found[part]:
            yield part.replace("_", " ")
            for row in found[part]:
                yield f"  {row['key']}: {_short(row['old'])} -> {_short(row['new'])}"
    if found["metrics"]:
        yield "metrics"
        for row in found["metrics"]:
            yield f"  {row['key']}: {_figure(row['old'])} -> {_figure(row['new'])}" + (f"  {row['verdict']}" if row["verdict"] else "")
    if found["template"]:
        yield "template"
        for line in found["template"]:
            yield f"  {line}"
    behaviour = found["behaviour"]
    if "absent" in behaviour:
        yield f"behaviour: not compared ({behaviour['absent']})"
        return
    yield f"behaviour on {behaviour['cases']} cases that both were asked: {behaviour['same']} the same, {len(behaviour['changed'])} changed"
    for one in behaviour["changed"][:MOST_LINES]:
        yield f"  {one['case']}: {_short(one['old'])} -> {_short(one['new'])}"
    if len(behaviour["changed"]) > MOST_LINES:
        yield f"  and {len(behaviour['changed']) - MOST_LINES} more (--json shows all)"


def _row(key: str, old: Any, new: Any) -> dict[str, Any]:
    return {"key": key, "old": old, "new": new}


def _changes(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    return [_row(key, old.get(key), new.get(key)) for key in sorted({*old, *new}) if old.get(key) != new.get(key)]


def _data(root: Path, entry: Entry) -> dict[str, Any]:
    """Hash and size of what was learnt from."""
    found: dict[str, Any] = {f"hash of {name}": entry.hashes[name][:16] for name in ("data", "base", "parent") if name in entry.hashes}
    training = _read(root, entry, "model", "training.json") or {}
    for part, counts in (training.get("data") or {}).items():
        found[f"{part} rows"] = counts.get("rows")
    data = (_read(root, entry, "data", "manifest.json") or {}).get("facts", {})
    return found | {name: data[name] for name in ("rows", "conversations", "examples", "dropped_reasons") if name in data}


def _settings(entry: Entry) -> dict[str, Any]:
    chosen = {name: choice.get("value") if isinstance(choice, dict) else choice for name, choice in entry.hyperparameters.items()}
    return _flat(entry.settings) | {f"chosen {name}": value for name, value in _flat(chosen).items()}


def _hashes(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = {name: entry.hashes[name][:16] for name in ("code", "template", "environment") if name in entry.hashes}
    return found | _flat(entry.environment.get("packages", {}), "package ")


def _metrics(old: Entry, new: Entry) -> Iterator[dict[str, Any]]:
    """A change is only called one where the intervals do not meet; where nothing can be said, that is said."""
    for name in dict.fromkeys([*old.metrics, *new.metrics]):
        a, b = old.metrics.get(name), new.metrics.get(name)
        if a == b or name in ("summary", "release"):
            continue
        figures = [one for one in (a, b) if isinstance(one, dict) and one.get("value") is not None and "n" in one]
        said = apart(*figures)[1] if len(figures) == 2 else ""
        yield {**_row(name, a, b), "verdict": said}


def _template(root: Path, old: Entry, new: Entry) -> list[str]:
    texts = []
    for entry in (old, new):
        folder = entry.artifacts.get("model") or entry.artifacts.get("train")
        file = root / folder / "model" / "chat_template.jinja" if folder else None
        texts.append(file.read_text("utf-8").splitlines() if file and file.is_file() else [])
    if texts[0] == texts[1]:
        return []
    return list(difflib.unified_diff(texts[0], texts[1], old.label, new.label, lineterm="", n=1))


def _behaviour(root: Path, old: Entry, new: Entry) -> dict[str, Any]:
    """Cases that both were asked, and those where they did differently: passed and failed of the suite, or the answers of a recipe's run."""
    before, after = _did(root, old), _did(root, new)
    if before is None or after is None:
        return {"absent": f"{(old if before is None else new).label} has no record of it here"}
    if before[0] != after[0]:
        return {"absent": "they were not asked the same suite"}
    cases = sorted({*before[1], *after[1]}) if before[0] == "suite" else [case for case in before[1] if case in after[1]]
    rows = [(case, before[1].get(case, "passed"), after[1].get(case, "passed")) for case in cases]
    changed = [{"case": case, "old": a, "new": b} for case, a, b in rows if a != b]
    count = max(before[2], after[2]) if before[0] == "suite" else len(cases)
    return {"cases": count, "same": count - len(changed), "changed": changed}


def _did(root: Path, entry: Entry) -> tuple[str, dict[str, str], int] | None:
    """(kind, case -> what happened, number of cases). Of a suite only failures are kept: what is not named passed."""
    training = _read(root, entry, "model", "training.json")
    if training is not None:
        said = {str(sample["asked"]): str(sample["after"]) for sample in training.get("samples", [])}
        return ("samples", said, len(said)) if said else None
    report, folder = _read(root, entry, "eval", "eval.json"), entry.artifacts.get("eval")
    if report is None or folder is None:
        return None
    failed: dict[str, str] = {}
    try:
        for line in (root / folder / "failures.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            failed[f"{row.get('case')} {row.get('id')}"] = "failed: " + "; ".join(map(str, row.get("reasons", [])))
    except (OSError, ValueError):
        return None
    return "suite", failed, _asked(report)


def _asked(report: dict[str, Any]) -> int:
    parts = [report.get("score"), *((report.get(name) or {}).get("all", {}).get("right") for name in ("questions", "held_out"))]
    return sum(int(part.get("n", 0)) for part in parts if isinstance(part, dict))


def _read(root: Path, entry: Entry, room: str, name: str) -> dict[str, Any] | None:
    if room not in entry.artifacts:
        return None
    try:
        found = json.loads((root / entry.artifacts[room] / name).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _flat(value: object, prefix: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        return {k: v for key, inner in value.items() for k, v in _flat(inner, f"{prefix}.{key}" if prefix else str(key)).items()}
    return {prefix: value} if prefix else {}


def _figure(number: Any) -> str:
    if isinstance(number, dict) and number.get("value") is not None:
        return show({"low": None, "n": "?", **number}, 3)
    return _short(number)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str) if not isinstance(value, str) else value
    return text if len(text) <= 120 else text[:119] + "…"
