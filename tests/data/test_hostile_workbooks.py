"""Workbooks that were made to abort the process, to run for ever, to fill the memory, or to lose rows without a word."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from kefu.data.readers import apart, workbook
from kefu.data.readers.apart import Limit
from kefu.data.readers.rows import Broken, Row
from kefu.errors import InputError

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
HEAD = '<?xml version="1.0"?>'
TALK = [("question", "answer"), *((f"How do I return {i}?", f"At desk {i}.") for i in range(2, 12))]


def cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


ROWS = "".join(f'<row r="{i}">{cell(f"A{i}", q)}{cell(f"B{i}", a)}</row>' for i, (q, a) in enumerate(TALK, 1))


def xlsx(path: Path, rows: str, tail: str = "", shared: str = "") -> Path:
    part = '<Override PartName="/xl/{}.xml" ContentType="' + TYPE + '.{}+xml"/>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        kinds = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        parts = part.format("workbook", "sheet.main") + part.format("worksheets/sheet1", "worksheet")
        archive.writestr("[Content_Types].xml", f'{HEAD}<Types xmlns="{PACKAGE}/content-types">{kinds}{parts}</Types>')
        link = '<Relationship Id="{}" Type="' + LINKS + '/{}" Target="{}"/>'
        wrap = f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships">{{}}</Relationships>'
        archive.writestr("_rels/.rels", wrap.format(link.format("rId1", "officeDocument", "xl/workbook.xml")))
        sheets = '<sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets>'
        archive.writestr("xl/workbook.xml", f'{HEAD}<workbook {MAIN} xmlns:r="{LINKS}">{sheets}</workbook>')
        links = link.format("rId1", "worksheet", "worksheets/sheet1.xml") + link.format("rId2", "sharedStrings", "sharedStrings.xml")
        archive.writestr("xl/_rels/workbook.xml.rels", wrap.format(links))
        archive.writestr("xl/worksheets/sheet1.xml", f"{HEAD}<worksheet {MAIN}><sheetData>{rows}</sheetData>{tail}</worksheet>")
        if shared:
            archive.writestr("xl/sharedStrings.xml", f"{HEAD}<sst {MAIN}>{shared}</sst>")
    return path


def ods(path: Path, repeated: int) -> Path:
    names = ("office", "table", "text")
    spaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in names)

    def row(cells: tuple[str, str], times: int = 1) -> str:
        written = "".join(f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>' for text in cells)
        return f'<table:table-row table:number-rows-repeated="{times}">{written}</table:table-row>'

    table = '<table:table table:name="S">' + "".join(map(row, TALK)) + row(("x", "y"), repeated) + "</table:table>"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>')
        body = f"<office:body><office:spreadsheet>{table}</office:spreadsheet></office:body>"
        archive.writestr("content.xml", f"{HEAD}<office:document-content {spaces}>{body}</office:document-content>")
    return path


def read(path: Path, seconds: float = 120) -> list[Row | Broken]:
    facts: dict[str, Any] = {}
    return list(workbook.read_excel(path, path.name, 512, [], lambda tables: sorted(tables)[0], facts, Limit(seconds, "look_timeout_s")))


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.exit_code == 2 and "\n" not in caught.value.line() and caught.value.fix
    return caught.value.line()


@pytest.mark.parametrize(
    ("place", "row", "told"),
    [("XFD1048576", 1048576, "far away"), ("CV1048576", 1048576, "far away"), ("ZZZZ4294967295", 4294967295, "beyond the last place")],
)
def test_a_cell_far_away(tmp_path: Path, place: str, row: int, told: str) -> None:
    assert told in refused(xlsx(tmp_path / "x.xlsx", f'{ROWS}<row r="{row}">{cell(place, "x")}</row>'))


@pytest.mark.parametrize("ending", ["xls", "xlsx"])
def test_an_old_container_of_nothing_does_not_abort_the_process(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x.{ending}"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + b"\x3e\0\x03\0\xfe\xff\x09\0\x06\0" + b"\xff" * 4000)
    assert "memory" in refused(path) or "died" in refused(path)


def test_one_long_shared_text_in_thousands_of_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "MEMORY_MB", 3 << 10)
    rows = "".join(f'<row r="{i}"><c r="A{i}" t="s"><v>0</v></c><c r="B{i}" t="s"><v>0</v></c></row>' for i in range(1, 2000))
    assert "memory" in refused(xlsx(tmp_path / "x.xlsx", rows, shared=f"<si><t>{'x' * (20 << 20)}</t></si>"))


@pytest.mark.parametrize(
    "tail",
    [
        f"<!-- {'<mergeCell ' * 60_000} -->",
        f'<mergeCells count="1"><mergeCell ref="A2:A3"/></mergeCells><!-- {"<c " * 200_000} -->',
        "<mergeCells>" + '<mergeCell ref="A2:A1048576"/>' * 2000 + "</mergeCells>",
    ],
    ids=["merged in a comment", "cells in a comment", "merged over each other"],
)
def test_layouts_take_time_in_proportion(tmp_path: Path, tail: str) -> None:
    path = xlsx(tmp_path / "x.xlsx", f'{ROWS}<row r="20000">{cell("B20000", "x")}</row>', tail)
    assert len(read(path)) == len(TALK)  # minutes before, and stopped then


def test_a_workbook_is_stopped_when_its_time_is_over(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "x.xlsx", f'{ROWS}<row r="1048576">{cell("J1048576", "x")}</row>')
    with pytest.raises(InputError, match=r"look_timeout_s \(-1\.9 s\)"):
        read(path, -1.9)


def test_rows_repeated_beyond_the_end_are_not_lost_in_silence(tmp_path: Path) -> None:
    assert "4000000011 rows" in refused(ods(tmp_path / "x.ods", 4_000_000_000))
    assert len(read(ods(tmp_path / "y.ods", 3))) == len(TALK) + 2


def test_rows_of_errors_are_said(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "x.xlsx", ROWS + '<row r="12"><c r="A12" t="e"><v>#REF!</v></c><c r="B12" s="1" t="e"><v>#N/A</v></c></row>')
    found = read(path)
    assert len(found) == len(TALK)
    assert isinstance(found[-1], Broken) and found[-1].where == "x.xlsx#12" and "#REF!" in found[-1].reason


def test_sheets_are_grouped_in_the_child_too(tmp_path: Path) -> None:
    assert workbook.groups(xlsx(tmp_path / "x.xlsx", ROWS), 512) == [["S"]]
