"""One place where two texts differ: what kind of difference it is (the kinds are told in `differences`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from rapidfuzz.distance import OSA

from kefu.data.augment import slips
from kefu.data.compared import tables
from kefu.text.segment import is_han

Rare = Callable[[str, str], bool]
"""(form, beside): is the form rare in the corpus beside the other?"""
Place = tuple[int, int, int, int]  # start and end on the left, start and end on the right

_PRONOUNS = frozenset("我你您他她它")
#: Times in the dictionary's texts: what it has less often is a slip that it learnt, and so is a rare word beside one that is so much more frequent.
_KNOWN, _SELDOM, _MUCH_RARER = 150, 2000, 400
_SOME = 30  # enough beside what the dictionary does not have at all
_WINDOW = 12  # characters around a place that are cut into words


class Judged(NamedTuple):
    """kind: "" keeps the texts apart. left, right: what stands there. size: characters touched."""

    kind: str
    left: str
    right: str
    size: int


def judge(a: str, b: str, place: Place, left: str, right: str, rare: Rare) -> list[Judged]:
    """left, right: what stands at the place of `a` and `b`, stripped; Latin words are judged one by one."""
    chars, size = left + right, max(len(left), len(right))
    apart = [Judged("", left, right, size)]
    if any(char.isdigit() or "\ue000" <= char <= "\uf8ff" for char in chars):
        return apart
    if not any(is_han(char) for char in chars):
        return _words_of(left.split(), right.split(), rare)
    swapped = len(left) == len(right) == 2 and left == right[::-1]
    if (not swapped or _all_count(left)) and (_counts(a, *place[:2]) or _counts(b, *place[2:])):
        return apart
    if any(latin(char) for char in chars):
        return apart if left and right else [Judged("more", left, right, size)]
    if _again(a, b, place):
        return [Judged("repeated", left, right, size)]
    if (not left or not right) and all(word in tables().free for word in _cut_at(a if left else b, place[:2] if left else place[2:])):
        return [Judged("free", left, right, size)]
    kind = _swapped(a, b, place, left, right, rare) if swapped else _edit(a, b, place, left, right, rare)
    return [Judged(kind, left, right, size)]


def latin(char: str) -> bool:
    return char.isalnum() and not is_han(char)


# -- Chinese -------------------------------------------------------------------------------------------------


def _again(a: str, b: str, place: Place) -> bool:
    """Is what stands on one side alone a repetition of what stands beside it?"""
    i1, i2, j1, j2 = place
    if (i1 == i2) == (j1 == j2):
        return False
    text, start, end = (a, i1, i2) if i2 > i1 else (b, j1, j2)
    size = end - start
    return size <= 4 and text[start:end] in (text[max(0, start - size) : start], text[end : end + size])


def _counts(text: str, start: int, end: int) -> bool:
    """Is there a number or a negation at the place, not just one of its characters within another word?"""
    known = tables()
    return any(
        char in known.numerals or char in known.negations
        for first, last in _words(text, start, end)
        if first < end and last > start and text[first:last] not in known.harmless_in
        for char in text[max(first, start) : min(last, end)]
    )


def _all_count(chars: str) -> bool:
    known = tables()
    return all(char in known.numerals or char in known.negations or char in _PRONOUNS for char in chars)


def _swapped(a: str, b: str, place: Place, left: str, right: str, rare: Rare) -> str:
    """Two neighbours changed places and no word came of it."""
    if _all_count(left) or {*left} <= tables().bearing:
        return ""
    before, after = _any_word(a, *place[:2]), _any_word(b, *place[2:])
    return "typo" if before != after and rare(*((right, left) if before else (left, right))) else ""


def _edit(a: str, b: str, place: Place, left: str, right: str, rare: Rare) -> str:
    """The kind of one character lost, added, swapped or exchanged; of more than that, `more` on one side alone, else nothing."""
    known = tables()
    i1, i2, j1, j2 = place
    around = a[max(0, i1 - 1) : i2 + 1], b[max(0, j1 - 1) : j2 + 1]
    if len(left) == len(right) == 1:
        return _exchanged(a, b, place, left, right, rare)
    if len(left) + len(right) == 1:
        whole, char = (a, left) if left else (b, right)
        inside, outside = (place[:2], place[2:]) if left else (place[2:], place[:2])
        other = b if left else a
        word = _over(whole, *inside)
        if word is None:  # a character that stands alone; did a word break around it?
            broken = _over(other, *outside) is not None and char not in known.standing
            odd = char not in known.standing and (rare(around[1], around[0]) if right else rare(around[0], around[1]))
            return "typo" if broken or odd else "more"
        rest = outside[0] - (inside[0] - word[0]), outside[1] + (word[1] - inside[1])
        gap = other[max(0, outside[0] - 1) : outside[1] + 1]
        return "typo" if not _only_words(other, *rest) and rare(gap, whole[word[0] : word[1]]) else "more"
    return "more" if not left or not right else ""


def _exchanged(a: str, b: str, place: Place, x: str, y: str, rare: Rare) -> str:
    known = tables()
    i1, i2, j1, j2 = place
    one, other = _over(a, i1, i2), _over(b, j1, j2)
    bearing = x in known.bearing and y in known.bearing
    alike = sounds_alike(x, y)
    if (one is None) != (other is None):
        word, text, start = (one, b, j1 - i1) if one else (other, a, i1 - j1)
        whole = a if one else b
        form = text[max(0, word[0] + start) : word[1] + start] if word else ""
        if word and rare(form, whole[word[0] : word[1]]):
            return "typo" if alike and not bearing else "" if bearing else "odd"
        return ""
    if alike and not bearing and not (x in known.standing and y in known.standing and not _of_one_line(x, y)):
        before, after = a[max(0, i1 - 1) : i2 + 1], b[max(0, j1 - 1) : j2 + 1]
        if rare(after, before) or rare(before, after):
            return "typo"
    return "" if (one and other) or {x, y} <= known.standing | known.bearing else "slip"


def _any_word(text: str, start: int, end: int) -> bool:
    """Does a dictionary word of two characters or more reach into the place?"""
    return any(last - first >= 2 and first < end and last > start for first, last in _words(text, start, end))


def _only_words(text: str, start: int, end: int) -> bool:
    """Does the place hold dictionary words of two characters or more and nothing else?"""
    inside = [(first, last) for first, last in _words(text, start, end) if first < end and last > start]
    return bool(inside) and all(last - first >= 2 for first, last in inside)


def _of_one_line(x: str, y: str) -> bool:
    return y in slips.typed_for(x)


def sounds_alike(x: str, y: str) -> bool:
    """Could a pinyin keyboard offer one for the other? Tones aside; zh is z, ng is n, l is n."""
    return bool(_sounds(x) & _sounds(y)) or _of_one_line(x, y)


@lru_cache(maxsize=8192)
def _sounds(char: str) -> frozenset[str]:
    from pypinyin import Style, pinyin

    found = pinyin(char, style=Style.NORMAL, heteronym=True)[0]
    return frozenset(one.replace("zh", "z").replace("ch", "c").replace("sh", "s").replace("ng", "n").replace("l", "n") for one in found)


def _over(text: str, start: int, end: int) -> tuple[int, int] | None:
    """(start, end) of the dictionary word of two characters or more that covers the place; a place of no length must lie inside."""
    for first, last in _words(text, start, end):
        if last - first >= 2 and first <= start and end <= last and (start < end or first < start < last):
            return first, last
    return None


def _words(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Words of the Chinese run around a place, as (start, end)."""
    low, high = start, end
    while low > 0 and start - low < _WINDOW and is_han(text[low - 1]):
        low -= 1
    while high < len(text) and high - end < _WINDOW and is_han(text[high]):
        high += 1
    found, at = [], low
    for word in _cut(text[low:high]):
        found.append((at, at + len(word)))
        at += len(word)
    return found


