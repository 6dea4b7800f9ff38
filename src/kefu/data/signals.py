"""Signs of how a conversation goes: small pure functions that a dataset class puts together.

All look at given turns only; none knows the future. Words come from lexicon.yaml (zh and en).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources

import yaml

from kefu.conversation import Turn
from kefu.text.segment import shingles, units
from kefu.text.similarity import token_f1


@lru_cache(maxsize=1)
def _lexicon() -> dict[str, re.Pattern[str]]:
    raw = yaml.safe_load(resources.files(__package__).joinpath("lexicon.yaml").read_text("utf-8"))
    return {name: re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE | re.MULTILINE) for name, patterns in raw.items()}


def has(sign: str, text: str) -> bool:
    """Does the text show the sign (a name of lexicon.yaml: `complaint`, `asks_person`, `unresolved` …)?"""
    return _lexicon()[sign].search(text) is not None


def sentiment(text: str) -> int:
    """-1 angry or disappointed, 1 content, 0 neither."""
    bad = any(has(sign, text) for sign in ("negative", "complaint"))
    return -1 if bad else 1 if has("positive", text) and not has("unresolved", text) else 0


def is_question(text: str) -> bool:
    return has("question", text.strip())


def length(turns: Sequence[Turn]) -> int:
    """Words and Han characters over all turns."""
    return sum(len(units(turn.text)) for turn in turns)


def repetition(turns: Sequence[Turn], role: str, alike: float = 0.6) -> int:
    """How many turns of a role say nearly what an earlier one of the same role said."""
    return sum(turn.role == role and repeats(turns, i, alike) for i, turn in enumerate(turns))


def repeats(turns: Sequence[Turn], index: int, alike: float = 0.6) -> bool:
    """Does turn `index` say nearly what an earlier turn of the same speaker says (Jaccard of character pairs)?

    Short texts (好的, "ok") repeat without meaning anything, unless the same question is asked again.
    """
    turn = turns[index]
    own = _pairs(turn.text)
    if len(own) < _SAYS_SOMETHING:
        return is_question(turn.text) and any(before.role == turn.role and before.text == turn.text for before in turns[:index])
    return any(before.role == turn.role and _alike(own, _pairs(before.text)) >= alike for before in turns[:index])


_SAYS_SOMETHING = 4  # character pairs


def _alike(left: frozenset[str], right: frozenset[str]) -> float:
    return len(left & right) / len(left | right) if len(right) >= _SAYS_SOMETHING else 0.0


@lru_cache(maxsize=1024)
def _pairs(text: str) -> frozenset[str]:
    return frozenset(shingles(text, 2))


def unanswered(turns: Sequence[Turn]) -> int:
    """Customer questions to which the next turn is missing, or is an agent who says that he cannot answer."""
    count = 0
    for i, turn in enumerate(turns):
        if turn.role == "customer" and is_question(turn.text):
            reply = next((later for later in turns[i + 1 :] if later.role in ("agent", "customer")), None)
            count += reply is None or reply.role == "customer" or has("cannot_answer", reply.text)
    return count


def relevance(question: str, answer: str) -> float:
    """Share of words in common, 0..1: a weak sign, because good answers need not repeat the question."""
    return token_f1(question, answer)
