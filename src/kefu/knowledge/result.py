"""What a search returns: entries, hits, and the thresholds that turn numbers into decisions."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One answer of the company and the ways customers ask for it. `kind`: "faq" or "document"."""

    id: str
    kind: str
    answer: str
    questions: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    source: str = ""
    category: str = ""
    language: str = ""

    @property
    def question(self) -> str:
        """The first known question, or the heading of a passage."""
        return self.questions[0] if self.questions else ""


@dataclass(frozen=True)
class Hit:
    """One entry found. `score` orders hits of one search; `confidence` is P(this entry answers the question), 0..1."""

    id: str
    kind: str
    question: str
    answer: str
    source: str
    category: str
    language: str
    score: float
    confidence: float
    matched: str = ""


@dataclass(frozen=True)
class Thresholds:
    """`answer_at`: confidence from which a direct FAQ answer reaches the target precision; `document_at` the same for a passage;
    `scope_at`: scope below which a question is turned away; `near_at`: scope from which known questions may be offered then."""

    answer_at: float
    scope_at: float
    near_at: float = 1.0
    document_at: float = 1.0


@dataclass(frozen=True)
class Result:
    """Hits, best first. `confidence`: P(the first hit is right); `scope`: P(the knowledge base has an answer), both calibrated, 0..1.

    `near_passage`: the manuals come near enough by their own scale for a passage to be offered."""

    hits: list[Hit]
    confidence: float
    scope: float
    thresholds: Thresholds
    language: str = ""
    used_history: bool = False
    signals: dict[str, float] = field(default_factory=dict)
    near_passage: bool = False

    @property
    def in_scope(self) -> bool:
        return bool(self.hits) and self.scope >= self.thresholds.scope_at

    @property
    def near(self) -> bool:
        """True when the first hits may be offered as what was perhaps meant."""
        return bool(self.hits) and (self.near_passage or self.scope >= self.thresholds.near_at)

    @property
    def certain(self) -> bool:
        """True when the first hit may be answered directly."""
        if not self.hits or not self.in_scope:
            return False
        limit = self.thresholds.answer_at if self.hits[0].kind == "faq" else self.thresholds.document_at
        return self.confidence >= limit

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
