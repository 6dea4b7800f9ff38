"""Messages to what a causal model reads: one template, one renderer, and a ledger that counts every turn and token.

A dialogue is one sample that teaches all its agent turns when the template only ever appends; when it rewrites
history (Qwen3 takes the thinking out of earlier turns), it is one sample per turn, because a text that differs
from what serving renders must not be learnt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kefu.engines.prompt import PromptStyle
from kefu.errors import InputError
from kefu.text.language import detect
from kefu.train.base import Base, control_tokens
from kefu.train.encode import IGNORE, Encoded, Encoder, Ledger
from kefu.train.factory.job import Prepared
from kefu.train.rows import Row

HISTORY_TURNS = 64
TOOL_ROLES = ("tool", "function", "function_call", "observation")
_ROLES = {
    "user": "user", "human": "user", "customer": "user", "client": "user", "客户": "user", "用户": "user", "顾客": "user",
    "assistant": "assistant", "gpt": "assistant", "agent": "assistant", "bot": "assistant", "model": "assistant", "chatbot": "assistant",
    "客服": "assistant", "助手": "assistant", "system": "system", "系统": "system",
}  # fmt: skip


def messages(given: Any, where: str) -> list[dict[str, str]]:
    """Chat messages of a list of `role/content`, `from/value` or `role/text` objects, or of a plain text (one user message).

    Messages of tools stay away, as the renderer knows none (`tool_messages` counts them); what the agent says around a call is one answer."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if isinstance(given, dict):
        given = [given]
    if not isinstance(given, list):
        raise InputError(f"{where}: messages are {type(given).__name__}", "a list of messages or a text is needed", "see data.map")
    made: list[dict[str, str]] = []
    called = False
    for one in given:
        if not isinstance(one, dict):
            raise InputError(f"{where}: a message is {type(one).__name__}", "an object with role and content is needed", "see data.map")
        role = str(one.get("role", one.get("from", ""))).strip().lower()
        content = one.get("content", one.get("value", one.get("text", "")))
        if role in TOOL_ROLES:
            continue
        if role not in _ROLES:
            raise InputError(f"{where}: role {role!r}", "it is none of the usual ones", f"use {', '.join(dict.fromkeys(_ROLES.values()))}")
        said = {"role": _ROLES[role], "content": "" if content is None else str(content).strip()}
        if made and called and said["role"] == made[-1]["role"] == "assistant":
            said["content"] = "\n".join(text for text in (made.pop()["content"], said["content"]) if text)
        made.append(said)
        called = bool(one.get("tool_calls") or one.get("function_call"))
    return made


def tool_messages(row: dict[str, Any]) -> int:
    """Messages of tools, and calls, in a row of kind `messages`; none of them is learnt."""
    given = row.get("messages")
    found = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    roles = [str(one.get("role", one.get("from", ""))).strip().lower() for one in found]
    return sum(role in TOOL_ROLES or bool(one.get("tool_calls")) for role, one in zip(roles, found, strict=True))


def conversation(row: dict[str, Any]) -> list[dict[str, str]]:
    """The messages of a row of kind `messages`: a list of them, or instruction (with input and history) and answer."""
    where = str(row.get("where", ""))
    if row.get("messages") is not None:
        made = messages(row["messages"], where)
    else:
        asked = "\n".join(part for part in (_text(row.get("instruction")), _text(row.get("input"))) if part)
        earlier = [(_text(pair[0]), _text(pair[1])) for pair in row.get("history") or []]
        made = [m for q, a in earlier for m in ({"role": "user", "content": q}, {"role": "assistant", "content": a})]
        made += [{"role": "user", "content": asked}, {"role": "assistant", "content": _text(row.get("answer"))}]
    return system(row) + made


def any_messages(row: dict[str, Any]) -> list[dict[str, str]]:
    """The messages of a row of any text kind, for probes."""
    where = str(row.get("where", ""))
    if "prompt" in row:
        return system(row) + messages(row["prompt"], where)
    return conversation(row)


def system(row: dict[str, Any]) -> list[dict[str, str]]:
    said = _text(row.get("system"))
    return [{"role": "system", "content": said}] if said else []


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def turns(row: dict[str, Any]) -> Iterator[Row]:
    """One `Row` per agent turn that answers a customer."""
    said = [m for m in conversation(row) if m["content"]]
    name = str(row.get("id") or row.get("where") or "")
    for i, message in enumerate(said):
        if message["role"] == "assistant" and i and said[i - 1]["role"] == "user":
            question = said[i - 1]["content"]
            yield Row(f"{name}@{i}", "dialogue", tuple(said[:i]), message["content"], detect(question))


def style(base: Base) -> PromptStyle:
    """Messages as they are given: the data says what the system message is."""
    kwargs = {"enable_thinking": False} if "enable_thinking" in base.template else {}
    return PromptStyle(
        kind="plain", max_history_turns=HISTORY_TURNS, max_hits=0, system_role=_takes_system(base, kwargs),
        control_tokens=control_tokens(base.tokenizer), template_kwargs=kwargs,
    )  # fmt: skip


def _takes_system(base: Base, kwargs: dict[str, Any]) -> bool:
    from kefu.train.recipe import _takes_system as takes

    return takes(base, kwargs)


def encoder(base: Base, max_length: int, over_length: str) -> Encoder:
    return Encoder(base.tokenizer, style(base), base.end_ids(), max_length, over_length)


def encode(reader: Encoder, rows: Sequence[dict[str, Any]]) -> Prepared:
    """All agent turns of all rows under the length policy of `reader`."""
    ledger, kept, items = Ledger(), [], []
    joined = split = 0
    for row in rows:
        mine = list(turns(row))
        if not mine:
            ledger.rows_in += 1
            ledger.dropped["no agent turn that answers a customer"] += 1
            continue
        whole = joint(reader, mine) if len(mine) > 1 else None
        if whole is not None and len(whole.ids) <= reader.max_length:
            ledger.rows_in += 1
            ledger.rows += 1
            ledger.tokens += len(whole.ids)
            ledger.supervised += whole.supervised
            joined += len(mine)
            items.append(whole)
            kept.append(row)
            continue
        split += len(mine) if len(mine) > 1 else 0
        for turn in mine:
            if (one := reader.fit(turn, ledger)) is not None:
                items.append(one)
                kept.append(row)
    left = sum(tool_messages(row) for row in rows)
    facts = {
        **ledger.as_dict(),
        **({"tool_messages_left_out": left} if left else {}),
        "supervised": ledger.supervised,
        "turns_learnt_together": joined,
        "turns_learnt_one_by_one": split,
    }
    return Prepared([{"input_ids": one.ids, "labels": one.labels} for one in items], kept, [len(one.ids) for one in items], facts)


def joint(reader: Encoder, mine: Sequence[Row]) -> Encoded | None:
    """All turns of one dialogue in one sample, or None when the template rewrites what came before."""
    parts = [reader.plain(turn)[0] for turn in mine]
    ids = parts[-1].ids
    labels = [IGNORE] * len(ids)
    for part in parts:
        if ids[: len(part.ids)] != part.ids:
            return None
        labels[part.answer_at : len(part.ids)] = part.ids[part.answer_at :]
    return Encoded(ids, labels, parts[0].answer_at)
