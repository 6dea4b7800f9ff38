"""Pairs of near-duplicate texts, exact and deterministic, for texts that fit into memory (`minhash` finds them among millions).

A set-similarity join with prefix and position filters (Chaudhuri et al. 2006; Bayardo et al. 2007; Xiao et al. 2008):
two sets with Jaccard >= t share one of their rarest `n - ceil(t n) + 1` elements, so only sets that meet there are
compared. No hashing, no misses.
"""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from kefu.text.normalise import fold
from kefu.text.segment import shingles, words

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*%?")
_NEGATION = re.compile(r"不|没|无|未|别|勿|非|否|\b(?:not|no|never|none|without|cannot|neither|nor|un(?=\w{4}))\b|n['’]t\b", re.IGNORECASE)
_LATIN = re.compile(r"[a-z][a-z0-9.+#-]*", re.IGNORECASE)
_SMALL = frozenset(
    [
        "a",
        "an",
        "the",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "do",
        "does",
        "did",
        "i",
        "you",
        "we",
        "they",
        "it",
        "my",
        "your",
        "our",
        "to",
        "of",
        "in",
        "on",
        "at",
        "for",
        "and",
        "or",
        "with",
        "from",
        "this",
        "that",
        "can",
        "could",
        "would",
        "will",
        "please",
        "me",
        "how",
        "what",
        "using",
        "use",
        "by",
        "just",
        "so",
        "it's",
        "i'm",
        "there",
        "if",
        "when",
        "where",
    ]
)


class Known:
    """An index of texts, to which others are compared one by one."""

    def __init__(self, texts: Sequence[str], threshold: float, size: int = 4) -> None:
        self._threshold, self._size = threshold, size
        self._sets = [shingles(text, size) for text in texts]
        frequency = Counter(shingle for one in self._sets for shingle in one)
        self._rank = {shingle: rank for rank, shingle in enumerate(sorted(frequency, key=lambda shingle: (frequency[shingle], shingle)))}
        self._index: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for i, one in enumerate(self._sets):
            for place, shingle in enumerate(_prefix(one, self._rank, threshold)):
                self._index[shingle].append((i, place))

    def alike(self, text: str) -> Iterator[tuple[int, float]]:
        """(number of a known text, Jaccard of character shingles), rising, for those at or above the threshold."""
        one = shingles(text, self._size)
        yield from _meet(one, _prefix(one, self._rank, self._threshold), self._sets, self._index, self._threshold)


def pairs(texts: Sequence[str], threshold: float, size: int = 4) -> Iterator[tuple[int, int, float]]:
    """(i, j, Jaccard of character shingles) with i < j, in order of j, for every pair at or above the threshold."""
    sets = [shingles(text, size) for text in texts]
    frequency = Counter(shingle for one in sets for shingle in one)
    rank = {shingle: rank for rank, shingle in enumerate(sorted(frequency, key=lambda shingle: (frequency[shingle], shingle)))}
    index: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for j, one in enumerate(sets):
        prefix = _prefix(one, rank, threshold)
        for i, score in _meet(one, prefix, sets, index, threshold):
            yield i, j, score
        for place, shingle in enumerate(prefix):
            index[shingle].append((j, place))


def _prefix(one: set[str], rank: Mapping[str, int], threshold: float) -> list[int]:
    """The rarest shingles of a set, of which a set as alike as the threshold must share one; those unknown to `rank` are the rarest of all."""
    return sorted(rank.get(shingle, -1) for shingle in one)[: len(one) - math.ceil(threshold * len(one)) + 1] if one else []


def _meet(
    one: set[str], prefix: list[int], sets: Sequence[set[str]], index: Mapping[int, list[tuple[int, int]]], threshold: float
) -> Iterator[tuple[int, float]]:
    n = len(one)
    met: dict[int, int] = {}
    for place, shingle in enumerate(prefix):
        for i, other_place in index.get(shingle, ()):
            m = len(sets[i])
            if m < threshold * n or n < threshold * m:
                continue
            # What they can still share after this place (PPJoin, Xiao et al. 2008).
            possible = met.get(i, 0) + 1 + min(n - place, m - other_place) - 1
            met[i] = met.get(i, 0) + 1 if possible >= threshold / (1 + threshold) * (n + m) - 1e-9 else -n - m
    for i in sorted(met):
        if met[i] > 0:
            common = len(sets[i] & one)
            score = common / (n + len(sets[i]) - common)
            if score >= threshold:
                yield i, score


def critical(text: str) -> tuple[frozenset[str], ...]:
    """What makes two alike texts different questions: numbers, negations (with their count), Latin words such as product names."""
    folded = fold(text)
    negations = Counter(match.casefold() for match in _NEGATION.findall(text))
    return (
        frozenset(_NUMBER.findall(folded)),
        frozenset(f"{word}{count}" for word, count in negations.items()),
        frozenset(word.rstrip(".") for word in _LATIN.findall(folded)) - _SMALL,
    )


def content(text: str) -> tuple[str, ...]:
    """The words that carry the meaning of a question, in order: no particles, no polite forms, no 怎么 / how."""
    return tuple(word for word in words(text) if word not in _PARTICLES and word not in _SMALL)


_PARTICLES = frozenset(
    [
        "的",
        "了",
        "吗",
        "呢",
        "啊",
        "吧",
        "呀",
        "么",
        "嘛",
        "请",
        "请问",
        "一下",
        "你好",
        "您好",
        "我",
        "我们",
        "你",
        "你们",
        "您",
        "想",
        "要",
        "如何",
        "怎么",
        "怎样",
        "怎么样",
        "这",
        "这个",
        "那",
        "那个",
        "是",
        "在",
        "怎么办",
        "该",
        "应该",
        "会",
        "需要",
        "嗯",
        "哦",
        "哈",
        "呗",
        "下",
        "一",
        "个",
        "把",
        "给",
        "就",
        "都",
        "和",
        "与",
        "及",
        "能",
        "可以",
        "能否",
        "可否",
    ]
)


class Groups:
    """Union-find over numbered things, 4 bytes each."""

    def __init__(self, count: int) -> None:
        self._above = array("i", range(count))

    def find(self, i: int) -> int:
        above = self._above
        while above[i] != i:
            above[i] = above[above[i]]
            i = above[i]
        return i

    def join(self, i: int, j: int) -> None:
        a, b = self.find(i), self.find(j)
        if a != b:
            self._above[max(a, b)] = min(a, b)

    def roots(self) -> array[int]:
        """The first member of the group of each thing."""
        return array("i", (self.find(i) for i in range(len(self._above))))

    def members(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for i, root in enumerate(self.roots()):
            found.setdefault(root, []).append(i)
        return found