def _cut_at(text: str, place: Sequence[int]) -> list[str]:
    """The words of a place that begins and ends where words do; else the place itself as one."""
    start, end = place
    inside = [(first, last) for first, last in _words(text, start, end) if first < end and last > start]
    if inside and inside[0][0] == start and inside[-1][1] == end:
        return [text[first:last] for first, last in inside]
    return [text[start:end]]


@lru_cache(maxsize=4096)
def _cut(run: str) -> list[str]:
    try:
        import rjieba
    except ImportError:
        return list(run)
    return list(rjieba.cut(run, False))


# -- Latin letters -------------------------------------------------------------------------------------------


def _words_of(left: list[str], right: list[str], rare: Rare) -> list[Judged]:
    if len(left) == len(right):
        return [_pair(x, y, rare) for x, y in zip(left, right, strict=True) if x != y]
    many, few = (Counter(left), Counter(right)) if len(left) > len(right) else (Counter(right), Counter(left))
    if not few - many:
        return [_alone(word, len(left) > len(right)) for word in (many - few).elements()]
    for short, long in ((left, right), (right, left)):
        written = tables().contracted.get(tuple(long), "")
        if len(short) == 1 and written and not _known(short[0]) and OSA.distance(short[0], written, score_cutoff=1) <= 1:
            return [Judged("typo", " ".join(left), " ".join(right), 1)]
    paired = _paired(left, right)
    if paired is None:
        joined = " ".join(left), " ".join(right)
        return [Judged("", *joined, max(map(len, joined)))]
    return [_pair(x, y, rare) if x and y else _alone(x or y, bool(x)) for x, y in paired]


