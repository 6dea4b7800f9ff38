"""Preference pairs: a prompt and two answers, in every form that tuning files write them.

Prompts and answers may be texts, one message, lists of messages (role/content or from/value), or whole transcripts
(`\\n\\nHuman: …\\n\\nAssistant: …`) whose common beginning is the prompt.
"""

from __future__ import annotations

import json
import re
from typing import Any

from kefu.conversation import MESSAGE_ROLE
from kefu.data import mapping

Messages = list[dict[str, str]]
_SPOKEN = re.compile(r"(?:^|\n\n)(Human|Assistant|H|A|User|用户|人类|助手|客服)\s*[:：]\s?", re.IGNORECASE)
_ROLES = {"human": "user", "h": "user", "user": "user", "用户": "user", "人类": "user"}


def form(prompt: Any, chosen: Any, rejected: Any, system: str = "") -> tuple[dict[str, Any], str]:
    """(values of the example, the reason why there is none)."""
    given, good, bad = messages(prompt, "user"), messages(chosen, "assistant"), messages(rejected, "assistant")
    if good is None or bad is None or given is None:
        return {}, "messages cannot be read"
    if not given or any(message["role"] == "user" for message in (*good, *bad)):
        shared = _shared(good, bad)
        if not given:
            given = good[:shared]
        elif good[: len(given)] == given and bad[: len(given)] == given:
            shared = len(given)
        good, bad = good[shared:], bad[shared:]
    if system:
        given = [{"role": "system", "content": system}, *given]
    if not any(message["role"] == "user" for message in given):
        return {}, "no prompt"
    if not good or not bad:
        return {}, "no answer to choose" if not good else "no answer to reject"
    return {"prompt": given, "chosen": good, "rejected": bad}, ""


def messages(given: Any, role: str) -> Messages | None:
    """Chat messages of a cell; `role` is that of a bare text. None: unreadable."""
    if isinstance(given, str) and given.lstrip()[:1] in ("[", "{"):
        try:
            parsed = json.loads(given)
        except (ValueError, RecursionError):
            parsed = given
        given = parsed if isinstance(parsed, list | dict) and _is_messages(parsed) else given
    if isinstance(given, dict):
        given = [given]
    if isinstance(given, list):
        found = [_message(item, role) for item in given]
        return None if any(one is None for one in found) else [one for one in found if one and one["content"]]
    text = mapping.plain(given)
    if told := _transcript(text):
        return told
    return [{"role": role, "content": text}] if text.strip() else []


def _is_messages(given: Any) -> bool:
    return all(isinstance(item, dict) and ("content" in item or "value" in item) for item in (given if isinstance(given, list) else [given]))


def _message(item: Any, role: str) -> dict[str, str] | None:
    if isinstance(item, str):
        return {"role": role, "content": item}
    if not isinstance(item, dict):
        return None
    sender = mapping.plain(item.get("role") or item.get("from") or "")
    content = item.get("content") if "content" in item else item.get("value", item.get("text"))
    if isinstance(content, list):
        content = "\n".join(mapping.plain(part.get("text")) for part in content if isinstance(part, dict))
    known = mapping.role_of(sender, {}) if sender else ""
    return {"role": MESSAGE_ROLE.get(known, "assistant" if known == "bot" else role), "content": mapping.plain(content)}


def _transcript(text: str) -> Messages:
    """The messages of `\\n\\nHuman: …\\n\\nAssistant: …`; empty when the text is none."""
    opened = list(_SPOKEN.finditer(text))
    if not opened or text[: opened[0].start()].strip() or (len(opened) < 2 and not text.startswith("\n\n")):
        return []
    ends = [*(match.start() for match in opened[1:]), len(text)]
    told = [
        {"role": _ROLES.get(match.group(1).casefold(), "assistant"), "content": text[match.end() : end].strip()}
        for match, end in zip(opened, ends, strict=True)
    ]
    return [message for message in told if message["content"]]


def _shared(good: Messages, bad: Messages) -> int:
    """How many messages both begin with; the last of either is always an answer."""
    n = 0
    while n < min(len(good), len(bad)) - 1 and good[n] == bad[n]:
        n += 1
    while n and good[n - 1]["role"] == "assistant":  # an answer that both share is part of the prompt only if somebody spoke after it
        if n < len(good) and good[n]["role"] == "user":
            break
        n -= 1
    return n
