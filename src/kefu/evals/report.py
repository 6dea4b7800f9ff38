"""Writes an evaluation: `eval.json` (the report), `failures.jsonl` (every failed case with its transcript), `eval.csv` (one
number a row), and the lines a person reads first."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kefu.artifacts import write_json, write_jsonl, write_text
from kefu.evals.evaluate import Run
from kefu.pages.written import spreadsheet
from kefu.statistics import Figure, show


def write(report: Mapping[str, Any], runs: Sequence[Run], out: Path) -> None:
    """Fill `out` with the three files."""
    write_json(out / "eval.json", report)
    write_jsonl(out / "failures.jsonl", failures(runs[0]))
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(["system", "number", "value", "low", "high", "n", "how"])
    for name, system in report["systems"].items():
        for place, number in figures(system):
            table.writerow(map(spreadsheet, (name, place, *(number.get(key) for key in ("value", "low", "high", "n", "how")))))
    write_text(out / "eval.csv", buffer.getvalue())


def failures(run: Run) -> Iterator[dict[str, Any]]:
    """Cases that failed or showed an undesired behaviour, with everything that was said."""
    for played in run.played:
        if not played.passed or any(played.glitches):
            yield played.as_dict()
    for case, asked in (("question", run.questions), ("held_out", run.held_out)):
        for one in asked:
            if not one.good:
                yield one.as_dict(case)


def figures(value: Any, place: str = "") -> Iterator[tuple[str, Figure]]:
    """Every figure inside a report, with its dotted place."""
    if isinstance(value, Mapping):
        if {"value", "n", "how"} <= set(value):
            yield place, dict(value)
            return
        for key, inner in value.items():
            yield from figures(inner, f"{place}.{key}" if place else str(key))


def facts(report: Mapping[str, Any]) -> dict[str, Any]:
    """The headline numbers, for a manifest and the registry."""
    found: dict[str, Any] = {"score": report["score"], "glitch_rate": report["glitch_rate"], "takeover": report["takeover"]["score"]}
    for case in ("questions", "held_out"):
        if report[case]:
            rates = report[case]["all"]
            found |= {f"{case}.{name}": rates[name] for name in ("right", "right_or_offered", "wrong", "turned_away") if rates[name]["n"]}
    return {**found, "errors": report["errors"], "release": {key: report["release"][key] for key in ("passed", "reasons")}}


def lines(report: Mapping[str, Any]) -> list[str]:
    """What a person reads first: a row per system with floor and ceiling, then the assistant in detail, then the verdict."""
    out = [f"{'system':<11} {'scenarios handled':<28} {'questions right':<28} {'out of scope turned away':<28} {'held-out right':<28} glitches"]
    for name, system in report["systems"].items():
        cells = [show(system["scenarios"]["score"]), *(_rate(system, case, rate) for case, rate in _COLUMNS)]
        out.append(f"{name:<11} " + " ".join(f"{cell:<28}" for cell in cells) + f" {show(system['glitch_rate'])}")
    out += [f"{name:<11} not measured: {why}" for name, why in report["absent"].items()]
    out.append(f"prompt_faq is {report['systems']['prompt_faq']['note']}" if "prompt_faq" in report["systems"] else "")
    taken = report["takeover"]
    trivial = (("never", "floor_never"), ("always", "naive_always"), ("oracle", "ceiling_oracle"))
    beside = ", ".join(f"{name} {_plain(taken[key]['score'])}" for name, key in trivial)
    counts = ", ".join(f"{name} {count}" for name, count in taken["counts"].items() if count)
    out.append(f"take-over   {show(taken['score'])} beside {beside}: {counts or 'no labelled scenario'}")
    out += [f"  {kind:<19} {show(score)}" for kind, score in report["scenarios"]["by_kind"].items()]
    out += [f"  {language:<19} {show(score)}" for language, score in report["scenarios"]["by_language"].items()]
    for case, title in (("questions", "questions"), ("held_out", "held-out")):
        for language, rates in (report[case] or {"by_language": {}})["by_language"].items():
            away = f", out of scope turned away {show(rates['turned_away'])}" if rates["turned_away"]["n"] else ""
            helped = f"right {show(rates['right'])}, right or offered {show(rates['right_or_offered'])}"
            out.append(f"{title} {language}: {helped}, answered wrongly {show(rates['wrong'])}{away}")
    worst = ", ".join(f"{name} {count}" for name, count in report["undesired"].items() if count)
    out.append(f"undesired behaviours in scenario replies: {worst or 'none'}")
    if hushed := report.get("never_said"):
        some = ", ".join(f"{row['entry']} ({row['rule']})" for row in hushed[:5])
        out.append(f"approved answers that an output rule keeps from being said: {len(hushed)}: {some}; reword them or see assistant.guard.off")
    for row in report["comparisons"]:
        if row["case"] == "all":
            out.append(f"against {row['baseline']}: {row['difference']:+.3f} on {row['n']} cases, p {row['p']:.2g} ({row['how']})")
    verdict = report["release"]
    out.append("release: passed" if verdict["passed"] else "release: refused")
    out += [f"  - {reason}" for reason in verdict["reasons"]]
    out += [f"  not judged: {why}" for why in verdict.get("unjudged", ())]
    signature = report["signature"]
    out.append(f"scenarios: {signature['own_scenarios']} of the project, {signature['scenarios'] - signature['own_scenarios']} shipped with kefu")
    return [line for line in out if line]


_COLUMNS = (("questions", "right"), ("questions", "turned_away"), ("held_out", "right"))


def _rate(system: Mapping[str, Any], case: str, rate: str) -> str:
    return show(system[case]["all"][rate]) if system[case] else "-"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
