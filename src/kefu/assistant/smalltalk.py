"""Greetings, thanks, farewells and the like; and how to take them off a question."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources

import yaml

from kefu.text.disguise import unmask

_CLAUSE = re.compile(r"[，。！？；、,.!?;~～\n]+|(?<![^\S\n])[^\S\n]+[-–—]+\s+")
_SOFT = ("ok", "filler", "sorry")
_SIGNS = re.compile(r"[^\w\s，。！？；、,.!?;~～'%+*/=<>@#&()-]+")


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    rows = yaml.safe_load(resources.files("kefu.assistant").joinpath("lexicon/smalltalk.yaml").read_text("utf-8"))
    return [(key, re.compile("|".join(f"(?:{one})" for one in patterns))) for key, patterns in rows.items()]


def _kind(clause: str) -> str:
    return next((key for key, pattern in _patterns() if pattern.fullmatch(clause)), "")


def smalltalk(text: str) -> str:
    """The key of the fitting reply when the whole turn is small talk, else an empty string."""
    clauses = [clause.strip() for clause in _CLAUSE.split(_SIGNS.sub(" ", unmask(text))) if clause.strip()]
    kinds = [_kind(re.sub(r"\s+", " ", clause)) for clause in clauses]
    if not kinds or not all(kinds):
        return ""
    firm = [kind for kind in kinds if kind not in _SOFT]
    last = (firm or kinds)[-1]
    return "greeting" if last == "filler" else last


def question(text: str) -> str:
    """The text without leading and trailing small-talk clauses (`你好，我忘记密码了` -> `我忘记密码了`)."""
    pieces = [piece for piece in re.findall(r"[^，。！？；、,.!?;~～\n]+[，。！？；、,.!?;~～\n]*", text) if piece.strip()]

    def idle(piece: str) -> bool:
        bare = re.sub(r"\s+", " ", _CLAUSE.sub("", unmask(piece))).strip()
        return not bare or bool(_kind(bare))

    while len(pieces) > 1 and idle(pieces[0]):
        pieces = pieces[1:]
    while len(pieces) > 1 and idle(pieces[-1]):
        pieces = pieces[:-1]
    return "".join(pieces).strip() or text.strip()
