"""Excel and OpenDocument workbooks (through polars and calamine): every sheet a table of its own."""

from __future__ import annotations

import contextlib
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

from kefu.data.readers import apart
from kefu.data.readers.apart import Limit
from kefu.data.readers.headers import HEAD, Header, Span, find
from kefu.data.readers.packed import ZIP_FAULTS, check_workbook, too_big
from kefu.data.readers.rows import Broken, Row
from kefu.errors import InputError, MissingExtra
from kefu.markup import office_xml

Choose = Callable[[dict[str, list[str]]], str]
Cells = list[Any]
_NO_LIMIT = Limit()


@dataclass
class Sheet:
    """One table. places: rows of the header, as the spreadsheet numbers them. values: what merged ranges give to cells below their first."""

    name: str
    header: Header
    places: list[int]
    frame: Any
    values: dict[int, dict[int, Any]] = field(default_factory=dict)
    hidden: bool = False
    errors: frozenset[int] = frozenset()

    @property
    def where(self) -> str:
        return f"row{'s' if len(self.places) > 1 else ''} {' and '.join(map(str, self.places))}"

    def rows(self) -> Iterator[tuple[int, Cells]]:
        """`(number in the spreadsheet, cells)` below the header; rows in which nothing stands are no rows, those of errors only have no cells."""
        after = self.places[-1] if self.places else 0
        for number, row in enumerate(self.frame[after:].iter_rows(), after + 1):
            if any(_given(cell) for cell in row):
                cells = list(row)
                for column, value in self.values.get(number, {}).items():
                    cells[column] = value
                yield number, cells
            elif number in self.errors:
                yield number, []

    @property
    def empty(self) -> bool:
        return next((True for _, cells in self.rows() if cells), None) is None


@dataclass
class _Layout:
    """What a sheet's XML tells and calamine does not: merged ranges, counted from 0, and whether people see the sheet."""

    merged: list[Span] = field(default_factory=list)
    first_column: int = 0
    hidden: bool = False
    errors: frozenset[int] = frozenset()


def read_excel(
    path: Path, name: str, limit_mb: float, wanted: Sequence[str], choose: Choose, facts: dict[str, Any], limit: Limit = _NO_LIMIT
) -> Iterator[Row | Broken]:
    """Rows of the sheets called as `wanted` (names or globs); of none given, of those whose columns `choose` picks. Formulas give their values.

    Sheets with other columns are another table: they are left out, and `facts` names them. The file is read in a child process.
    """
    yield from apart.read("kefu.data.readers.workbook:rows_of", (path, name, limit_mb, wanted), path, facts, limit, choose, _fix(limit))


def groups(path: Path, limit_mb: float, limit: Limit = _NO_LIMIT) -> list[list[str]]:
    """Names of the sheets that people see and that hold rows; those with the same columns stand together, in the workbook's order."""
    found: list[list[str]] = list(apart.read("kefu.data.readers.workbook:groups_of", (path, limit_mb), path, {}, limit, bool, _fix(limit)))
    return found


def _fix(limit: Limit) -> str:
    return f"export it as CSV, which is read row by row, or raise {limit.setting} of the source"


def groups_of(path: Path, limit_mb: float, ask: Choose, facts: dict[str, Any]) -> Iterator[list[str]]:
    """For `groups`, in a child process."""
    yield from _alike({name: sheet for name, sheet in _open(path, limit_mb).items() if not sheet.hidden and not sheet.empty})


def rows_of(path: Path, name: str, limit_mb: float, wanted: Sequence[str], choose: Choose, facts: dict[str, Any]) -> Iterator[Row | Broken]:
    """For `read_excel`, in a child process."""
    sheets = _open(path, limit_mb)
    tables = {title: sheet for title, sheet in sheets.items() if not sheet.empty}
    chosen = _wanted(path, sheets, wanted) if wanted else _chosen(path, tables, choose)
    facts["sheets"] = chosen
    if others := [title for title in tables if title not in chosen]:
        facts["sheets_left_out"] = others
    columns: list[str] = []
    for title in chosen:
        sheet = sheets[title]
        header, several = sheet.header, len(sheets) > 1
        label = f"{name}:{title}" if title and several else name
        if sheet.places:
            facts["header"] = ", ".join(filter(None, [facts.get("header"), f"{sheet.where} of {title}" if several else sheet.where]))
        for fact, count in (("rows_above_header", header.above), ("cells_filled_from_merged", sum(map(len, sheet.values.values())))):
            if count:
                facts[fact] = facts.get(fact, 0) + count
        columns += [column for column in header.names if column not in columns]
        for number, cells in sheet.rows():
            if not cells:
                yield Broken(f"{label}#{number}", "its formulas give errors only (#REF!, #N/A and the like)")
                continue
            if header.again(cells):
                facts["headers_again"] = facts.get("headers_again", 0) + 1
                continue
            yield Row(f"{label}#{number}", dict(zip(header.names, cells, strict=True)))
    facts["columns"] = columns


