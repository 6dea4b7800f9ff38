"""What cleaning changed in one conversation, held until all of it is known: a name told in one turn is struck out in every other.

Both sides are shown without personal data, also where the raw text hid them (`138&#48;0138000`, a number cut into two messages).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from kefu.text import privacy

_SHORTEST = 3  # digits that tell anything
_DIGITS = re.compile(rf"\d{{{_SHORTEST},}}")
_PIECES = frozenset({"merged"})


class _Edit(NamedTuple):
    reasons: tuple[str, ...]
    before: str
    after: str
    raw: bool  # `before` was not cleaned yet
    masked: bool  # `after` is


class Edits:
    """`cleaned`: what the steps of cleaning make of a text, without counting."""

    def __init__(self, cleaned: Callable[[str], str]) -> None:
        self._cleaned = cleaned
        self._held: list[_Edit] = []

    def add(self, reasons: Sequence[str], before: str, after: str, raw: bool = False, masked: bool = False) -> None:
        self._held.append(_Edit(tuple(dict.fromkeys(reasons)), before, after, raw, masked))

    def tell(self, noting: Any, unit: str, source: str, where: str, memory: privacy.Memory | None, said: Iterable[str] = ()) -> None:
        """Give everything held to `noting.change`. memory: what masking found in the conversation; None: it was not masked, and `said`
        is what stands in it."""
        if not self._held:
            return
        if memory is None:
            memory = privacy.Memory()
            for text in (*said, *(edit.after for edit in self._held)):
                if not nothing_personal(text):
                    privacy.mask(text, memory)
        pieces = _digits(memory) if any(edit.reasons[0] in _PIECES for edit in self._held) else ()
        for edit in self._held:
            after = edit.after if edit.masked else _struck(edit.after, memory)
            before = self._before(edit, after, memory)
            if pieces:  # a message may hold but a part of the number
                before, after = _without(before, pieces), _without(after, pieces)
            noting.change(unit, source, where, edit.reasons, before, after)
        self._held = []

    def _before(self, edit: _Edit, after: str, memory: privacy.Memory) -> str:
        before = _struck(edit.before, memory)
        if not edit.raw:
            return before
        if edit.masked and before == edit.before:
            return after if memory.values else before  # what masking found was not to be seen in the raw text
        seen = edit.after if before == edit.before else self._cleaned(before)
        return before if _struck(seen, memory) == seen else after


def _digits(memory: privacy.Memory) -> list[str]:
    """The digits of every personal value, however it was written."""
    return [found for _, value in memory.numbers if len(found := "".join(char for char in value if char.isdecimal())) >= _SHORTEST]


def _without(text: str, values: Sequence[str]) -> str:
    """The text without numbers that are a part of one of these; prices and years stay, so that a change can be judged."""

    def struck(match: re.Match[str]) -> str:
        number = "".join(str(int(digit)) for digit in match.group())
        return privacy.STRUCK if any(number in value for value in values) else match.group()

    return _DIGITS.sub(struck, text)


def _struck(text: str, memory: privacy.Memory) -> str:
    return text if not memory.names and nothing_personal(text) else privacy.strike(text, memory)


@lru_cache(8192)
def nothing_personal(text: str) -> bool:
    """Greetings and standard replies come again and again."""
    return not privacy.find(text)
