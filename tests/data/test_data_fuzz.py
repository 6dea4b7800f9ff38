"""Whatever bytes a file holds, reading it ends in rows, counted broken rows, or one clear line: never a traceback."""

from __future__ import annotations

import gzip
import io
import json
import os
import sqlite3
import tracemalloc
import zipfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kefu import data
from kefu.data.guess import propose
from kefu.data.readers import open_source
from kefu.errors import InputError, KefuError
from kefu.project import Loaded, load
from kefu.project.schema import Project, Source

SHAPES = {
    "faq": {"question": "a", "answer": "b"},
    "dialogues": {"turns": "a"},
    "alternating": {"turns": "a"},
    "sharegpt": {"turns": "a", "system": "b"},
    "openai": {"turns": "a", "tools": "b"},
    "alpaca": {"instruction": "a", "output": "b", "history": "c"},
    "messages": {"conversation": "a", "role": "b", "text": "c"},
    "preference": {"chosen": "a", "rejected": "b", "prompt": "c"},
    "classification": {"text": "a", "label": "b"},
    "tags": {"tokens": "a", "tags": "b"},
    "qa": {"context": "a", "question": "b", "answers": "c"},
    "parallel": {"source": "a", "target": "b"},
    "records": {"label": "a"},
}
ENDINGS = ("csv", "tsv", "json", "jsonl", "parquet", "xlsx", "db", "conll", "csv.gz", "json.zst", "jsonl.zip", "txt")
APART = ("xlsx", "db")  # read in a process of their own, half a second for each file
QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=20)
MANY = settings(QUIET, max_examples=3000)


def read(path: Path, **more: Any) -> list[Any]:
    source = Source.model_validate({"name": "s", "shape": "faq", "path": str(path), **more})
    project = Loaded(Project.model_validate({"name": "t", "data": {"sources": [source]}}), path.parent)
    return list(open_source(source, project, lambda tables: next(iter(tables))).rows())


def one_line(error: KefuError) -> None:
    assert error.line() and "\n" not in error.line()


def survives(path: Path, **more: Any) -> None:
    try:
        read(path, max_document_mb=8, max_line_mb=1, **more)
    except KefuError as error:
        one_line(error)


@cache
def real_bytes(ending: str) -> bytes:
    """A sound file of a format, to be damaged."""
    with TemporaryDirectory() as folder:
        return _real_bytes(Path(folder), ending)


def _real_bytes(folder: Path, ending: str) -> bytes:
    rows = [{"a": f"怎么退款{i}", "b": f"Please wait {i}, it’s fine", "c": [1, {"x": None}]} for i in range(40)]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    table = "a,b,c\n" + "".join(f'怎么退款{i},"wait {i}, please",x\n' for i in range(40))
    if ending in ("csv", "txt", "csv.gz"):
        made = table.encode("gb18030")
        return gzip.compress(made) if ending.endswith("gz") else made
    if ending == "tsv":
        return table.replace(",", "\t").encode()
    if ending in ("json", "json.zst"):
        made = json.dumps({"version": 1, "data": rows}, ensure_ascii=False).encode()
        return zstandard.compress(made) if ending.endswith("zst") else made
    if ending in ("jsonl", "jsonl.zip"):
        if ending == "jsonl":
            return text.encode()
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.jsonl", text)
        return buffer.getvalue()
    if ending == "conll":
        return "".join("# c\n" + "".join(f"{i}\t词{i}\t{'B-X' if i % 3 else 'O'}\n" for i in range(5)) + "\n" for _ in range(9)).encode()
    path = folder / f"sound.{ending}"
    frame = polars.DataFrame({"a": [row["a"] for row in rows], "b": [row["b"] for row in rows]})
    if ending == "parquet":
        frame.write_parquet(path)
    elif ending == "db":
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE t (a TEXT, b TEXT)")
            connection.executemany("INSERT INTO t VALUES (?, ?)", frame.rows())
        connection.close()
    else:
        workbook(path, [["a", "b"], *[list(row) for row in frame.rows()]])
    return path.read_bytes()


