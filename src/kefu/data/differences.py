"""Do two texts say the same? Every difference between them is named, and one that could carry meaning keeps them apart.

The texts are compared as `compared` has them, so case, punctuation, emoji, greetings, particles, masked values and spellings of one word
are no differences any more. What is left is aligned, sentences first (Levenshtein over sentences, then over characters), and each place
where they differ is one of:

    typo      a word became a non-word: one letter more, less, other or two swapped (two, from eight letters on); in Chinese a character lost,
              added, swapped or typed for one of the same sound within a dictionary word, so that no dictionary word is left. The non-word
              must be rare in the corpus beside the word: a product name that no dictionary has stays a word
    odd       the same with a character of another sound: one in forty Chinese characters of text, for 续费 and 续订 may differ so
    repeated  the same character or word once more
    blank     words written together or apart
    free      a word that may be left out (我, 可以, my, just), on one side alone
    moved     a whole sentence stands elsewhere (two at most; one with a number: a neighbour's place)
    turn      one more sentence or message on one side of a text of four or more, a third of the text at most
    slip      another edit of one character, whose two readings may both be words (booking, booing): allowed where typos show that the text was
              damaged, no more of them than of those, and one in 240 letters of a long text
    more      other words on one side alone: allowed as far as the texts, all differences above set right, still reach the threshold
              (`data.dedup.threshold`, Jaccard of character shingles)

Anything else keeps them apart: a number, a numeral, a negation, a unit, one word for another, words in another order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import Levenshtein

from kefu.data.compared import BREAK, Compared, Sentence
from kefu.data.difference import Rare, judge, latin
from kefu.text.segment import is_han, shingles

_MOVED = 2
_LONG_ENOUGH = 5  # characters of a sentence that may stand elsewhere
_TURN_SHARE = 1 / 3
_SEVERAL = 4  # sentences; of a question an added one narrows it down
_TYPO_SHARE = 0.12  # of the characters, beside the one that is always allowed
_FREE_SHARE = 0.25
_FAR = 0.4  # texts that differ in more of their characters are not looked at closely
_ODD = 80  # letters of text (a Chinese character is two) for each odd one
_SLIP = 240
_BESIDE = 2  # characters between words that stand on one side each
_SHOWN = 3


@dataclass
class _Found:
    """What was met so far; `apart` ends the comparison."""

    kinds: Counter[str] = field(default_factory=Counter)
    shown: dict[str, list[str]] = field(default_factory=dict)
    letters: Counter[str] = field(default_factory=Counter)  # characters touched
    apart: bool = False

    def add(self, kind: str, left: str, right: str, size: int = 0) -> None:
        self.kinds[kind] += 1
        self.letters[kind] += size
        some = self.shown.setdefault(kind, [])
        if len(some) < _SHOWN:
            some.append(f"{_short(left)}→{_short(right)}" if left and right else f"{'-' if left else '+'}{_short(left or right)}")

    def __str__(self) -> str:
        return "; ".join(f"{kind} {', '.join(self.shown[kind])}{'…' if n > _SHOWN else ''}" for kind, n in self.kinds.items())


class Same(NamedTuple):
    """differences: named, empty when there are none but those that do not count; fuller: the second has a sentence or message more."""

    differences: str
    fuller: bool


def explain(a: Compared, b: Compared, threshold: float, rare: Rare) -> Same | None:
    """How two texts that say the same differ; None when they must stay apart."""
    if not a.sentences or not b.sentences or a.sentences[0].said != b.sentences[0].said:
        return None
    several = max(len(a.sentences), len(b.sentences)) >= _SEVERAL
    if a.values != b.values and not (several and _on_one_side(a.values, b.values)):
        return None
    found = _Found()
    regions = _regions(a, b, found)
    if regions is None:
        return None
    total = max(a.size, b.size)
    alone = [pair for pair in regions if not pair[0] or not pair[1]]
    if several and len(alone) == 1 and _one_more(alone[0][0] or alone[0][1], total, found, side=bool(alone[0][0])):
        regions = [pair for pair in regions if pair[0] and pair[1]]
    lost: list[tuple[str, str]] = []
    for left, right in regions:
        _region(BREAK.join(one.text for one in left), BREAK.join(one.text for one in right), found, lost, rare)
        if found.apart:
            return None
    letters, kinds = found.letters, found.kinds
    if letters["typo"] + letters["odd"] + letters["slip"] > max(2, _TYPO_SHARE * total) or letters["free"] > max(3, _FREE_SHARE * total):
        return None
    width = letters_of(a) if total == a.size else letters_of(b)
    if kinds["odd"] * _ODD > width or kinds["slip"] > kinds["typo"] + kinds["odd"] + width // _SLIP:
        return None
    if found.kinds["more"] and not _still_alike(a, lost, threshold):
        return None
    return Same(str(found), kinds["turn"] > 0 and b.size > a.size)


class Values:
    """How often each digit and the signs of masked values stand in numbered texts, 12 bytes each: most candidates differ in them, and need not be
    read again. What differs in them is never the same (`explain`)."""

    def __init__(self, count: int) -> None:
        self._held = np.zeros((count, 12), np.uint8)  # ten digits, signs, sentences (0: not known); 255 is that or more

    def put(self, place: int, text: Compared) -> None:
        found = [text.values.count(digit) for digit in "0123456789"] if text.values else [0] * 10
        signs = sum(char >= "\ue000" for char in text.values)
        self._held[place] = [min(number, 255) for number in (*found, signs, len(text.sentences))]

    def may(self, places: list[int], place: int) -> list[int]:
        """Those of the places that can be the same as this one, which was put."""
        them, own = self._held[places], self._held[place]
        more, less = (them[:, :11] > own[:11]).any(axis=1), (them[:, :11] < own[:11]).any(axis=1)
        several = np.maximum(them[:, 11], own[11]) >= _SEVERAL
        apart = ((more & less) | ((more | less) & ~several)) & (them[:, 11] > 0)
        return [other for other, no in zip(places, apart.tolist(), strict=True) if not no]


def _on_one_side(a: str, b: str) -> bool:
    """Has but one of two texts values that the other has not? A sentence more may bring them, and nothing else."""
    left, right = Counter(a), Counter(b)
    return left <= right or right <= left


def letters_of(text: Compared) -> int:
    """A Chinese character counts as two."""
    return sum(2 if is_han(char) else 1 for one in text.sentences for char in one.text)


def _regions(one: Compared, other: Compared, found: _Found) -> list[tuple[list[Sentence], list[Sentence]]] | None:
    """Runs of sentences that differ, those that only stand elsewhere taken out. None: too much differs."""
    a, b = one.sentences, other.sentences
    pairs: list[tuple[list[Sentence], list[Sentence]]] = []
    equal = True
    for op in Levenshtein.opcodes(one.keys, other.keys):
        if op.tag == "equal":
            equal = True
            continue
        if equal:
            pairs.append(([], []))
            equal = False
        pairs[-1][0].extend(a[op.src_start : op.src_end])
        pairs[-1][1].extend(b[op.dest_start : op.dest_end])
    if len(pairs) > 1 or (pairs and len(pairs[0][0]) > 1 and len(pairs[0][1]) > 1):
        shared = Counter(one for left, _ in pairs for one in left) & Counter(one for _, right in pairs for one in right)
        moved = [sentence for sentence in shared if _may_move(sentence, abs(a.index(sentence) - b.index(sentence)) <= 2)]
        for sentence in moved[:_MOVED]:
            for side in (0, 1):
                next(pair[side] for pair in pairs if sentence in pair[side]).remove(sentence)
            found.add("moved", sentence.text, sentence.text)
    pairs = [pair for pair in pairs if pair[0] or pair[1]]
    most = sum(max(sum(len(one.text) for one in side) for side in pair) for pair in pairs)
    cutoff = int(_FAR * most) + 2
    both = [pair for pair in pairs if pair[0] and pair[1]]
    for left, right in both:
        first, second = (BREAK.join(one.text for one in side) for side in (left, right))
        if Levenshtein.distance(first, second, score_cutoff=cutoff + abs(len(first) - len(second))) > cutoff + abs(len(first) - len(second)):
            return None
    return pairs


def _may_move(one: Sentence, near: bool) -> bool:
    """Short sentences and those with a number stand for what was said before them: they change places with a neighbour at most."""
    return len(one.text) >= (3 if near else _LONG_ENOUGH) and (near or not any(char.isdigit() for char in one.text))


def _one_more(extra: Sequence[Sentence], total: int, found: _Found, *, side: bool) -> bool:
    text = BREAK.join(one.text for one in extra)
    if len(text) > _TURN_SHARE * total or len({one.said for one in extra}) > 1 or total - len(text) < 2 * _LONG_ENOUGH:
        return False
    found.add("turn", text if side else "", "" if side else text)
    return True


def _region(a: str, b: str, found: _Found, lost: list[tuple[str, str]], rare: Rare) -> None:
    more: tuple[int, str] | None = None  # where the last of them ended in `a`, and what it was there
    for i1, i2, j1, j2 in _blocks(a, b):
        left, right = a[i1:i2].strip(" \n"), b[j1:j2].strip(" \n")
        if left.replace(" ", "").replace(BREAK, "") == right.replace(" ", "").replace(BREAK, ""):
            if left.replace(BREAK, "") != right.replace(BREAK, ""):
                found.add("blank", left, right)
            continue
        for one in judge(a, b, (i1, i2, j1, j2), left, right, rare):
            if not one.kind:
                found.apart = True
                return
            if one.kind == "more":
                lost.append((one.left, one.right))
                if more and bool(more[1]) != bool(one.left) and i1 - more[0] <= _BESIDE:  # 电话号码, 致电: one word for another
                    found.apart = True
                    return
                more = (i2, one.left)
            found.add(*one)


def _blocks(a: str, b: str) -> list[tuple[int, int, int, int]]:
    """Places where they differ, (start, end) of both, widened to whole Latin words and numbers; neighbouring ones are one."""
    found: list[tuple[int, int, int, int]] = []
    for op in Levenshtein.opcodes(a, b):
        if op.tag == "equal":
            continue
        i1, i2, j1, j2 = op.src_start, op.src_end, op.dest_start, op.dest_end
        while i1 and j1 and a[i1 - 1] == b[j1 - 1] and latin(a[i1 - 1]) and (_inside(a, i1) or _inside(b, j1)):
            i1, j1 = i1 - 1, j1 - 1
        while i2 < len(a) and j2 < len(b) and a[i2] == b[j2] and latin(a[i2]) and (_inside(a, i2) or _inside(b, j2)):
            i2, j2 = i2 + 1, j2 + 1
        if found and (i1 <= found[-1][1] or j1 <= found[-1][3]):
            k1, _, l1, _ = found.pop()
            i1, j1 = min(k1, i1), min(l1, j1)
        elif found and i1 - found[-1][1] == 1 == j1 - found[-1][3] and is_han(a[i1 - 1]) and _swap(a, b, found[-1], (i1, i2, j1, j2)):
            i1, _, j1, _ = found.pop()
        found.append((i1, i2, j1, j2))
    return found


def _inside(text: str, at: int) -> bool:
    """Is the place within a Latin word or number?"""
    return 0 < at < len(text) and latin(text[at - 1]) and latin(text[at])


def _swap(a: str, b: str, first: tuple[int, int, int, int], second: tuple[int, int, int, int]) -> bool:
    """Were two characters exchanged, with the alignment between them?"""
    left, right = a[first[0] : second[1]], b[first[2] : second[3]]
    return len(left) == len(right) == 2 and left == right[::-1]


def _still_alike(a: Compared, lost: Sequence[tuple[str, str]], threshold: float) -> bool:
    """Jaccard of character shingles of two texts that differ in nothing but words of one side alone, from what these words take with them."""
    whole = len(shingles(a.text))
    gone = sum(len(one.replace(" ", "")) + 3 for pair in lost for one in pair if one) + 3 * len(lost)
    return (whole - gone / 2) / (whole + gone / 2) >= threshold


def _short(text: str) -> str:
    text = text.replace(BREAK, " ")
    return text if len(text) <= 12 else f"{text[:11]}…"
