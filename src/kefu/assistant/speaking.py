"""Ask a model with what was retrieved, and let out only what the company's own words bear out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from kefu.assistant.grounding import SUPPORT, Chosen, choose, numbers, supported
from kefu.assistant.guard import OutputGuard
from kefu.conversation import Conversation
from kefu.engines.prompt import PromptStyle, build_messages
from kefu.engines.protocol import Completion, Engine, Sampling, complete
from kefu.text.automaton import Match
from kefu.text.segment import sentences

#: Probability from which a small model's choice is spoken.
MODEL_AT = 0.7


@dataclass(slots=True)
class Outcome:
    """What a model's turn came to. text is empty when nothing may be said; `failed` and `why` say what was wrong."""

    text: str = ""
    sources: list[str] = field(default_factory=list)
    confidence: float = 0.0
    failed: bool = False
    why: str = ""
    hit: Match | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    usage: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Model:
    """An engine with the style its prompts are made in."""

    engine: Engine
    style: PromptStyle
    max_tokens: int
    timeout_s: float

    async def ask(
        self, conversation: Conversation, hits: Sequence[Any], language: str, guard: OutputGuard, kb: Any, outcome: Outcome
    ) -> AsyncGenerator[str, None]:
        """Text that may go out, and in `outcome` how it went. Engine faults end in `outcome.failed`, never in a raise."""
        outcome.facts = {"name": self.engine.name, "style": self.style.kind}
        try:
            messages = build_messages(conversation.messages(), hits, self.style, language)
            if self.style.kind == "compact":
                await self._choose(messages, hits, guard, kb, outcome)
                if outcome.text:
                    yield outcome.text
                return
            async with aclosing(self._write(messages, conversation, hits, guard, outcome)) as parts:
                async for part in parts:
                    yield part
        except TimeoutError:
            outcome.failed, outcome.why = True, f"no answer within {self.timeout_s:g} s"
        except Exception as error:  # noqa: BLE001 - whatever a model raises, the customer still gets an answer
            outcome.failed, outcome.why = True, f"{type(error).__name__}: {error}"[:300]

    async def _choose(self, messages: list[dict[str, Any]], hits: Sequence[Any], guard: OutputGuard, kb: Any, outcome: Outcome) -> None:
        async with asyncio.timeout(self.timeout_s):
            done = await complete(self.engine, messages, Sampling(max_tokens=self.max_tokens))
        chosen = choose(done.text.strip(), hits, lambda id: kb.entry(id).answers, done.logprob)
        self._note(outcome, done, chosen)
        if done.finish == "length":
            outcome.why = "cut at the token limit"
        elif chosen is None:
            outcome.why = "not one of the answers found"
        elif chosen.confidence < MODEL_AT:
            outcome.why = f"confidence {chosen.confidence:.2f} below {MODEL_AT}"
        elif (hit := guard.check(chosen.answer)) is not None:
            outcome.why, outcome.hit = "approved answer holds a banned phrase", hit
        else:
            # The model chooses; the approved wording is what is said.
            outcome.text, outcome.sources, outcome.confidence = chosen.answer, [chosen.id], chosen.confidence

    def _note(self, outcome: Outcome, done: Completion, chosen: Chosen | None) -> None:
        outcome.usage = dict(done.usage)
        outcome.facts |= {"finish": done.finish, "logprob": None if done.logprob is None else round(done.logprob, 4)}
        if chosen:
            outcome.facts |= {"agreement": chosen.agreement, "entry": chosen.id, "confidence": round(chosen.confidence, 4)}

    async def _write(
        self, messages: list[dict[str, Any]], conversation: Conversation, hits: Sequence[Any], guard: OutputGuard, outcome: Outcome
    ) -> AsyncGenerator[str, None]:
        """Sentence by sentence: the guard first, then support by the passages. The first that fails ends the answer."""
        used = list(hits[: self.style.max_hits])
        passages = [f"{hit.question}\n{hit.answer}" for hit in used]
        known = conversation.last_customer_turn()
        stream, waiting, raw, shares = guard.stream(), "", "", []
        ends = time.monotonic() + self.timeout_s
        async with aclosing(self.engine.chat(messages, Sampling(max_tokens=self.max_tokens))) as deltas:  # type: ignore[type-var]
            while not outcome.why:
                try:
                    async with asyncio.timeout(max(0.0, ends - time.monotonic())):
                        delta = await anext(deltas, None)
                except TimeoutError:
                    outcome.failed, outcome.why = True, f"no answer within {self.timeout_s:g} s"
                    break
                if delta is not None:
                    outcome.usage = dict(delta.usage or outcome.usage)
                    outcome.facts["finish"] = delta.finish or outcome.facts.get("finish")
                    raw += delta.text
                waiting += stream.finish() if delta is None else stream.feed(delta.text)
                ready, waiting = (waiting, "") if delta is None and stream.hit is None else _split(waiting)
                if stream.hit is not None:
                    outcome.hit, outcome.why = stream.hit, "banned phrase"
                for sentence in sentences(ready) if ready.strip() else []:
                    share = supported(sentence, passages, known)
                    if share < SUPPORT:
                        outcome.why = outcome.why or f"a sentence is not borne out ({share:.2f})"
                        break
                    shares.append(share)
                    # Blanks between sentences are the model's own; a reply reads the same either way.
                    spaced = sentence if not outcome.text else (" " if sentence[:1].isascii() else "") + sentence
                    outcome.text += spaced
                    yield spaced
                if delta is None:
                    break
        outcome.sources = [hit.id for hit in used if _rests(outcome.text, hit)] or [hit.id for hit in used[:1]]
        outcome.confidence = min([1.0, *shares]) * (used[0].confidence if used else 0.0) if shares else 0.0
        outcome.facts |= {"support": [round(share, 3) for share in shares], "chars": len(raw)}


def _split(text: str) -> tuple[str, str]:
    """(whole sentences, the unfinished rest)."""
    parts = sentences(text)
    if not parts:
        return "", text
    cut = text.rfind(parts[-1])
    done = text[-1:] in "。！？\n"
    return (text, "") if done else (text[:cut], text[cut:])


def _rests(text: str, hit: Any) -> bool:
    return supported(hit.answer, [text]) >= 0.3 or bool(numbers(text) & numbers(hit.answer))
