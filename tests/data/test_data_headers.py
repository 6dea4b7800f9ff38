"""Headers of tables: below titles, over two rows, again in the middle; every sheet of a workbook a table of its own."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from kefu.data.findings import lines, look
from kefu.data.guess import propose
from kefu.data.readers.headers import Span, find
from kefu.errors import InputError
from kefu.project import load

from .desk import table

TITLE = ["客服知识库（内部资料）", "", "", "", "", ""]
UPPER = ["编号", "分类", "客户问法", "", "标准答复", "更新日期"]
LOWER = ["", "", "标准问", "其他问法", "", ""]
ROWS = [
    ["K1", "退款", "怎么退款", "钱怎么退", "在订单页申请，三天内原路退回。", "2026-01-03"],
    ["K2", "", "退款多久到账", "", "审批后五个工作日内到账。", "2026-01-04"],
    ["K3", "发票", "怎么开发票", "能开发票吗", "在发票页填写抬头即可。", "2026-01-05"],
    ["K4", "", "发票抬头写错了", "", "可以在三十天内作废重开。", "2026-01-06"],
]
NAMES = ["编号", "分类", "标准问", "其他问法", "标准答复", "更新日期"]


def book(path: Path, sheets: dict[str, list[list[str]]], merged: dict[str, list[str]] | None = None, hidden: tuple[str, ...] = ()) -> Path:
    """A workbook as spreadsheets write it: cells with their places, merged ranges, hidden sheets."""
    base, kind = "http://schemas.openxmlformats.org", "application/vnd.openxmlformats"
    office, main = f"{base}/officeDocument/2006/relationships", f"{base}/spreadsheetml/2006/main"
    parts: dict[str, str] = {}
    listed = links = types = ""
    for n, (title, rows) in enumerate(sheets.items(), 1):
        text = ""
        for r, row in enumerate(rows, 1):
            cells = (f'<c r="{chr(64 + c)}{r}" t="inlineStr"><is><t>{cell}</t></is></c>' for c, cell in enumerate(row, 1) if cell)
            text += f'<row r="{r}">{"".join(cells)}</row>'
        ranges = "".join(f'<mergeCell ref="{one}"/>' for one in (merged or {}).get(title, []))
        over = f"<mergeCells>{ranges}</mergeCells>" if ranges else ""
        parts[f"xl/worksheets/sheet{n}.xml"] = f'<worksheet xmlns="{main}"><sheetData>{text}</sheetData>{over}</worksheet>'
        state = ' state="hidden"' if title in hidden else ""
        listed += f'<sheet name="{title}" sheetId="{n}"{state} r:id="r{n}"/>'
        links += f'<Relationship Id="r{n}" Type="{office}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        types += f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{kind}-officedocument.spreadsheetml.worksheet+xml"/>'
    ends = f'<Default Extension="rels" ContentType="{kind}-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
    main_part = f'<Override PartName="/xl/workbook.xml" ContentType="{kind}-officedocument.spreadsheetml.sheet.main+xml"/>'
    parts |= {
        "[Content_Types].xml": f'<Types xmlns="{base}/package/2006/content-types">{ends}{main_part}{types}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{base}/package/2006/relationships"><Relationship Id="r1" Type="{office}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{base}/package/2006/relationships">{links}</Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{listed}</sheets></workbook>',
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + part)
    return path


def seen(folder: Path, file: str, more: str = "") -> dict[str, Any]:
    (folder / "kefu.yaml").write_text(f"name: t\ndata:\n  sources:\n    - {{name: t, shape: faq, path: {file}{more}}}\n", "utf-8")
    return look(load(folder), "t")


def test_a_title_a_row_of_groups_and_a_row_of_names_in_a_workbook(tmp_path: Path) -> None:
    """Merged cells are told by the file; the second sheet is another table; which rows were taken is said."""
    rows = [TITLE, UPPER, LOWER, *ROWS]
    merged = ["A1:F1", "C2:D2", "A2:A3", "B2:B3", "E2:E3", "F2:F3", "B4:B5", "B6:B7"]
    path = book(tmp_path / "k.xlsx", {"知识库": rows, "变更记录": [["日期", "内容"], ["2026-01-01", "新增"]]}, {"知识库": merged})
    facts = seen(tmp_path, "k.xlsx")
    assert facts["columns"] == NAMES
    told = lines("t", facts)
    assert any("header in rows 2 and 3 of 知识库 (1 row above the header passed over)" in line for line in told)
    assert any("not read, being another table: 变更记录" in line for line in told) and facts["broken"] == 0
    from kefu.data import preview

    assert [one.category for one in preview(load(tmp_path), "t", 9)] == ["退款", "退款", "退款", "发票", "发票", "发票"]
    best, *others = propose(path)
    assert best.block["shape"] == "faq" and best.block["sheet"] == "知识库" and best.block["map"]["question"] == "标准问"
    assert best.confidence > 0.7 and best.formed == 6 and any("变更记录 is left out" in one for one in best.against) and not others


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_two_rows_of_names_are_told_by_their_gaps(tmp_path: Path, ending: str) -> None:
    rows = [TITLE, UPPER, LOWER, *ROWS[:2], UPPER, LOWER, *ROWS[2:]]
    if ending == "csv":
        (tmp_path / "k.csv").write_bytes(table(rows, "gb18030", ","))
    else:
        book(tmp_path / "k.xlsx", {"S": rows})
    facts = seen(tmp_path, f"k.{ending}")
    assert facts["columns"] == NAMES
    assert any("the header comes 2 times again" in line for line in lines("t", facts))
    assert propose(tmp_path / f"k.{ending}")[0].formed == 6


@pytest.mark.parametrize(
    ("records", "above", "names"),
    [
        ([["id", "question", "answer"], ["1", "How?", "So."]], 0, ["id", "question", "answer"]),
        ([["导出时间：2026-01-05 10:22", "导出人：小李", "门店：静安", ""], ["编号", "问题", "答案", "分类"], ["1", "怎么退", "在订单页", "售后"]], 1,
         ["编号", "问题", "答案", "分类"]),
        ([["客户", "", "客服", ""], ["姓名", "电话", "姓名", "电话"], ["张", "1", "李", "2"], ["王", "3", "赵", "4"]], 1,
         ["客户-姓名", "客户-电话", "客服-姓名", "客服-电话"]),
        # Rows of data under a header of one row are no second header, even where cells are empty.
        ([["问题", "答案", "", "分类"], ["怎么退", "在订单页申请", "", "售后"], ["怎么开票", "在发票页", "", "发票"]], 0,
         ["问题", "答案", "column 3", "分类"]),
    ],
)  # fmt: skip
def test_where_the_header_is(records: list[list[str]], above: int, names: list[str]) -> None:
    found = find(records)
    assert (found.above, found.names) == (above, names)


def test_merged_cells_decide_where_gaps_would_not() -> None:
    records = [["姓名", "电话", "", "", "备注"], ["", "手机", "家", "公司", ""], ["张", "1", "2", "3", ""], ["李", "4", "5", "6", ""]]
    found = find(records, [Span(0, 1, 0, 3), Span(0, 0, 1, 0), Span(0, 4, 1, 4)])
    assert found.names == ["姓名", "手机", "电话-家", "公司", "备注"] and found.below == 2


def test_sheets_of_one_table_are_read_together_and_others_are_chosen(tmp_path: Path) -> None:
    month = [["问题", "答案"], ["怎么退款", "在订单页申请退款，三天内原路退回"], ["怎么开票", "在发票页填写抬头"]]
    other = [["工单", "状态", "渠道"], ["1", "完成", "电话"], ["2", "完成", "微信"]]
    secret = [["问题", "答案"], ["内部问题", "不给客户看的答案"]]
    book(tmp_path / "b.xlsx", {"一月": month, "二月": month, "工单": other, "旧": secret}, hidden=("旧",))
    facts = seen(tmp_path, "b.xlsx")
    assert facts["files"]["b.xlsx"]["sheets"] == ["一月", "二月"] and facts["columns"] == ["问题", "答案"]
    assert seen(tmp_path, "b.xlsx", ", sheet: 旧")["files"]["b.xlsx"]["sheets"] == ["旧"]
    assert seen(tmp_path, "b.xlsx", ", sheet: [一月, 旧]")["files"]["b.xlsx"]["sheets"] == ["一月", "旧"]
    with pytest.raises(InputError, match="has no sheet '三月'"):
        seen(tmp_path, "b.xlsx", ", sheet: 三月")
    book(tmp_path / "c.xlsx", {"甲": [["a", "b"], ["x", "y"]], "乙": [["c", "d"], ["x", "y"]]})
    with pytest.raises(InputError, match=r"cannot tell which sheet of c\.xlsx.*write `sheet: NAME`"):
        seen(tmp_path, "c.xlsx")
    assert seen(tmp_path, "c.xlsx", ", map: {question: c, answer: d}")["files"]["c.xlsx"]["sheets"] == ["乙"]


def test_every_sheet_that_fits_becomes_a_source(tmp_path: Path) -> None:
    labelled = [
        ["客户说的话", "意图"],
        *[[f"{text}第{i}次了", label] for i in range(8) for text, label in (("我要退款", "退款"), ("快递没到", "物流"))],
    ]
    faq = [["标准问", "标准答复"], *[[row[2], row[4]] for row in ROWS]]
    found = propose(book(tmp_path / "b.xlsx", {"问答": faq, "意图": labelled}))
    told = {(one.block["sheet"], one.block["shape"]) for one in found if one.beside or one is found[0]}
    assert told == {("问答", "faq"), ("意图", "classification")}
    assert len({one.block["name"] for one in found if one is found[0] or one.beside}) == 2


def test_wordings_in_columns_of_their_own_and_categories_written_once(tmp_path: Path) -> None:
    rows = [["分类", "标准问", "相似问1", "相似问2", "答案"], ["退款", "怎么退款", "钱怎么退", "能退吗", "在订单页申请退款，三天内原路退回"]]
    rows += [
        ["", "多久到账", "", "", "审批之后五个工作日内到账"],
        ["发票", "怎么开票", "能开发票吗", "", "在发票页填写抬头，当天开出"],
        ["", "抬头错了", "", "", "三十天内可以作废后重开一张"],
    ]
    (tmp_path / "k.csv").write_bytes(table(rows, "utf-8", ","))
    best = propose(tmp_path / "k.csv")[0]
    assert best.block["map"]["similar"] == "相似问*" and not any("lost" in one for one in best.against)
    facts = seen(tmp_path, "k.csv")
    assert facts["map"]["similar"] == "相似问*" and not any("not used" in line for line in lines("t", facts))
    from kefu.data import preview

    told = [(one.customer_text(), one.category) for one in preview(load(tmp_path), "t", 20)]
    assert told == [
        ("怎么退款", "退款"), ("钱怎么退", "退款"), ("能退吗", "退款"), ("多久到账", "退款"),
        ("怎么开票", "发票"), ("能开发票吗", "发票"), ("抬头错了", "发票"),
    ]  # fmt: skip


def test_a_column_of_roles_beats_one_of_names(tmp_path: Path) -> None:
    """`发送人` is the usual name, but it holds names; every value of the other becomes a role."""
    head = ["会话编号", "发送人", "发送人身份", "消息内容", "发送时间"]
    talk = [
        ("系统", "系统", "客服已接入"),
        ("小鲸机器人", "机器人", "您好，请问有什么可以帮您"),
        ("谢杰", "客户", "怎么退卡"),
        ("客服-小顾", "客服", "请到前台办理"),
    ]
    rows = [[f"S{i}", name, role, f"{text}{i}", f"2026-01-0{i + 1} 10:0{n}:00"] for i in range(6) for n, (name, role, text) in enumerate(talk)]
    (tmp_path / "c.csv").write_bytes(table([head, *rows], "utf-8", ","))
    best = propose(tmp_path / "c.csv")[0]
    assert best.block["map"]["role"] == "发送人身份"
    assert best.block["roles"] == {"客服": "agent", "机器人": "bot", "客户": "customer", "系统": "system"}
