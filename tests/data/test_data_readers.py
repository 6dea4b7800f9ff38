"""Every format, encoding and kind of damage a raw export comes with."""

from __future__ import annotations

import gzip
import json
import sqlite3
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from kefu.data.readers import Broken, Row, open_source
from kefu.data.readers.delimited import sniff
from kefu.data.readers.encoding import detect
from kefu.errors import ConfigError, InputError
from kefu.project import Loaded
from kefu.project.schema import Project, Source

from .desk import ZH, jsonl, table


def read(folder: Path, **source: Any) -> tuple[list[Row], list[Broken], dict[str, Any]]:
    given = Source(name="s", **{"shape": "faq", **source})
    loaded = Loaded(Project.model_validate({"name": "t", "data": {"sources": [given]}}), folder)
    reading = open_source(given, loaded, lambda tables: "")
    rows = list(reading.rows())
    return [r for r in rows if isinstance(r, Row)], [r for r in rows if isinstance(r, Broken)], reading.facts


TEXT = "编号,问题,答案\n1,怎么退款？,请在订单页面申请退款，三天内到账。\n2,你们几点上班,早上九点到晚上六点\n"
TRADITIONAL = "編號,問題,答案\n1,怎麼退款？,請在訂單頁面申請退款，三天內到帳。\n2,你們幾點上班,早上九點到晚上六點\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (TEXT.encode("utf-8-sig"), "utf-8-sig"),
        (TEXT.encode("gb18030"), "gb18030"),
        (TEXT.encode("gbk"), "gb18030"),
        (TEXT.encode("utf-16"), "utf-16"),
        (("a,b\nquestion,answer\n" * 20).encode("utf-16-le"), "utf-16-le"),
        (("a,b\nquestion,answer\n" * 20).encode("utf-16-be"), "utf-16-be"),
        (TRADITIONAL.encode("big5"), "big5"),
        ("q,a\nIt’s the café’s naïve résumé – “fine”,Él está aquí…\n".encode("cp1252"), "cp1252"),
        (b"plain,ascii\n", "utf-8"),
        (("x" * 300_000 + "\n").encode() + TEXT.encode("gb18030"), "gb18030"),
    ],
)
def test_encoding_is_found(tmp_path: Path, data: bytes, encoding: str) -> None:
    (tmp_path / "f.csv").write_bytes(data)
    assert detect(tmp_path / "f.csv") == encoding


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "big5"])
def test_a_csv_reads_the_same_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    text = TRADITIONAL if encoding == "big5" else TEXT
    (tmp_path / "f.csv").write_bytes(text.encode(encoding))
    rows, broken, facts = read(tmp_path, path="f.csv")
    assert [list(row.values.values()) for row in rows] == [line.split(",") for line in text.splitlines()[1:]]
    assert not broken
    assert facts["files"]["f.csv"]["encoding"].replace("-sig", "") == encoding.replace("-sig", "")


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(bytes(range(128, 256)) * 40)
    with pytest.raises(InputError, match=r"cannot tell the encoding of .*f\.csv.*gb18030.*encoding: gb18030"):
        read(tmp_path, path="f.csv")


