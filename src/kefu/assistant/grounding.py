"""Whether a model's words rest on the company's own.

A small model chooses among known answers: it is believed when what it says is one of them (token F1)
and its numbers are theirs. A big model may word things itself: each sentence must be supported by the
passages it was given (share of its content words, and every number).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kefu.text.segment import is_han, units
from kefu.text.similarity import token_f1

#: Token F1 with an approved answer from which a small model is taken to mean that answer.
SAME_ANSWER = 0.8
#: Share of a sentence's content units that must stand in the passages.
SUPPORT = 0.6
#: How much more often a model names an entry that is right than one that is wrong: odds factor when it agrees with the first
#: hit, and when it names another hit. Small: the model was shown that hit, so its agreement is hardly independent evidence.
AGREES, DIFFERS = 1.5, 2.0
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*%?")
_COMMON = frozenset({
    *"的了是在和与或您你我们请可以会能要就也都把被对为有这那吗呢吧如果需",
    "the", "a", "an", "is", "are", "was", "be", "to", "of", "and", "or", "in", "on", "at", "for", "with", "you", "your",
    "we", "our", "i", "it", "this", "that", "can", "will", "may", "please", "if", "do", "does", "not", "by", "as", "from", "have",
    "has",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chosen:
    """The entry that a model's answer amounts to. agreement: token F1, 0..1; confidence: probability that it is right."""

    id: str
    answer: str
    source: str
    agreement: float
    confidence: float


def numbers(text: str) -> set[str]:
    return set(_NUMBER.findall(text))


def choose(said: str, hits: Sequence[Any], variants: Callable[[str], Iterable[str]], certainty: float | None) -> Chosen | None:
    """The hit that the model's answer amounts to, or None.

    variants: approved answers of an entry id. certainty: the model's mean log-probability, None when unknown.
    """
    best: tuple[float, int, str] | None = None
    for place, hit in enumerate(hits):
        for answer in dict.fromkeys([hit.answer, *variants(hit.id)]):
            alike = token_f1(said, answer)
            if alike >= SAME_ANSWER and numbers(said) <= numbers(answer) and (best is None or alike > best[0]):
                best = (alike, place, answer)
    if best is None:
        return None
    alike, place, answer = best
    hit = hits[place]
    factor = AGREES if place == 0 else DIFFERS
    trust = alike * (1.0 if certainty is None else math.exp(max(-2.0, min(0.0, certainty))))
    odds = _odds(hit.confidence) * (1 + (factor - 1) * trust)
    return Chosen(hit.id, answer, hit.source or hit.id, round(alike, 4), odds / (1 + odds))


def supported(sentence: str, passages: Sequence[str], known: str = "") -> float:
    """Share of a sentence's content units found in the passages, 0..1; 0 when a number is not there.

    known: the customer's own words, whose numbers may be repeated. A sentence without content is supported.
    """
    ground = "\n".join(passages)
    if not numbers(sentence) <= numbers(ground) | numbers(known):
        return 0.0
    have = _content(ground)
    said = _content(sentence)
    return len(said & have) / len(said) if said else 1.0


def _content(text: str) -> set[str]:
    """Folded words, and for Chinese pairs of neighbouring characters, without the commonest."""
    found, last = set(), ""
    for unit in units(text):
        if unit in _COMMON:
            last = ""
        elif is_han(unit[0]):
            if last:
                found.add(last + unit)
            last = unit
        else:
            found.add(unit)
            last = ""
    return found


def _odds(p: float) -> float:
    p = min(max(p, 1e-6), 1 - 1e-6)
    return p / (1 - p)