def _wanted(path: Path, sheets: Mapping[str, Sheet], wanted: Sequence[str]) -> list[str]:
    missing = [name for name in wanted if name not in sheets and not any(fnmatchcase(title, name) for title in sheets)]
    if missing:
        raise InputError(f"{path.name} has no sheet {missing[0]!r}", f"it has {', '.join(map(repr, sheets))}", "correct `sheet`")
    return [title for title in sheets if any(title == name or fnmatchcase(title, name) for name in wanted)]


def _chosen(path: Path, tables: Mapping[str, Sheet], choose: Choose) -> list[str]:
    """The sheets of one table; hidden ones only when nothing else is there."""
    seen = {name: sheet for name, sheet in tables.items() if not sheet.hidden} or tables
    found = _alike(seen)
    if len(found) < 2:
        return [name for group in found for name in group]
    best = choose({group[0]: list(dict.fromkeys(column for name in group for column in seen[name].header.names)) for group in found})
    if not best:
        told = "; ".join(f"{name}({', '.join(seen[name].header.names[:8])})" for name in seen)
        raise InputError(f"cannot tell which sheet of {path.name} to read", f"its sheets are different tables: {told}", "write `sheet: NAME`")
    return next(group for group in found if group[0] == best)


def _alike(sheets: Mapping[str, Sheet]) -> list[list[str]]:
    """Sheets with the same columns together (a month on each, say); a column more or less does not make another table."""
    found: list[list[str]] = []
    for name, sheet in sheets.items():
        columns = set(sheet.header.names)
        for group in found:
            other = set(sheets[group[0]].header.names)
            if len(columns & other) >= 2 and len(columns & other) * 10 >= 7 * len(columns | other):
                group.append(name)
                break
        else:
            found.append([name])
    if any(len(group) > 1 for group in found) or len(found) < 2:
        return found
    same = {frozenset(sheets[group[0]].header.names) for group in found}
    return [[name for group in found for name in group]] if len(same) == 1 else found


def _open(path: Path, limit_mb: float) -> dict[str, Sheet]:
    try:
        import polars
    except ImportError:
        raise MissingExtra(f"reading {path.name}", "data") from None
    if path.stat().st_size > limit_mb * (1 << 20):
        raise too_big(path, limit_mb)
    check_workbook(path, limit_mb)
    _check_extents(path)
    try:
        # Without a header and with every row, empty ones too: only so is a row where the spreadsheet numbers it.
        whole: dict[str, Any] = {"has_header": False, "drop_empty_rows": False, "read_options": {"skip_rows": 0}}
        frames = polars.read_excel(path, sheet_id=0, infer_schema_length=0, raise_if_empty=False, **whole)
    except ImportError:
        raise MissingExtra(f"reading {path.name} (fastexcel)", "data") from None
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001 - calamine panics on some damaged files, which is no Exception
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError(f"{path.name} is not excel", said, "export it again, or set `format`") from None
    layouts = _layouts(path)
    return {name: _sheet(name, frame, layouts.get(name, _Layout())) for name, frame in frames.items()}


def _sheet(name: str, read: Any, layout: _Layout) -> Sheet:
    """The sheet's table. Columns in which nothing stands are no columns."""
    kept = [at for at, column in enumerate(read) if any(_given(cell) for cell in column)]
    place = {column + layout.first_column: at for at, column in enumerate(kept)}
    frame = read[:, kept]
    head = list(islice(((number, row) for number, row in enumerate(frame.iter_rows()) if any(_given(cell) for cell in row)), HEAD))
    at = {number: i for i, (number, _) in enumerate(head)}
    spans = []
    for span in layout.merged:
        down = [at[number] for number in range(span.top, min(span.bottom, span.top + HEAD) + 1) if number in at] if span.top in at else []
        over = [place[column] for column in range(span.left, min(span.right, span.left + 1000) + 1) if column in place]
        if down and over:
            spans.append(Span(down[0], over[0], down[-1], over[-1]))
    header = find([["" if cell is None else str(cell) for cell in row] for _, row in head], spans)
    places = [number + 1 for number, _ in head[header.above : header.below]]
    values: dict[int, dict[int, Any]] = {}
    ends: dict[int, int] = {}
    for span in sorted(layout.merged, key=lambda one: (one.top, one.left)):  # a category merged over its rows stands in the first of them only
        if span.top <= ends.get(span.left, -1):
            continue  # merged ranges do not overlap, in a file that a spreadsheet wrote
        ends[span.left] = span.bottom
        if span.left != span.right or span.left not in place or not places or not places[-1] <= span.top < frame.height:
            continue
        column = place[span.left]
        given = frame[span.top, column]
        for number in range(span.top + 1, min(span.bottom, frame.height - 1) + 1) if _given(given) else ():
            if not _given(frame[number, column]) and any(_given(cell) for cell in frame.row(number)):
                values.setdefault(number + 1, {})[column] = given
    return Sheet(name, header, places, frame, values, layout.hidden, layout.errors)


