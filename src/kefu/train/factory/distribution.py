"""What the rows of a run look like: languages, labels, lengths. For the report; nothing is decided by it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from kefu.text.language import detect

_TEXTS = ("text", "instruction", "prompt", "question", "messages", "tokens")
_MOST = 40


def distribution(rows: list[dict[str, Any]], lengths: list[int], counted: dict[str, int] | None = None) -> dict[str, Any]:
    """{"rows", "languages", "labels", "length_histogram": {upper end in tokens: rows}, "length"} of training rows.

    counted: rows of each label as the method read them, where several stand in one cell.
    """
    labels: Counter[str] = Counter()
    labels.update(counted or {})
    for row in [] if counted else rows:
        given = row.get("label", row.get("tags"))
        for one in given if isinstance(given, list | tuple) else [] if given is None else [given]:
            labels[str(one)] += 1
    histogram: dict[str, int] = {}
    ordered = sorted(lengths)
    low, edge = 0, 16
    while ordered and low < ordered[-1]:
        histogram[str(edge)] = sum(low < length <= edge for length in ordered)
        low, edge = edge, edge * 2
    return {
        "rows": len(rows), "languages": dict(Counter(detect(_text(row)) for row in rows).most_common()),
        "labels": dict(labels.most_common(_MOST)), "labels_in_all": len(labels), "length_histogram": histogram,
        "length": {"min": ordered[0], "median": ordered[len(ordered) // 2], "p95": ordered[int(0.95 * (len(ordered) - 1))], "max": ordered[-1]}
        if ordered else {},
    }  # fmt: skip


def _text(row: dict[str, Any]) -> str:
    value = next((row[name] for name in _TEXTS if row.get(name)), "")
    if isinstance(value, list):
        return " ".join(str(one.get("content", one.get("value", ""))) if isinstance(one, dict) else str(one) for one in value)[:2000]
    return str(value)[:2000]
