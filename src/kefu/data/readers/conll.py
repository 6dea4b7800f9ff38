"""CoNLL files: one token a line with its columns, a blank line between sentences, `#` comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from kefu.data.readers.encoding import Line, lines
from kefu.data.readers.rows import Broken, Row

_LONGEST = 20_000  # tokens; a file without blank lines is no CoNLL file
_COMMENT = re.compile(r"^#\s*(sent_id|text|newdoc id)\s*=\s*(.*)$")
_RANGE = re.compile(r"^\d+[-.]\d+$")  # multi-word and empty tokens of CoNLL-U, which repeat others
TAG = re.compile(r"^(?:O|[BIESLUM][-_].+)$")


def looks(path: Path, encoding: str) -> bool:
    """True when the first sentences have one width and a column of tags (O, B-…, I-…)."""
    found = [row for row in islice(read(path, path.name, encoding, 16, {}), 30) if isinstance(row, Row)]
    if not found:
        return False
    columns = [key for key, cells in found[0].values.items() if isinstance(cells, list)]
    tags = [
        sum(bool(TAG.match(tag)) for row in found for tag in row.values.get(key, [])) / max(1, sum(len(row.values.get(key, [])) for row in found))
        for key in columns[1:]
    ]
    return bool(tags) and max(tags) > 0.98


def read(path: Path, name: str, encoding: str, limit_mb: float, facts: dict[str, Any]) -> Iterator[Row | Broken]:
    """A row a sentence: `{"1": [tokens …], "2": […], …, "id", "# text"}`, columns numbered from 1."""
    held: list[Line] = []
    comments: dict[str, str] = {}
    first = 1

    def finish() -> Iterator[Row | Broken]:
        if held:
            yield _sentence(f"{name}#{first}", held, comments)

    for line in lines(path, encoding, limit_mb):
        text = line.text.strip("\r")
        if not text.strip() or (len(held) >= _LONGEST):
            yield from finish()
            held, comments = [], {}
            if not text.strip():
                continue
        if not held and text.startswith("#") and (match := _COMMENT.match(text) or re.match(r"^#(?:\s|$)", text)):
            if match.re is _COMMENT:
                comments[{"sent_id": "id", "text": "# text"}.get(match.group(1), "document")] = match.group(2).strip()
            continue
        if text.startswith("-DOCSTART-"):
            continue
        if not held:
            first = line.number
        held.append(line)
    yield from finish()


def _sentence(where: str, held: list[Line], comments: dict[str, str]) -> Row | Broken:
    text = "\n".join(line.text for line in held[:200])[:2000]
    if fault := next((line.fault for line in held if line.fault), ""):
        return Broken(where, fault, text)
    if len(held) >= _LONGEST:
        return Broken(where, f"a sentence of more than {_LONGEST} lines", text)
    tabs = all("\t" in line.text for line in held)
    rows = [line.text.split("\t") if tabs else line.text.split() for line in held]
    rows = [cells for cells in rows if not _RANGE.match(cells[0])] or rows
    width = len(rows[0])
    odd = next((line.number for line, cells in zip(held, rows, strict=False) if len(cells) != width), 0)
    if odd:
        return Broken(where, "lines of one sentence have different numbers of columns", text)
    columns = {str(n): [cells[n - 1].strip() for cells in rows] for n in range(1, width + 1)}
    return Row(where, {**comments, **columns})