def test_a_wrongly_named_encoding_says_which_is_right(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(TEXT.encode("gb18030"))
    with pytest.raises(InputError, match=r"f\.csv is not utf-8.*line 1 .*reads as gb18030.*encoding: gb18030"):
        read(tmp_path, path="f.csv", encoding="utf-8")
    with pytest.raises(InputError, match="'klingon' is not an encoding"):
        read(tmp_path, path="f.csv", encoding="klingon")


def test_one_damaged_line_does_not_change_the_encoding(tmp_path: Path) -> None:
    lines = [f'{{"question": "怎么退款{i}", "answer": "好的"}}\n'.encode() for i in range(9)]
    lines[4] = '{"question": "怎么退款", "answer": "好的"}\n'.encode().replace("么".encode(), "么".encode()[:2])
    (tmp_path / "f.jsonl").write_bytes(b"".join(lines))
    rows, broken, facts = read(tmp_path, path="f.jsonl")
    assert facts["files"]["f.jsonl"]["encoding"] == "utf-8"
    assert [(b.where, b.reason) for b in broken] == [("f.jsonl#5", "not utf-8")]
    assert len(rows) == 8


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_sniffed_even_when_cells_hold_others(tmp_path: Path, delimiter: str) -> None:
    rows = [["问题", "相似", "答案"], ["怎么退款", "退货;退钱", "好的，稍等"], ["发货，要几天", "几天", "3天；最多5天"]]
    (tmp_path / "f.csv").write_bytes(table(rows, delimiter=delimiter))
    assert sniff(tmp_path / "f.csv", "utf-8") == delimiter
    got, broken, _ = read(tmp_path, path="f.csv")
    assert [list(r.values.values()) for r in got] == rows[1:]
    assert not broken


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize(("end", "delimiter"), [("\r", ","), ("\r\n", ","), ("\r", "\t")])
def test_line_ends_of_old_macs_and_of_windows(tmp_path: Path, encoding: str, end: str, delimiter: str) -> None:
    text = TEXT.replace(",", delimiter) + f'3{delimiter}"一{delimiter}二"{delimiter}三\n' * 60_000  # more than one block
    (tmp_path / "f.csv").write_bytes(text.replace("\n", end).encode(encoding))
    rows, broken, _ = read(tmp_path, path="f.csv")
    assert len(rows) == 60_002 and not broken
    assert rows[1].values == {"编号": "2", "问题": "你们几点上班", "答案": "早上九点到晚上六点"} and rows[1].where == "f.csv#3"
    assert rows[-1].values["问题"] == f"一{delimiter}二"


def test_a_table_may_have_line_ends_of_both_kinds(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(b'q,a\n1,"line one\rline two"\r\n2,b\n')
    rows, broken, _ = read(tmp_path, path="f.csv")
    assert [row.values for row in rows] == [{"q": "1", "a": "line one\rline two"}, {"q": "2", "a": "b"}] and not broken


def test_quoted_line_ends_and_one_lost_quote(tmp_path: Path) -> None:
    text = '编号,问题,答案\n1,"怎么\n退款",好\n2,丢了引号,"开头没有结束\n3,这行完好,对\n4,5" 的屏,有\n5,太多,列,了\n6,少了\n\n7,最后,"他说""好"""\n'
    (tmp_path / "f.csv").write_text(text, "utf-8")
    rows, broken, _ = read(tmp_path, path="f.csv")
    assert {r.values["编号"]: r.values["答案"] for r in rows} == {"1": "好", "2": "开头没有结束", "3": "对", "4": "有", "6": "", "7": '他说"好"'}
    assert rows[0].values["问题"] == "怎么\n退款"
    assert [(b.where, b.reason) for b in broken] == [("f.csv#7", "4 columns where the header has 3")]


@pytest.mark.parametrize("given", ["tab", "\\t", "\t", "auto"])
def test_a_tab_may_be_called_so(tmp_path: Path, given: str) -> None:
    from kefu.data import readers
    from kefu.data.guess.views import open_as

    (tmp_path / "f.csv").write_text("a\tb\n1\t2,3\n4\t5,6\n", "utf-8")
    source, project = open_as(tmp_path / "f.csv", {"delimiter": given})
    reading = readers.open_source(source, project, lambda tables: "")
    assert [row.values for row in reading.rows()] == [{"a": "1", "b": "2,3"}, {"a": "4", "b": "5,6"}]
    assert [details["delimiter"] for details in reading.facts["files"].values()] == ["\t"]


def test_trailing_delimiters_and_excel_separator_line(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("sep=;\nq;a\n1;2;;\n3;4\n", "utf-8")
    rows, broken, _ = read(tmp_path, path="f.csv", delimiter=";")
    assert [r.values for r in rows] == [{"q": "1", "a": "2"}, {"q": "3", "a": "4"}]
    assert not broken


def test_broken_json_lines_are_told_by_number(tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_text('{"a": 1}\n\n{"a": \n[1, 2]\n"x"\n{"a": 2}', "utf-8")
    rows, broken, _ = read(tmp_path, path="f.jsonl")
    assert [r.values for r in rows] == [{"a": 1}, {"a": 2}]
    assert [b.where for b in broken] == ["f.jsonl#3", "f.jsonl#4", "f.jsonl#5"]
    assert broken[0].reason.startswith("broken JSON: Expecting value at column")
    assert broken[1].reason == "a JSON object is needed, this is a list"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('[{"q": 1}, {"q": 2}]', 2),
        ('{"data": [{"q": 1}, {"q": 2}], "total": 2}', 2),
        ('{"k1": {"q": 1}, "k2": {"q": 2}}', 2),
        ('{"q": 1}\n{"q": 2}\n', 2),
        ('{\n "q": 1\n}', 1),
    ],
)
def test_json_in_its_usual_forms(tmp_path: Path, text: str, count: int) -> None:
    (tmp_path / "f.json").write_text(text, "utf-8")
    rows, broken, _ = read(tmp_path, path="f.json")
    assert [r.values["q"] for r in rows] == [1, 2][:count]
    assert not broken


def test_json_that_is_none_and_json_without_rows(tmp_path: Path) -> None:
    (tmp_path / "f.json").write_text('[{"q": 1},', "utf-8")
    with pytest.raises(InputError, match=r"f\.json is not JSON.*column"):
        read(tmp_path, path="f.json")
    (tmp_path / "f.json").write_text("42", "utf-8")
    with pytest.raises(InputError, match=r"f\.json holds a number"):
        read(tmp_path, path="f.json")
    (tmp_path / "f.json").write_text("[" * 100_000, "utf-8")
    with pytest.raises(InputError, match="nested deeper than 100 levels"):
        read(tmp_path, path="f.json")


def test_gzip_and_zstandard(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    text = jsonl([{"问": "退款", "n": i} for i in range(5)]).encode()
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(text))
    (tmp_path / "b.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(text))
    for name in ("a.jsonl.gz", "b.jsonl.zst"):
        assert [r.values["n"] for r in read(tmp_path, path=name)[0]] == list(range(5))
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(text)[:-12])
    with pytest.raises(InputError, match=r"cannot (read|unpack) .*c\.jsonl\.gz"):
        read(tmp_path, path="c.jsonl.gz")


@pytest.mark.parametrize("name", ["f.jsonl", "f.csv"])
def test_a_line_of_100_mb_is_reported_and_not_held(tmp_path: Path, name: str) -> None:
    good = ['{"q": "1", "a": "x"}\n', '{"q": "2", "a": "y"}\n'] if name == "f.jsonl" else ["1,x\n", "2,y\n"]
    with open(tmp_path / name, "w", encoding="utf-8") as handle:
        handle.write(good[0] if name == "f.jsonl" else "q,a\n" + good[0])
        for _ in range(100):
            handle.write("长x" * (1 << 18))
        handle.write("\n" + good[1])
    tracemalloc.start()
    rows, broken, _ = read(tmp_path, path=name, max_line_mb=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [r.values["q"] for r in rows] == ["1", "2"]
    assert [b.reason for b in broken] == ["line longer than max_line_mb (1 MB)"]
    assert len(broken[0].text) <= 2000
    assert peak < 40 << 20


def test_empty_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file matches 'nowhere\.csv'"):
        read(tmp_path, path="nowhere.csv")
    for name in ("f.csv", "f.jsonl", "f.json"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(InputError, match=f"{name} is empty"):
            read(tmp_path, path=name)
    (tmp_path / "f.csv").write_text("\n\n", "utf-8")
    with pytest.raises(InputError, match=r"f\.csv is empty.*no header"):
        read(tmp_path, path="f.csv")
    with pytest.raises(ConfigError, match="neither path nor url"):
        read(tmp_path)
    (tmp_path / "f.xyz").write_text("?", "utf-8")
    with pytest.raises(InputError, match=r"cannot tell the format of f\.xyz"):
        read(tmp_path, path="f.xyz")


def test_a_folder_gives_its_files_in_order(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for name in ("b", "a"):
        (tmp_path / "d" / f"{name}.csv").write_text(f"q,a\n{name},1\n", "utf-8")
    rows, _, facts = read(tmp_path, path="d")
    assert [(r.where, r.values["q"]) for r in rows] == [("a.csv#2", "a"), ("b.csv#2", "b")]
    assert facts["columns"] == ["q", "a"]


def database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE 消息 (id INTEGER, 会话 TEXT, 内容 TEXT)")
        connection.execute("CREATE TABLE other (x TEXT)")
        connection.execute("INSERT INTO 消息 VALUES (1, 'a', '你好'), (2, 'a', NULL)")
        connection.execute("INSERT INTO 消息 VALUES (3, 'b', CAST(? AS TEXT))", ("退款".encode("gb18030"),))
    connection.close()


def test_sqlite_by_query_and_read_only(tmp_path: Path) -> None:
    database(tmp_path / "f.db")
    (tmp_path / "f.db").chmod(0o444)
    before = (tmp_path / "f.db").read_bytes()
    rows, _, facts = read(tmp_path, path="f.db", query='SELECT * FROM "消息" ORDER BY id')
    assert [r.values["内容"] for r in rows] == ["你好", None, "退款"]
    assert facts["columns"] == ["id", "会话", "内容"]
    assert (tmp_path / "f.db").read_bytes() == before
    with pytest.raises(InputError, match=r"source f\.db: the query is refused: it begins with DELETE"):
        read(tmp_path, path="f.db", query="DELETE FROM other RETURNING x")


def test_sqlite_faults(tmp_path: Path) -> None:
    database(tmp_path / "f.db")
    with pytest.raises(InputError, match=r"cannot tell which table of f\.db.*other\(x\); 消息\(id, 会话, 内容\)"):
        read(tmp_path, path="f.db")
    with pytest.raises(InputError, match=r"the query on f\.db failed.*no such table: nope.*other\(x\)"):
        read(tmp_path, path="f.db", query="SELECT * FROM nope")
    (tmp_path / "g.db").write_bytes(b"not a database, only called so" * 10)
    with pytest.raises(InputError, match=r"g\.db is not a SQLite database"):
        read(tmp_path, path="g.db")


def test_a_database_by_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database(tmp_path / "f.db")
    monkeypatch.setenv("SUPPORT_DB", f"sqlite:///{tmp_path / 'f.db'}")
    rows, _, _ = read(tmp_path, url="env:SUPPORT_DB", query='SELECT id FROM "消息" ORDER BY id')
    assert [r.values["id"] for r in rows] == [1, 2, 3]
    with pytest.raises(InputError, match="source s has a url but no query"):
        read(tmp_path, url="env:SUPPORT_DB")
    with pytest.raises(InputError, match=r"query on f\.db failed.*no such table"):
        read(tmp_path, url=f"sqlite:///{tmp_path / 'f.db'}", query="SELECT * FROM nope")
    monkeypatch.setenv("SUPPORT_DB", "postgresql+nosuchdriver://kefu:geheim@db/support")
    with pytest.raises(InputError, match=r"source s.*not known here") as caught:
        read(tmp_path, url="env:SUPPORT_DB", query="SELECT 1")
    assert "geheim" not in str(caught.value)


def test_parquet_and_excel(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"问题": ["怎么退款", "几点上班"], "答案": ["申请", "九点"]})
    frame.write_parquet(tmp_path / "f.parquet")
    rows, _, facts = read(tmp_path, path="f.parquet")
    assert [r.values for r in rows] == frame.to_dicts()
    assert facts["columns"] == ["问题", "答案"]
    (tmp_path / "g.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(InputError, match=r"g\.parquet is not parquet"):
        read(tmp_path, path="g.parquet")
    (tmp_path / "g.xlsx").write_bytes(b"PK nothing")
    with pytest.raises(InputError, match=r"g\.xlsx is not excel"):
        read(tmp_path, path="g.xlsx")


def test_the_demo_table_is_a_spreadsheet_too(tmp_path: Path) -> None:
    """A workbook as a spreadsheet program writes it, made by hand: no writer is installed with kefu."""
    import zipfile

    cells = "".join(
        f'<row r="{r}">' + "".join(f'<c r="{"ABCDE"[c]}{r}" t="inlineStr"><is><t>{v}</t></is></c>' for c, v in enumerate(row)) + "</row>"
        for r, row in enumerate(ZH, 1)
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    with zipfile.ZipFile(tmp_path / "f.xlsx", "w") as book:
        book.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="{types}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="{types}.worksheet+xml"/></Types>')  # fmt: skip # noqa: E501
        book.writestr("_rels/.rels", f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>')  # fmt: skip # noqa: E501
        book.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="知识库" sheetId="1" r:id="r1"/></sheets></workbook>'
        )
        book.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>')  # fmt: skip # noqa: E501
        book.writestr("xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>')
    rows, _, facts = read(tmp_path, path="f.xlsx")
    assert [list(r.values.values()) for r in rows] == ZH[1:]
    assert rows[0].where == "f.xlsx#2"
    assert facts["files"]["f.xlsx"]["sheets"] == ["知识库"]


def test_nothing_in_a_row_is_lost_on_the_way(tmp_path: Path) -> None:
    rows = [["id", "text"], *([str(i), f'行 {i}, "引号" 与\n换行;|\t{"x" * (i % 7)}'] for i in range(200))]
    (tmp_path / "f.csv").write_bytes(table(rows))
    got, broken, _ = read(tmp_path, path="f.csv")
    assert [list(r.values.values()) for r in got] == rows[1:]
    assert not broken
    assert json.loads(json.dumps([r.values for r in got])) == [r.values for r in got]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_few_nuls_in_utf8_are_damage_and_not_utf16(tmp_path: Path, ends: str) -> None:
    text = ends.join(["question,answer", "怎么退款,三天\0\0到账", "怎么开票,在发票页填写", ""])
    (tmp_path / "f.csv").write_bytes(text.encode())
    rows, broken, facts = read(tmp_path, path="f.csv")
    assert [row.values["question"] for row in rows] == ["怎么开票"] and facts["files"]["f.csv"]["encoding"] == "utf-8"
    assert len(broken) == 1 and "NUL" in broken[0].reason and broken[0].where == "f.csv#2"


@pytest.mark.parametrize("code", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["question,answer\nhow,so\nwhy,thus\n", "问题,答案\n怎么申请退款,三天之内就会到账\n怎么开票,在发票页面里填写\n" * 3])
def test_wide_text_without_a_mark_is_still_known(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "f.csv").write_bytes(text.encode(code))
    rows, broken, facts = read(tmp_path, path="f.csv")
    assert rows and not broken and facts["files"]["f.csv"]["encoding"] == code


def test_a_file_of_nuls_is_told_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(b"\0" * 64)
    with pytest.raises(InputError, match="64 of its first 64 bytes are NUL"):
        read(tmp_path, path="f.csv")
