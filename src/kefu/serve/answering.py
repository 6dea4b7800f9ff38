"""What serving needs from an assistant. `kefu.assistant.Assistant` has this form; tests bring their own."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Protocol

from kefu.conversation import Conversation


class Reply(Protocol):
    """The finished answer; see `kefu.assistant`."""

    @property
    def text(self) -> str: ...
    @property
    def tier(self) -> str: ...
    @property
    def handoff(self) -> bool: ...
    @property
    def refused(self) -> bool: ...
    @property
    def sources(self) -> Sequence[str]: ...
    @property
    def confidence(self) -> float | None: ...
    @property
    def receipt(self) -> Any: ...


class Piece(Protocol):
    """A stretch of text, or at the very end the whole reply."""

    @property
    def text(self) -> str: ...
    @property
    def reply(self) -> Any: ...


class Answerer(Protocol):
    def reply(self, conversation: Conversation) -> AsyncIterator[Any]: ...


Factory = Callable[[], Any | Awaitable[Any]]
"""Makes the assistant; runs in a thread, because loading takes seconds."""

#: The tiers an answer can come from; also the bound on the metric label.
TIERS = frozenset({"rule", "guard", "faq", "document", "model", "person"})


def receipt_dict(receipt: Any) -> dict[str, Any]:
    """A receipt as JSON-like values."""
    if receipt is None:
        return {}
    if isinstance(receipt, dict):
        return receipt
    if callable(getattr(receipt, "as_dict", None)):
        return dict(receipt.as_dict())
    if dataclasses.is_dataclass(receipt) and not isinstance(receipt, type):
        return dataclasses.asdict(receipt)
    return {}


def tokens(receipt: dict[str, Any]) -> tuple[int, int]:
    """`(prompt, completion)` tokens of the model; zeros when no model ran."""
    found = receipt.get("tokens")
    if not isinstance(found, dict):
        return 0, 0
    prompt = found.get("prompt", found.get("prompt_tokens", found.get("in", 0)))
    completion = found.get("completion", found.get("completion_tokens", found.get("out", 0)))
    return int(prompt or 0), int(completion or 0)
