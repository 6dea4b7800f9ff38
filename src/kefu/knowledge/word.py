"""Manuals in Word (.docx): headings, paragraphs, lists, tables and footnotes, from the XML itself (ECMA-376)."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from xml.etree import ElementTree

from kefu.errors import InputError
from kefu.markup import office_xml
from kefu.text.language import detect

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_SKIPPED = {f"{_W}moveFrom", f"{_W}del", "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback", f"{_W}pPr", f"{_W}rPr"}
_MOST = 64 << 20  # bytes of one part; a manual of a thousand pages has two or three million
_FAULTS = (zipfile.BadZipFile, zlib.error, KeyError, OSError, ValueError, RuntimeError, NotImplementedError, EOFError, ElementTree.ParseError)
_HEADING = re.compile(r"(?:heading|标题)\s*(\d)", re.IGNORECASE)


def is_word(head: bytes, path: Path) -> bool:
    """Is it a .docx, whatever it is called? head: its first bytes."""
    if head[:4] != b"PK\x03\x04":
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return "word/document.xml" in archive.namelist()
    except _FAULTS:
        return False


def sections(path: Path) -> Iterator[tuple[str, str]]:
    """(headings joined by " > ", paragraphs with a blank line between them) in reading order. Raises InputError for a damaged file."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            body = _part(archive, "word/document.xml").find(f"{_W}body")
            levels = _levels(_part(archive, "word/styles.xml")) if "word/styles.xml" in names else {}
            notes = _part(archive, "word/footnotes.xml") if "word/footnotes.xml" in names else None
    except _FAULTS as error:
        why = str(error) or type(error).__name__
        raise InputError(f"document {path}", f"cannot be read as Word ({why})", "open it in Word and save it again as .docx") from None
    footnotes = {one.get(f"{_W}id", ""): _text(one, {}).strip() for one in notes if one.get(f"{_W}type") is None} if notes is not None else {}
    yield from _walk(body if body is not None else (), levels, footnotes)


def _walk(body: ElementTree.Element | tuple[()], levels: dict[str, int], footnotes: dict[str, str]) -> Iterator[tuple[str, str]]:
    path: list[str] = []
    held: list[str] = []

    def done() -> Iterator[tuple[str, str]]:
        if held:
            yield " > ".join(part for part in path if part), "\n\n".join(held)

    for block in _blocks(body):
        if block.tag == f"{_W}tbl":
            held += [line for line in _table(block, footnotes) if line]
            continue
        text = "\n".join(line.strip() for line in _text(block, footnotes).split("\n") if line.strip())
        level = _level(block, levels)
        if level and text:
            yield from done()
            held = []
            path = [*path[: level - 1], *[""] * (level - 1 - len(path)), text.replace("\n", " ")]
        elif text:
            held.append(text)
    yield from done()


def _blocks(body: ElementTree.Element | tuple[()]) -> Iterator[ElementTree.Element]:
    """Paragraphs and tables, also those inside content controls and insertions."""
    for block in body:
        if block.tag in (f"{_W}p", f"{_W}tbl"):
            yield block
        elif block.tag not in _SKIPPED:
            yield from _blocks(block)


