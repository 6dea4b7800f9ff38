"""How alike two short texts are, right for Chinese (by character) and English (by word)."""

from __future__ import annotations

from collections import Counter

from kefu.text.segment import shingles, units


def token_f1(given: str, reference: str) -> float:
    """Bag-of-units F1 (SQuAD's measure, Rajpurkar 2016, with Han characters as units). 0..1."""
    a, b = Counter(units(given)), Counter(units(reference))
    if not a or not b:
        return float(a == b)
    common = sum((a & b).values())
    return 2 * common / (sum(a.values()) + sum(b.values()))


def jaccard(a: str, b: str, size: int = 4) -> float:
    """Jaccard overlap of character shingles. 0..1; two empty texts are equal."""
    left, right = shingles(a, size), shingles(b, size)
    if not left and not right:
        return 1.0
    return len(left & right) / len(left | right)
