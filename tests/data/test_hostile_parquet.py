"""Parquet files that are small packed and huge in memory, and columns that would vanish."""

from __future__ import annotations

import resource
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from kefu.data.readers.rows import Row
from kefu.data.readers.tables import read_parquet
from kefu.errors import InputError


def written(path: Path, columns: list[pyarrow.Array], names: list[str]) -> Path:
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays(columns, names=names), path, compression="zstd")
    return path


def long_text(megabytes: int, rows: int) -> pyarrow.Array:
    return pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * rows, pyarrow.int32()), pyarrow.array(["x" * (megabytes << 20)]))


@pytest.mark.parametrize("plain", [False, True])
def test_a_long_value_in_many_rows_is_refused_before_it_is_unpacked(tmp_path: Path, plain: bool) -> None:
    column = long_text(20, 900)
    if plain:
        schema = pyarrow.schema([("question", pyarrow.string())])
        with pyarrow.parquet.ParquetWriter(tmp_path / "x.parquet", schema, compression="zstd") as writer:
            for _ in range(4):
                writer.write_table(pyarrow.table({"question": ["x" * (20 << 20)] * 2}, schema))
        path = tmp_path / "x.parquet"
    else:
        path = written(tmp_path / "x.parquet", [column], ["question"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=r"max_line_mb \(16 MB\)"):
        list(read_parquet(path, "x", {}))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2 << 20  # KB; it was 18 GB


def test_long_values_under_the_limit_come_a_few_rows_at_a_time(tmp_path: Path) -> None:
    path = written(tmp_path / "x.parquet", [long_text(8, 200), pyarrow.array(range(200))], ["question", "n"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert [row.values["n"] for row in read_parquet(path, "x", {}) if isinstance(row, Row) and len(row.values["question"]) == 8 << 20] == list(
        range(200)
    )
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 20


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    path = written(tmp_path / "x.parquet", [pyarrow.array(["q"]), pyarrow.array(["a"]), pyarrow.array(["b"])], ["question", "answer", "answer"])
    with pytest.raises(InputError, match="several columns 'answer'"):
        list(read_parquet(path, "x", {}))


def test_an_unknown_time_zone(tmp_path: Path) -> None:
    path = written(tmp_path / "x.parquet", [pyarrow.array(["q"]), pyarrow.array([0], pyarrow.timestamp("us", tz="Mars/Olympus"))], ["question", "at"])
    with pytest.raises(InputError, match="unknown time zone"):
        list(read_parquet(path, "x", {}))


def test_ordinary_columns_read_as_before(tmp_path: Path) -> None:
    columns = [pyarrow.array(["q", None, "r"]), pyarrow.array([["a"], [], None]), pyarrow.array([b"x", b"\xff", None]), pyarrow.array([1, 2, 3])]
    rows = list(read_parquet(written(tmp_path / "x.parquet", columns, ["q", "tags", "raw", "n"]), "x", {}))
    assert [row.values for row in rows if isinstance(row, Row)] == [
        {"q": "q", "tags": ["a"], "raw": "x", "n": 1},
        {"q": None, "tags": [], "raw": "�", "n": 2},
        {"q": "r", "tags": None, "raw": None, "n": 3},
    ]
