"""Tagged tokens: schemes brought to BIO (IOB2), broken sequences repaired, personal data replaced without losing a token."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from kefu.data import mapping
from kefu.data.tasks import invented
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


def mask(tokens: list[str], memory: privacy.Memory) -> list[str]:
    """The tokens with personal data replaced by invented data of the same type, as many as before: every tag stays with its token.

    Digits that stand in tokens of their own are read apart and then as one number."""
    once = _masked(tokens, memory, apart=True)
    settled = {n for n, (before, after) in enumerate(zip(tokens, once, strict=True)) if before != after}
    return _masked(once, memory, apart=False, settled=settled)


def _masked(tokens: list[str], memory: privacy.Memory, *, apart: bool, settled: Collection[int] = ()) -> list[str]:
    """settled: tokens that are invented already and end every reading."""
    text, starts = "", []
    read = ["。" if n in settled else token for n, token in enumerate(tokens)]
    for token in read:
        if text and _LATIN.search(text) and re.match(r"[A-Za-z0-9]", token) and (apart or not (text[-1].isdigit() and token[0].isdigit())):
            text += " "
        starts.append(len(text))
        text += token
    found = privacy.replacements(text, memory)
    if not found:
        return tokens
    masked, last = "", 0
    for span, placeholder in found:
        masked, last = masked + text[last : span.start] + placeholder, span.end
    masked += text[last:]
    made = list(tokens)
    for span, placeholder in reversed(found):  # from behind, so that the places of the others stay right
        within = [
            (n, max(span.start - start, 0), min(span.end - start, len(token)))
            for n, (start, token) in enumerate(zip(starts, read, strict=True))
            if n not in settled and start < span.end and start + len(token) > span.start
        ]
        new = invented.pieces([tokens[n][a:b] for n, a, b in within], span.type, f"{masked}/{placeholder}")
        for (n, a, b), piece in zip(within, new, strict=True):
            made[n] = made[n][:a] + piece + made[n][b:]
    return made
