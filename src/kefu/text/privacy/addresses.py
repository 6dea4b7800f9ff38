"""Postal addresses, Chinese and in Latin letters."""

from __future__ import annotations

from collections.abc import Iterator

from kefu.text.privacy import addresses_en, addresses_zh


def find(text: str, bits: int) -> Iterator[tuple[int, int]]:
    """(start, end) of addresses down to a house, a box or a room. bits: of `gates.GATES` for the text."""
    yield from addresses_zh.find(text, bits)
    yield from addresses_en.find(text, bits)
