"""Advice from traffic: request lengths, tiers, and the questions an FAQ entry would answer."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from kefu.improve.cases import GAPS
from kefu.project.schema import Project
from kefu.statistics import nearest_rank
from kefu.text.similarity import jaccard

if TYPE_CHECKING:
    from kefu.records import Records

_ALIKE = 0.5
_MOST_GROUPS = 20


def advise(records: Records, settings: Project) -> dict[str, Any]:
    """Figures over all recorded replies, and `lines`: the advice drawn from them.

    lengths: characters of a customer turn and tokens of a model reply (p50, p95, max);
    candidates: groups of alike questions that no tier answered, the most frequent first, each with the FAQ entry found nearest.
    """
    asked: list[int] = []
    tiers: Counter[str] = Counter()
    answered_ms: dict[str, list[float]] = {}
    completions: list[int] = []
    open_questions: list[str] = []
    nearest: dict[str, str] = {}
    for row in records.cases():
        question = row.conversation.last_customer_turn()
        asked.append(len(question))
        tiers[row.tier] += 1
        timing = row.receipt.get("timings_ms") or {}
        answered_ms.setdefault(row.tier, []).append(float(timing.get("total", 0.0)))
        usage = row.receipt.get("tokens") or {}
        if row.tier == "model" and usage.get("completion"):
            completions.append(int(usage["completion"]))
        if question and row.receipt.get("kind") in GAPS and (row.refused or row.handoff):
            open_questions.append(question)
            if hits := [hit for hit in row.receipt.get("hits") or () if hit.get("kind") == "faq"]:
                nearest.setdefault(question, str(hits[0]["id"]))
    total = sum(tiers.values())
    groups = [{**group, "nearest": nearest.get(group["question"], "")} for group in _groups(open_questions)]
    lines = [f"{total} replies recorded"] if total else ["nothing is recorded yet: serve the assistant first"]
    if total:
        shares = ", ".join(f"{tier} {count / total:.0%}" for tier, count in tiers.most_common())
        lines.append(f"answered by: {shares}")
        lines.append(f"customer turns: {_spread(asked)} characters")
    if completions:
        spread = _quantiles(completions)
        lines.append(f"model replies: {_spread(completions)} tokens; assistant.max_answer_tokens is {settings.assistant.max_answer_tokens}")
        if spread["p95"] >= settings.assistant.max_answer_tokens:
            lines.append(f"raise assistant.max_answer_tokens: 5 % of the model's replies reach {spread['p95']} tokens and are cut")
    for group in groups:
        if group["count"] > 1:
            known = f"add this wording to entry {group['nearest']} if that answers it, else write one" if group["nearest"] else "write an FAQ entry"
            lines.append(f"asked {group['count']} times without an answer: {group['question']}  -> {known}")
    figures = {
        "replies": total,
        "tiers": dict(tiers),
        "customer_chars": _quantiles(asked),
        "model_tokens": _quantiles(completions),
        "total_ms": {tier: _quantiles([round(v, 2) for v in values]) for tier, values in answered_ms.items()},
    }
    return {"lines": lines, "figures": figures, "candidates": groups}


def _groups(questions: list[str]) -> list[dict[str, Any]]:
    """Greedy groups by shingle overlap with the first of each group; counted, the largest first."""
    groups: list[tuple[str, int]] = []
    for question, count in Counter(questions).most_common(2000):
        for i, (first, so_far) in enumerate(groups):
            if jaccard(first, question, 2) >= _ALIKE:
                groups[i] = (first, so_far + count)
                break
        else:
            groups.append((question, count))
    groups.sort(key=lambda group: -group[1])
    return [{"question": question, "count": count} for question, count in groups[:_MOST_GROUPS]]


def _quantiles(values: list[Any]) -> dict[str, Any]:
    if not values:
        return {}
    ordered = sorted(values)
    return {"p50": nearest_rank(ordered, 50), "p95": nearest_rank(ordered, 95), "max": ordered[-1], "n": len(ordered)}


def _spread(values: list[int]) -> str:
    spread = _quantiles(values)
    return f"median {spread['p50']}, 95 % up to {spread['p95']}, longest {spread['max']}"
