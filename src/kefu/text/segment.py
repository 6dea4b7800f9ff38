"""Words and n-grams for Chinese and English.

Character n-grams carry Chinese without a dictionary; words are for metrics and lexical ranking.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from kefu.text.normalise import fold

_RUN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+|[^\s\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_UNIT = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\s\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")


def is_han(char: str) -> bool:
    return "\u3400" <= char <= "\u4dbf" or "\u4e00" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff"


def words(text: str) -> list[str]:
    """Folded words: Latin runs as they are, Chinese by dictionary when rjieba is installed, else by character."""
    found: list[str] = []
    for run in _RUN.findall(fold(text)):
        found += _cut()(run) if is_han(run[0]) else [run]
    return found


def pieces(text: str) -> list[str]:
    """The text cut into words, nothing folded or lost: joined again they are the text. Chinese by dictionary where rjieba is installed."""
    return list(_cut()(text))


def units(text: str) -> list[str]:
    """Folded Han characters and Latin words: the tokens of text metrics that are right for both languages."""
    return _UNIT.findall(fold(text))


def char_ngrams(text: str, low: int, high: int) -> Iterator[str]:
    """Character n-grams of the folded text, words padded by one blank (as scikit-learn's `char_wb`)."""
    for run in _RUN.findall(fold(text)):
        padded = run if is_han(run[0]) else f" {run} "
        for size in range(low, high + 1):
            if len(padded) < size:
                if size == low:
                    yield padded
                continue
            for start in range(len(padded) - size + 1):
                yield padded[start : start + size]


def shingles(text: str, size: int = 4) -> set[str]:
    """Character shingles of the folded text without blanks; a shorter text is one shingle."""
    plain = fold(text).replace(" ", "")
    return {plain[i : i + size] for i in range(max(1, len(plain) - size + 1))} if plain else set()


def sentences(text: str) -> list[str]:
    """Sentences of both languages; the end mark stays with its sentence."""
    parts = re.findall(r"[^。！？!?\n]*?(?:[。！？!?]+[”’\"')）]*|\.(?=\s|$)[”’\"')]*|\n|$)", text)
    return [part.strip() for part in parts if part.strip()]


@lru_cache(maxsize=1)
def _cut():  # type: ignore[no-untyped-def]
    try:
        import rjieba
    except ImportError:
        return list
    return rjieba.cut
