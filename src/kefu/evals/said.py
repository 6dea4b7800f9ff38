"""What a system said: the one reply shape that checks, scores and transcripts read.

The assistant's `Reply`, a baseline's sentence and a remote service's answer all become a `Said`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Said:
    """`tier`: who answered; `sources`: ids, the decisive one first; `confidence`: 0..1; `offered`: ids of entries whose questions
    were offered to choose from."""

    text: str
    tier: str = ""
    handoff: bool = False
    refused: bool = False
    sources: tuple[str, ...] = ()
    confidence: float = 0.0
    offered: tuple[str, ...] = ()

    @property
    def turned_away(self) -> bool:
        return self.refused or self.handoff

    def as_dict(self) -> dict[str, Any]:
        return {
            "text": self.text, "tier": self.tier, "handoff": self.handoff, "refused": self.refused,
            "sources": list(self.sources), "confidence": round(self.confidence, 4), "offered": list(self.offered),
        }  # fmt: skip


def said(reply: Any) -> Said:
    """A `Said` from any reply object with these attributes; a missing one takes its default."""
    if isinstance(reply, Said):
        return reply
    return Said(
        text=str(getattr(reply, "text", "")),
        tier=str(getattr(reply, "tier", "")),
        handoff=bool(getattr(reply, "handoff", False)),
        refused=bool(getattr(reply, "refused", False)),
        sources=tuple(str(source) for source in getattr(reply, "sources", ())),
        confidence=float(getattr(reply, "confidence", 0.0) or 0.0),
        offered=tuple(offer["id"] for offer in getattr(getattr(reply, "receipt", None), "offered", ())),
    )
