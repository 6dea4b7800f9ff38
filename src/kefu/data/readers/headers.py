"""Where the header of a table stands: below titles, over one row or two, and again in the middle of an export."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

HEAD = 24  # records that are read for a title above the header
_LOOKED_AT = 20
_LONGEST = 40  # characters of a column's name
_VALUE = re.compile(  # a number, a sum of money, a date, a time: what stands below a header and never in it
    r"[¥￥$€]?\s*-?\d[\d,]*([.:/]\d+)*\s*[%％元]?|\d{4}[-/.年]\d{1,2}([-/.月]\d{1,2}日?)?([ T]\d{1,2}:\d{2}.*)?|\S+@\S+\.\w+|https?://\S+"
)
_SENTENCE = re.compile(r"[。！？!?；;]$|[,，].*[,，]")
_NOTE = re.compile(r"[^:：]{1,16}[:：]\s*\S")  # `导出时间：2026-01-05`: said of the export, no name of a column

Record = Sequence[str]


class Span(NamedTuple):
    """A merged range of cells: first and last record, first and last column, from 0."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class Header:
    """above: records that stand above it. names: of the columns. records: the header itself, one record or two."""

    above: int
    names: list[str]
    records: list[list[str]] = field(default_factory=list)

    @property
    def below(self) -> int:
        """The first record of the table's rows."""
        return self.above + len(self.records)

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(cell for record in self.records for cell in record if cell)

    def again(self, cells: Collection[object]) -> bool:
        """Is this row the header once more, as exports that were pasted together have it?"""
        first = next((cell for cell in cells if cell), None)
        if not isinstance(first, str) or first.strip() not in self._words:  # nearly every row
            return False
        told = ["" if cell is None else str(cell).strip() for cell in cells]
        if sum(map(bool, told)) < 2:
            return False
        return any(told == record[: len(told)] and not any(record[len(told) :]) for record in self.records)


def find(records: Sequence[Record], merged: Sequence[Span] = ()) -> Header:
    """The header among the first records of a table; without any sign of another place it is the first.

    Above a header stand titles and notes on the export: records of one cell or two, or of `name: value`. Names of groups over
    names of columns make a header of two records, whether a spreadsheet tells the merged cells or only their gaps are left.
    """
    looked = [[cell.strip().strip("\ufeff") for cell in record] for record in records[:_LOOKED_AT]]
    place, depth = _place(looked, merged)
    if not looked:
        return Header(0, [], [])
    rows = looked[place : place + depth]
    above = looked[place - 1] if place else []
    names = _joined(rows[0], rows[1], merged, place) if depth == 2 else _told_apart(rows[0], above)
    return Header(place, column_names(names), rows)


def header_row(records: Sequence[Record]) -> int:
    """How many records stand above the header; 0 when the first record is the header."""
    return find(records).above


def column_names(cells: Sequence[str]) -> list[str]:
    """Names of the columns as the header has them: one without a name is told by its place, one that comes again by its number."""
    seen: dict[str, int] = {}
    names = []
    for i, cell in enumerate(cells, 1):
        name = cell.strip().strip("\ufeff") or f"column {i}"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return names


def _place(looked: list[list[str]], merged: Sequence[Span]) -> tuple[int, int]:
    """(records above the header, records of the header)."""
    filled = [sum(map(bool, record)) for record in looked]
    few = 1 if max(filled, default=0) < 4 else 2
    for place, count in enumerate(filled):
        if count <= (few if count < 4 else 2):
            continue
        record, below = looked[place], looked[place + 1 : place + 5]
        if below and _two(record, below, [Span(one.top - place, one.left, one.bottom - place, one.right) for one in merged]):
            return place, 2
        if _notes(record):
            continue
        names = [name for name in record if name]
        above = looked[place - 1] if place else []
        titled = _different(record, above) and all(len(name) <= _LONGEST for name in names) and count >= len(record) - 1
        even = below and all(len(one) == len(record) and sum(map(bool, one)) * 2 >= count for one in below[:3])
        return (place if titled and even else 0), 1
    return 0, 1


def _two(upper: list[str], below: list[list[str]], merged: Sequence[Span]) -> bool:
    """Do names of groups stand in a record and names of columns in the next? Spans are counted from the upper record."""
    lower, rows = below[0], below[1:]
    width = len(upper)
    if width < 3 or len(lower) != width or not rows or not all(_named(cell) for cell in (*upper, *lower) if cell):
        return False
    given = [i for i, cell in enumerate(lower) if cell]
    gaps = [i for i, cell in enumerate(upper) if not cell]
    if not gaps or not given:
        return False
    over = [span for span in merged if span.top == 0 and span.bottom <= 1 and (span.left, span.right) != (0, width - 1)]
    if over:
        inside = {i for span in over if span.bottom == 0 and span.right > span.left for i in range(span.left, span.right + 1)}
        through = {i for span in over if span.bottom == 1 for i in range(span.left, span.right + 1)}
        return sum(i in inside for i in given) >= 2 and not any(lower[i] for i in through)
    if not upper[0] or len({lower[i] for i in given}) < len(given):
        return False
    groups = {i for i in range(width - 1) if upper[i] and not upper[i + 1]}
    alone = [i for i in range(width) if upper[i] and i not in groups]
    if not alone or any(not lower[i] for i in gaps) or not set(given) <= groups | set(gaps):
        return False
    return any(sum(bool(row[i]) for row in rows if i < len(row)) * 2 >= len(rows) for i in alone)


def _named(cell: str) -> bool:
    return len(cell) <= _LONGEST and not _VALUE.fullmatch(cell) and not _SENTENCE.search(cell)


def _notes(record: list[str]) -> bool:
    """Is it said of the export, as `导出人：小李`, and no header? Most of its cells are a name with a value behind a colon."""
    given = [cell for cell in record if cell]
    return sum(bool(_NOTE.match(cell)) for cell in given) * 2 > len(given)


def _groups(above: list[str]) -> list[str]:
    """Names of groups over all their columns, from a record that has each at its first column only."""
    found, last = [], ""
    for cell in above:
        last = cell or last
        found.append(last)
    return found


def _different(record: list[str], above: list[str]) -> bool:
    """Are the names different, if need be together with those of the groups above them?"""
    names = [name for name in record if name]
    if len(set(names)) == len(names):
        return True
    if len(above) != len(record) or sum(map(bool, above)) < 2:
        return False
    pairs = [pair for pair in zip(_groups(above), record, strict=True) if pair[1]]
    return len(set(pairs)) == len(pairs)


def _told_apart(names: list[str], above: list[str]) -> list[str]:
    """Names that come twice carry the name of their group, where a record of groups stands above."""
    given = [name for name in names if name]
    if len(set(given)) == len(given) or not _different(names, above):
        return names
    return [f"{group}-{name}" if name and names.count(name) > 1 else name for group, name in zip(_groups(above), names, strict=True)]


def _joined(upper: list[str], lower: list[str], merged: Sequence[Span], place: int) -> list[str]:
    """The lower name where there is one, with that of its group where two columns would be called alike; else the upper."""
    wide = [span for span in merged if span.top == place == span.bottom]
    groups = list(upper)
    for i, cell in enumerate(upper):
        if not cell and i:
            held = next((span for span in wide if span.left <= i <= span.right), None)
            groups[i] = groups[held.left] if held else groups[i - 1] if not wide else ""
    names = [below or above for above, below in zip(upper, lower, strict=True)]
    return [
        f"{group}-{name}" if below and group and group != name and (names.count(name) > 1 or len(name) < 2) else name
        for name, below, group in zip(names, lower, groups, strict=True)
    ]
