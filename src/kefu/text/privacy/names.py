"""Person names, Chinese and in Latin letters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kefu.text.privacy import names_en, names_en_words, names_led_en, names_roles, names_zh

_MOST = 40  # names of one text that are looked for again


def find(text: str, personal: Sequence[tuple[int, int]], bits: int) -> Iterator[tuple[int, int]]:
    """(start, end) of person names. `personal`: where other personal data stands; beside it a name needs no other context. bits: of `gates.GATES`."""
    found: dict[str, None] = {}
    for start, end in _find(text, personal, bits):
        found[text[start:end]] = None
        yield start, end
        if end - start > 1 and names_zh.has_han(text[start:end]):
            for more in (*names_zh.listed(text, end), *names_zh.before(text, start)):
                found[text[more[0] : more[1]]] = None
                yield more
    yield from _again(text, list(found)[:_MOST])


def _find(text: str, personal: Sequence[tuple[int, int]], bits: int) -> Iterator[tuple[int, int]]:
    for start, end in personal:
        yield from names_zh.beside(text, start, end)
        yield from names_en.beside(text, start, end)
        yield from names_en.letterhead(text, start)
    if personal:
        yield from names_zh.among(text)
    yield from names_zh.find(text, bits)
    yield from names_roles.find(text)
    if names_en.capital(text):
        yield from names_led_en.find(text)
    yield from names_en.find(text, bits)


def _again(text: str, names: list[str]) -> Iterator[tuple[int, int]]:
    """The same names, and their distinctive parts in Latin letters, elsewhere in the text."""
    pieces = {name for name in names if len(name) > 1}
    pieces |= {word for name in names if name.isascii() or not names_zh.has_han(name) for word in name.split() if names_en_words.distinctive(word)}
    if pieces:
        wanted = "|".join(re.escape(piece) for piece in sorted(pieces, key=lambda piece: (-len(piece), piece)))
        for match in re.finditer(rf"(?<![A-Za-z\u00c0-\u024f])(?:{wanted})(?![A-Za-z\u00c0-\u024f])", text):
            yield match.span()
