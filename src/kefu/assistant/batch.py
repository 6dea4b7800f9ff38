"""Answer a file of questions.

A line in: `{"id", "text"}` or `{"id", "turns": [...]}` (customer turns, answered one by one with memory;
a turn is a text or `{"role", "text"}`, and agent turns given are taken as said). A line out:
`{"id", "replies": [{"text", "tier", "handoff", "refused", "sources", "confidence", "latency_ms"}]}`.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kefu.artifacts import write_text
from kefu.assistant.chain import Assistant
from kefu.conversation import Conversation, Turn
from kefu.errors import ConfigError, InputError, StorageError
from kefu.markup import read_json

#: Conversations answered at the same time; the engine batches what they ask.
CONCURRENT = 8


@dataclass(frozen=True, slots=True)
class Question:
    """One line: its id and the turns to answer."""

    id: str
    turns: tuple[Turn, ...]
    language: str = "und"


def read_questions(path: Path) -> tuple[list[Question], list[str]]:
    """The questions of a file, and the faults of lines that hold none. A line without `id` is called by its number.

    Raises InputError when the file cannot be read, is empty, or has no good line.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {path}", error.strerror or "", "give a JSONL file of questions") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8", f"byte {error.start}", "save the file as UTF-8") from None
    found, faults = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            found.append(_question(path, number, line))
        except InputError as error:
            faults.append(error.line())
    if not found:
        why = f"{len(faults)} bad lines, the first: {faults[0]}" if faults else "it is empty"
        raise InputError(f"{path} holds no questions", why, 'write one {"id": ..., "text": ...} a line')
    return found, faults


def _question(path: Path, number: int, line: str) -> Question:
    where = f"{path}:{number}"
    hint = 'a line is {"id", "text"} or {"id", "turns": [...]}'
    try:
        row = read_json(line)
    except ValueError as error:
        raise InputError(where, f"not JSON ({error})", hint) from None
    if not isinstance(row, dict):
        raise InputError(where, "not an object", hint)
    row = {"id": number, **row}
    if isinstance(row["id"], bool) or not isinstance(row["id"], str | int):
        raise InputError(where, "id is neither a text nor a number", hint)
    if isinstance(row.get("text"), str) and "turns" not in row:
        turns: list[Any] = [row["text"]]
    elif isinstance(row.get("turns"), list) and row["turns"] and "text" not in row:
        turns = row["turns"]
    else:
        raise InputError(where, "needs either text (a string) or turns (a list that is not empty)", hint)
    return Question(str(row["id"]), tuple(_turn(where, turn) for turn in turns), str(row.get("language") or "und"))


def _turn(where: str, turn: Any) -> Turn:
    if isinstance(turn, str):
        return Turn("customer", turn)
    text = turn.get("text", turn.get("content")) if isinstance(turn, dict) else None
    role = {"user": "customer", "assistant": "agent"}.get(str(turn.get("role")), turn.get("role", "customer")) if isinstance(turn, dict) else ""
    if not isinstance(text, str) or role not in ("customer", "agent"):
        raise InputError(where, "a turn is wrong", 'a turn is a text or {"role": "customer" | "agent", "text": ...}')
    return Turn(role, text)


async def answer_question(assistant: Assistant, question: Question) -> dict[str, Any]:
    """One line of the result."""
    conversation = Conversation(question.id, [], language=question.language)
    replies = []
    for turn in question.turns:
        conversation.turns.append(turn)
        if turn.role != "customer":
            continue
        began = time.perf_counter()
        reply = await assistant.answer(conversation)
        conversation.turns.append(Turn("agent", reply.text))
        replies.append({
            "text": reply.text, "tier": reply.tier, "handoff": reply.handoff, "refused": reply.refused, "sources": reply.sources,
            "confidence": reply.confidence, "latency_ms": round((time.perf_counter() - began) * 1e3, 3),
        })  # fmt: skip
    return {"id": question.id, "replies": replies}


async def answer_all(assistant: Assistant, questions: list[Question]) -> list[dict[str, Any]]:
    """All lines, in the order given."""
    gate = asyncio.Semaphore(CONCURRENT)

    async def one(question: Question) -> dict[str, Any]:
        async with gate:
            return await answer_question(assistant, question)

    return await asyncio.gather(*(one(question) for question in questions))


def answer_here(assistant: Assistant, questions: list[Question]) -> list[dict[str, Any]]:
    """All lines, in the order given; the assistant is closed then."""

    async def work() -> list[dict[str, Any]]:
        try:
            return await answer_all(assistant, questions)
        finally:
            await assistant.close()

    return asyncio.run(work())


def answer_file(assistant: Assistant, questions: list[Question], out: Path) -> dict[str, Any]:
    """Answer and write; the file appears only when it is whole. Returns {lines, replies, handoffs, refused}.

    Raises StorageError, ConfigError; a place that cannot be written is told before anything is answered.
    """
    check_place(out)
    rows = answer_here(assistant, questions)
    write_text(out, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return counts(rows)


def check_place(out: Path, questions: Path | None = None) -> None:
    """Whether a new file can come to stand at `out`, and would not stand on the questions. Raises ConfigError, StorageError."""
    if questions is not None and out.resolve() == questions.resolve():
        raise ConfigError(f"--out is the file of --batch, {questions}", "the replies would replace the questions", "name another file")
    if out.exists() and not out.is_file():
        kind = "a folder" if out.is_dir() else "no plain file"
        raise ConfigError(f"--out {out}", f"it is {kind}", "name a file; without --out the replies go to standard output")
    there = next(folder for folder in out.absolute().parents if folder.exists())
    try:
        if not there.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        probe = there / f".{out.name}.{os.getpid():08}.tmp"  # as long as the name it is written under
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StorageError(f"cannot write {out}", f"{there}: {error.strerror}", "choose another place for --out") from None


def counts(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """{lines, replies, handoffs, refused}."""
    replies = [reply for row in rows for reply in row["replies"]]
    return {
        "lines": len(rows), "replies": len(replies),
        "handoffs": sum(reply["handoff"] for reply in replies), "refused": sum(reply["refused"] for reply in replies),
    }  # fmt: skip
