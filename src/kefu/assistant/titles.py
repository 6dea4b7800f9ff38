"""What a passage of a manual is called when it is offered to a customer."""

from __future__ import annotations

from collections.abc import Iterable

from kefu.knowledge.result import Entry
from kefu.text.normalise import fold

_BEGINNING = 24  # characters of a passage that tell it from others under the same heading


def titles(entries: Iterable[Entry]) -> dict[str, str]:
    """`{entry id: title}` of the passages: the innermost heading; the passage's first words after it where a heading has several."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for entry in entries:
        if entry.kind != "document":
            continue
        title = entry.question.rpartition(" > ")[2].strip()
        if fold(title) in taken:
            words = " ".join(entry.answer.split())
            title = f"{title}: {words[:_BEGINNING]}{'…' if len(words) > _BEGINNING else ''}"
        if title and fold(title) not in taken:
            taken.add(fold(title))
            found[entry.id] = title
    return found
