"""Two answers to one prompt, from a JSONL file or from the preference rows of a dataset, shown without saying which is which."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from kefu.artifacts import canonical
from kefu.errors import InputError
from kefu.markup import read_json
from kefu.text import privacy

_ROLES = ("system", "user", "assistant", "tool")
_SIDES = (("a", "b"), ("chosen", "rejected"), ("answer_a", "answer_b"))


def read(path: Path, mask: bool) -> list[dict[str, Any]]:
    """`{id, prompt: messages, a, b}` for each line with `prompt` (or `question`) and `a`/`b`, `chosen`/`rejected` or `answer_a`/`answer_b`.

    A prompt is a text or chat messages, an answer a text or one assistant message. mask: personal data are replaced.
    Raises InputError naming the line.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"cannot read {path}", error.strerror or "", "give a JSONL file of pairs") from None
    found: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                pair = form(read_json(line.decode("utf-8-sig")), mask)
            except ValueError as error:
                raise InputError(f"{path.name}, line {number}", str(error), "each line: {prompt, a, b} or {prompt, chosen, rejected}") from None
            found.setdefault(pair["id"], pair)
    if not found:
        raise InputError(f"{path.name} has no pairs", "it is empty", "each line: {prompt, a, b} or {prompt, chosen, rejected}")
    return list(found.values())


def form(row: Any, mask: bool) -> dict[str, Any]:
    """One pair. Raises ValueError with what is wrong. Two answers in the other order make the same pair."""
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    prompt = row.get("prompt", row.get("question"))
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    if not isinstance(messages, list) or not messages or not all(_message(message) for message in messages):
        raise ValueError("prompt is neither a text nor chat messages")
    sides = next((names for names in _SIDES if all(name in row for name in names)), None)
    if sides is None:
        raise ValueError("it has no two answers")
    memory = privacy.Memory() if mask else None

    def plain(text: str) -> str:
        return privacy.mask(text, memory) if mask else text

    said = [{"role": message["role"], "content": plain(message["content"])} for message in messages]
    first, second = sorted(plain(_text(row[name], name)) for name in sides)
    if first.strip() == second.strip():
        raise ValueError("the two answers are the same")
    pair = {"prompt": said, "a": first, "b": second}
    return {"id": hashlib.sha256(canonical(pair).encode()).hexdigest()[:16], **pair}


def _message(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") in _ROLES and isinstance(message.get("content"), str)


def _text(answer: Any, name: str) -> str:
    if isinstance(answer, list) and len(answer) == 1 and _message(answer[0]):
        answer = answer[0]["content"]
    if not isinstance(answer, str) or not answer.strip():
        raise ValueError(f"{name} is no text")
    return answer
