"""The release verdict: each limit against the unfavourable end of a 95 % interval, with the reason in plain words.

The caller turns a refusal into a GateError; this module only says what it found.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kefu.project.schema import Release
from kefu.statistics import show

#: Baselines of E6 (floor, and FAQ without tuning): must be beaten with significance. Parts alone: must not be significantly better.
BEAT = ("do_nothing", "prompt_faq")
SIGNIFICANT = 0.05
#: Fewer questions give an interval too wide to refuse a small project by: then the share itself is judged, and below `LEAST` nothing is.
FEWEST = 50
LEAST = 10


def verdict(report: Mapping[str, Any], limits: Release) -> dict[str, Any]:
    """`{"passed", "reasons", "rules", "unjudged"}`; reasons say why it is refused, rules list every limit with what was found."""
    rules: list[dict[str, Any]] = []
    unjudged: list[str] = []
    _at_least(rules, "scenarios handled", report["scenarios"]["score"], limits.min_score, "eval.release.min_score")
    questions = report.get("questions")
    if questions:
        _at_least(rules, "questions answered right", questions["all"]["right"], limits.min_score, "eval.release.min_score")
        _at_least(rules, "out-of-scope questions turned away", questions["all"]["turned_away"], limits.min_score, "eval.release.min_score")
    _at_most(rules, "replies with undesired behaviour", report["glitch_rate"], limits.max_glitch_rate, "eval.release.max_glitch_rate")
    for case, words in (("questions", "questions answered wrongly"), ("held_out", "held-out questions answered wrongly")):
        table = report.get(case)
        if table and table["all"]["wrong"]["n"] >= FEWEST:
            _at_most(rules, words, table["all"]["wrong"], limits.max_wrong_rate, "eval.release.max_wrong_rate")
        elif table and (number := table["all"]["wrong"])["n"] >= LEAST:
            passed = number["value"] <= limits.max_wrong_rate
            found = f"{words} {show(dict(number), 3)}: {'keeps' if passed else 'is above'} the limit {limits.max_wrong_rate:g}"
            _add(rules, words, number, passed, f"{found} (eval.release.max_wrong_rate); too few to judge by the interval")
        elif table and table["all"]["wrong"]["n"]:
            unjudged.append(f"{words}: only {table['all']['wrong']['n']} questions, fewer than {LEAST}")
    proof = sum(table["all"]["wrong"]["n"] for case in ("questions", "held_out") if (table := report.get(case)))
    if not proof and not report["signature"]["own_scenarios"]:
        why = "nothing of the company was asked: no held-out question (data.split), no eval.questions, no scenario of the project's own"
        rules.append({"what": "evidence", "figure": {"n": 0}, "passed": False, "reason": why})
    if limits.beat_baselines:
        rules += [_compare(row) for row in report["comparisons"] if row["case"] == "all"]
    failed = [rule for rule in rules if not rule["passed"]]
    return {"passed": not failed, "reasons": [rule["reason"] for rule in failed], "rules": rules, "unjudged": unjudged}


def _at_least(rules: list[dict[str, Any]], what: str, number: Mapping[str, Any], limit: float, setting: str) -> None:
    if not number["n"]:
        return
    low = number["low"] if number["low"] is not None else number["value"]
    passed = low >= limit
    ends = "reaches" if passed else "is below"
    _add(rules, what, number, passed, f"{what} {show(dict(number))}: the lower end {low:.3f} {ends} the limit {limit:g} ({setting})")


def _at_most(rules: list[dict[str, Any]], what: str, number: Mapping[str, Any], limit: float, setting: str) -> None:
    if not number["n"]:
        return
    high = number["high"] if number["high"] is not None else number["value"]
    passed = high <= limit
    ends = "keeps" if passed else "is above"
    _add(rules, what, number, passed, f"{what} {show(dict(number), 3)}: the upper end {high:.3f} {ends} the limit {limit:g} ({setting})")


def _add(rules: list[dict[str, Any]], what: str, number: Mapping[str, Any], passed: bool, reason: str) -> None:
    rules.append({"what": what, "figure": dict(number), "passed": passed, "reason": reason})


def _compare(row: Mapping[str, Any]) -> dict[str, Any]:
    better, significant = row["difference"] > 0, row["p"] < SIGNIFICANT
    name, words = row["baseline"], f"{row['difference']:+.3f} on {row['n']} cases, p {row['p']:.2g} ({row['how']})"
    if name in BEAT:
        passed = better and significant
        reason = f"{'beats' if passed else 'does not beat'} the baseline {name}: {words} (eval.release.beat_baselines)"
    else:
        passed = not (row["difference"] < 0 and significant)
        reason = f"{'is not worse' if passed else 'is worse'} than its part {name} alone: {words} (eval.release.beat_baselines)"
    return {"what": f"compared with {name}", "figure": {key: row[key] for key in ("difference", "p", "n", "how")}, "passed": passed, "reason": reason}
