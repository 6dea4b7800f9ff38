"""Tagged text: units with character offsets (a Han character, a word, a sign), BIO tags on them, and entities.

A model may cut text otherwise: a unit takes the tag of the token that holds its first character. Where one token holds several
units, only the first has a tag of its own, and what is lost by that is counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from kefu.data.mapping import plain
from kefu.data.tasks import tags as forms
from kefu.train.heads import windows as cut
from kefu.train.heads.task import BadRow, Task

if TYPE_CHECKING:
    from kefu.train.base import Base

_CJK = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\u3000-\u303f\uff00-\uffef"
_UNIT = re.compile(rf"(?!\s)[{_CJK}]|[^\W_{_CJK}]+|[^\s]")
_WIDE = re.compile(rf"[{_CJK}]")
_CLOSING, _OPENING = set(",.!?;:)]}%'’”…"), set("([{$#@“‘")

Span = tuple[int, int, str]


@dataclass(slots=True)
class Tagged:
    """A text, its units as (start, end) in characters, and the tag of each. tokens: as given, each as (start, end), where there are any."""

    text: str
    units: list[tuple[int, int]]
    tags: list[str] = field(default_factory=list)
    tokens: list[tuple[int, int]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def join(tokens: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """Tokens as running text, and where each stands: no blank next to Chinese, before closing or after opening signs."""
    text, places = "", []
    for token in tokens:
        if text and not (_WIDE.match(token) or _WIDE.match(text[-1]) or token[0] in _CLOSING or token == "n't" or text[-1] in _OPENING):
            text += " "
        places.append((len(text), len(text) + len(token)))
        text += token
    return text, places


def units_of(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    return [found.span() for found in _UNIT.finditer(text, start, len(text) if end is None else end)]


def bare(row: dict[str, Any]) -> Tagged:
    """A row to be tagged: its text, or its tokens. Raises BadRow."""
    if row.get("tokens") not in (None, ""):
        tokens = _split(row["tokens"])
        if not tokens or not all(tokens):
            raise BadRow("an empty token" if tokens else "no tokens", "the row cannot be tagged", "see --map")
        text, places = join(tokens)
        return Tagged(text, [unit for start, end in places for unit in units_of(text, start, end)], tokens=places)
    text = plain(row.get("text"))
    if not text.strip():
        raise BadRow("no text", "the row has neither text nor tokens", "see --map")
    return Tagged(text, units_of(text))


def _split(cell: Any) -> list[str]:
    if isinstance(cell, str):
        if not cell.lstrip().startswith("["):
            return cell.split()
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError):
            return cell.split()  # type: ignore[no-any-return]
    return [plain(item).strip() for item in cell] if isinstance(cell, list) else []


def labelled(row: dict[str, Any], scheme: str) -> Tagged:
    """A row with its tags: tokens and tags, or a text and its entities ({start, end, label}). Raises BadRow."""
    if row.get("tags") is None and row.get("entities") is not None:
        return _by_entities(plain(row.get("text")), row["entities"])
    tokens, given, reason = forms.form(row.get("tokens"), row.get("tags"), [])
    if reason:
        raise BadRow(reason, "the row cannot be learnt", "see data.map")
    bio, repaired = forms.to_bio(given, scheme)
    text, places = join(tokens)
    made = Tagged(text, [], tokens=places)
    for (start, end), tag in zip(places, bio, strict=True):
        inside = units_of(text, start, end)
        made.units += inside
        made.tags += [tag if n == 0 or tag == "O" else f"I-{tag[2:]}" for n in range(len(inside))]
    made.counts["tag made to begin its entity"] = repaired
    return made


def _by_entities(text: str, given: Any) -> Tagged:
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            given = None
    if not text.strip() or not isinstance(given, list):
        raise BadRow("no text" if not text.strip() else "entities cannot be read", "the row cannot be learnt", "see data.map")
    made = Tagged(text, units_of(text))
    made.tags = ["O"] * len(made.units)
    spans = []
    for one in given:
        label = plain(one.get("label", one.get("type", one.get("entity")))).strip() if isinstance(one, dict) else ""
        start, end = (one.get("start"), one.get("end")) if isinstance(one, dict) else (None, None)
        if not label or type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
            raise BadRow("an entity without label or place", "start and end are offsets in characters of the text", "see data.map")
        spans.append((start, end, label))
    overlapping = 0
    for start, end, label in sorted(spans, key=lambda span: (span[0] - span[1], span[0])):
        hit = [n for n, (a, b) in enumerate(made.units) if a < end and b > start]
        if not hit or any(made.tags[n] != "O" for n in hit):
            overlapping += 1
            continue
        for n in hit:
            made.tags[n] = f"{'B' if n == hit[0] else 'I'}-{label}"
    made.counts["entity overlaps a longer one"] = overlapping
    return made


def entities(made: Tagged, tags: Sequence[str]) -> list[tuple[Span, list[int]]]:
    """((start, end, type), its units) of BIO tags; an I that continues nothing begins an entity."""
    found: list[tuple[str, list[int]]] = []
    for n, tag in enumerate(tags):
        if tag.startswith("I-") and found and found[-1][1][-1] == n - 1 and found[-1][0] == tag[2:]:
            found[-1][1].append(n)
        elif tag != "O":
            found.append((tag[2:], [n]))
    return [((made.units[inside[0]][0], made.units[inside[-1]][1], kind), inside) for kind, inside in found]


@dataclass(slots=True)
class Placed:
    """A window and the units that have a token of their own in it: their numbers, and the place of their token."""

    window: cut.Window
    units: list[int]
    places: list[int]


def place(found: Sequence[cut.Window], units: Sequence[tuple[int, int]]) -> list[Placed]:
    """For each window the units whose first character one of its tokens holds; a token speaks for one unit only."""
    made = []
    for window in found:
        at: dict[int, int] = {}
        for position, ((start, end), side) in enumerate(zip(window.offsets, window.side, strict=True)):
            if side is not None:
                for char in range(start, end):
                    at.setdefault(char, position)
        chosen: list[int] = []
        places: list[int] = []
        for n, (start, _) in enumerate(units):
            position = at.get(start, -1)
            if position >= 0 and (not places or places[-1] != position):
                chosen.append(n)
                places.append(position)
        made.append(Placed(window, chosen, places))
    return made


class Tagger:
    """Text or tokens to tags and entities. With a CRF its transitions count; without, only illegal ones are shut out."""

    needs = "tagged"

    def __init__(self, base: Base, task: Task, rows: int = 32) -> None:
        from kefu.train.heads.crf import FORBIDDEN, legal, marginals, viterbi

        self.base, self.task, self.rows = base, task, rows
        follow, begin = legal(task.labels)
        self.follow, self.begin, self.end = np.where(follow, 0.0, FORBIDDEN), np.where(begin, 0.0, FORBIDDEN), np.zeros(len(task.labels))
        if task.crf:
            import torch

            with torch.no_grad():
                self.follow, self.begin, self.end = (part.float().cpu().numpy() for part in base.model.crf.scores())

        self.best = lambda emissions: viterbi(emissions, self.follow, self.begin, self.end)
        self.sure = lambda emissions: marginals(emissions, self.follow, self.begin, self.end)

    def read(self, row: dict[str, Any]) -> Tagged:
        return bare(row)

    def predict(self, read: Sequence[Tagged], scores: bool = False) -> list[dict[str, Any]]:
        found = cut.windows(self.base.tokenizer, [one.text for one in read], None, self.task.max_length, self.task.stride)
        flat = [window for parts in found for window in parts]
        made = iter(cut.logits(self.base, flat, self.rows))
        return [self.say(one, parts, [next(made) for _ in parts], scores) for one, parts in zip(read, found, strict=True)]

    def say(self, one: Tagged, parts: Sequence[cut.Window], logits: Sequence[Any], scores: bool) -> dict[str, Any]:
        tags, sure = self.tag(one, parts, logits)
        named = []
        for (start, end, kind), inside in entities(one, tags):
            shares = [sure[n][self.task.labels.index(tags[n])] for n in inside if n in sure]
            probability = _round(np.mean(shares)) if shares else None
            named.append({"start": start, "end": end, "label": kind, "text": one.text[start:end], "probability": probability})
        shown: dict[str, Any] = {"entities": named}
        if one.tokens:
            by_start = {start: tag for (start, _), tag in zip(one.units, tags, strict=True)}
            given = [next((by_start[char] for char in range(start, end) if char in by_start), "O") for start, end in one.tokens]
            shown |= {"text": one.text, "tags": given}
        if scores:
            shown["units"] = [
                {
                    "start": a,
                    "end": b,
                    "tag": tag,
                    **({"scores": dict(zip(self.task.labels, map(_round, sure[n]), strict=True))} if n in sure else {}),
                }
                for n, ((a, b), tag) in enumerate(zip(one.units, tags, strict=True))
            ]
        return shown

    def tag(self, one: Tagged, parts: Sequence[cut.Window], logits: Sequence[Any]) -> tuple[list[str], dict[int, Any]]:
        """(tag of each unit, unit -> probability of each label). A unit is read where it has most text around it."""
        best: dict[int, tuple[int, Any]] = {}
        for part, rows in zip(place(parts, one.units), logits, strict=True):
            for n, position in zip(part.units, part.places, strict=True):
                around = min(position, len(part.window.ids) - 1 - position)
                if n not in best or around > best[n][0]:
                    best[n] = (around, rows[position])
        own = sorted(best)
        emissions = np.array([best[n][1] for n in own], dtype=np.float64).reshape(len(own), len(self.task.labels))
        path = dict(zip(own, self.best(emissions), strict=True))
        shares = dict(zip(own, self.sure(emissions), strict=True))
        tags: list[str] = []
        for n in range(len(one.units)):
            before = tags[-1] if tags else "O"
            tags.append(self.task.labels[path[n]] if n in path else "O" if before == "O" else f"I-{before[2:]}")
        return tags, shares


def _round(share: Any) -> float:
    return round(float(share), 6)
