"""What happened in service: conversations, receipts, ratings, hand-offs. Personal data is masked before it is written.

`Records(url)` opens the store; it keeps and finds, and never decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kefu.conversation import OWNERS
from kefu.records.kinds import Asked, Case, Exchange, Health, Message, Ownership, Rating, ReplyRecord, Waiting

if TYPE_CHECKING:
    from kefu.records.store import Records

__all__ = ["OWNERS", "Asked", "Case", "Exchange", "Health", "Message", "Ownership", "Rating", "Records", "ReplyRecord", "Waiting"]


def __getattr__(name: str) -> Any:
    if name == "Records":  # SQLAlchemy takes a fifth of a second to import
        from kefu.records.store import Records

        return Records
    raise AttributeError(name)
