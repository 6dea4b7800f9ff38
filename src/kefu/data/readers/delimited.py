"""CSV and TSV: delimiter sniffed, quoted line breaks kept, a broken row costs itself and not its neighbours."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from kefu.data.readers.encoding import Line, lines
from kefu.data.readers.headers import HEAD, Header, find, header_row
from kefu.data.readers.rows import Broken, Row
from kefu.errors import InputError

_DELIMITERS = (",", ";", "\t", "|", "，")
_SHORT = "\x00short"  # marks a row whose last cells were left out
_MAX_JOINED = 2000  # physical lines in one quoted row; beyond it the quote was never closed


def sniff(path: Path, encoding: str) -> str:
    """The delimiter that gives the header most columns, the same in most of the first rows. `,` for a single column."""
    records: list[str] = []
    for record in _records(lines(path, encoding, 16), 16):
        records.append(_text(record))
        if len(records) >= 50:
            break
    records = [record for record in records if record.strip() and not _SEP.match(record)]
    best, best_score = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        cells = [_split(record, delimiter) or [] for record in records]
        widths = [len(one) for one in cells]
        wanted = widths[header_row(cells)] if widths else 0
        if wanted < 2:
            continue
        score = (sum(width == wanted for width in widths) / len(widths), wanted)
        if score > best_score:
            best, best_score = delimiter, score
    return best


_SEP = re.compile(r"^sep=.$", re.IGNORECASE)


def read(path: Path, name: str, encoding: str, delimiter: str, limit_mb: float, facts: dict[str, Any]) -> Iterator[Row | Broken]:
    """Rows as `{column: text}`. `facts` gets `columns`."""
    previous = csv.field_size_limit(int(limit_mb * (1 << 20)))
    try:
        records = _records(lines(path, encoding, limit_mb), limit_mb, delimiter)
        head = [record for record in islice(records, HEAD) if (text := _text(record)).strip() and not _SEP.match(text)]
        if not head:
            raise InputError(f"{path.name} is empty", "it has no header line", "give a file with a header and rows")
        header = _header(head, delimiter, path)
        if header.above:
            facts["rows_above_header"] = header.above
        facts["header"] = _places([record[0].number for record in head[header.above : header.below]])
        facts.setdefault("columns", header.names)
        for record in chain(head[header.below :], records):
            text = _text(record)
            if not text.strip():
                continue
            for row in _rows(record, text, header.names, delimiter, name):
                if isinstance(row, Row) and _SHORT in row.values:
                    del row.values[_SHORT]
                    facts["short_rows"] = facts.get("short_rows", 0) + 1
                if isinstance(row, Row) and header.again(row.values.values()):
                    facts["headers_again"] = facts.get("headers_again", 0) + 1
                    continue
                yield row
    finally:
        csv.field_size_limit(previous)


def _text(record: list[Line]) -> str:
    return "\n".join(line.text for line in record)


def _header(head: list[list[Line]], delimiter: str, path: Path) -> Header:
    header = find([_split(_text(record), delimiter) or [] for record in head])
    for line in (line for record in head[header.above : header.below] for line in record):
        if line.fault:
            raise InputError(f"{path.name}, line {line.number}", line.fault, "the header line must be readable")
    if not any(map(any, header.records)):
        raise InputError(f"{path.name}, line {head[header.above][0].number}", "the header has no column names", "give a header line")
    return header


def _places(numbers: list[int]) -> str:
    """`line 2`, or `lines 2 and 3` of a header of two."""
    return f"line{'s' if len(numbers) > 1 else ''} {' and '.join(map(str, numbers))}"


def _rows(record: list[Line], text: str, header: list[str], delimiter: str, name: str) -> Iterator[Row | Broken]:
    fault = next((line.fault for line in record if line.fault), "")
    cells = None if fault else _split(text, delimiter)
    given = len(cells or [])
    if cells is not None:
        cells = _fit(cells, len(header))
    if cells is not None and len(cells) == len(header):
        short = {_SHORT: ""} if given < len(header) else {}
        yield Row(f"{name}#{record[0].number}", {**dict(zip(header, cells, strict=True)), **short})
    elif len(record) > 1:  # an unpaired quote swallowed its neighbours: read them one by one
        for line in record:
            if line.text.strip() or line.fault:
                yield from _rows([line], line.text, header, delimiter, name)
    else:
        reason = fault or (f"{len(cells)} columns where the header has {len(header)}" if cells is not None else "quotes do not match")
        yield Broken(f"{name}#{record[0].number}", reason, text[:2000])


def _fit(cells: list[str], width: int) -> list[str]:
    """Trailing delimiters of spreadsheet exports: empty cells beyond the header go, missing ones at the end come."""
    while len(cells) > width and not cells[-1].strip():
        cells = cells[:-1]
    return cells + [""] * (width - len(cells)) if len(cells) >= max(2, width - 2) and len(cells) < width else cells


def _split(text: str, delimiter: str) -> list[str] | None:
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return None


def _records(source: Iterator[Line], limit_mb: float, delimiter: str = "") -> Iterator[list[Line]]:
    """Physical lines joined while a quote is open (RFC 4180).

    A quote that is never closed, or whose partner opens another cell (`…,"next`), is a sign of the text: its line stands
    for itself and those behind it are looked at anew. Without a delimiter only the number of quotes counts.
    """
    waiting: deque[Line] = deque()

    def pull() -> Line | None:
        return waiting.popleft() if waiting else next(source, None)

    while (line := pull()) is not None:
        held, quotes, length = [line], _quotes(line), len(line.text)
        while quotes % 2 and len(held) < _MAX_JOINED and length < limit_mb * (1 << 20):
            if (line := pull()) is None:
                break
            held.append(line)
            quotes += _quotes(line)
            length += len(line.text)
        if len(held) > 1 and (quotes % 2 or any(one.fault for one in held) or (delimiter and not _well_formed(held, delimiter))):
            waiting.extendleft(reversed(held[1:]))
            held = held[:1]
        yield held


def _quotes(line: Line) -> int:
    return 0 if line.fault else line.text.count('"')


def _well_formed(held: list[Line], delimiter: str) -> bool:
    try:
        return len(list(csv.reader(["\n".join(line.text for line in held)], delimiter=delimiter, strict=True))) == 1
    except csv.Error:
        return False
