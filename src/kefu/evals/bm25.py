"""Plain BM25 over FAQ entries, uncalibrated on purpose: what a weekend project would ship. A baseline, not a part."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from kefu.evals.answers import Entry
from kefu.text.segment import words


class BM25:
    """One document per entry: its questions and its answer. Okapi BM25, k1 1.2, b 0.75 (Robertson & Zaragoza 2009),
    with the idf that stays positive (Lucene's)."""

    def __init__(self, entries: Mapping[str, Entry], k1: float = 1.2, b: float = 0.75) -> None:
        self.k1 = k1
        self.ids = list(entries)
        documents = [Counter(_terms((*entry.questions, entry.answer))) for entry in entries.values()]
        lengths = [sum(document.values()) for document in documents]
        average = sum(lengths) / len(lengths) if lengths else 1.0
        self.norms = [k1 * (1 - b + b * length / average) for length in lengths]
        self.postings: dict[str, list[tuple[int, int]]] = {}
        for i, document in enumerate(documents):
            for term, count in document.items():
                self.postings.setdefault(term, []).append((i, count))

    def best(self, query: str) -> tuple[str, float]:
        """(entry id, score) of the best entry; ("", 0.0) when no word is shared. Ties go to the earlier entry."""
        scores: dict[int, float] = {}
        for term in words(query):
            hits = self.postings.get(term, [])
            idf = math.log(1 + (len(self.ids) - len(hits) + 0.5) / (len(hits) + 0.5))
            for i, count in hits:
                scores[i] = scores.get(i, 0.0) + idf * count * (self.k1 + 1) / (count + self.norms[i])
        if not scores:
            return "", 0.0
        i = min(scores, key=lambda key: (-scores[key], key))
        return self.ids[i], scores[i]


def _terms(texts: Iterable[str]) -> list[str]:
    return [word for text in texts for word in words(text)]
