"""JSON and JSONL: streamed by line, a broken line is reported by its number."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kefu.data.readers.encoding import lines
from kefu.data.readers.packed import whole
from kefu.data.readers.rows import Broken, Row
from kefu.errors import InputError

_DEEPEST = 100  # no export nests deeper; what does would exhaust the stack of whoever writes it again


def is_lines(path: Path, encoding: str) -> bool:
    """True when the file holds one JSON object or list a line (two at least), whatever its name says."""
    objects = 0
    for line in lines(path, encoding, 64):
        text = line.text.strip()
        if not text:
            continue
        if line.fault or text[:1] not in ("{", "["):
            return False
        try:
            objects += isinstance(json.loads(text), dict | list)
        except (ValueError, RecursionError):
            return objects > 0 and text.endswith(("}", "]"))
        if objects == 2:
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
                value = parse(text)
            except (ValueError, RecursionError) as error:
                yield Broken(where, _explain(error), text[:2000])
                continue
            spoken = isinstance(value, list) and any(isinstance(cell, str | dict | list) for cell in value)
            yield _object(where, "", _cells(value) if spoken else value)


def read_whole(path: Path, name: str, encoding: str, limit_mb: float, rows_at: str, facts: dict[str, Any]) -> Iterator[Row | Broken]:
    """A JSON document: a list of objects, or an object with one list of objects in it, or objects by id; or the list at `rows_at`."""
    try:
        value = parse(whole(path, limit_mb).decode(encoding))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name} is not JSON", _explain(error), "correct it, or export JSONL (one object a line)") from None
    if rows_at:
        items = _at(value, rows_at, path)
    else:
        found, key, others = _items(value)
        if found is None:
            raise InputError(f"{path.name} holds {_kind(value)}", "rows are needed", "give a list of objects, or JSONL")
        items = found
        if key:
            facts["list"] = key
        if others:
            facts["lists_left_out"] = others
    even = len({len(item) for _, item in items if isinstance(item, list)}) == 1
    for i, (label, item) in enumerate(items, 1):
        yield _object(f"{name}#{i}", label, _cells(item, even))


def _cells(item: Any, even: bool = True) -> Any:
    """A list as a row. `["text", "label"]`: columns 1, 2; of objects, of pairs, or of texts in uneven numbers: a conversation, column turns."""
    if not isinstance(item, list) or not item:
        return item
    if all(isinstance(cell, dict | list) for cell in item) or not even:
        return {"turns": item}
    return item if any(isinstance(cell, dict) for cell in item) else {str(n): cell for n, cell in enumerate(item, 1)}


def parse(text: str) -> Any:
    """A JSON value, at most 100 levels deep, without halves of surrogate pairs. Raises ValueError, RecursionError."""
    value = json.loads(text)
    if (text.count("[") + text.count("{")) > _DEEPEST and _deeper(value, _DEEPEST):
        raise RecursionError
    return _whole_characters(value) if "\\ud" in text or "\\uD" in text else value


def _deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit + 1):
        level = [inner for item in level if isinstance(item, dict | list) for inner in (item.values() if isinstance(item, dict) else item)]
        if not level:
            return False
    return True


_HALF = re.compile("[\ud800-\udfff]")


def _whole_characters(value: Any) -> Any:
    """Half a surrogate pair is no character and cannot be written as UTF-8."""
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole_characters(item) for item in value]
    if isinstance(value, dict):
        return {_whole_characters(key): _whole_characters(item) for key, item in value.items()}
    return value


def _object(where: str, label: str, value: Any) -> Row | Broken:
    """A row; `label` is its key in the document."""
    if not isinstance(value, dict):
        return Broken(where, f"a JSON object is needed, this is {_kind(value)}", str(value)[:2000])
    return Row(where, {"id": label, **value} if label else value)


Items = list[tuple[str, Any]]


def _items(value: Any) -> tuple[Items | None, str, list[str]]:
    """(label and row of each item, the key of the list, lists that were passed over)."""
    if isinstance(value, list):
        return [("", item) for item in value], "", []
    if not isinstance(value, dict):
        return None, "", []
    lists = {key: inner for key, inner in value.items() if isinstance(inner, list) and any(isinstance(item, dict | list) for item in inner)}
    if len(lists) == len(value) > 2 and all(_one_talk(inner) for inner in list(lists.values())[:20]):
        return [(key, {"turns": inner}) for key, inner in lists.items()], "", []  # conversations by their ids
    if lists:
        key = max(lists, key=lambda name: len(lists[name]))
        plain = not any(isinstance(inner, dict) for inner in value.values())
        if plain and len(lists) == 1:
            return ([("", value)], "", []) if _one_talk(lists[key]) else ([("", item) for item in lists[key]], key, [])
    if value and all(isinstance(inner, dict) for inner in value.values()):
        return list(value.items()), "", []
    if lists:
        return [("", item) for item in lists[key]], key, [name for name in lists if name != key]
    return [("", value)], "", []


def _one_talk(items: list[Any]) -> bool:
    """Are these the turns of one conversation, of which the document is made, and not rows of many?"""
    from kefu.data import mapping  # it imports a reader itself

    rows = [item for item in items[:50] if isinstance(item, dict)]
    columns = mapping.columns_of(rows)
    if len(rows) < len(items[:50]) or "conversation" in mapping.guess("messages", columns, rows, wanted=["conversation"]):
        return False
    found = mapping.guess("dialogues", columns, rows, wanted=["role", "text"])
    if found.keys() != {"role", "text"}:
        return False
    known = sum(bool(mapping.role_of(mapping.value(row, found["role"]), {})) for row in rows)
    return known > 0.8 * len(rows)


def list_paths(value: Any, deepest: int = 5) -> list[str]:
    """Dotted paths of the lists of objects or lists in a document, the longest list first; keys of the top level stand alone."""
    found: dict[str, int] = {}
    level = [("", value)]
    for _ in range(deepest):
        inner = [(f"{path}.{key}" if path else key, item) for path, node in level if isinstance(node, dict) for key, item in list(node.items())[:200]]
        for path, item in inner:
            if isinstance(item, list) and item and all(isinstance(one, dict | list) for one in item[:20]) and path.count(".") == _keys(path, value):
                found[path] = len(item)
        level = [(path, item) for path, item in inner if isinstance(item, dict)][:200]
    return sorted(found, key=lambda path: (-found[path], path))


def _keys(path: str, value: Any) -> int:
    """Dots of a path that can be followed; -1 for one whose keys hold dots of their own."""
    for part in path.split("."):
        if not isinstance(value, dict) or part not in value:
            return -1
        value = value[part]
    return path.count(".")


def _at(value: Any, path: str, file: Path) -> Items:
    found: Items = [("", value)]
    for part in path.split("."):
        found = [pair for label, item in found for pair in _step(label, item, part)]
    rows: Items = []
    for label, item in found:
        rows += [("", inner) for inner in item] if isinstance(item, list) else [(label, item)]
    if not rows:
        keys = ", ".join(list(value)[:12]) if isinstance(value, dict) else _kind(value)
        raise InputError(f"{file.name} has nothing at rows_at {path!r}", f"its top level is {keys}", "correct `rows_at`")
    return rows


def _step(label: str, item: Any, part: str) -> Items:
    if isinstance(item, list):
        inner = (
            [pair for one in item for pair in _step(label, one, part)]
            if not part.isdigit()
            else [("", item[int(part)])]
            if int(part) < len(item)
            else []
        )
        return [("", one) for one in item] if part == "*" else inner
    if not isinstance(item, dict):
        return []
    if part == "*":
        return list(item.items())
    return [(label, item[part])] if part in item else []


def _kind(value: Any) -> str:
    return {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "a number")


def _explain(error: BaseException) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"broken JSON: {error.msg} at column {error.colno}"
    if isinstance(error, RecursionError):
        return f"broken JSON: nested deeper than {_DEEPEST} levels"
    return f"broken JSON: {error}"
