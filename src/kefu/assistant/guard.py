"""The output guard: banned phrases never leave, in whole texts and on streams alike.

Approved FAQ answers and documents are trusted but still read: a banned phrase in one keeps it from being
shown and is reported in the receipt (`where: approved`), because the rule book outranks a single
entry. A phrase that the same clause plainly negates is fine from anyone (`本产品不保本`, "we do not offer
guaranteed returns"); `不仅`, `不用担心`, "no doubt" and their like are not negations.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from kefu.assistant.rules import Rule
from kefu.text.automaton import Automaton, Match, Stream

#: Characters before a phrase in which a negation is looked for.
LEFT = 40
_CLAUSE = r"[^，。！？；：,.!?;:\n]"
# Words that begin like a negation and are none follow in the look-aheads.
_SHAM_ZH = "[仅但只错断管论过久用必怕愁愧禁]|[得能会]不|可能不|单单|可否认|容置疑"
_SHAM_EN = "only|just|doubt|question|worries|worry|problem|longer a|matter|less|wonder|need to"
_NOT_ZH = re.compile(
    rf"(?:(?<!不[得能会])(?<!不可能)不(?!{_SHAM_ZH})|没有(?!人不)|没(?!问题|关系|错)|無法|无法|并非|绝非|非(?!常|凡|但|同)|未(?!来)|勿|严禁|禁止|拒绝){_CLAUSE}{{0,8}}$"
)
_NOT_EN = re.compile(rf"(?:\b(?:not|never|cannot|neither|nor)|n['’]t|\bno)\b(?! (?:{_SHAM_EN})){_CLAUSE}{{0,32}}$", re.IGNORECASE)


def negated(left: str) -> bool:
    """Whether the words just before a phrase, in its own clause, negate it."""
    return bool(_NOT_ZH.search(left) or _NOT_EN.search(left))


class OutputGuard:
    """The output rules as one automaton."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = {rule.id: rule for rule in rules}
        self._automaton = Automaton({rule.id: rule.phrases for rule in rules}, exceptions=[phrase for rule in rules for phrase in rule.exceptions])
        self.hold_back = self._automaton.hold_back
        self.check = lru_cache(maxsize=4096)(self._check)

    def stream(self) -> Stream:
        """A filter for one reply; see `text.automaton.Stream`."""
        return Stream(self._automaton, self._counts, LEFT)

    def _counts(self, match: Match, left: str) -> bool:
        return not (self._rules[match.id].negatable and negated(left))

    def _check(self, text: str) -> Match | None:
        """The first banned phrase in a whole text, or None. Cached: approved answers are read once."""
        stream = self.stream()
        stream.feed(text)
        stream.finish()
        return stream.hit
