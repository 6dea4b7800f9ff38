"""Labels by a language model: the rule and the conversation in, JSON by a schema out; on taking over it is asked turn by turn.

For the take-over point it sees each time only what was said up to that turn, so its answer cannot know the future either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from kefu.conversation import Conversation, Turn
from kefu.data.asking import Asking, Request

_ROLES = {
    "zh": {"customer": "顾客", "agent": "客服", "system": "系统", "tool": "工具"},
    "en": {"customer": "Customer", "agent": "Agent", "system": "System", "tool": "Tool"},
}
_QUALITY = {
    "zh": '你是客服质检员。按下面的规则判断这段对话的质量，只输出 JSON：{{"label": "…", "why": "一句话理由"}}。'
    "label 只能是：{labels}。\n\n规则：\n{rule}\n\n对话：\n{talk}",
    "en": "You judge the quality of customer-service conversations. Judge this one by the rule below. Output JSON only: "
    '{{"label": "...", "why": "one sentence"}}. label must be one of: {labels}.\n\nRule:\n{rule}\n\nConversation:\n{talk}',
}
_TAKEOVER = {
    "zh": "你是客服主管。只看到目前为止的对话，现在是否应由人工接管？按规则判断，"
    '只输出 JSON：{{"person": true 或 false, "why": "一句话理由"}}。\n\n规则：\n{rule}\n\n到目前为止的对话：\n{talk}',
    "en": "You lead a support team. You see the conversation so far and nothing later. Should a person take over now? Judge by the rule. Output JSON "
    'only: {{"person": true or false, "why": "one sentence"}}.\n\nRule:\n{rule}\n\nConversation so far:\n{talk}',
}


def labels(
    conversations: Sequence[Conversation], allowed: Sequence[str], rule: str, asking: Asking, seed: int, progress: Callable[[str, float], None]
) -> list[str | None]:
    """The label of each conversation; None where nothing usable came."""
    shape = {"type": "object", "required": ["label"], "properties": {"label": {"type": "string", "enum": list(allowed)}, "why": {"type": "string"}}}
    schema = json.dumps(shape, sort_keys=True)
    requests = [
        Request(_message(_QUALITY, c, c.turns, labels=", ".join(allowed), rule=rule), max_tokens=120, seed=seed, schema=schema) for c in conversations
    ]

    def parse(text: str) -> str:
        label = _object(text).get("label")
        if label not in allowed:
            raise ValueError(f"label {label!r}")
        return str(label)

    return asking.all(requests, parse, progress)


def takeovers(
    conversations: Sequence[Conversation], rule: str, asking: Asking, seed: int, progress: Callable[[str, float], None]
) -> list[int | bool | None]:
    """The first customer turn at which a person should take over, None for never, False where an answer was not usable.

    Asked in rounds: the first customer turn of all conversations, then the second of those still open.
    """
    shape = {"type": "object", "required": ["person"], "properties": {"person": {"type": "boolean"}, "why": {"type": "string"}}}
    schema = json.dumps(shape, sort_keys=True)
    places = [[i for i, turn in enumerate(c.turns) if turn.role == "customer"] for c in conversations]
    found: list[int | bool | None] = [None] * len(conversations)
    open_ = [k for k in range(len(conversations)) if places[k]]
    round_ = 0
    while open_:
        requests = [
            Request(
                _message(_TAKEOVER, conversations[k], conversations[k].turns[: places[k][round_] + 1], rule=rule),
                max_tokens=80,
                seed=seed,
                schema=schema,
            )
            for k in open_
        ]
        still = []
        for k, person in zip(open_, asking.all(requests, _person, progress), strict=True):
            if person is None:
                found[k] = False
            elif person:
                found[k] = places[k][round_]
            elif round_ + 1 < len(places[k]):
                still.append(k)
        open_, round_ = still, round_ + 1
    return found


def _person(text: str) -> bool:
    person = _object(text).get("person")
    if not isinstance(person, bool):
        raise ValueError(f"person {person!r}")
    return person


def _object(text: str) -> dict[str, Any]:
    match = re.search(r"\{.*\}", text, re.DOTALL)
    found = json.loads(match.group()) if match else None
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found


def _message(prompts: dict[str, str], conversation: Conversation, turns: Sequence[Turn], **parts: str) -> tuple[dict[str, str], ...]:
    language = "zh" if conversation.language == "zh" else "en"
    talk = "\n".join(f"{_ROLES[language].get(turn.role, turn.role)}: {turn.text}" for turn in turns)
    return ({"role": "user", "content": prompts[language].format(talk=talk, **parts)},)
