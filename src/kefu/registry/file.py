"""The text of `models.yaml`: read strictly, changed where an entry changed, people's comments left standing.

PyYAML keeps no comments, so the text itself is kept: an entry that nobody touched stays as it was written, letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from kefu.errors import InputError
from kefu.markup import Fault, parse_yaml
from kefu.registry.entry import Entry

HEAD = (
    "# Models of this folder: what exists and how each was made. Written by kefu; read it, diff it, keep it in version control.\n"
    "# Comments and descriptions are yours: entries that did not change keep them.\n"
)
_FIX = "correct it, or restore it from version control"
_STAGE = re.compile(r"^([^\S\n]*stage:\s*)\S+", re.MULTILINE)


class _Written(yaml.SafeDumper):
    """Equal parts are written out each time: an alias is no help to a reader."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@dataclass
class Text:
    """The file as it stands. head: what precedes the first entry; pieces: the text of each entry; indent: of their dashes."""

    entries: list[Entry]
    head: str = ""
    pieces: list[str] | None = None
    indent: str = ""


def read(path: Path) -> Text:
    """Entries with their text. Raises InputError: one line that names the first fault and its place."""
    if not path.exists():
        return Text([])
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} cannot be read", f"byte {error.start} is not UTF-8", _FIX) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read", error.strerror or "", _FIX) from None
    try:
        return _parse(text)
    except Fault as fault:
        raise InputError(f"{fault.place(path)} cannot be read", fault.said, _FIX) from None


def render(text: Text, entries: Sequence[Entry]) -> str:
    """The new text of the file: entries equal to those read keep their lines, a changed stage changes one word, the rest is written anew."""
    pieces = []
    for i, entry in enumerate(entries):
        old = text.entries[i] if text.pieces is not None and i < len(text.entries) else None
        if old is not None and text.pieces is not None and old.label == entry.label:
            pieces.append(_changed(old, entry, text.pieces[i], text.indent))
        else:
            pieces.append(_dump(entry, text.indent))
    made = (text.head if text.pieces is not None else HEAD + "models:\n") + "".join(pieces)
    if text.pieces is not None and _rows(made) != [entry.row() for entry in entries]:  # a layout this way of editing does not understand
        return HEAD + "models:\n" + "".join(_dump(entry, "") for entry in entries)
    return made


def _parse(text: str) -> Text:
    node, raw = parse_yaml(text)
    if node is None:
        return Text([])
    plain = _plain(node)
    if not isinstance(raw, dict) or set(raw) - {"models"}:
        raise Fault("the top must be one key, `models:`, with a list of entries", 1)
    rows, lines = raw.get("models") or [], []
    if not isinstance(rows, list):
        raise Fault("`models` is not a list", 1)
    items = _items(node)
    lines = [item.start_mark.line for item in items]
    entries: list[Entry] = []
    for row, line in zip(rows, lines, strict=True):
        entries.append(_entry(row, line + 1))
        if any(entry.label == entries[-1].label for entry in entries[:-1]):
            raise Fault(f"{entries[-1].label} stands twice", line + 1)
    made = Text(entries)
    if plain:
        _cut(made, text, node, items)
    return made


def _entry(row: Any, line: int) -> Entry:
    try:
        return Entry.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        name = f"{row.get('name', '?')}: " if isinstance(row, dict) else ""
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise Fault(f"{name}{where}: {said}{more}" if where else f"{name}{said}", line) from None


def _plain(node: Any) -> bool:
    """Whether it is free of aliases. A key that stands twice hides the first, and is refused."""
    waiting, seen, plain = [node], set(), True
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            plain = False
            continue
        seen.add(id(one))
        if isinstance(one, yaml.MappingNode):
            keys = set()
            for key, value in one.value:
                if isinstance(key, yaml.ScalarNode) and key.value in keys:
                    raise Fault(f"{key.value!r} stands twice", key.start_mark.line + 1)
                keys.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))
                waiting += [key, value]
        elif isinstance(one, yaml.SequenceNode):
            waiting += one.value
    return plain


def _items(node: Any) -> list[Any]:
    for key, value in node.value:
        if key.value == "models" and isinstance(value, yaml.SequenceNode):
            return list(value.value)
    return []


def _cut(made: Text, text: str, node: Any, items: list[Any]) -> None:
    """Divide the text into what stands before the first entry and one piece for each, comments with the entry below them."""
    lines = text.splitlines(keepends=True)
    starts = []
    for item in items:
        line = item.start_mark.line
        if not lines[line].lstrip(" ").startswith("- "):
            return  # written in braces, or the dash on a line of its own: such a file is written anew
        while line and lines[line - 1].lstrip().startswith("#"):
            line -= 1
        starts.append(line)
    if len(set(starts)) != len(starts) or (lines and not lines[-1].endswith("\n")):
        return
    if not starts:
        return
    made.head = "".join(lines[: starts[0]])
    made.pieces = ["".join(lines[start:end]) for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]
    first = lines[items[0].start_mark.line]
    made.indent = first[: len(first) - len(first.lstrip(" "))]


def _changed(old: Entry, new: Entry, piece: str, indent: str) -> str:
    if old == new:
        return piece
    if old.model_copy(update={"stage": new.stage}) == new and len(_STAGE.findall(piece)) == 1:
        return _STAGE.sub(rf"\g<1>{new.stage}", piece)
    above = piece.splitlines(keepends=True)
    kept = "".join(above[: next((i for i, line in enumerate(above) if not line.lstrip().startswith("#")), 0)])
    return kept + _dump(new, indent)


def _dump(entry: Entry, indent: str) -> str:
    text = yaml.dump([entry.row()], Dumper=_Written, allow_unicode=True, sort_keys=False, width=120)
    if any(sign in text for sign in "\x85\u2028\u2029"):  # line ends that PyYAML writes as they are and reads back as something else
        text = yaml.dump([entry.row()], Dumper=_Written, allow_unicode=False, sort_keys=False, width=120)
    return "".join(indent + line if line.strip() else line for line in text.splitlines(keepends=True))


def _rows(text: str) -> list[dict[str, Any]] | None:
    try:
        return [entry.row() for entry in _parse(text).entries]
    except Fault:
        return None
