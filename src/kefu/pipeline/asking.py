"""A file of questions answered as far as it can be read: a bad line is reported with its number and the rest goes on."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from kefu.assistant import Assistant
from kefu.assistant.batch import Question, answer_all, answer_file
from kefu.assistant.batch import _question as question
from kefu.errors import InputError


def read(path: Path) -> tuple[list[Question], list[str]]:
    """Questions and the faults of lines that hold none. A line without `id` is called by its number.

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
            found.append(question(path, number, _named(line, number)))
        except InputError as error:
            faults.append(error.line())
    if not found:
        why = f"{len(faults)} bad lines, the first: {faults[0]}" if faults else "it is empty"
        raise InputError(f"{path} holds no questions", why, 'write one {"id": ..., "text": ...} a line')
    return found, faults


def _named(line: str, number: int) -> str:
    try:
        row = json.loads(line)
    except ValueError:
        return line
    return json.dumps({"id": number, **row}, ensure_ascii=False) if isinstance(row, dict) and "id" not in row else line


def answer(assistant: Assistant, questions: list[Question], out: Path | None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Counts, and the lines themselves when there is no file to write them to."""
    if out is not None:
        return answer_file(assistant, questions, out), []

    async def work() -> list[dict[str, Any]]:
        try:
            return await answer_all(assistant, questions)
        finally:
            await assistant.close()

    rows = asyncio.run(work())
    return {"lines": len(rows), "replies": sum(len(row["replies"]) for row in rows)}, rows
