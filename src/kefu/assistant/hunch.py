"""A hunch of what an unanswered turn is about, for wordings that no rule foresees.

Naive Bayes over units, pairs and triples (McCallum and Nigam 1998), learnt at start from a few hundred
examples (`lexicon/examples.yaml`) and from the company's own questions, which stand for `none`. It is
asked only when the knowledge base has no answer: a wrong hunch then calls a person where the reply
would have been "I don't know", and never takes an answer away.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources

import yaml

from kefu.text.disguise import unmask
from kefu.text.segment import units

#: Kinds that call a person.
CALLS = frozenset({"person", "complaint", "security"})
#: Probability from which a hunch counts.
CALL_AT = 0.8
_ALPHA = 0.05
_MOST = 3000


@lru_cache(maxsize=1)
def _examples() -> dict[str, list[str]]:
    examples = yaml.safe_load(resources.files("kefu.assistant").joinpath("lexicon/examples.yaml").read_text("utf-8"))
    # What is none of a service desk's business calls nobody either; the knowledge base keeps a list of it.
    general = yaml.safe_load(resources.files("kefu.knowledge").joinpath("words/general.yaml").read_text("utf-8"))
    examples["none"] = [*examples["none"], *(line for lines in general.values() for line in lines)]
    return examples


class Hunch:
    """ordinary: questions of the company, which call nobody."""

    def __init__(self, ordinary: Iterable[str] = ()) -> None:
        examples = {kind: list(lines) for kind, lines in _examples().items()}
        examples["none"] += list(ordinary)[:_MOST]
        counts = {kind: Counter(feature for line in lines for feature in _features(line)) for kind, lines in examples.items()}
        vocabulary = set().union(*counts.values())
        # The classes weigh alike: how many examples there are says nothing of how often customers say such things.
        self._log = {}
        for kind, count in counts.items():
            total = sum(count.values()) + _ALPHA * len(vocabulary)
            self._log[kind] = ({f: math.log((n + _ALPHA) / total) for f, n in count.items()}, math.log(_ALPHA / total))
        self._known = vocabulary

    def __call__(self, text: str) -> tuple[str, float]:
        """(kind, probability) of the likeliest kind; ("none", 0) when nothing in the text is known."""
        found = [feature for feature in _features(text) if feature in self._known]
        if not found:
            return "none", 0.0
        # Features overlap, so their evidence counts as that of about the square root of their number.
        scores = {kind: sum(log.get(f, unseen) for f in found) / math.sqrt(len(found)) for kind, (log, unseen) in self._log.items()}
        top = max(scores.values())
        weights = {kind: math.exp(score - top) for kind, score in scores.items()}
        kind = max(weights, key=lambda name: weights[name])
        return kind, weights[kind] / sum(weights.values())


def _features(text: str) -> set[str]:
    parts = units(unmask(text))[:80]
    found = {" ".join(parts[i : i + n]) for n in (1, 2, 3) for i in range(len(parts) - n + 1)}
    return found | {f"{part[:4]}~" for part in parts if part[0].isascii() and len(part) > 4}