def _part(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    with archive.open(name) as handle:
        text = handle.read(_MOST + 1)
    if len(text) > _MOST:
        raise ValueError(f"{name} is larger than {_MOST >> 20} MB")
    return office_xml(text)


def _levels(styles: ElementTree.Element) -> dict[str, int]:
    """Heading level (1 to 9) by id of a paragraph style, by its name, its outline level, or those of the style it is based on."""
    own: dict[str, int] = {}
    based: dict[str, str] = {}
    for style in styles.iter(f"{_W}style"):
        name, key = _value(style.find(f"{_W}name")), style.get(f"{_W}styleId", "")
        outline = _value(style.find(f"{_W}pPr/{_W}outlineLvl"))
        based[key] = _value(style.find(f"{_W}basedOn"))
        if match := _HEADING.match(name):
            own[key] = int(match.group(1)) or 1
        elif name.casefold() in ("title", "标题"):
            own[key] = 1
        elif outline.isdigit() and int(outline) < 9:
            own[key] = int(outline) + 1
    found = dict(own)
    for key in based:
        at, seen = key, set()
        while at not in own and at in based and at not in seen:
            seen.add(at)
            at = based[at]
        if at in own:
            found[key] = own[at]
    return found


def _value(element: ElementTree.Element | None) -> str:
    return "" if element is None else element.get(f"{_W}val", "")


def _level(paragraph: ElementTree.Element, levels: dict[str, int]) -> int:
    outline = _value(paragraph.find(f"{_W}pPr/{_W}outlineLvl"))
    if outline.isdigit():
        return int(outline) + 1 if int(outline) < 9 else 0
    return levels.get(_value(paragraph.find(f"{_W}pPr/{_W}pStyle")), 0)


def _text(element: ElementTree.Element, footnotes: dict[str, str]) -> str:
    """The words of an element: what was deleted or moved away is no longer in it, what a text box repeats for old programs is not twice in it."""
    parts = []
    for child in element:
        if child.tag in _SKIPPED:
            continue
        if child.tag == f"{_W}t":
            parts.append(child.text or "")
        elif child.tag in (f"{_W}tab", f"{_W}ptab"):
            parts.append(" ")
        elif child.tag in (f"{_W}br", f"{_W}cr"):
            parts.append("\n")
        elif child.tag == f"{_W}noBreakHyphen":
            parts.append("-")
        elif child.tag == f"{_W}footnoteReference":
            note = footnotes.get(child.get(f"{_W}id", ""), "")
            parts.append((f"（{note}）" if detect(note) == "zh" else f" ({note})") if note else "")
        elif child.tag == f"{_W}p" and parts:
            parts.append("\n" + _text(child, footnotes))
        else:
            parts.append(_text(child, footnotes))
    return "".join(parts)


def _table(table: ElementTree.Element, footnotes: dict[str, str]) -> Iterator[str]:
    """Rows as sentences a customer can read: `column: cell; column: cell`. A merged cell stands in each of its places."""
    above: list[str] = []
    header: list[str] = []
    rows = list(_parts(table, "tr"))
    for number, row in enumerate(rows):
        cells: list[str] = []
        for cell in _parts(row, "tc"):
            merged = cell.find(f"{_W}tcPr/{_W}vMerge")
            span = _value(cell.find(f"{_W}tcPr/{_W}gridSpan"))
            text = " ".join(_text(cell, footnotes).split())
            if merged is not None and _value(merged) != "restart" and len(cells) < len(above):
                text = text or above[len(cells)]
            cells += [text] * (min(int(span), 64) if span.isdigit() else 1)
        above = cells
        if number == 0 and len(cells) > 1 and len(rows) > 1:
            header = cells
            continue
        yield named(header, cells)


def _parts(element: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    """Rows of a table or cells of a row, also those inside content controls; never those of a table inside a cell."""
    for child in element:
        if child.tag == f"{_W}{name}":
            yield child
        elif child.tag not in (*_SKIPPED, f"{_W}tbl", f"{_W}tc"):
            yield from _parts(child, name)


def named(header: list[str], cells: list[str]) -> str:
    """A row of a table as one sentence, each cell behind the name of its column; cells that say the same are said once."""
    chinese = detect("".join(cells)) == "zh" or (bool(header) and detect("".join(header)) == "zh")
    colon, stop = ("：", "；") if chinese else (": ", "; ")
    told = [f"{name}{colon}{cell}" if name else cell for name, cell in zip_longest(header, cells, fillvalue="") if cell]
    return stop.join(dict.fromkeys(told)) + ("。" if chinese else ".") if told else ""
