"""Training rows: what the customer wrote before, and the one answer to learn.

FAQ entries give a row per question. A dialogue gives a row per agent turn with the turns before it as
history: templates such as Qwen3's rewrite history, so one row must never teach two turns.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kefu.artifacts import read_jsonl
from kefu.text.language import detect
from kefu.train.noise import noisy


@dataclass(frozen=True)
class Row:
    """history: chat messages ending with the customer's. copy: 0 for the real question, n for its n-th noisy copy."""

    id: str
    kind: str
    history: tuple[dict[str, str], ...]
    answer: str
    language: str = "und"
    category: str = ""
    answer_id: str = ""
    copy: int = 0
    hits: tuple[Any, ...] = ()

    @property
    def question(self) -> str:
        return self.history[-1]["content"]

    @property
    def earlier(self) -> list[str]:
        """The customer's turns before the question, oldest first."""
        return [message["content"] for message in self.history[:-1] if message["role"] == "user"]


@dataclass
class Rows:
    """Rows of one split. dropped: reason -> rows left out before tokenising."""

    rows: list[Row] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)

    def of(self, kind: str) -> list[Row]:
        return [row for row in self.rows if row.kind == kind]


def training(data: Path) -> Rows:
    """Rows to learn from: `faq.jsonl` and the dialogues of `messages.train.jsonl`."""
    found = Rows()
    for entry in read_jsonl(data / "faq.jsonl"):
        answer = str(entry.get("answer") or "").strip()
        for number, question in enumerate([*(entry.get("questions") or []), *(entry.get("augmented") or [])]):
            _add(found, Row(f"{entry['id']}#{number}", "faq", _asked(question), answer, *_labels(entry, question), str(entry["id"])))
    _dialogues(found, data / "messages.train.jsonl")
    return found


def validation(data: Path) -> Rows:
    """Held-out rows: `questions.validation.jsonl` and the dialogues of `messages.validation.jsonl`."""
    found = Rows()
    for entry in _optional(data / "questions.validation.jsonl"):
        text, answer = str(entry.get("text") or ""), str(entry.get("answer") or "").strip()
        _add(found, Row(str(entry["id"]), "faq", _asked(text), answer, *_labels(entry, text), str(entry.get("answer_id") or "")))
    _dialogues(found, data / "messages.validation.jsonl")
    return found


def copies(rows: Iterable[Row], count: int, seed: int) -> Iterator[Row]:
    """Noisy copies of FAQ questions; a copy that came out like the original is left out."""
    for row in rows:
        seen = {row.question}
        for number in range(1, count + 1):
            text = noisy(row.question, f"{seed}/{number}")
            if text not in seen:
                seen.add(text)
                yield replace(row, history=(*row.history[:-1], {"role": "user", "content": text}), copy=number)


def sample(rows: list[Row], share: float, seed: int) -> list[Row]:
    """A seeded share of the rows, in their own order."""
    if share >= 1:
        return rows
    chosen = sorted(random.Random(seed).sample(range(len(rows)), round(len(rows) * share)))
    return [rows[i] for i in chosen]


def at_most(rows: list[Row], count: int, seed: int) -> list[Row]:
    """So many rows or all, drawn by the seed, in their own order: the first ones of a file are often of one category."""
    return sample(rows, count / max(1, len(rows)), seed)


def with_hits(rows: Iterable[Row], search: Callable[[Row], tuple[Any, ...]]) -> list[Row]:
    return [replace(row, hits=search(row)) for row in rows]


def from_messages(row: dict[str, Any]) -> Iterator[Row]:
    """One row per agent turn of a `messages` object of the data artefact. Its system message stays away, as serving writes its own; of a
    call to a tool what the agent says around it is one answer."""
    messages: list[dict[str, str]] = []
    places: list[int] = []
    for i, m in enumerate(row["messages"]):
        if m["role"] not in ("user", "assistant") or not m["content"]:
            continue
        if messages and messages[-1]["role"] == m["role"] == "assistant" and places[-1] < i - 1:
            messages[-1] = {**messages[-1], "content": f"{messages[-1]['content']}\n{m['content']}"}
        else:
            messages.append({"role": str(m["role"]), "content": str(m["content"])})
            places.append(i)
    for n, (i, message) in enumerate(zip(places, messages, strict=True)):
        if message["role"] != "assistant":
            continue
        history = tuple(messages[:n])
        question = history[-1]["content"] if history else ""
        yield Row(
            f"{row['id']}@{i}",
            "faq" if row.get("kind") == "faq" else "dialogue",
            history,
            message["content"].strip(),
            *_labels(row, question),
            str(row.get("answer_id") or ""),
        )


def _dialogues(found: Rows, path: Path) -> None:
    for entry in _optional(path):
        if entry.get("kind") != "faq":
            for row in from_messages(entry):
                _add(found, row)


def _add(found: Rows, row: Row) -> None:
    if not row.history or row.history[-1]["role"] != "user" or not row.question.strip():
        found.dropped["no question before the answer"] += 1
    elif not row.answer:
        found.dropped["empty answer"] += 1
    else:
        found.rows.append(row)


def _asked(text: str) -> tuple[dict[str, str], ...]:
    return ({"role": "user", "content": text},)


def _labels(entry: dict[str, Any], text: str) -> tuple[str, str]:
    language = str(entry.get("language") or "und")
    return (detect(text) if language == "und" else language), str(entry.get("category") or "")


def _optional(path: Path) -> Iterator[dict[str, Any]]:
    return read_jsonl(path) if path.is_file() else iter(())
