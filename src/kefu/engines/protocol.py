"""What every engine offers: `chat` as a stream of deltas, `score`, `encode`, `close`."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from kefu.errors import EngineError

Message = Mapping[str, Any]
Finish = Literal["stop", "length", "cancelled"]
T = TypeVar("T")


class EngineBusy(EngineError):
    """The engine's queue is full; the request was not taken. Try again later."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to draw tokens. temperature 0 is greedy; `stop` strings end the answer and are not part of it.

    schema: JSON schema of the answer as JSON text; only servers behind a URL are told, others ignore it.
    """

    max_tokens: int = 160
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int = 0
    schema: str = ""


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer. The last one has `finish` and `usage`.

    text: new text, whole characters only. token_ids: new tokens without the end token.
    logprob: sum of the natural log-probabilities of these tokens; None where the engine gives none.
    usage: `prompt_tokens`, `completion_tokens`, `total_tokens`.
    """

    text: str
    token_ids: tuple[int, ...] = ()
    logprob: float | None = None
    finish: Finish | None = None
    usage: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """Natural log-probabilities of the tokens of the last assistant message, its end token included."""

    token_logprobs: list[float]
    token_ids: list[int]

    @property
    def logprob(self) -> float:
        return math.fsum(self.token_logprobs)

    @property
    def mean(self) -> float:
        return self.logprob / len(self.token_logprobs) if self.token_logprobs else 0.0


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer. logprob: mean over its tokens, None where the engine gives none."""

    text: str
    token_ids: list[int]
    logprob: float | None
    finish: Finish | None
    usage: dict[str, int] = field(default_factory=dict)


class Engine(Protocol):
    """A running model. Safe to use from many tasks, and from more than one event loop in turn.

    capabilities: of `stream`, `cancel`, `batch`, `score`, `encode`, `logprobs`, `seed`.
    context: tokens that prompt and answer may take together; None when unknown.
    """

    name: str
    capabilities: frozenset[str]
    context: int | None

    def chat(self, messages: Sequence[Message], params: Sampling = ...) -> AsyncIterator[Delta]:
        """Deltas of one answer. Closing the iterator (`aclose`) cancels the request promptly.

        Raises InputError (the prompt does not fit, the template refuses it), EngineBusy, EngineError.
        """
        ...

    async def score(self, messages: Sequence[Message]) -> Score:
        """Log-probabilities of the last message, which must be the assistant's."""
        ...

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The token ids the model would see; with a generation prompt unless the last message is the assistant's."""
        ...

    async def close(self) -> None:
        """Stop. Requests in flight end with EngineError; closing twice is fine."""
        ...


async def complete(engine: Engine, messages: Sequence[Message], params: Sampling | None = None) -> Completion:
    """Run one request to its end."""
    text: list[str] = []
    ids: list[int] = []
    total, known = 0.0, True
    finish: Finish | None = None
    usage: dict[str, int] = {}
    async with aclosing(engine.chat(messages, params or Sampling())) as deltas:  # type: ignore[type-var]
        async for delta in deltas:
            text.append(delta.text)
            ids += delta.token_ids
            if delta.logprob is not None:
                total += delta.logprob
            elif delta.token_ids:
                known = False
            finish, usage = delta.finish or finish, delta.usage or usage
    return Completion("".join(text), ids, total / len(ids) if ids and known else None, finish, usage)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine from plain code. Raises EngineError inside a running event loop: await it there."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    coroutine.close()
    raise EngineError("engines.run inside an event loop", "it would wait for itself", "await the coroutine instead")
