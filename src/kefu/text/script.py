"""Traditional characters read as simplified ones, one by one: for comparing, never for showing.

The table is that of OpenCC (TSCharacters, first reading) where the data extra is installed, and the shipped one of `disguise` beside it.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

from kefu.text.disguise import traditional


def simplified(text: str) -> str:
    """Of the same length."""
    return text if text.isascii() else text.translate(_table())


@lru_cache(maxsize=1)
def _table() -> dict[int, str]:
    table = {ord(char): other for char, other in traditional().items()} | {ord("著"): "着"}
    try:
        lines = resources.files("opencc").joinpath("dictionary", "TSCharacters.txt").read_text("utf-8")
    except (ImportError, OSError):
        return table
    for line in lines.splitlines():
        char, _, others = line.partition("\t")
        if len(char) == 1 and others and len(first := others.split()[0]) == 1:
            table[ord(char)] = first
    return table
