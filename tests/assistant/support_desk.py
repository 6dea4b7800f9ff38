"""A small made-up company, ways to talk to an assistant, and a scripted engine that can be made to fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import yaml

from kefu.assistant import Assistant, Reply
from kefu.conversation import Conversation, Turn
from kefu.engines.prompt import PromptStyle
from kefu.engines.protocol import Delta, Sampling
from kefu.knowledge import KnowledgeBase, build
from kefu.project.schema import Knowledge

HERE = Path(__file__).parent
COMPANY = yaml.safe_load((HERE / "company.yaml").read_text("utf-8"))


def make_kb(folder: Path, entries: list[dict[str, Any]], documents: list[Path] | None = None) -> KnowledgeBase:
    rows = [{"category": "", "answers": [row["answer"]], "source": "company.yaml", "flags": [], **row} for row in entries]
    (folder / "faq.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    out = folder / "knowledge"
    out.mkdir()
    build(folder / "faq.jsonl", documents or [], Knowledge(), out, 7)
    return KnowledgeBase.load(out)


def dialogue(*turns: str, **fields: Any) -> Conversation:
    """Customer and agent in turn, the customer first."""
    return Conversation("t", [Turn("agent" if i % 2 else "customer", text) for i, text in enumerate(turns)], **fields)


def ask(assistant: Assistant, *turns: str, **options: Any) -> Reply:
    return asyncio.run(assistant.answer(dialogue(*turns), **options))


def talk(assistant: Assistant, *said: str) -> list[Reply]:
    """The customer says these one after the other; each reply goes into the conversation."""
    conversation, replies = Conversation("t", []), []
    for text in said:
        conversation.turns.append(Turn("customer", text))
        replies.append(asyncio.run(assistant.answer(conversation)))
        conversation.turns.append(Turn("agent", replies[-1].text))
    return replies


class Scripted:
    """An engine that says what a function tells it to, in chunks of `step` characters; `fault` is raised after `after` chunks."""

    capabilities = frozenset({"stream", "cancel", "logprobs"})
    context = None
    name = "scripted"

    def __init__(
        self, say: Callable[[list[dict[str, Any]]], str], step: int = 3, fault: BaseException | None = None, after: int = 0,
        delay_s: float = 0.0, logprob: float | None = -0.01, finish: str = "stop",
    ) -> None:  # fmt: skip
        self.say, self.step, self.fault, self.after = say, step, fault, after
        self.delay_s, self.logprob, self.finish = delay_s, logprob, finish
        self.asked: list[list[dict[str, Any]]] = []
        self.stopped = 0
        self.closed = False

    async def chat(self, messages: Any, params: Sampling | None = None) -> AsyncIterator[Delta]:
        self.asked.append(list(messages))
        text, done = self.say(list(messages)), False
        try:
            for i in range(0, len(text), self.step):
                await asyncio.sleep(self.delay_s)
                if self.fault is not None and i // self.step >= self.after:
                    raise self.fault
                yield Delta(text[i : i + self.step], (1,), self.logprob)
            if self.fault is not None:
                raise self.fault
            yield Delta("", (), None, self.finish, {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19})  # type: ignore[arg-type]
            done = True
        finally:
            self.stopped += not done

    async def score(self, messages: Any) -> Any:
        raise NotImplementedError

    def encode(self, messages: Any) -> list[int]:
        return []

    async def close(self) -> None:
        self.closed = True


COMPACT = PromptStyle(kind="compact")
FULL = PromptStyle(kind="full", company="Lumen Drive")
