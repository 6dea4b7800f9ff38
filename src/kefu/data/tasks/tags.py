"""Tagged tokens: schemes brought to BIO (IOB2), broken sequences repaired, personal data masked without losing a tag."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kefu.data import mapping
from kefu.text import privacy

_MARKED = re.compile(r"^([BIESLUM])[-_](.+)$")
_LATIN = re.compile(r"[A-Za-z0-9]$")


def form(tokens: Any, tags: Any, names: Sequence[str]) -> tuple[list[str], list[str], str]:
    """(tokens, tags as written, the reason why they cannot be used). Texts are split at blanks; numbers are looked up in `names`."""
    left, right = _items(tokens), _items(tags)
    if left is None or right is None:
        return [], [], "tokens or tags cannot be read"
    if not left:
        return [], [], "no tokens"
    if len(left) != len(right):
        return [], [], "tokens and tags differ in number"
    if any(not token.strip() for token in left):
        return [], [], "an empty token"
    if names:
        if any(not tag.isdigit() or int(tag) >= len(names) for tag in right):
            return [], [], "a tag that `labels` does not name"
        right = [names[int(tag)] for tag in right]
    return left, right, ""


def _items(cell: Any) -> list[str] | None:
    if isinstance(cell, str):
        if cell.lstrip().startswith("["):
            import json

            try:
                cell = json.loads(cell)
            except (ValueError, RecursionError):
                return cell.split()
        else:
            return cell.split()
    if not isinstance(cell, list) or any(isinstance(item, list | dict) for item in cell):
        return None
    return [item if isinstance(item, str) else mapping.plain(item) for item in cell]


def scheme_of(rows: Iterable[Sequence[str]]) -> str:
    """`bio`, `iob1`, `bioes` or `io`, by the marks that are met."""
    marks: Counter[str] = Counter()
    starts_inside = whole = 0
    for tags in rows:
        before = "O"
        for tag in tags:
            match = _MARKED.match(tag)
            marks[match.group(1) if match else ("O" if tag == "O" else "plain")] += 1
            if match:
                opens = before == "O" or before[2:] != tag[2:]
                whole += opens
                starts_inside += opens and match.group(1) == "I"
            before = tag
    if marks["plain"] and not sum(marks[mark] for mark in "BIESLUM"):
        return "io"
    if marks["E"] or marks["S"] or marks["L"] or marks["U"]:
        return "bioes"
    return "iob1" if whole and starts_inside * 2 > whole else "bio"


def to_bio(tags: Sequence[str], scheme: str) -> tuple[list[str], int]:
    """Tags as IOB2, and how many stood where they cannot (an I with nothing before it) and were made to begin an entity."""
    made: list[str] = []
    repaired = 0
    before_mark, before = "O", ""
    for tag in tags:
        match = _MARKED.match(tag) if scheme != "io" else None
        mark, kind = (match.group(1), match.group(2)) if match else ("O", "") if tag in ("O", "", "o", "0") else ("I", tag)
        if mark == "O":
            made.append("O")
        elif mark in "BSU":
            made.append(f"B-{kind}")
        else:  # I, E, L, M: goes on, unless there is nothing of its kind to go on with
            ended = scheme == "bioes" and before_mark in "ESLU"
            goes_on = before == kind and before_mark != "O" and not ended
            made.append(f"{'I' if goes_on else 'B'}-{kind}")
            repaired += not goes_on and scheme in ("bio", "bioes")
        before_mark, before = mark, kind
    return made, repaired


def clean(tokens: list[str], text: Callable[[str], str]) -> list[str]:
    """Every token cleaned by itself; one that would vanish or fall apart stays as it is. The number never changes."""
    made = []
    for token in tokens:
        cleaned = text(token)
        made.append(cleaned if cleaned and not re.search(r"\s", cleaned) else token)
    return made


def mask(tokens: list[str], tags: list[str], memory: privacy.Memory) -> tuple[list[str], list[str]]:
    """Tokens of one piece of personal data become one placeholder that keeps the entity's tag; the rest stays in place."""
    text, starts = "", []
    for token in tokens:
        if text and _LATIN.search(text) and re.match(r"[A-Za-z0-9]", token):
            text += " "
        starts.append(len(text))
        text += token
    ends = [start + len(token) for start, token in zip(starts, tokens, strict=True)]
    found = privacy.replacements(text, memory)
    new_tokens: list[str] = []
    new_tags: list[str] = []
    n = 0
    while n < len(tokens):
        hit = next(((span, placeholder) for span, placeholder in found if span.start < ends[n] and span.end > starts[n]), None)
        if hit is None:
            new_tokens.append(tokens[n])
            new_tags.append(tags[n])
            n += 1
            continue
        last = n
        while last + 1 < len(tokens) and starts[last + 1] < hit[0].end:
            last += 1
        new_tokens.append(hit[1])
        new_tags.append(next((tag for tag in tags[n : last + 1] if tag != "O"), "O"))
        n = last + 1
    return new_tokens, to_bio(new_tags, "bio")[0]