def _given(cell: Any) -> bool:
    return cell is not None and (not isinstance(cell, str) or bool(cell.strip()))


_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
# No tag holds a `<`, so each of these looks at a tag once.
_MERGED = re.compile(rb'<(?:\w{1,20}:)?mergeCell\s[^<>]*?\bref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_CELL = re.compile(rb'<(?:\w{1,20}:)?c\s(?:[^<>]*?\s)?r="([A-Z]{1,3})\d+"(?:[^<>]*[^/<>])?>')
_ERROR = re.compile(rb'<(?:\w{1,20}:)?c\s(?=[^<>]*\bt="e")[^<>]*?\br="[A-Z]{1,3}(\d{1,7})"')
_FAR = re.compile(rb'<(?:\w{1,20}:)?c\s(?:[^<>]*?\s)?r="([A-Z]{2,})\d')
_ROW = re.compile(rb'<(?:\w{1,20}:)?row\s(?:[^<>]*?\s)?r="(\d+)"')
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_ROWS, _COLUMNS = 1_048_576, 16_384  # of a sheet (ECMA-376; LibreOffice has the same)
_AREA, _SPREAD = 50_000_000, 100  # cells that are held for a sheet, however few are written
_MOST_MERGED = 200_000


def _layouts(path: Path) -> dict[str, _Layout]:
    """Layouts by sheet, of an .xlsx or .xlsm; of other kinds, and where the XML is not as usual, nothing is known."""
    try:
        with zipfile.ZipFile(path) as archive:
            book = office_xml(archive.read("xl/workbook.xml"))
            links = {one.get("Id"): one.get("Target", "") for one in office_xml(archive.read("xl/_rels/workbook.xml.rels"))}
            found = {}
            for sheet in book.iter(f"{_MAIN}sheet"):
                target = next((links[value] for key, value in sheet.attrib.items() if key.endswith("}id") and value in links), "")
                if target:
                    member = target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)
                    found[sheet.get("name", "")] = _layout(_plain(archive.read(member)), sheet.get("state", "visible") != "visible")
            return found
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, RuntimeError, NotImplementedError, EOFError, ElementTree.ParseError):
        return {}


def _layout(text: bytes, hidden: bool) -> _Layout:
    merged = []
    for n, one in enumerate(_MERGED.finditer(text)):
        if n >= _MOST_MERGED:
            break
        left, top, right, bottom = one.groups()
        merged.append(Span(int(top) - 1, _column(left), int(bottom) - 1, _column(right)))
    first = min((_column(letters) for letters in set(_CELL.findall(text))), default=0) if merged else 0
    return _Layout(merged, first, hidden, frozenset(int(row) for row in _ERROR.findall(text)))


def _check_extents(path: Path) -> None:
    """Refuse sheets of which a few cells claim more room than a spreadsheet has, or all of it: every cell between would be held."""
    if not zipfile.is_zipfile(path):
        return
    with contextlib.suppress(*ZIP_FAULTS), zipfile.ZipFile(path) as archive:  # what is damaged is told of by its reader
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                _check_sheet(path, name, _plain(archive.read(name)))
            elif name == "content.xml":
                for table in archive.read(name).split(b"<table:table ")[1:]:
                    rows = table.count(b"<table:table-row") + sum(int(n) - 1 for n in re.findall(rb'number-rows-repeated="(\d{1,18})"', table))
                    if rows > _ROWS:
                        raise _beyond(path, f"a sheet claims {rows} rows")


def _check_sheet(path: Path, name: str, text: bytes) -> None:
    rows = max((int(row[:9]) if len(row) < 10 else 10**9 for row in _ROW.findall(text)), default=0)
    columns = max((_column(letters) + 1 if len(letters) < 4 else 10**6 for letters in set(_FAR.findall(text))), default=26)
    if rows > _ROWS or columns > _COLUMNS:
        raise _beyond(path, f"{PurePosixPath(name).name} has a cell beyond the last place of a spreadsheet")
    written = text.count(b"</c>") + text.count(b":c>") + text.count(b"/>")
    if rows * columns > _AREA and rows * columns > _SPREAD * written:
        why = f"its {written} cells lie {rows} rows and {columns} columns apart"
        raise InputError(f"{path.name}, {PurePosixPath(name).name}", why, "delete the cell that stands far away from the others, or export CSV")


def _beyond(path: Path, why: str) -> InputError:
    return InputError(f"{path.name} is no workbook that a spreadsheet wrote", why, "export it again")


def _plain(text: bytes) -> bytes:
    return _COMMENT.sub(b"", text) if b"<!--" in text else text


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1
