"""The known word that a misspelt Latin word is meant for: one letter more, less, other, or two neighbours swapped.

Words are found by the deletes of the word (Garbe's symmetric delete idea), so a look-up costs a handful of dictionary reads.
"""

from __future__ import annotations

from collections.abc import Iterable

SHORTEST = 6  # stems shorter than this have too many neighbours to guess


class Spelling:
    """The deletes are indexed at the first unknown word, since most conversations never need them."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(words)
        self._deletes: dict[str, list[str]] | None = None

    def nearest(self, word: str) -> str:
        """The word itself when it is known or nothing is near; else the one neighbour (of several, the first in the alphabet that starts alike)."""
        if word in self._words or not word.isalpha():
            return word
        if self._deletes is None:
            table: dict[str, list[str]] = {}
            for known in sorted(self._words):
                if len(known) >= SHORTEST and known.isalpha():
                    for short in _shorter(known):
                        table.setdefault(short, []).append(known)
            self._deletes = table
        near = {known for short in _shorter(word) for known in self._deletes.get(short, ()) if known[0] == word[0] and _one_apart(word, known)}
        return min(near, key=lambda known: (abs(len(known) - len(word)), known)) if near else word


def _shorter(word: str) -> set[str]:
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}


def _one_apart(a: str, b: str) -> bool:
    """Whether one insertion, deletion, substitution or swap of neighbours leads from one to the other."""
    if len(a) > len(b):
        a, b = b, a
    i = 0
    while i < len(a) and a[i] == b[i]:
        i += 1
    if len(a) < len(b):
        return a[i:] == b[i + 1 :]
    return a[i + 1 :] == b[i + 1 :] or (a[i : i + 2] == b[i : i + 2][::-1] and a[i + 2 :] == b[i + 2 :])