def workbook(path: Path, rows: list[list[str]], pad: bytes = b"") -> None:
    """A small .xlsx written by hand: no library that writes them is needed for reading them."""
    filled = ("".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row) for row in rows)
    cells = "".join(f'<row r="{number}">{row}</row>' for number, row in enumerate(filled, 1))
    head, types, formats = '<?xml version="1.0"?>', "http://schemas.openxmlformats.org", "application/vnd.openxmlformats"
    office, sheet = f"{types}/officeDocument/2006/relationships", f"{types}/spreadsheetml/2006/main"

    def related(name: str, target: str) -> str:
        link = f'<Relationship Id="r1" Type="{office}/{name}" Target="{target}"/>'
        return f'{head}<Relationships xmlns="{types}/package/2006/relationships">{link}</Relationships>'

    parts = "".join(
        f'<Override PartName="/xl/{part}.xml" ContentType="{formats}-officedocument.spreadsheetml.{kind}+xml"/>'
        for part, kind in (("workbook", "sheet.main"), ("worksheets/sheet1", "worksheet"))
    )
    ends = f'<Default Extension="rels" ContentType="{formats}-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
    names = {
        "[Content_Types].xml": f'{head}<Types xmlns="{types}/package/2006/content-types">{ends}{parts}</Types>',
        "_rels/.rels": related("officeDocument", "xl/workbook.xml"),
        "xl/_rels/workbook.xml.rels": related("worksheet", "worksheets/sheet1.xml"),
        "xl/workbook.xml": f'{head}<workbook xmlns="{sheet}" xmlns:r="{office}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/worksheets/sheet1.xml": f'{head}<worksheet xmlns="{sheet}"><sheetData>{cells}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in names.items():
            archive.writestr(name, text.encode() + (pad if name.endswith("sheet1.xml") else b""))


@pytest.mark.parametrize("ending", [ending for ending in ENDINGS if ending not in APART])
@QUIET
@given(content=st.binary(min_size=1, max_size=400))
def test_any_bytes(tmp_path: Path, ending: str, content: bytes) -> None:
    path = tmp_path / f"x.{ending}"
    path.write_bytes(content)
    survives(path)


@pytest.mark.parametrize("ending", APART)
@settings(QUIET, max_examples=6)
@given(content=st.binary(min_size=1, max_size=400))
def test_any_bytes_of_a_file_read_apart(tmp_path: Path, ending: str, content: bytes) -> None:
    path = tmp_path / f"x.{ending}"
    path.write_bytes(content)
    survives(path)


def damage(sound: bytes, cut: float, places: list[tuple[float, int]], insert: bytes, where: float) -> bytes:
    made = bytearray(sound[: max(1, int(len(sound) * cut))])
    for place, value in places:
        made[int(place * (len(made) - 1))] = value
    at = int(where * len(made))
    return bytes(made[:at] + insert + made[at:])


DAMAGE = {
    "cut": st.one_of(st.just(1.0), st.floats(0.01, 1.0)),
    "places": st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
    "insert": st.one_of(st.just(b""), st.sampled_from([b"\x00\x00", "退".encode("gb18030"), b'"', b"\n", b"[" * 300, b"\\ud800", b"1e999"])),
    "where": st.floats(0, 1),
}


@pytest.mark.parametrize("ending", APART)
@settings(QUIET, max_examples=8)
@given(**DAMAGE)
def test_damaged_files_read_apart(tmp_path: Path, ending: str, cut: float, places: list[tuple[float, int]], insert: bytes, where: float) -> None:
    path = tmp_path / f"x.{ending}"
    path.write_bytes(damage(real_bytes(ending), cut, places, insert, where))
    survives(path)


@pytest.mark.parametrize("ending", [ending for ending in ENDINGS if ending not in APART])
@QUIET
@given(**DAMAGE)
def test_damaged_files(tmp_path: Path, ending: str, cut: float, places: list[tuple[float, int]], insert: bytes, where: float) -> None:
    path = tmp_path / f"x.{ending}"
    path.write_bytes(damage(real_bytes(ending), cut, places, insert, where))
    survives(path)


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("ending", ENDINGS)
@MANY
@given(**DAMAGE)
def test_damaged_files_in_great_number(tmp_path: Path, ending: str, cut: float, places: list[tuple[float, int]], insert: bytes, where: float) -> None:
    path = tmp_path / f"x.{ending}"
    path.write_bytes(damage(real_bytes(ending), cut, places, insert, where))
    survives(path)


LEAF = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 10**20), st.floats(), st.text(max_size=8),
    st.sampled_from([
        "用户：你好\n客服：您好", "B-PER", "O", "user",
        "\n\nHuman: a\n\nAssistant: b", "[1, 2]", '{"text": ["x"]}', "=1+1", "13800138000"]),
)  # fmt: skip
KEYS = st.sampled_from(["role", "content", "from", "value", "text", "answer_start", "qas", "paragraphs", "question", "tool_calls", "type", "x"])
CELL = st.recursive(LEAF, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)), max_leaves=12)


