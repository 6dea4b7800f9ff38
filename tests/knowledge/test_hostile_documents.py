"""Manuals that were made to exhaust the stack or the memory of whoever reads them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from kefu.errors import InputError
from kefu.knowledge import documents

NAMES = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
SAID = "<w:p><w:r><w:t>Returns are taken within 30 days.</w:t></w:r></w:p>"
ENTITY = '<!DOCTYPE d [<!ENTITY a "Return it.">]>'


def docx(path: Path, body: str, before: str = "", encoding: str = "utf-8") -> Path:
    text = f'<?xml version="1.0" encoding="{encoding}"?>{before}<w:document {NAMES}><w:body>{body}</w:body></w:document>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("body", "before", "encoding", "told"),
    [
        (f"{SAID}<w:p>{'<w:r>' * 5000}<w:t>x</w:t>{'</w:r>' * 5000}</w:p>", "", "utf-8", "nested deeper"),
        (f"{'<w:sdt>' * 5000}{SAID}{'</w:sdt>' * 5000}", "", "utf-8", "nested deeper"),
        (f"{SAID}{'<w:tbl><w:tr><w:tc>' * 1500}{SAID}{'</w:tc></w:tr></w:tbl>' * 1500}", "", "utf-8", "nested deeper"),
        (SAID + "<w:p/>" * 2_000_001, "", "utf-8", "more than 2000000 elements"),
        (SAID + "<w:p><w:r><w:t>&a;</w:t></w:r></w:p>", " " * 5000 + ENTITY, "utf-8", "document type"),
        (SAID + "<w:p><w:r><w:t>&a;</w:t></w:r></w:p>", ENTITY, "utf-16", "document type"),
    ],
    ids=["runs", "content controls", "tables", "empty paragraphs", "doctype behind blanks", "doctype in UTF-16"],
)
def test_what_no_office_program_writes_is_refused(tmp_path: Path, body: str, before: str, encoding: str, told: str) -> None:
    path = docx(tmp_path / "m.docx", body, before, encoding)
    with pytest.raises(InputError, match=told):
        documents.passages(path, 400)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_what_it_writes_is_read(tmp_path: Path, encoding: str) -> None:
    table = "<w:tbl><w:tr><w:tc>" * 20 + SAID + "</w:tc></w:tr></w:tbl>" * 20
    assert "30 days" in documents.passages(docx(tmp_path / "m.docx", table, "", encoding), 400)[0].answer
