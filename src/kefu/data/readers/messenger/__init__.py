"""Exports of messengers as rows of messages: Slack, Microsoft Teams, Skype, Telegram, Discord, 飞书 (Lark), 钉钉. A row a message."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from kefu.data import times
from kefu.data.readers import encoding, structured
from kefu.data.readers.messenger import slack
from kefu.data.readers.messenger.message import Message
from kefu.data.readers.messenger.tools import TOOLS, Tool
from kefu.data.readers.packed import chunks, whole
from kefu.data.readers.rows import Broken, Row
from kefu.errors import InputError

__all__ = ["COLUMNS", "GAP_S", "looks", "read", "slack"]

COLUMNS = ["conversation", "time", "sender", "text"]
#: A pause after which those who write in a channel without threads begin something new.
GAP_S = 6 * 3600


def looks(path: Path) -> bool:
    """Do the first bytes of a JSON file name the fields of a known export?"""
    try:
        start = next(iter(chunks(path)), b"")[: 1 << 18]
    except InputError:
        return False
    return _tool(start.decode("utf-8", "replace")) is not None


def _tool(text: str) -> Tool | None:
    keys = set(re.findall(r'"([\w@.]{1,40})"\s*:', text))
    return next((tool for tool in TOOLS if any(one <= keys for one in tool.marks)), None)


def read(path: Path, name: str, limit_mb: float, facts: dict[str, Any]) -> Iterator[Row | Broken]:
    """Rows with COLUMNS. sender: the name, `NAME (bot)`, or `system` for what the messenger reports. Conversations: threads where the tool has
    them, else what one channel says until nobody writes for GAP_S. They are called by hashes: channels are called after people."""
    if slack.is_export(path):
        facts |= {"format": "messenger", "tool": "slack"}
        yield from _rows(slack.messages(path, limit_mb, facts), name, facts)
        return
    code = encoding.detect(path)
    tool, value = _document(path, code, limit_mb)
    facts |= {"format": "messenger", "tool": tool.name, "encoding": code}
    yield from _rows(tool.messages(value), name, facts)


def _document(path: Path, code: str, limit_mb: float) -> tuple[Tool, Any]:
    lines = structured.is_lines(path, code)
    try:
        text = whole(path, limit_mb).decode(code)
        value = [structured.parse(line) for line in text.splitlines() if line.strip()] if lines else structured.parse(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name} is not JSON", str(error)[:200], "export it again") from None
    tool = _tool(text[: 1 << 20])
    if tool is None:
        known = ", ".join(one.name for one in TOOLS)
        raise InputError(
            f"{path.name} is no export of a messenger that is known", f"known are slack, {known}", "leave `format` at auto, and map its columns"
        )
    return tool, value


def _rows(messages: Iterable[Message | Broken], name: str, facts: dict[str, Any]) -> Iterator[Row | Broken]:
    facts["columns"] = COLUMNS
    held: list[tuple[str, float, int, Message]] = []
    counts: Counter[str] = Counter()
    for number, one in enumerate(messages, 1):
        where = f"{name}#{number}"
        if isinstance(one, Broken):
            yield Broken(where, one.reason, one.text)
            continue
        counts.update({"attachments": one.files, "mentions_left_out": one.mentions})
        held.append((one.channel, times.seconds(one.at) or 0.0, number, one))
    facts |= {key: n for key, n in counts.items() if n}
    held.sort(key=lambda each: each[:3])
    for channel, members in groupby(held, key=lambda each: each[0]):
        last, part = 0.0, 0
        for _, now, number, one in members:
            if not one.thread:
                part += now - last > GAP_S
                last = now
            thread = one.thread or f"part {part}"
            sender = "system" if one.system else f"{one.sender} (bot)" if one.bot else one.sender
            text = one.text.strip() or ("[file]" if one.files else "")  # cleaning counts it as a picture or file
            yield Row(f"{name}#{number}", {"conversation": _named(channel, thread), "time": one.at, "sender": sender, "text": text})


def _named(channel: str, thread: str) -> str:
    return f"chat-{hashlib.blake2b(f'{channel}|{thread}'.encode('utf-8', 'surrogateescape'), digest_size=8).hexdigest()}"
