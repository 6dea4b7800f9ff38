"""How customers really ask: wordings found in dialogues, given to the FAQ entry whose answer the agent gave.

An agent's reply that shares most of the telling words of exactly one approved answer tells which entry the customer's turn before it
asked for. Only dialogues of the training side are read, only turns that can stand alone are taken, and nothing that equals or nearly
equals a held-out question.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from kefu.conversation import Conversation
from kefu.data.entries import Entry
from kefu.text.language import detect
from kefu.text.normalise import fold
from kefu.text.segment import units
from kefu.text.similarity import jaccard

#: Weighted F1 of reply and answer, and its lead over the next entry. Read by eye on the demo's logs: 12 of 12 links right at this level.
ALIKE = 0.33
LEAD = 0.1
LEAK = 0.7
_PLACEHOLDER = re.compile(r"\[[^\[\]\s]+_\d+\]")
_FEWEST_UNITS = {"zh": 6, "en": 4}
_MOST_CHARS = 160


@dataclass(frozen=True)
class Heard:
    """A customer's wording of an entry's question. `where`: dialogue and turn; `alike`: how sure the link is, 0..1."""

    entry: str
    text: str
    where: str
    alike: float

    def as_dict(self) -> dict[str, Any]:
        return {"entry": self.entry, "text": self.text, "where": self.where, "alike": round(self.alike, 3)}


def listen(conversations: Sequence[Conversation], entries: Sequence[Entry], chosen: Mapping[str, str]) -> list[Heard]:
    """Wordings for `entries` from the training dialogues, in order of appearance, no wording twice."""
    if not entries:
        return []
    answers = [_features(entry.answer) for entry in entries]
    spread = Counter(feature for features in answers for feature in features)
    weight = {feature: math.log((len(entries) + 1) / (count + 0.5)) for feature, count in spread.items()}
    mass = [sum(weight[feature] for feature in features) for features in answers]
    held = [row.turns[0].text for entry in entries for row in entry.rows if chosen[row.id] != "train"]
    known = {fold(row.turns[0].text) for entry in entries for row in entry.rows}
    found: list[Heard] = []
    for conversation in conversations:
        if conversation.kind != "dialogue" or chosen[conversation.id] != "train":
            continue
        by_bot = set(conversation.meta.get("bot") or ())
        for i, (before, turn) in enumerate(pairwise(conversation.turns), 1):
            if i in by_bot or (before.role, turn.role) != ("customer", "agent") or not _stands_alone(before.text, first=i == 1):
                continue
            link = _link(turn.text, entries, answers, weight, mass)
            if link is None or fold(before.text) in known or any(jaccard(before.text, text, 2) >= LEAK for text in held):
                continue
            known.add(fold(before.text))
            found.append(Heard(link[0], before.text, f"{conversation.id}#{i - 1}", link[1]))
    return found


def _link(
    reply: str, entries: Sequence[Entry], answers: Sequence[set[str]], weight: dict[str, float], mass: Sequence[float]
) -> tuple[str, float] | None:
    language = detect(reply)
    said = _features(reply)
    own = sum(weight[feature] for feature in said if feature in weight)
    if not own:
        return None
    scores = sorted(
        (
            (2 * sum(weight[feature] for feature in features & said) / (mass[i] + own), i)
            for i, features in enumerate(answers)
            if entries[i].language in (language, "und")
        ),
        reverse=True,
    )
    if not scores or scores[0][0] < ALIKE or (len(scores) > 1 and scores[0][0] - scores[1][0] < LEAD):
        return None
    return entries[scores[0][1]].id, scores[0][0]


def _features(text: str) -> set[str]:
    parts = units(_PLACEHOLDER.sub(" ", text))
    return {*parts, *(f"{a} {b}" for a, b in pairwise(parts))}


def _stands_alone(text: str, *, first: bool) -> bool:
    """Long enough to be a question of its own; a later turn, which may lean on what was said, must be twice as long."""
    plain = _PLACEHOLDER.sub(" ", text)
    fewest = _FEWEST_UNITS.get(detect(plain), 5)
    return len(text) <= _MOST_CHARS and len(units(plain)) >= fewest * (1 if first else 2)
