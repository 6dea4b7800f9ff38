"""The same question typed in a hurry: neighbouring keys, lost and doubled letters, 拼音 confusions, no capitals, no full stop.

Numbers, negations, product names and the company's own words are never touched: a slip in them asks something else.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml

from kefu.data.augment import guard
from kefu.data.compared import tables
from kefu.text.segment import is_han

_FINAL = re.compile(r"(?<![\s。．.！!？?…~～])[\s。．.！!？?…~～]+$")
_LATIN_WORD = re.compile(r"[A-Za-z']+")
_KEPT_HAN = frozenset("不没无未别勿非否一二两三四五六七八九十百千万半")
KINDS = {
    "zh": ("homophone", "homophone", "dropped", "punctuation", "doubled"),
    "en": ("key", "dropped", "swapped", "doubled", "short", "case", "punctuation"),
}


@lru_cache(maxsize=1)
def _data() -> tuple[dict[str, str], dict[str, list[str]], dict[str, Any]]:
    folder = resources.files("kefu.data.augment")
    sounds = yaml.safe_load(folder.joinpath("words/homophones.yaml").read_text("utf-8"))
    characters: dict[str, str] = {}
    for line in sounds["characters"]:
        for char in line:
            characters[char] = characters.get(char, "") + line.replace(char, "")
    words: dict[str, list[str]] = {}
    for line in sounds["words"]:
        right, *wrong = line.split()
        words[right] = wrong
    return characters, words, yaml.safe_load(folder.joinpath("typing.yaml").read_text("utf-8"))


def typed_for(char: str) -> str:
    """Characters that a hurried customer types for this one, or this one for."""
    return _data()[0].get(char, "")


def slipped(text: str, language: str, entities: Collection[str], rng: random.Random) -> tuple[str, str] | None:
    """`(new text, kinds of slips)`, one or two of them, or None when there is nothing that may be damaged."""
    result = text
    kinds: list[str] = []
    for _ in range(rng.choice((1, 1, 2))):
        kind = rng.choice(KINDS["zh" if language == "zh" else "en"])
        if kind == "dropped" and kinds and language == "zh":
            continue  # of what is mistyped already nobody could tell whether it asks for something
        changed = _SLIPS[kind](result, _protected(result, entities), rng)
        if changed and changed != result:
            result = changed
            kinds.append(kind)
    return (result, "+".join(kinds)) if kinds else None


def _protected(text: str, entities: Collection[str]) -> list[bool]:
    """For each character: may it not be touched?"""
    kept = [char.isdigit() or char in _KEPT_HAN for char in text]
    lower = text.lower()
    for name in [*guard.names(text, entities), *("no", "not", "never", "cannot", "without", "none", "nor")]:
        for match in re.finditer(rf"(?<![a-z]){re.escape(name)}(?![a-z])" if name[:1].isascii() else re.escape(name), lower):
            kept[match.start() : match.end()] = [True] * (match.end() - match.start())
    for match in re.finditer(r"[A-Za-z]+n['’]t\b|\d\S*", text):
        kept[match.start() : match.end()] = [True] * (match.end() - match.start())
    return kept


def _homophone(text: str, kept: list[bool], rng: random.Random) -> str:
    characters, words, _ = _data()
    whole = [(m.start(), m.end(), wrong) for word, wrong in words.items() for m in re.finditer(word, text) if not any(kept[m.start() : m.end()])]
    if whole and rng.random() < 0.7:
        start, stop, wrong = whole[rng.randrange(len(whole))]
        return text[:start] + rng.choice(wrong) + text[stop:]
    single = [i for i, char in enumerate(text) if char in characters and not kept[i]]
    if not single:
        return text
    i = rng.choice(single)
    return text[:i] + rng.choice(characters[text[i]]) + text[i + 1 :]


def _letters(text: str, kept: list[bool], shortest: int = 4) -> list[int]:
    """Places of letters inside words long enough to stay readable, and of Han characters in texts of six or more."""
    if any(is_han(char) for char in text):
        return [i for i, char in enumerate(text) if is_han(char) and not kept[i]] if sum(map(is_han, text)) >= 6 else []
    return [
        i
        for m in _LATIN_WORD.finditer(text)
        if len(m.group()) >= shortest
        for i in range(m.start() + 1, m.end())
        if not kept[i] and text[i].isalpha()
    ]


def _verbs(text: str) -> list[bool]:
    """For each character: is it part of a Chinese verb?"""
    found: list[bool] = []
    try:
        import rjieba
    except ImportError:
        return [False] * len(text)
    for word, tag in rjieba.tag(text):
        found += [tag.startswith("v") and is_han(word[0])] * len(word)
    return found


def _dropped(text: str, kept: list[bool], rng: random.Random) -> str:
    asked = _verbs(text)
    places = [i for i in _letters(text, kept) if not asked[i] and text[i] not in tables().standing]  # 退货 without 退 asks nothing
    if not places:
        return text
    i = rng.choice(places)
    return text[:i] + text[i + 1 :]


def _doubled(text: str, kept: list[bool], rng: random.Random) -> str:
    places = _letters(text, kept)
    if not places:
        return text
    i = rng.choice(places)
    return text[:i] + text[i] + text[i:]


def _swapped(text: str, kept: list[bool], rng: random.Random) -> str:
    places = [i for i in _letters(text, kept) if i + 1 < len(text) and text[i + 1].isalpha() and not kept[i + 1]]
    if not places:
        return text
    i = rng.choice(places)
    return text[:i] + text[i + 1] + text[i] + text[i + 2 :]


def _key(text: str, kept: list[bool], rng: random.Random) -> str:
    near = _data()[2]["neighbours"]
    places = [i for i in _letters(text, kept) if text[i].lower() in near]
    if not places:
        return text
    i = rng.choice(places)
    return text[:i] + rng.choice(near[text[i].lower()]) + text[i + 1 :]


def _short(text: str, kept: list[bool], rng: random.Random) -> str:
    short = _data()[2]["short"]
    places = [m for m in _LATIN_WORD.finditer(text) if m.group().lower() in short and not any(kept[m.start() : m.end()])]
    if not places:
        return text
    match = rng.choice(places)
    return text[: match.start()] + rng.choice(short[match.group().lower()]) + text[match.end() :]


def _case(text: str, kept: list[bool], rng: random.Random) -> str:
    return text.lower()


def _punctuation(text: str, kept: list[bool], rng: random.Random) -> str:
    bare = _FINAL.sub("", text)
    if bare != text and rng.random() < 0.6:
        return bare
    chinese = any(map(is_han, text))
    return bare + rng.choice(("？？", "。。。", "!", "～") if chinese else ("??", "...", "!!"))


_SLIPS = {
    "homophone": _homophone,
    "dropped": _dropped,
    "doubled": _doubled,
    "swapped": _swapped,
    "key": _key,
    "short": _short,
    "case": _case,
    "punctuation": _punctuation,
}
