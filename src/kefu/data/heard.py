"""How customers really ask: wordings found in dialogues, given to the FAQ entry whose answer the agent gave.

An agent's reply that shares most of the telling words of exactly one approved answer tells which entry the customer's turn before it
asked for. Only dialogues of the training side are read, only turns that can stand alone are taken, and nothing that equals or nearly
equals a held-out question.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
MOST = 2000  # wordings of one entry: more teach nothing new and slow every search
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


class Listener:
    """Links dialogues to entries, one dialogue at a time; it holds what the entries say and nothing of the dialogues."""

    def __init__(self, entries: Sequence[Entry], chosen: Mapping[str, str]) -> None:
        answers = [_features(entry.answer) for entry in entries]
        spread = Counter(feature for features in answers for feature in features)
        self._ids = [entry.id for entry in entries]
        self._languages = [entry.language for entry in entries]
        self._weight = {feature: math.log((len(entries) + 1) / (count + 0.5)) for feature, count in spread.items()}
        self._mass = [math.fsum(self._weight[feature] for feature in features) for features in answers]
        self._where: dict[str, list[int]] = {}
        for i, features in enumerate(answers):
            for feature in features:
                self._where.setdefault(feature, []).append(i)
        self._held = [row.turns[0].text for entry in entries for row in entry.rows if chosen[row.id] != "train"]
        self._known = {fold(row.turns[0].text) for entry in entries for row in entry.rows}

    def hear(self, conversation: Conversation) -> list[Heard]:
        """Wordings in a dialogue of the training side; the same wording may come from another dialogue again (see `FirstHeard`)."""
        found = []
        by_bot = set(conversation.meta.get("bot") or ())
        for i, (before, turn) in enumerate(pairwise(conversation.turns), 1):
            if i in by_bot or (before.role, turn.role) != ("customer", "agent") or not _stands_alone(before.text, first=i == 1):
                continue
            link = self._link(turn.text)
            if link is None or fold(before.text) in self._known or any(jaccard(before.text, text, 2) >= LEAK for text in self._held):
                continue
            found.append(Heard(link[0], before.text, f"{conversation.id}#{i - 1}", link[1]))
        return found

    def _link(self, reply: str) -> tuple[str, float] | None:
        language = detect(reply)
        shared: dict[int, list[float]] = {}
        own = []
        for feature in _features(reply):
            if feature in self._weight:
                own.append(self._weight[feature])
                for i in self._where[feature]:
                    shared.setdefault(i, []).append(self._weight[feature])
        if not own:
            return None
        said = math.fsum(own)  # exact sums: the order in which a set gives its members must not matter
        scores = sorted(
            ((2 * math.fsum(weights) / (self._mass[i] + said), i) for i, weights in shared.items() if self._languages[i] in (language, "und")),
            reverse=True,
        )
        if not scores or scores[0][0] < ALIKE or (len(scores) > 1 and scores[0][0] - scores[1][0] < LEAD):
            return None
        return self._ids[scores[0][1]], scores[0][0]


class FirstHeard:
    """Wordings in order of appearance, none twice, at most `MOST` of an entry."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self._seen: set[str] = set()
        self._count: Counter[str] = Counter()

    def take(self, found: Iterable[Heard]) -> None:
        for one in found:
            key = fold(one.text)
            if key not in self._seen:
                self._count[one.entry] += 1
                if self._count[one.entry] <= MOST:
                    self._seen.add(key)
                    self.heard.append(one)

    def notes(self) -> list[str]:
        beyond = sum(n - MOST for n in self._count.values() if n > MOST)
        return [f"{beyond} wordings heard in dialogues were left out, because their entries have {MOST} already"] if beyond else []


def _features(text: str) -> set[str]:
    parts = units(_PLACEHOLDER.sub(" ", text))
    return {*parts, *(f"{a} {b}" for a, b in pairwise(parts))}


def _stands_alone(text: str, *, first: bool) -> bool:
    """Long enough to be a question of its own; a later turn, which may lean on what was said, must be twice as long."""
    plain = _PLACEHOLDER.sub(" ", text)
    fewest = _FEWEST_UNITS.get(detect(plain), 5)
    return len(text) <= _MOST_CHARS and len(units(plain)) >= fewest * (1 if first else 2)
