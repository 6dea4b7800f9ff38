"""Manuals in Word become passages; what cannot be read is refused with what to do."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from kefu.data.guess import propose
from kefu.errors import InputError
from kefu.knowledge.documents import look, passages
from kefu.knowledge.word import sections
from kefu.pipeline.check import check
from kefu.project import load

MAIN = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def p(text: str, style: str = "", before: str = "") -> str:
    return f'<w:p><w:pPr>{f"""<w:pStyle w:val="{style}"/>""" if style else ""}</w:pPr>{before}<w:r><w:t>{text}</w:t></w:r></w:p>'


def tc(text: str, more: str = "") -> str:
    return f"<w:tc><w:tcPr>{more}</w:tcPr>{p(text)}</w:tc>"


STYLES = """<w:style w:styleId="1"><w:name w:val="heading 1"/></w:style><w:style w:styleId="2"><w:name w:val="标题 2"/></w:style>
<w:style w:styleId="own"><w:name w:val="公司二级"/><w:basedOn w:val="2"/></w:style>
<w:style w:styleId="lvl"><w:name w:val="章"/><w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:style>"""


def docx(path: Path, body: str, **more: str) -> Path:
    parts = {"word/document.xml": f"<w:body>{body}</w:body>", "word/styles.xml": STYLES, **{f"word/{name}.xml": text for name, text in more.items()}}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?><w:root xmlns:w="{MAIN}">{text}</w:root>')
    return path


def test_headings_paragraphs_and_deleted_words(tmp_path: Path) -> None:
    gone = "<w:del><w:r><w:delText>旧价</w:delText></w:r></w:del><w:moveFrom><w:r><w:t>移走</w:t></w:r></w:moveFrom>"
    body = p("会员手册", "1") + p("退卡", "own") + p("7天内全额退款，2*3_4不变。", before=gone) + p("Pool", "lvl") + p("Open 6:30-21:30.")
    path = docx(tmp_path / "手册.docx", body)
    assert list(sections(path)) == [("会员手册 > 退卡", "7天内全额退款，2*3_4不变。"), ("Pool", "Open 6:30-21:30.")]
    found = passages(path, 300)
    assert [(one.source, one.answer) for one in found] == [
        ("手册.docx#会员手册 > 退卡", "7天内全额退款，2*3_4不变。"),
        ("手册.docx#Pool", "Open 6:30-21:30."),
    ]
    docx(tmp_path / "manual.txt", body)  # whatever it is called
    assert len(passages(tmp_path / "manual.txt", 300)) == 2


def test_tables_with_merged_cells_and_footnotes(tmp_path: Path) -> None:
    down = '<w:vMerge w:val="restart"/>'
    rows = [
        tc("门店") + tc("泳池") + tc("电话"),
        tc("徐汇店", down) + tc("有") + tc("021-1"),
        tc("", "<w:vMerge/>") + tc("维修中", '<w:gridSpan w:val="2"/>'),
    ]
    table = "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in rows) + "</w:tbl>"
    note = '<w:p><w:r><w:t>年卡1000元</w:t></w:r><w:r><w:footnoteReference w:id="3"/></w:r></w:p>'
    path = docx(tmp_path / "t.docx", table + note, footnotes=f'<w:footnote w:id="3">{p("不含私教课")}</w:footnote>')
    assert list(sections(path)) == [
        ("", "门店：徐汇店；泳池：有；电话：021-1。\n\n门店：徐汇店；泳池：维修中；电话：维修中。\n\n年卡1000元（不含私教课）")
    ]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.pdf", b"%PDF-1.7 x", "is a PDF.*pdftotext"),
        ("a.doc", b"\xd0\xcf\x11\xe0" + bytes(64), r"old format of Word.*save it as \.docx"),
        ("a.rtf", b"{\\rtf1 hello}", r"rich text.*\.docx"),
        ("a.md", b"  \n", "holds no text"),
        ("a.md", bytes(40), "is not text"),
    ],
)
def test_other_documents_are_refused_by_check_with_what_to_do(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=told):
        look(tmp_path / name)
    (tmp_path / "f.csv").write_text("question,answer\nHow do I pay?,By card or by bank transfer.\n", "utf-8")
    (tmp_path / "kefu.yaml").write_text(
        f"name: t\ndata:\n  sources:\n    - {{name: f, shape: faq, path: f.csv}}\nknowledge: {{documents: [{name}]}}\n", "utf-8"
    )
    assert [fault for fault in check(load(tmp_path)) if fault.startswith("knowledge.documents")]


def test_a_damaged_or_hostile_manual_is_one_line(tmp_path: Path) -> None:
    path = docx(tmp_path / "x.docx", p("好"))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError):
        look(path)
    with zipfile.ZipFile(tmp_path / "y.docx", "w") as archive:
        archive.writestr("word/document.xml", '<!DOCTYPE r [<!ENTITY a "aaaa">]><r>&a;</r>')
    with pytest.raises(InputError, match="declares a document type"):
        look(tmp_path / "y.docx")


def test_a_manual_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is a text document \(Word\).*knowledge: \{documents"):
        propose(docx(tmp_path / "x.docx", p("好")))
