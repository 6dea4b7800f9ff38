"""One chat request from the parsed body to the last byte, as a response that watches for the customer's leaving.

The answer runs in a task of its own beside a task that waits for `http.disconnect`; whichever ends first decides.
Cancelling the answer's task reaches the assistant's generator and through it the engine, before the first token,
mid-stream and without a stream alike.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kefu.conversation import Conversation, Turn
from kefu.records import Exchange, Ownership, ReplyRecord
from kefu.serve import faults, logs
from kefu.serve.answering import receipt_dict, tokens
from kefu.serve.gateway import Gateway
from kefu.serve.notices import say
from kefu.serve.wire import ChatRequest
from kefu.text.language import detect

_SSE = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]
_JSON = [(b"content-type", b"application/json")]
#: Seconds for an engine to let go, and for a stalled reader to take the last event.
_GRACE_S = 1.0


@dataclass
class Call:
    """What one request asks. `reachable`: the caller named the conversation, so an operator can reach the customer again."""

    request: ChatRequest
    conversation_id: str
    kept_as: str
    reachable: bool
    key_id: str
    reply_id: str = field(default_factory=lambda: "chatcmpl-" + uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))
    began: float = field(default_factory=time.perf_counter)

    def turns(self) -> list[Turn]:
        role = {"user": "customer", "assistant": "agent", "system": "system", "developer": "system", "tool": "tool"}
        return [Turn(role[message.role], message.text()) for message in self.request.messages]


@dataclass(frozen=True)
class Spoken:
    """The reply that serving itself gives while a person owns the conversation."""

    text: str
    receipt: dict[str, Any]
    tier: str = "person"
    handoff: bool = True
    refused: bool = False
    sources: tuple[str, ...] = ()
    confidence: float | None = None


class ChatResponse(Response):
    """Runs the assistant when it is sent. Nothing goes out before the first text, so that an early fault has its own status."""

    def __init__(self, gateway: Gateway, call: Call) -> None:
        super().__init__()
        self._gateway, self._call = gateway, call
        self._turns = call.turns()
        said = next((turn.text for turn in reversed(self._turns) if turn.role == "customer"), "")
        self._language = detect(said, "zh")
        self._stream = bool(call.request.stream)
        self._usage_wanted = bool(call.request.stream_options and call.request.stream_options.include_usage)
        self._started = False
        self._text: list[str] = []
        self._first_s: float | None = None
        self._reply: Any = None
        self._state = "bot"
        self._ours = False  # whether the conversation is known to belong to this caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = asyncio.create_task(self._answer(scope, receive, send))
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                self._gateway.metrics.disconnects.inc()
        finally:
            gone.cancel()
            if not answer.done():
                answer.cancel()
                await asyncio.wait({answer}, timeout=_GRACE_S)
        if answer.done() and not answer.cancelled():
            await answer  # raises a defect of ours to the outermost net

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        outcome = "error"
        try:
            async with asyncio.timeout(self._gateway.settings.timeout_s):
                await self._speak(send)
            outcome = "complete"
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except Exception as error:  # noqa: BLE001 - whatever the assistant raises must reach the caller as an OpenAI error, also mid-stream
            fault = faults.of(error)
            outcome = "timeout" if fault.status == 504 else "error"
            if fault.status == 500:
                self._gateway.log.error("defect", error=type(error).__name__, at=logs.places(error))
            if self._started:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_GRACE_S):  # the reader may be the one who stalls
                        await send({"type": "http.response.body", "body": _event(fault.body()), "more_body": False})
            else:
                await fault.send(scope, receive, send)
        finally:
            self._keep(scope, outcome)

    async def _speak(self, send: Send) -> None:
        owner = await self._owner()
        self._ours = True
        self._state = owner.state
        pieces: Any = self._gateway.answerer().reply(self._conversation()) if owner.state == "bot" else self._called(owner)
        async with aclosing(pieces):
            async for piece in pieces:
                if piece.text:
                    if self._first_s is None:
                        self._first_s = time.perf_counter() - self._call.began
                    self._text.append(piece.text)
                    if self._stream:
                        await self._chunk(send, {"content": piece.text})
                if piece.reply is not None:
                    self._reply = piece.reply
        if self._reply is None:
            raise RuntimeError("the assistant ended without a reply")
        if not self._text and self._reply.text:
            self._text.append(self._reply.text)
            if self._stream:
                await self._chunk(send, {"content": self._reply.text})
        await self._hand_over()
        await (self._end_stream(send) if self._stream else self._send_whole(send))

    async def _owner(self) -> Ownership:
        call = self._call
        if not call.reachable:
            return Ownership(call.kept_as)
        return await self._gateway.desk.owner(call.kept_as, call.key_id)

    def _conversation(self) -> Conversation:
        # A stateless caller's turns tell the assistant whether a person was promised; otherwise the records know.
        meta = {"owner": self._state} if self._call.reachable else {}
        return Conversation(self._call.conversation_id, list(self._turns), language=self._language, source="live", meta=meta)

    async def _called(self, owner: Ownership) -> AsyncIterator[Any]:
        """While a person is called or at work the assistant speaks only in danger, or when the customer takes the call back."""
        reply: Any = None
        async with aclosing(self._gateway.answerer().reply(self._conversation())) as pieces:
            async for piece in pieces:
                reply = piece.reply or reply
        receipt = receipt_dict(reply.receipt) if reply is not None else {}
        told = receipt.get("handoff")
        taken_back = owner.state == "waiting" and isinstance(told, dict) and told.get("state") == "bot"
        if taken_back and await self._gateway.desk.give_back(owner):
            self._gateway.metrics.handoffs.labels("release").inc()
            self._state = "bot"
        elif receipt.get("kind") != "safety":
            async for piece in self._person(owner):
                yield piece
            return
        yield _Piece(reply.text, None)
        yield _Piece("", reply)

    async def _person(self, owner: Ownership) -> AsyncIterator[Any]:
        """A person owns the conversation: the assistant says so once, then stays silent."""
        text = say(owner.state, self._language) if await self._gateway.desk.tell_once(owner) else ""
        reply = Spoken(text, {"tier": "person", "owner": owner.state})
        yield _Piece(text, None)
        yield _Piece("", reply)

    async def _hand_over(self) -> None:
        if self._state != "bot" or not self._reply.handoff or not self._call.reachable:
            return
        receipt = receipt_dict(self._reply.receipt)
        told = receipt.get("handoff")
        reason = str((told.get("reason") if isinstance(told, dict) else "") or ", ".join(map(str, receipt.get("rules") or [])) or self._reply.tier)
        desk, call = self._gateway.desk, self._call
        if await desk.ask(call.kept_as, reason=reason, by="assistant", key_id=call.key_id, language=self._language):
            self._gateway.metrics.handoffs.labels("ask").inc()
        self._state = "waiting"

    # ---- wire -----------------------------------------------------------------------------------------------------

    async def _chunk(self, send: Send, delta: dict[str, Any], finish: str | None = None, **more: Any) -> None:
        if not self._started:
            self._started = True
            await send({"type": "http.response.start", "status": 200, "headers": [*_SSE, self._header()]})
            await self._chunk(send, {"role": "assistant", "content": ""})
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        body = {**self._envelope("chat.completion.chunk"), "choices": [choice], **more}
        if self._usage_wanted:
            body["usage"] = None
        await send({"type": "http.response.body", "body": _event(body), "more_body": True})

    async def _end_stream(self, send: Send) -> None:
        await self._chunk(send, {}, "stop", kefu=self._extra())
        last = b"data: [DONE]\n\n"
        if self._usage_wanted:
            last = _event({**self._envelope("chat.completion.chunk"), "choices": [], "usage": self._usage()}) + last
        await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _send_whole(self, send: Send) -> None:
        message = {"role": "assistant", "content": "".join(self._text), "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        body = _dump({**self._envelope("chat.completion"), "choices": [choice], "usage": self._usage(), "kefu": self._extra()})
        self._started = True
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*_JSON, length, self._header()]})
        await send({"type": "http.response.body", "body": body})

    def _header(self) -> tuple[bytes, bytes]:
        return (b"x-conversation-id", self._call.conversation_id.encode())

    def _envelope(self, kind: str) -> dict[str, Any]:
        info = self._gateway.info
        return {"id": self._call.reply_id, "object": kind, "created": self._call.created, "model": info.model, "system_fingerprint": info.version}

    def _usage(self) -> dict[str, int]:
        prompt, completion = tokens(receipt_dict(self._reply.receipt))
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}

    def _extra(self) -> dict[str, Any]:
        reply = self._reply
        return {
            "conversation_id": self._call.conversation_id, "reply_id": self._call.reply_id, "tier": reply.tier, "handoff": reply.handoff,
            "refused": reply.refused, "state": self._state, "sources": list(reply.sources), "confidence": reply.confidence,
            "ignored": self._call.request.ignored(), "receipt": receipt_dict(reply.receipt),
        }  # fmt: skip

    # ---- records and metrics ----------------------------------------------------------------------------------------

    def _keep(self, scope: Scope, outcome: str) -> None:
        """Put the exchange into the records, the metrics and the log line."""
        reply, call = self._reply, self._call
        seconds = time.perf_counter() - call.began
        receipt = receipt_dict(reply.receipt) if reply is not None else {}
        prompt, completion = tokens(receipt)
        tier = reply.tier if reply is not None else ""
        record: ReplyRecord | None = None
        if self._state == "bot" or not isinstance(reply, Spoken):
            record = ReplyRecord(
                call.reply_id, "".join(self._text), tier, bool(reply and reply.handoff), bool(reply and reply.refused),
                reply.confidence if reply is not None else None, tuple(reply.sources) if reply is not None else (), receipt,
                self._gateway.info.model, outcome, round(seconds * 1000, 2),
                None if self._first_s is None else round(self._first_s * 1000, 2), prompt, completion,
            )  # fmt: skip
        if self._ours:  # never into a conversation that another key owns
            self._gateway.desk.records.put(Exchange(call.kept_as, tuple(self._turns), record, self._language, call.key_id))
        self._gateway.metrics.reply(tier, outcome, self._first_s, prompt, completion)
        scope["kefu.facts"] = {
            "tier": tier, "outcome": outcome, "state": self._state, "stream": self._stream, "language": self._language,
            "turns": len(self._turns), "completion_tokens": completion,
            "first_ms": None if self._first_s is None else round(self._first_s * 1000, 1),
        }  # fmt: skip


@dataclass(frozen=True)
class _Piece:
    text: str
    reply: Any


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _event(body: dict[str, Any]) -> bytes:
    return b"data: " + _dump(body) + b"\n\n"


def _dump(value: Any) -> bytes:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY)
