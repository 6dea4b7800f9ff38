"""How customers really ask: wordings found in dialogues, given to the FAQ entry whose answer the agent gave.

An agent's reply that shares most of the telling words of exactly one approved answer tells which entry the customer's turn before it
asked for, unless the turn's own words plainly ask for another entry: agents paste the wrong reply too. Only dialogues of the training side
are read, only turns that can stand alone are taken, and nothing that equals or nearly equals a held-out question.
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
#: Weighted F1 of a wording and another entry's question from which the wording asks for that entry, if it is twice that with its own.
OTHERS = 0.5
MOST = 2000  # wordings of one entry: more teach nothing new and slow every search
_PLACEHOLDER = re.compile(r"\[[^\[\]\s]+_\d+\]")
_FEWEST_UNITS = {"zh": 6, "en": 4}
_MOST_CHARS = 160


@dataclass(frozen=True)
class Heard:
    """A customer's wording of an entry's question. `where`: dialogue and turn; `alike`: how sure the link is, 0..1.

    `asks`: another entry, whose question the wording repeats; such a wording teaches nothing.
    """

    entry: str
    text: str
    where: str
    alike: float
    asks: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"entry": self.entry, "text": self.text, "where": self.where, "alike": round(self.alike, 3)}


class Listener:
    """Links dialogues to entries, one dialogue at a time; it holds what the entries say and nothing of the dialogues."""

    def __init__(self, entries: Sequence[Entry], chosen: Mapping[str, str]) -> None:
        answers = [_features(entry.answer) for entry in entries]
        self._ids = [entry.id for entry in entries]
        self._languages = [entry.language for entry in entries]
        self._weight = _weights(answers, len(entries))
        self._mass = [math.fsum(self._weight[feature] for feature in features) for features in answers]
        asked = [[_features(row.turns[0].text) for row in entry.rows if chosen[row.id] == "train"] for entry in entries]
        self._rarity = _weights([set().union(*questions) for questions in asked], len(entries))
        self._questions: dict[str, list[tuple[int, frozenset[str], float]]] = {}
        for i, questions in enumerate(asked):
            for words in map(frozenset, questions):
                one = (i, words, math.fsum(self._rarity[word] for word in words))
                for word in words:
                    self._questions.setdefault(word, []).append(one)
        self._where: dict[str, list[int]] = {}
        for i, features in enumerate(answers):
            for feature in features:
                self._where.setdefault(feature, []).append(i)
        self._held = [row.turns[0].text for entry in entries for row in entry.rows if chosen[row.id] != "train"]
        self._known = {fold(row.turns[0].text) for entry in entries for row in entry.rows}

    def hear(self, conversation: Conversation) -> list[Heard]:
        """Wordings in a dialogue of the training side; the same wording may come from another dialogue again (see `FirstHeard`)."""
        found = []
        for i, (before, turn) in enumerate(pairwise(conversation.turns), 1):
            if turn.bot or (before.role, turn.role) != ("customer", "agent") or not _stands_alone(before.text, first=i == 1):
                continue
            link = self._link(turn.text)
            if link is None or fold(before.text) in self._known or any(jaccard(before.text, text, 2) >= LEAK for text in self._held):
                continue
            found.append(Heard(link[0], before.text, f"{conversation.id}#{i - 1}", link[1], self._asks(before.text, link[0])))
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

    def _asks(self, text: str, entry: str) -> str:
        """The id of another entry whose question these words repeat, or an empty string."""
        features = _features(text) & self._rarity.keys()
        said = math.fsum(self._rarity[feature] for feature in features)
        best: dict[int, float] = {}
        seen: set[tuple[int, frozenset[str]]] = set()
        for feature in features:
            for i, question, mass in self._questions.get(feature, ()):
                if (i, question) not in seen:
                    seen.add((i, question))
                    shared = math.fsum(self._rarity[name] for name in features & question)
                    best[i] = max(best.get(i, 0.0), 2 * shared / (mass + said) if mass + said else 0.0)
        own = best.pop(self._ids.index(entry), 0.0)
        score, which = max(((value, -i) for i, value in best.items()), default=(0.0, 0))
        return self._ids[-which] if score >= OTHERS and score >= 2 * own else ""


class FirstHeard:
    """Wordings in order of appearance, none twice, at most `MOST` of an entry."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self._others = 0
        self._seen: set[str] = set()
        self._count: Counter[str] = Counter()

    def take(self, found: Iterable[Heard]) -> None:
        for one in found:
            key = fold(one.text)
            if one.asks:
                self._others += 1
            elif key not in self._seen:
                self._count[one.entry] += 1
                if self._count[one.entry] <= MOST:
                    self._seen.add(key)
                    self.heard.append(one)

    def notes(self) -> list[str]:
        beyond = sum(n - MOST for n in self._count.values() if n > MOST)
        told = [f"{beyond} wordings heard in dialogues were left out, because their entries have {MOST} already"] if beyond else []
        return [
            *told,
            *([f"{self._others} wordings heard in dialogues were left out: they ask for another entry than the reply gave"] if self._others else []),
        ]


def _weights(groups: Sequence[set[str]], entries: int) -> dict[str, float]:
    """How telling a feature is: the fewer entries have it, the more."""
    spread = Counter(feature for features in groups for feature in features)
    return {feature: math.log((entries + 1) / (count + 0.5)) for feature, count in spread.items()}


def _features(text: str) -> set[str]:
    parts = units(_PLACEHOLDER.sub(" ", text))
    return {*parts, *(f"{a} {b}" for a, b in pairwise(parts))}


def _stands_alone(text: str, *, first: bool) -> bool:
    """Long enough to be a question of its own; a later turn, which may lean on what was said, must be twice as long."""
    plain = _PLACEHOLDER.sub(" ", text)
    fewest = _FEWEST_UNITS.get(detect(plain), 5)
    return len(text) <= _MOST_CHARS and len(units(plain)) >= fewest * (1 if first else 2)
