"""JSON and JSONL: streamed by line, a broken line is reported by its number."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kefu.data.readers.encoding import chunks, lines
from kefu.data.readers.rows import Broken, Row
from kefu.errors import InputError


def is_lines(path: Path, encoding: str) -> bool:
    """True when the file holds one JSON object a line (two at least), whatever its name says."""
    whole = 0
    for line in lines(path, encoding, 64):
        text = line.text.strip()
        if not text:
            continue
        if line.fault or not text.startswith("{"):
            return False
        try:
            whole += isinstance(json.loads(text), dict)
        except (ValueError, RecursionError):
            return whole > 0 and text.endswith("}")
        if whole == 2:
            return True
    return False


def read_lines(path: Path, name: str, encoding: str, limit_mb: float) -> Iterator[Row | Broken]:
    """One object a line; blank lines are nothing."""
    for line in lines(path, encoding, limit_mb):
        where = f"{name}#{line.number}"
        text = line.text.strip()
        if line.fault:
            yield Broken(where, line.fault, text)
        elif text:
            try:
                value = json.loads(text)
            except (ValueError, RecursionError) as error:
                yield Broken(where, _explain(error), text[:2000])
                continue
            if isinstance(value, dict):
                yield Row(where, value)
            else:
                yield Broken(where, f"a JSON object is needed, this is {_kind(value)}", text[:2000])


def read_whole(path: Path, name: str, encoding: str, facts: dict[str, Any]) -> Iterator[Row | Broken]:
    """A JSON document: a list of objects, or an object with one list of objects in it, or objects by id."""
    try:
        value = json.loads(b"".join(chunks(path)).decode(encoding))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name} is not JSON", _explain(error), "correct it, or export JSONL (one object a line)") from None
    items, key = _items(value)
    if items is None:
        raise InputError(f"{path.name} holds {_kind(value)}", "rows are needed", "give a list of objects, or JSONL")
    if key:
        facts["list"] = key
    for i, (label, item) in enumerate(items, 1):
        where = f"{name}#{i}"
        if isinstance(item, dict):
            yield Row(where, {"id": label, **item} if label else item)
        else:
            yield Broken(where, f"a JSON object is needed, this is {_kind(item)}", str(item)[:2000])


def _items(value: Any) -> tuple[list[tuple[str, Any]] | None, str]:
    if isinstance(value, list):
        return [("", item) for item in value], ""
    if not isinstance(value, dict):
        return None, ""
    lists = {key: inner for key, inner in value.items() if isinstance(inner, list) and any(isinstance(item, dict) for item in inner)}
    if lists:
        key = max(lists, key=lambda name: len(lists[name]))
        plain = not any(isinstance(inner, dict) for inner in value.values())
        if plain and len(lists) == 1:
            return [("", item) for item in lists[key]], key
    if value and all(isinstance(inner, dict) for inner in value.values()):
        return list(value.items()), ""
    if lists:
        return [("", item) for item in lists[key]], key
    return [("", value)], ""


def _kind(value: Any) -> str:
    return {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "a number")


def _explain(error: BaseException) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"broken JSON: {error.msg} at column {error.colno}"
    if isinstance(error, RecursionError):
        return "broken JSON: nested too deep"
    return f"broken JSON: {error}"
