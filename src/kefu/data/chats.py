"""Turns in the forms that tuning files use: OpenAI messages, and logs in which the speakers simply take turns."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from kefu.data import calls, mapping
from kefu.data.senders import Said, Utterance, transcript, turns_of

_TEXT_PARTS = ("text", "input_text", "output_text")


@dataclass
class Messages:
    """OpenAI messages as turns. `images`: addresses of pictures; `parts_left_out`: sound, files and pictures given as data."""

    said: Said
    images: list[str] = field(default_factory=list)
    parts_left_out: int = 0


def openai(cell: Any) -> Messages | None:
    """Messages with role and content (text, parts or null), tool calls and tool results. None: not messages."""
    if isinstance(cell, str):
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError):
            return None
    if isinstance(cell, dict):
        cell = cell.get("messages")
    if not isinstance(cell, list) or not all(isinstance(item, dict) and "role" in item for item in cell):
        return None
    found = Messages(Said([]))
    for item in _answers_in_order(cell):
        text = _content(item.get("content"), found)
        called, older = item.get("tool_calls"), item.get("function_call")
        if text or not (called or older):
            found.said.turns.append(Utterance(mapping.plain(item["role"]).strip(), text))
        if called or older:
            found.said.turns.append(Utterance("tool", json.dumps(called, ensure_ascii=False) if called else calls.canonical(older)))
    return found


def _answers_in_order(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results of several calls in the order of the calls: a result has no other tie to its call than its place later on."""
    made: list[dict[str, Any]] = []
    order: dict[str, int] = {}
    first = 0
    for item in items:
        if item.get("tool_calls") and isinstance(item["tool_calls"], list):
            order = {str(call.get("id")): i for i, call in enumerate(item["tool_calls"]) if isinstance(call, dict)}
            first = len(made) + 1
        made.append(item)
        if item["role"] == "tool" and order:
            made[first:] = sorted(made[first:], key=lambda one: order.get(str(one.get("tool_call_id")), len(order)))
        elif item["role"] != "tool" and not item.get("tool_calls"):
            order = {}
    return made


def _content(content: Any, found: Messages) -> str:
    if not isinstance(content, list):
        return mapping.plain(content)
    texts = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict) and part.get("type", "text") in _TEXT_PARTS:
            texts.append(mapping.plain(part.get("text")))
        else:
            inner = part.get("image_url") if isinstance(part, dict) else None
            address = mapping.plain(inner.get("url") if isinstance(inner, dict) else inner)
            if address.startswith(("http://", "https://")):
                found.images.append(address)
            else:
                found.parts_left_out += 1
    return "\n".join(text for text in texts if text)


def alternate(cell: Any, columns: dict[str, str], first: str) -> Said | None:
    """Turns whose speakers are told by the lines (`客服：…`), else by their order. None: nothing to read."""
    texts = _lines(cell, columns)
    if texts is None:
        return turns_of(cell, columns, {})
    if told := transcript("\n".join(texts)):
        return Said(told)
    order = ("customer", "agent") if first == "customer" else ("agent", "customer")
    return Said([Utterance(order[i % 2], text) for i, text in enumerate(texts)])


def _lines(cell: Any, columns: dict[str, str]) -> list[str] | None:
    """The texts in order, or None when the turns carry roles of their own."""
    if isinstance(cell, str) and cell.lstrip()[:1] == "[":
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError):
            return [line.strip() for line in cell.splitlines() if line.strip()]
    if isinstance(cell, str):
        return [line.strip() for line in cell.splitlines() if line.strip()]
    if not isinstance(cell, list):
        return None
    if all(isinstance(item, str) for item in cell):
        return [text.strip() for text in cell]  # an empty one is somebody's turn, or all behind it would change speakers; cleaning drops it
    if all(isinstance(item, dict) for item in cell):
        column = columns.get("text") or mapping.guess("alternating", mapping.columns_of(cell), cell, wanted=["text"]).get("text", "")
        if column and "role" not in columns:
            return [mapping.text(item, column).strip() for item in cell]
    return None
