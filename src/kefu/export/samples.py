"""The prompts that gates ask, put to the model just as the assistant puts them: held-out questions and known ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kefu.artifacts import read_jsonl
from kefu.engines.prompt import PromptStyle, build_messages
from kefu.errors import GateError


@dataclass(frozen=True, slots=True)
class Sample:
    """One prompt. answer: what the company's own data says to it. known: the model was trained on this question."""

    id: str
    messages: list[dict[str, Any]]
    answer: str
    language: str
    known: bool = False


def collect(data: Path, knowledge: Path, style: PromptStyle, count: int, seed: int, opener: Any = None) -> list[Sample]:
    """Up to `count` held-out prompts in a fixed random order, then up to half as many known ones.

    Held out: FAQ questions, then agent turns of validation dialogues. Known: FAQ questions as trained; a
    small model is sure of its answer to these, so that a change there is a loss and not a coin that fell otherwise.
    opener: opens the sentence encoder of knowledge that was built with one.
    Raises GateError when there is none: nothing could be proved.
    """
    base: Any = None
    if style.max_hits:
        from kefu.knowledge import KnowledgeBase

        base = KnowledgeBase.load(knowledge, opener)
    questions = list(_questions(data))
    random.Random(seed).shuffle(questions)
    if len(questions) < count:
        turns = list(_turns(data))
        random.Random(seed).shuffle(turns)
        questions += turns[: count - len(questions)]
    known = list(_known(data))
    random.Random(seed).shuffle(known)
    samples = []
    for i, (name, history, answer, language) in enumerate([*questions[:count], *known[: count // 2]]):
        asked = [str(message["content"]) for message in history if message["role"] == "user"]
        hits = base.search(asked[-1], history=asked[:-1], language=language, k=style.max_hits).hits[: style.max_hits] if base else []
        samples.append(Sample(name, build_messages(history, hits, style, language), answer, language, i >= len(questions[:count])))
    if not samples:
        raise GateError(
            "no question to test the export with", "the held-out files and the FAQ are empty", "give more data, or a larger data.split", layer="data"
        )
    return samples


def _questions(data: Path) -> Iterator[tuple[str, list[dict[str, Any]], str, str]]:
    for split in ("test", "validation"):
        path = data / f"questions.{split}.jsonl"
        for row in read_jsonl(path) if path.is_file() else ():
            yield row["id"], [{"role": "user", "content": row["text"]}], row["answer"], row.get("language", "")


def _known(data: Path) -> Iterator[tuple[str, list[dict[str, Any]], str, str]]:
    path = data / "faq.jsonl"
    for row in read_jsonl(path) if path.is_file() else ():
        if row["questions"]:
            yield row["id"], [{"role": "user", "content": row["questions"][0]}], row["answer"], row.get("language", "")


def _turns(data: Path) -> Iterator[tuple[str, list[dict[str, Any]], str, str]]:
    path = data / "messages.validation.jsonl"
    for row in read_jsonl(path) if path.is_file() else ():
        if row.get("kind") == "faq":
            continue
        for i, message in enumerate(row["messages"]):
            history = row["messages"][:i]
            if message["role"] == "assistant" and message["content"] and history and history[-1]["role"] == "user":
                yield f"{row['id']}#{i}", history, message["content"], row.get("language", "")
