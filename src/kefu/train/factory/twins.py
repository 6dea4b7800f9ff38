"""Rows of a recipe that nearly repeat each other, by the data side's own rule (`kefu.data.split`): what is near enough to stand on one side there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kefu.data import jobs, near
from kefu.text.normalise import fold

#: rows that are compared with each other; more would take minutes
MOST = 20_000
_ASKED = ("text", "question", "instruction", "prompt", "messages", "tokens")


def text(row: dict[str, Any]) -> str:
    """What a row asks, numbers and politeness aside. Empty: it is not told by its words alone (a picture, a question on a text of its own)."""
    if row.get("image") or row.get("context"):
        return ""
    given = next((row[name] for name in _ASKED if row.get(name)), "")
    if isinstance(given, list):
        said = [one for one in given if not isinstance(one, dict)]
        turns = [one for one in given if isinstance(one, dict)]
        asked = [one.get("content", one.get("value", "")) for one in turns if str(one.get("role", one.get("from", ""))) in ("user", "human")]
        given = " ".join(str(one) for one in [*said, *asked])
    both = f"{given} {row['other']}" if row.get("other") else str(given)
    return jobs.plain(fold(both)).strip()


def groups(rows: Sequence[dict[str, Any]]) -> list[int]:
    """For each row the place of the first of its group; of more than `MOST` rows each stands alone."""
    found = near.Groups(len(rows))
    if len(rows) <= MOST:
        said = [text(row) for row in rows]
        places = [i for i, one in enumerate(said) if one]
        for i, j, _ in near.pairs([said[i] for i in places], jobs.LEAK):
            found.join(places[i], places[j])
    return list(found.roots())


def repeated(rows: Sequence[dict[str, Any]], learnt: Sequence[dict[str, Any]]) -> set[int]:
    """Places of the rows that equal or nearly repeat a learnt one. With more than `MOST` learnt rows only equal words count."""
    known = list(dict.fromkeys(one for row in learnt if (one := text(row))))
    same, said = set(known), [text(row) for row in rows]
    found = {i for i, one in enumerate(said) if one in same}
    if len(known) + len(rows) <= MOST:
        index = near.Known(known, jobs.LEAK)
        found |= {i for i, one in enumerate(said) if i not in found and one and next(iter(index.alike(one)), None) is not None}
    return found
