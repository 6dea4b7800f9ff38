"""Person names, Chinese and in Latin letters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kefu.text.privacy import names_en, names_zh


def find(text: str, personal: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """(start, end) of person names. `personal`: where other personal data stands; beside it a name needs no other context."""
    for start, end in personal:
        yield from names_zh.beside(text, start, end)
        yield from names_en.beside(text, start, end)
    yield from names_zh.find(text)
    yield from names_en.find(text)
