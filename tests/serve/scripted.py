"""A small assistant that follows the contract of `kefu.assistant`, so that serving is tested without a model.

What it does is in the customer's words: `慢` / `slow` streams for five seconds, `stall` says nothing for ever, `break` dies
before the first word, `half` dies mid-stream, `不想活` is danger, `不用了` takes a call back, `人工` / `human` hands over;
everything else is answered at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from kefu.conversation import Conversation
from kefu.errors import EngineError


@dataclass
class Reply:
    text: str
    tier: str = "faq"
    handoff: bool = False
    refused: bool = False
    sources: list[str] = field(default_factory=lambda: ["Z001"])
    confidence: float | None = 0.93
    receipt: dict[str, Any] = field(default_factory=dict)


@dataclass
class Piece:
    text: str = ""
    reply: Reply | None = None


class Peer:
    """Counts what began, what was cancelled and what was finished."""

    def __init__(self) -> None:
        self.begun = self.cancelled = self.finished = 0
        self.seen: list[Conversation] = []
        self.closed = False

    async def reply(self, conversation: Conversation) -> AsyncIterator[Piece]:
        self.begun += 1
        self.seen.append(conversation)
        said = conversation.last_customer_turn()
        parts: list[str] = []
        try:
            async for part in self._parts(said):
                parts.append(part)
                yield Piece(part)
            text = "".join(parts)
            tier = "person" if "人工" in said or "human" in said else "model" if "model" in said.split() else "faq"
            receipt: dict[str, Any] = {
                "rules": ["asks_person"] if tier == "person" else [],
                "hits": [{"id": "Z001", "similarity": 0.91}],
                "query": said,
            }
            if tier == "model":
                receipt["tokens"] = {"prompt": 40, "completion": 7}
            if "不想活" in said:
                receipt["kind"] = "safety"
            if "不用了" in said and conversation.meta.get("owner") == "waiting":
                receipt["handoff"] = {"state": "bot"}
            yield Piece("", Reply(text, tier, handoff=tier == "person", receipt=receipt))
            self.finished += 1
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            raise

    async def _parts(self, said: str) -> AsyncIterator[str]:
        if "stall" in said:
            await asyncio.sleep(3600)
        if "break" in said:
            raise EngineError("the model died", "on purpose")
        if "defect" in said:
            raise ValueError(f"a defect that names {said}")
        if "慢" in said or "slow" in said:
            for i in range(100):
                yield f"{i} "
                await asyncio.sleep(0.05)
            return
        if "不想活" in said:
            yield "请马上拨打热线。"
            return
        yield "您好，"
        await asyncio.sleep(0)
        if "half" in said:
            raise EngineError("the model died", "mid-stream, on purpose")
        yield "退款在三个工作日内到账。" if any("\u4e00" <= c <= "\u9fff" for c in said) else "refunds take three working days."

    async def close(self) -> None:
        self.closed = True
