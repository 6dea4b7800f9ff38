"""What people are asked: the five tasks, which items each is about, and which values are answers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from string import ascii_uppercase
from typing import Any

TASKS = ("quality", "intervention", "category", "answer", "preference")
#: Beside the quality labels of the dataset: who cannot tell says so.
UNSURE = "unsure"
_TAKEN = "JKZU"  # keys that move, undo and say unsure
CHOICES = ("a", "b", "tie", "both_bad")
_MOST_TEXT = 20_000
_MOST_CATEGORY = 80
_BESIDE = re.compile(r"\[[^\[\]\s]{1,20}_\d+\]|[\W_]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Wrong(Exception):
    """A value that is no answer, and why."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class Otherwise(Exception):
    """The conversation reads otherwise than when it was looked at: the page is older than the dataset."""


def digest(turns: list[dict[str, Any]]) -> str:
    """What a conversation says: roles and letters, without punctuation and masks, so that another way of cleaning does not lose labels."""
    said = "\x1e".join(f"{turn['role']}\x1f{_BESIDE.sub('', turn['text']).casefold()}" for turn in turns)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def of_row(row: dict[str, Any]) -> str:
    """The digest of a row of conversations.jsonl; of one that people corrected, that of its words before."""
    return str(row["meta"].get("said") or digest(row["turns"]))


def agent_turns(row: dict[str, Any]) -> list[int]:
    """Turns a person of the company spoke or an approved answer, not those of a bot."""
    return [i for i, turn in enumerate(row["turns"]) if turn["role"] == "agent" and not turn.get("bot")]


def customer_turns(row: dict[str, Any]) -> list[int]:
    return [i for i, turn in enumerate(row["turns"]) if turn["role"] == "customer"]


def concerns(task: str, row: dict[str, Any]) -> bool:
    """Whether a conversation is asked about in that task."""
    if row.get("augmented"):
        return False
    if task == "intervention":
        return row["kind"] != "faq" and bool(customer_turns(row))
    if task == "answer":
        return bool(agent_turns(row)) and (row["kind"] != "faq" or row["meta"].get("phrasing", "main") == "main")
    return bool(row["kind"] != "faq")


def keys(scale: Sequence[str]) -> list[dict[str, str]]:
    """`{value, key}` for each quality label and unsure: a letter of its name that is still free, else a digit."""
    found: list[dict[str, str]] = []
    free, digits = set(ascii_uppercase) - set(_TAKEN), iter("123456789")
    for name in scale:
        key = next((letter for letter in name.upper() if letter in free), None) or next(digits, "")
        free.discard(key)
        found.append({"value": name, "key": key})
    return [*found, {"value": UNSURE, "key": "U"}]


def check(task: str, value: Any, row: dict[str, Any], scale: Sequence[str]) -> Any:
    """The value in the form it is kept in. scale: the quality labels of the dataset. Raises Wrong."""
    return _one_of(value, (*scale, UNSURE)) if task == "quality" else _CHECKS[task](value, row)


def _preference(value: Any, row: dict[str, Any]) -> Any:
    return _one_of(value, CHOICES)


def _one_of(value: Any, choices: tuple[str, ...]) -> Any:
    if not isinstance(value, str) or value not in choices:
        raise Wrong(f"one of {', '.join(choices)} is needed")
    return value


def _intervention(value: Any, row: dict[str, Any]) -> Any:
    if value == "none" or (type(value) is int and value in customer_turns(row)):
        return value
    raise Wrong("the number of a customer's turn, or none, is needed")


def _category(value: Any, row: dict[str, Any]) -> Any:
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if not text or len(text) > _MOST_CATEGORY or _CONTROL.search(text):
        raise Wrong(f"a name of at most {_MOST_CATEGORY} signs is needed")
    return text


def _answer(value: Any, row: dict[str, Any]) -> Any:
    if not isinstance(value, dict):
        raise Wrong("corrected texts by turn are needed")
    allowed, kept = {str(i) for i in agent_turns(row)}, {}
    for turn, text in value.items():
        if turn not in allowed:
            raise Wrong(f"turn {turn} is not one of the company's")
        if not isinstance(text, str) or not text.strip() or len(text) > _MOST_TEXT or _CONTROL.search(text):
            raise Wrong(f"turn {turn}: a text of 1 to {_MOST_TEXT} signs is needed")
        if int(turn) in row["meta"].get("corrected", []) or text.strip() != row["turns"][int(turn)]["text"].strip():
            kept[turn] = text.strip()
    return kept


_CHECKS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "intervention": _intervention, "category": _category, "answer": _answer, "preference": _preference,
}  # fmt: skip