@pytest.mark.parametrize("shape", SHAPES)
@settings(QUIET, max_examples=10)
@given(rows=st.lists(st.fixed_dictionaries({"a": CELL, "b": CELL, "c": CELL}), min_size=1, max_size=6))
def test_any_cells_in_any_shape(tmp_path: Path, shape: str, rows: list[dict[str, Any]]) -> None:
    """A whole build: kept and dropped add up, or one clear line and nothing that looks finished."""
    source: dict[str, Any] = {"name": "s", "shape": shape, "path": "x.jsonl", "map": SHAPES[shape]}
    if shape == "records":
        source["template"] = {"instruction": "{% for name, value in fields %}{{ name }}={{ value }} {% endfor %}", "output": "{{ label }}"}
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    project = Loaded(Project.model_validate({"name": "t", "data": {"sources": [source]}}), tmp_path)
    try:
        facts = data.build(project, tmp_path / "out")
    except KefuError as error:
        one_line(error)
        return
    assert facts["balanced"]
    written = tmp_path / "out" / "qa.train.jsonl"
    for line in written.read_text("utf-8").split("\n")[:-1] if shape == "qa" else []:
        row = json.loads(line)
        for text, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True):
            assert row["context"][start : start + len(text)] == text


@QUIET
@given(content=st.binary(min_size=1, max_size=300), ending=st.sampled_from(["", *ENDINGS]))
def test_a_guess_at_any_bytes(tmp_path: Path, content: bytes, ending: str) -> None:
    path = tmp_path / f"x.{ending}"
    path.write_bytes(content)
    try:
        assert propose(path)
    except KefuError as error:
        one_line(error)


