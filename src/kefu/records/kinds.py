"""What is kept, as plain values. Nothing here is masked yet unless it says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kefu.conversation import Conversation, Owner, Turn


def now() -> str:
    """UTC time as sortable ISO 8601 text with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class ReplyRecord:
    """One reply of the assistant with its receipt.

    outcome: `complete`, `cancelled` (the customer left), `timeout` or `error`; text holds what was sent.
    latency_ms: until the last byte; first_token_ms: until the first text, None when there was none.
    """

    id: str
    text: str
    tier: str = ""
    handoff: bool = False
    refused: bool = False
    confidence: float | None = None
    sources: tuple[str, ...] = ()
    receipt: dict[str, Any] = field(default_factory=dict)
    model: str = ""
    outcome: str = "complete"
    latency_ms: float = 0.0
    first_token_ms: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a customer said and what came back. `turns` is the whole history, the newest customer turn last.

    reply is None while a person owns the conversation: the customer's words are kept, the assistant is silent.
    key_id: short digest of the API key, never the key.
    """

    conversation_id: str
    turns: tuple[Turn, ...]
    reply: ReplyRecord | None
    language: str = "und"
    key_id: str = ""
    at: str = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Rating:
    """A customer's judgement of one reply, 1 (bad) to 5 (good). A later rating of the same reply replaces it."""

    reply_id: str
    conversation_id: str
    score: int
    comment: str = ""
    at: str = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Asked:
    """A person was asked for while the database was away: the step bot → waiting, to be made up for."""

    conversation_id: str
    reason: str
    by: str
    key_id: str = ""
    language: str = "und"
    at: str = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who answers a conversation. `version` grows with each change; `told`: the state the customer has been told of."""

    conversation_id: str
    state: Owner = "bot"
    operator: str = ""
    reason: str = ""
    told: str = ""
    key_id: str = ""
    language: str = "und"
    version: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """One stored turn, masked. `id` grows with time and serves as a cursor; role as in `kefu.conversation`, or `operator`."""

    id: int
    role: str
    text: str
    at: str
    reply_id: str = ""
    tier: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"id": self.id, "role": self.role, "text": self.text, "at": self.at, "reply_id": self.reply_id, "tier": self.tier}


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line of the operators' list."""

    conversation_id: str
    state: Owner
    operator: str
    reason: str
    language: str
    since: str
    last_text: str
    turns: int

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Case:
    """A stored reply together with the conversation up to it, for improvement. All text is masked."""

    reply_id: str
    conversation: Conversation
    tier: str
    handoff: bool
    refused: bool
    confidence: float | None
    sources: tuple[str, ...]
    receipt: dict[str, Any]
    score: int | None
    comment: str
    outcome: str
    at: str


@dataclass(frozen=True, slots=True)
class Health:
    """State of the store. lost: records given up because the database stayed away longer than the queue could hold."""

    degraded: bool
    reason: str = ""
    queued: int = 0
    written: int = 0
    lost: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}
