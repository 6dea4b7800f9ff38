"""Invented personal data for tagged rows: a name for a name, digits for digits, in as many tokens as before.

A tagger that has seen `[姓名_1]` where names stand finds no name later. What is invented depends on the masked sentence and the
placeholder alone, never on the value: it tells nothing about it, the same value of a sentence gets the same, and equal sentences stay
equal. Digits begin with 0 and mail goes to example.com (RFC 2606), so that they are nobody's.
"""

from __future__ import annotations

import random
import re
from functools import lru_cache
from importlib import resources

import yaml

_PART = re.compile(r"[A-Za-z\u00c0-\u024f]+|[\u3400-\u9fff]|\d|.", re.DOTALL)
#: Signs of a Chinese address that say what a word before them is.
_FRAME = frozenset("省市区县州盟旗镇乡村路街道巷弄里号楼栋幢座单元层室院园")
_SHORT = 2  # letters; such a word (St, Dr, 12B) is no name
_MAIL = re.compile(r"[^@\s]+@[^@\s]+")


@lru_cache(maxsize=1)
def _names() -> tuple[list[str], list[str], list[str]]:
    """Chinese surnames, characters of Chinese given names, given names in Latin letters."""

    def read(file: str, key: str) -> list[str]:
        return str(yaml.safe_load(resources.files("kefu.text.privacy").joinpath(file).read_text("utf-8"))[key]).split()

    given = read("names_zh.yaml", "given")
    usual = given.index("伟")  # the list goes from rare characters to usual ones and on
    latin = [name for name in read("names_en.yaml", "given") if name.isascii()]
    return read("names_zh.yaml", "frequent")[:120], given[usual : usual + 150], latin


def pieces(value: list[str], kind: str, key: str) -> list[str]:
    """For the pieces of one value, as they stand in its tokens, as many invented ones. kind: type of the span; key: what decides the choice."""
    for attempt in range(8):
        rng = random.Random(f"{key}/{attempt}")
        begun = {"han": False, "digit": False}
        made = [_piece(piece, kind, rng, begun) for piece in value]
        if made != value:
            break
    return made


def _piece(piece: str, kind: str, rng: random.Random, begun: dict[str, bool]) -> str:
    if _MAIL.fullmatch(piece):
        return f"{rng.choice(_names()[2])}{rng.randrange(100)}@example.com"
    return "".join(_part(part, kind, rng, begun) for part in _PART.findall(piece))


def _part(part: str, kind: str, rng: random.Random, begun: dict[str, bool]) -> str:
    surnames, given, latin = _names()
    if part.isdecimal():
        first, begun["digit"] = not begun["digit"], True
        return "0" if first else str(rng.randrange(10))
    if "\u3400" <= part[0] <= "\u9fff":
        if kind != "person_name" and part in _FRAME:
            return part
        first, begun["han"] = not begun["han"], True
        return rng.choice(surnames if first and kind == "person_name" else given)
    if part[0].isalpha():
        if len(part) <= _SHORT:
            return "".join(rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ" if char.isupper() else "abcdefghjkmnprstuvwxyz") for char in part)
        name = rng.choice(latin)
        return name.upper() if part.isupper() else name.capitalize() if part[0].isupper() else name
    return part