def peak_mb(act: Any) -> float:
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("ending", ["jsonl.gz", "csv.zst", "json.zip"])
def test_bombs_are_stopped(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kefu.data.readers.packed._FREE", 4 << 20)
    path = tmp_path / f"x.{ending}"
    zeros = b"0" * (64 << 20)
    if ending.endswith("gz"):
        path.write_bytes(gzip.compress(zeros))
    elif ending.endswith("zst"):
        path.write_bytes(zstandard.compress(zeros))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.json", zeros)

    def act() -> None:
        with pytest.raises(InputError, match="unpacks to more than 300 times its size"):
            read(path)

    assert peak_mb(act) < 40


def test_a_swollen_workbook_is_stopped_even_when_it_lies_about_its_size(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    workbook(path, [["a"], ["b"]], pad=b" " * (20 << 20))
    with pytest.raises(InputError, match=r"x\.xlsx is larger than max_document_mb \(8 MB\)"):
        read(path, max_document_mb=8)
    made = bytearray(path.read_bytes())
    size = (20 << 20).to_bytes(4, "little")
    at = made.rfind(b"xl/worksheets/sheet1.xml") - 46 + 24  # uncompressed size in the directory
    assert made[at + 3] == size[3] or made[at : at + 4] != b"\x00\x00\x00\x00"
    made[at : at + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(bytes(made))
    with pytest.raises(InputError, match="larger than max_document_mb"):
        read(path, max_document_mb=8)


def test_a_document_beyond_the_limit_and_a_line_beyond_the_limit(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[" + ",".join(['{"a": 1}'] * 300_000) + "]", "utf-8")
    with pytest.raises(InputError, match=r"larger than max_document_mb \(1 MB\)"):
        read(tmp_path / "x.json", max_document_mb=1)
    (tmp_path / "x.jsonl").write_text('{"a": "' + "x" * 3_000_000 + '"}\n{"a": "ok"}\n{"a": "ok"}\n', "utf-8")
    rows = read(tmp_path / "x.jsonl", max_line_mb=1)
    assert [getattr(row, "reason", "") for row in rows] == ["line longer than max_line_mb (1 MB)", "", ""]


def test_deep_json(tmp_path: Path) -> None:
    deep = '{"a":' * 500 + "1" + "}" * 500
    (tmp_path / "x.jsonl").write_text(f'{{"a": 1}}\n{deep}\n{{"a": 2}}\n{"[" * 100_000}\n', "utf-8")
    rows = read(tmp_path / "x.jsonl")
    assert [getattr(row, "reason", "row") for row in rows] == [
        "row",
        "broken JSON: nested deeper than 100 levels",
        "row",
        "broken JSON: nested deeper than 100 levels",
    ]


def test_half_characters_can_be_written_again(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"question": "怎么退款\\ud83d？", "answer": "请稍等\\ud83d\\ude00，马上处理"}\n' * 2, "utf-8")
    assert read(tmp_path / "x.jsonl")[0].values == {"question": "怎么退款\ufffd？", "answer": "请稍等😀，马上处理"}


def test_a_formula_is_a_text(tmp_path: Path) -> None:
    formula = '=HYPERLINK("http://x/?"&A1)'
    (tmp_path / "x.csv").write_text(f'q,a\n怎么退款,"{formula.replace(chr(34), chr(34) * 2)}"\n+1,@SUM(1)\n', "utf-8")
    assert [list(row.values.values()) for row in read(tmp_path / "x.csv")] == [["怎么退款", formula], ["+1", "@SUM(1)"]]


def test_links_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    inside = tmp_path / "project"
    (inside / "raw").mkdir(parents=True)
    (tmp_path / "secret.jsonl").write_text('{"question": "a?", "answer": "bbb"}\n', "utf-8")
    (inside / "raw" / "own.jsonl").write_text('{"question": "怎么退款？", "answer": "三天到账"}\n', "utf-8")
    os.symlink(tmp_path / "secret.jsonl", inside / "raw" / "x.jsonl")
    for path in ("raw", "raw/*.jsonl", "raw/**/*.jsonl"):
        (inside / "kefu.yaml").write_text(f"name: t\ndata:\n  sources:\n    - {{name: s, shape: faq, path: '{path}'}}\n", "utf-8")
        with pytest.raises(InputError, match=r"x\.jsonl is a link that leads out of raw"):
            data.build(load(inside), inside / "out")
        assert not (inside / "out").exists()
    (inside / "raw" / "x.jsonl").unlink()
    os.symlink(inside / "raw" / "own.jsonl", inside / "raw" / "within.jsonl")
    assert data.build(load(inside), inside / "out")["rows"] == 2


def test_a_zip_of_several_files_and_with_a_password_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.csv.zip", "w") as archive:
        archive.writestr("a.csv", "q,a\n1,2\n")
        archive.writestr("../b.csv", "q,a\n1,2\n")
    with pytest.raises(InputError, match="holds 2 files"):
        read(tmp_path / "x.csv.zip")
    assert not (tmp_path.parent / "b.csv").exists()


def test_parquet_of_endless_repetition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    polars.DataFrame({"question": ["怎么退款"]}).select(polars.col("question").repeat_by(2_000_000).explode()).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match="claims 2000000 rows"):
        read(tmp_path / "x.parquet")
