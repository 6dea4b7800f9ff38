"""What an answer consists of: pieces on the way, then one `Reply` with its `Receipt`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

#: Every step that can produce a reply. A caller may leave some out (a baseline, a budget that ran dry).
TIERS = ("rule", "guard", "faq", "document", "model", "person")
ALL: frozenset[str] = frozenset(TIERS)


@dataclass(slots=True)
class Receipt:
    """How a reply came about. Times are in milliseconds; everything else is the same on every run.

    kind: what the customer's turn was taken for (`answer`, `person`, `injection`, `unknown`, ...).
    offered: known questions put before the customer, as {id, question}, in the order of their numbers.
    rules: ids of the rules that spoke. guard: what the guard caught, as {rule, where: input|output|approved, tier}.
    hits: what was retrieved, best first, as {id, kind, score, confidence}. degraded: tiers that could
    not be used, and why. handoff: {state, reason, misses}. model: name, style, finish, agreement.
    tokens: {prompt, completion} over all models asked.
    """

    kind: str = ""
    language: str = ""
    rules: list[str] = field(default_factory=list)
    guard: list[dict[str, str]] = field(default_factory=list)
    query: str = ""
    history_used: int = 0
    hits: list[dict[str, Any]] = field(default_factory=list)
    confidence: float = 0.0
    scope: float = 0.0
    thresholds: dict[str, float] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    masked: dict[str, int] = field(default_factory=dict)
    degraded: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    handoff: dict[str, Any] = field(default_factory=dict)
    offered: list[dict[str, str]] = field(default_factory=list)
    version: str = ""
    knowledge: str = ""
    timings_ms: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class Reply:
    """tier: who spoke, one of TIERS. sources: ids of the entries that the text rests on, best first.

    refused: the question was not answered, on purpose. handoff: a person is to take over (or has).
    confidence: estimated probability that the answer is right, 0..1; 1 for fixed texts, 0 where no answer was found.
    """

    text: str
    tier: str
    handoff: bool = False
    refused: bool = False
    sources: list[str] = field(default_factory=list)
    confidence: float = 1.0
    receipt: Receipt = field(default_factory=Receipt)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Piece:
    """A delta of text, or (last, with an empty text) the whole reply."""

    text: str = ""
    reply: Reply | None = None
