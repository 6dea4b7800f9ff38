"""Tool calls and their results inside conversations: the text of a tool turn, read as a call where it is one, and masked inside its JSON.

A call stands as OpenAI's `tool_calls`: that of other files is brought to this form as it is read (`canonical`). Any other tool turn is a
result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from kefu.conversation import Conversation, Turn
from kefu.text import privacy

#: meta of a conversation from a file made for tuning: its leading system turns are the instruction the model got, no notice of a log.
PROMPTED = "prompted"
Message = dict[str, Any]


def as_written(turn: Turn, conversation: Conversation) -> bool:
    """Is the turn an instruction or JSON, in which cleaning would break more than it mends?"""
    if turn.role == "tool":
        return parsed(turn.text) is not None
    return turn.role == "system" and bool(conversation.meta.get(PROMPTED))


def parsed(text: str) -> Any:
    """The object or list that a text is as JSON, or None."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


def canonical(given: Any) -> str:
    """A call as its file has it (`{"name": ..., "arguments": ...}` or a list of such) as the text of a tool turn."""
    found = parsed(given) if isinstance(given, str) else given
    items = found if isinstance(found, list) else [found]
    if not all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in items):
        return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    return json.dumps([{"function": item} for item in items], ensure_ascii=False)


def calls(text: str) -> list[Message]:
    """The calls of a tool turn as OpenAI `tool_calls`; empty when it is no call."""
    given = parsed(text)
    made = []
    for item in given if isinstance(given, list) else []:
        function = item.get("function") if isinstance(item, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
            return []
        arguments = function.get("arguments", function.get("parameters", "{}"))
        written = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        told = {"type": "function", "function": {"name": function["name"], "arguments": written}}
        made.append({"id": str(item["id"]), **told} if item.get("id") else told)
    return made


def paired(turns: list[Turn]) -> Iterator[tuple[Turn, list[Message] | str]]:
    """Every tool turn of a run of them with its calls, with the id of the call that it answers, or with why it cannot be used ("!…").

    A call needs its results and a result its call: a chat template refuses anything else."""
    waiting: list[str] = []
    number = 0
    for i, turn in enumerate(turns):
        made = calls(turn.text)
        if not made:
            yield turn, waiting.pop(0) if waiting else "!tool result without its call"
            continue
        following = 0
        while i + following + 1 < len(turns) and not calls(turns[i + following + 1].text):
            following += 1
        if waiting or following < len(made):
            yield turn, "!tool call without its result"
            continue
        for one in made:
            number += 1
            one.setdefault("id", f"call_{number}")
        waiting = [one["id"] for one in made]
        yield turn, [{"id": one["id"], **{key: item for key, item in one.items() if key != "id"}} for one in made]


def mask(text: str, memory: privacy.Memory) -> str:
    """A text with personal data replaced; of JSON every value, so that it stays JSON. A number that is personal becomes a text."""
    given = parsed(text)
    if given is None:
        return privacy.mask(text, memory)
    made = _walked(given, "", lambda key, value: _value(key, value, memory))
    masked = json.dumps(made, ensure_ascii=False) if made != given else text
    return privacy.mask(masked, memory) if privacy.find(masked) else masked


def _walked(given: Any, key: str, change: Callable[[str, Any], Any]) -> Any:
    if isinstance(given, dict):
        return {name: _walked(item, str(name), change) for name, item in given.items()}
    if isinstance(given, list):
        return [_walked(item, key, change) for item in given]
    if isinstance(given, str) and (inner := parsed(given)) is not None:
        made = _walked(inner, key, change)
        return given if made == inner else json.dumps(made, ensure_ascii=False)
    return change(key, given)


def _value(key: str, value: Any, memory: privacy.Memory) -> Any:
    """The value masked as what stands behind its key: `phone: 4155550123` is a telephone number, the number alone may be none. `name` alone
    says nothing: functions and goods have names too."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    before = "" if key.casefold() == "name" else f"{key}: "
    whole = before + str(value)
    parts, last = [], len(before)
    for span, placeholder in privacy.replacements(whole, memory):
        if span.start >= len(before):
            parts += [whole[last : span.start], placeholder]
            last = span.end
    text = privacy.mask("".join(parts) + whole[last:], memory)
    return value if text == str(value) else text