def _alone(word: str, on_left: bool) -> Judged:
    known = tables()
    light = known.free | known.filler
    kind = "" if word in known.negations or word in known.numerals else "free" if word in known.free else "more"
    if kind == "more" and not _known(word):
        kind = "free" if any(OSA.distance(word, one, score_cutoff=1) <= 1 for one in light if len(one) > 2) else "slip" if len(word) <= 2 else "more"
    return Judged(kind, word, "", len(word)) if on_left else Judged(kind, "", word, len(word))


def _paired(left: list[str], right: list[str]) -> list[tuple[str, str]] | None:
    """Each word of the shorter side with a near one of the longer, in order; what is left over stands alone. None: it cannot be done."""
    if len(left) > len(right):
        turned = _paired(right, left)
        return None if turned is None else [(y, x) for x, y in turned]
    found: list[tuple[str, str]] = []
    at = 0
    for x in left:
        near = next((j for j in range(at, len(right)) if x == right[j] or OSA.distance(x, right[j]) <= 2 < max(len(x), len(right[j]))), None)
        if near is None:
            return None
        found += [("", word) for word in right[at:near]]
        if x != right[near]:
            found.append((x, right[near]))
        at = near + 1
    return found + [("", word) for word in right[at:]]


def _pair(x: str, y: str, rare: Rare) -> Judged:
    far = OSA.distance(x, y, score_cutoff=2)
    word, other = sorted((x, y), key=_often, reverse=True)
    no_word = _often(word) >= _KNOWN and _often(other) < max(_KNOWN, min(_SELDOM, _often(word) / _MUCH_RARER))
    no_word |= len(word) >= 6 and _often(word) >= _SOME and not _often(other)
    if far <= 2 and no_word and len(word) >= 3 and rare(other, word):
        kind = "typo" if far == 1 or min(len(x), len(y)) >= 8 else "slip" if len(word) >= 4 else ""
        return Judged(kind, x, y, far)
    counted = {x, y} & (tables().negations | tables().numerals)
    return Judged("slip" if far <= 1 and not counted else "", x, y, far)


@lru_cache(maxsize=1)
def _dictionary() -> Any:
    from spellchecker import SpellChecker

    return SpellChecker(language="en")


@lru_cache(maxsize=8192)
def _often(word: str) -> int:
    """Times in the dictionary's own texts; 0: no word."""
    return int(_dictionary()[word])


def _known(word: str) -> bool:
    return _often(word) > 0
