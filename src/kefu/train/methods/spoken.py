"""What the methods share that train nothing here: rows asked of an engine, answers judged, text counted without a tokenizer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kefu.engines.protocol import Completion, Engine, EngineBusy, Message, Sampling, complete, run
from kefu.text.normalise import fold
from kefu.text.segment import is_han
from kefu.text.similarity import token_f1

if TYPE_CHECKING:
    from kefu.train.factory.job import Job, Prepared

AT_ONCE = 8
TRIES = 5


def ask(engine: Engine, asked: Sequence[Sequence[Message]], params: Sampling | None = None, wait_s: float = 1.0) -> list[Completion | None]:
    """An answer for each, in order; None where the engine gave none that fits. A busy engine is asked again, later each time.

    Raises EngineError when not a single one is answered.
    """
    from kefu.errors import EngineError

    async def one(messages: Sequence[Message], gate: asyncio.Semaphore) -> Completion | EngineError | None:
        async with gate:
            for attempt in range(TRIES):
                try:
                    return await complete(engine, messages, params)
                except EngineBusy as error:
                    if attempt == TRIES - 1:
                        return error
                    await asyncio.sleep(wait_s * 2**attempt * (0.5 + random.random()))
                except EngineError as error:
                    return error
        return None

    async def all_() -> list[Completion | EngineError | None]:
        gate = asyncio.Semaphore(AT_ONCE)
        return list(await asyncio.gather(*(one(messages, gate) for messages in asked)))

    heard = run(all_())
    faults = [one for one in heard if isinstance(one, EngineError)]
    if faults and len(faults) == len(heard):
        raise faults[0]
    return [one if isinstance(one, Completion) else None for one in heard]


def leave(made: Prepared, job: Job, method: str, split: str, to: str) -> Prepared:
    """Rows that are sent to a server: masked, each conversation by itself, unless the recipe says `send_unmasked`; either way it is said.

    to: the server, for the user. The ledger gets `masked` (or `unmasked`): how many values of each type.
    """
    from collections import Counter

    from kefu.text import privacy
    from kefu.text.privacy import leaving

    values, touched, sent_raw = Counter[str](), 0, bool(job.settings.send_unmasked)
    for item in made.items:
        if sent_raw:
            counts: Any = leaving.found(item["messages"])
        else:
            item["messages"], memory = privacy.masked(item["messages"])
            counts = memory.counts
        values.update(counts)
        touched += bool(counts)
    if not values:
        return made
    made.ledger["unmasked" if sent_raw else "masked"] = dict(values)
    told = f"{split}: {sum(values.values())} personal data in {touched} of {len(made.items)} rows"
    kinds = ", ".join(f"{kind} {count}" for kind, count in values.most_common())
    if sent_raw:
        job.say(f"warning: {told} leave for {to} as they are, because {method}.send_unmasked is true ({kinds})")
    else:
        job.say(f"{told} masked before they leave for {to} ({kinds}); {method}.send_unmasked: true sends them as they are")
    return made


def pairs(rows: Sequence[dict[str, Any]], mask: bool = False) -> list[tuple[list[dict[str, str]], str]]:
    """(messages before, answer) of the last agent turn of each row. mask: with placeholders for personal data, the same in both."""
    from kefu.text import privacy
    from kefu.train.methods import dialogue

    found = []
    for row in rows:
        for turn in list(dialogue.turns(row))[-1:]:
            history, answer = [dict(m) for m in turn.history], turn.answer
            if mask:
                *history, last = privacy.masked([*history, {"role": "assistant", "content": answer}])[0]
                answer = last["content"]
            found.append((history, answer))
    return found


def judged(expected: Sequence[str], heard: Sequence[Completion | None]) -> dict[str, dict[str, Any]]:
    """exact, token_f1, ended (by itself), answered."""
    from kefu.train.factory import figures

    texts = [one.text if one else "" for one in heard]
    return {
        "exact": figures.share([fold(text) == fold(answer) for text, answer in zip(texts, expected, strict=True)]),
        "token_f1": figures.mean([token_f1(text, answer) for text, answer in zip(texts, expected, strict=True)], figures.UNIT),
        "ended": figures.share([one is not None and one.finish == "stop" for one in heard]),
        "answered": figures.share([one is not None for one in heard]),
    }


def trivial(job: Job, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """One answer to everything."""
    from kefu.train.factory import trivial as peer

    found = peer.spoken([answer for _, answer in pairs(job.rows.train if job.rows else [])], [answer for _, answer in pairs(rows)])
    return peer.made("the most frequent answer of the training rows, to everything", found, ("token_f1", "exact"))


def encode(rows: list[dict[str, Any]], keep: Callable[[list[dict[str, str]]], str]) -> Prepared:
    """Conversations as they will be sent, counted; keep: why a conversation cannot be used, or an empty string."""
    from collections import Counter

    from kefu.train.factory.job import Prepared
    from kefu.train.methods import dialogue

    items, kept, lengths, dropped, learnt = [], [], [], Counter[str](), 0
    for row in rows:
        said = [m for m in dialogue.conversation(row) if m["content"]]
        why = keep(said)
        if why:
            dropped[why] += 1
            continue
        items.append({"messages": said})
        kept.append(row)
        lengths.append(round(sum(size(m["content"]) for m in said)))
        learnt += round(sum(size(m["content"]) for m in said if m["role"] == "assistant"))
    ledger = {
        "rows_in": len(rows), "rows": len(items), "dropped": dict(dropped), "tokens": sum(lengths), "supervised": learnt, "balanced": True,
        "counted": "estimated, without the provider's tokenizer",
    }  # fmt: skip
    if left := sum(dialogue.tool_messages(row) for row in rows):
        ledger["tool_messages_left_out"] = left
    return Prepared(items, kept, lengths, ledger)


def size(text: str) -> float:
    """Tokens of a text, roughly: 1.5 Han or 4 other characters each."""
    han = sum(map(is_han, text))
    return max(1.0, han / 1.5 + (len(text) - han) / 4)


def unanswered(said: list[dict[str, str]]) -> str:
    """Why a conversation teaches nothing."""
    asked = False
    for message in said:
        if message["role"] == "assistant" and asked:
            return "" if said[-1]["role"] == "assistant" else "does not end with an agent turn"
        asked = asked or message["role"] == "user"
    return "no agent turn that answers a customer"


def nothing_trained(job: Job) -> Any:
    from kefu.train.factory.fit import Curves

    return Curves()


def pieces(item: dict[str, Any]) -> list[tuple[str, bool]]:
    """A conversation for `kefu train show`: what the agent said is learnt."""
    return [(f"{message['role']}: {message['content']}\n", message["role"] == "assistant") for message in item["messages"]]
