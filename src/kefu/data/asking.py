"""Ask a language model many things: every answer cached on the disk, faults retried, tokens and cost counted, a limit kept.

The model itself is a callable handed in (this room knows no engine). An answer is kept under a hash of everything that was asked, so a
run that was stopped goes on where it was, and a second run asks nothing.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from kefu.artifacts import fingerprint, storage_errors
from kefu.errors import EngineError, InputError
from kefu.project.schema import AccessPoint
from kefu.text import privacy
from kefu.text.segment import is_han

T = TypeVar("T")
_FAILURES_IN_A_ROW = 5  # a server that fails so often is down; what was answered is cached


@dataclass(frozen=True)
class Request:
    """messages: chat messages. schema: JSON schema of the answer as JSON text, or empty."""

    messages: tuple[Mapping[str, str], ...]
    max_tokens: int = 256
    temperature: float = 0.0
    seed: int = 0
    schema: str = ""


@dataclass(frozen=True)
class Reply:
    text: str
    prompt_tokens: int
    completion_tokens: int


class Writer(Protocol):
    """A language model: `name` (access point and model, part of the cache key) and a call. Raises EngineError, InputError."""

    name: str

    async def __call__(self, request: Request) -> Reply: ...


@dataclass
class Bill:
    """asked: answers paid for; cached: taken from the disk; retried, failed, unasked: requests. Tokens as the server counted them.

    masked: personal data that a server got as placeholders."""

    asked: int = 0
    cached: int = 0
    retried: int = 0
    failed: int = 0
    unasked: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    masked: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "cost": round(self.cost, 6)}


class Asking:
    """Requests to one access point. cache: a folder, or None to keep nothing."""

    def __init__(self, writer: Writer, point: AccessPoint, cache: Path | None) -> None:
        self._writer, self._point, self.bill = writer, point, Bill()
        self._file = cache / "asked.db" if cache else None
        self._reserved = 0.0
        if self._file:
            with storage_errors(self._file):
                self._file.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open()) as base, base:
                base.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, text TEXT, prompt INTEGER, completion INTEGER, at REAL)")

    def all(self, requests: Sequence[Request], parse: Callable[[str], T], progress: Callable[[str, float], None] | None = None) -> list[T | None]:
        """The parsed answer to each request, None where none was usable. `parse` raises ValueError for an unusable text.

        Raises EngineError when the server is down (answers so far are kept).
        """
        return asyncio.run(self._all(requests, parse, progress or (lambda *_: None)))

    def estimate(self, requests: Sequence[Request]) -> dict[str, Any]:
        """What asking would cost: requests, those cached already, tokens by a rule of thumb (and the whole of max_tokens for the answer)."""
        cached = sum(self._known(self._key(request)) is not None for request in requests)
        open_ = [request for request in requests if self._known(self._key(request)) is None]
        tokens_in = sum(prompt_tokens(request) for request in open_)
        tokens_out = sum(request.max_tokens for request in open_)
        return {
            "requests": len(requests), "cached": cached, "prompt_tokens": tokens_in, "completion_tokens_at_most": tokens_out,
            "cost_at_most": round(self._cost(tokens_in, tokens_out), 6),
        }  # fmt: skip

    async def _all(self, requests: Sequence[Request], parse: Callable[[str], T], progress: Callable[[str, float], None]) -> list[T | None]:
        found: list[T | None] = [None] * len(requests)
        gate = asyncio.Semaphore(self._point.concurrency)
        failures = done = 0

        async def one(i: int) -> None:
            nonlocal failures, done
            async with gate:
                if failures >= _FAILURES_IN_A_ROW:
                    return
                try:
                    found[i] = await self._one(requests[i], parse)
                    failures = 0
                except EngineError:
                    failures += 1
                    self.bill.failed += 1
                    if failures >= _FAILURES_IN_A_ROW:
                        raise
                done += 1
                progress(f"asking {self._writer.name}", done / len(requests))

        try:
            async with asyncio.TaskGroup() as group:
                for i in range(len(requests)):
                    group.create_task(one(i))
        except* EngineError as errors:
            error = errors.exceptions[0]
            while isinstance(error, ExceptionGroup):
                error = error.exceptions[0]
            raise EngineError(
                f"{self._writer.name} failed {_FAILURES_IN_A_ROW} times in a row",
                getattr(error, "what", str(error)),
                "run again; what was answered is kept",
            ) from error
        return found

    async def _one(self, request: Request, parse: Callable[[str], T]) -> T | None:
        """One answer that parses. A fault is tried again as it was; an unusable answer with another seed, a little warmer."""
        last: EngineError | None = None
        unusable = 0
        for attempt in range(self._point.retries + 1):
            warmer = request.temperature + 0.2 * unusable
            tried = replace(request, temperature=warmer, seed=request.seed + unusable) if unusable else request
            try:
                reply = await self._answer(tried)
            except InputError:
                self.bill.failed += 1
                return None
            except EngineError as error:
                last = error
                await asyncio.sleep(min(8.0, self._point.retry_s * 2**attempt))
                self.bill.retried += 1
                continue
            if reply is None:
                return None
            try:
                return parse(reply.text)
            except (ValueError, AttributeError, TypeError):
                unusable += 1
                last = None
                self.bill.retried += 1
        if last is not None:
            raise last
        self.bill.failed += 1
        return None

    async def _answer(self, request: Request) -> Reply | None:
        """From the cache, else from the model; None when the cost limit forbids to ask."""
        key = self._key(request)
        known = self._known(key)
        if known is not None:
            self.bill.cached += 1
            return known
        most = self._cost(prompt_tokens(request), request.max_tokens)
        if self._point.max_cost is not None and self.bill.cost + self._reserved + most > self._point.max_cost:
            self.bill.unasked += 1
            return None
        self._reserved += most
        try:
            sent, memory = self._leaving(request)
            reply = await self._writer(sent)
            reply = replace(reply, text=privacy.restored(reply.text, memory))
        finally:
            self._reserved -= most
        self.bill.asked += 1
        self.bill.prompt_tokens += reply.prompt_tokens
        self.bill.completion_tokens += reply.completion_tokens
        self.bill.cost += self._cost(reply.prompt_tokens, reply.completion_tokens)
        self._keep(key, reply)
        return reply

    def _leaving(self, request: Request) -> tuple[Request, privacy.Memory]:
        """What is sent: with placeholders for personal data where a server gets it. The answer has the values again."""
        if not privacy.remote(self._point.url) or self._point.send_unmasked:
            return request, privacy.Memory()
        messages, memory = privacy.masked([dict(message) for message in request.messages])
        self.bill.masked += sum(memory.counts.values())
        return replace(request, messages=tuple(messages)), memory

    def _cost(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self._point.price_in_per_million + tokens_out * self._point.price_out_per_million) / 1e6

    def _key(self, request: Request) -> str:
        return fingerprint({"model": self._writer.name, **asdict(request)})

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(str(self._file), timeout=30)

    def _known(self, key: str) -> Reply | None:
        if not self._file:
            return None
        with closing(self._open()) as base:
            row = base.execute("SELECT text, prompt, completion FROM answers WHERE key = ?", (key,)).fetchone()
        return Reply(*row) if row else None

    def _keep(self, key: str, reply: Reply) -> None:
        if self._file:
            with storage_errors(self._file), closing(self._open()) as base, base:
                base.execute(
                    "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)",
                    (key, reply.text, reply.prompt_tokens, reply.completion_tokens, time.time()),
                )


def prompt_tokens(request: Request) -> int:
    """A rule of thumb without the model's tokenizer: a Han character is one token, four other characters are one, four a message."""
    total = 0
    for message in request.messages:
        text = message["content"]
        han = sum(map(is_han, text))
        total += 4 + han + -(-(len(text) - han) // 4)
    return total + (-(-len(request.schema) // 4))
