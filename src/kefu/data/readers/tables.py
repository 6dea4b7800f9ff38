"""Parquet, in batches, through pyarrow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kefu.data.readers.rows import Broken, Row
from kefu.errors import InputError, MissingExtra

_BATCH = 1000
_BATCH_MB = 64  # of the values of one batch, written out
_ROWS_PER_BYTE = 100  # a column of one repeated value packs endlessly; a file of conversations does not


def read_parquet(path: Path, name: str, facts: dict[str, Any], cell_mb: float = 16) -> Iterator[Row | Broken]:
    """Rows of a Parquet file; a row group at a time is in memory, packed as it was written: a text that stands in many rows is held once.

    Raises InputError for what is no Parquet, for two columns of one name, and for a value of more than `cell_mb`.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtra(f"reading {path.name}", "data") from None
    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            names = list(file.schema_arrow.names)
            facts["columns"] = names
        if twice := [column for column, count in Counter(names).items() if count > 1]:
            raise InputError(f"{path.name} has several columns {twice[0]!r}", "a row has one value of each name", "rename or drop all but one")
        # Texts stay the dictionaries that they are in the file: unpacked, one long text in a thousand rows is a thousand long texts.
        with pyarrow.parquet.ParquetFile(path, read_dictionary=_texts(path)) as file:
            if file.metadata.num_rows > 1_000_000 and file.metadata.num_rows > path.stat().st_size * _ROWS_PER_BYTE:
                raise InputError(
                    f"{path.name} claims {file.metadata.num_rows} rows in {path.stat().st_size} bytes", "no export does that", "look at it"
                )
            for batch in file.iter_batches(_BATCH):
                longest = max((_longest(column) for column in batch.columns), default=0)
                if longest > cell_mb * (1 << 20):
                    fix = "leave it out, or raise the limit"
                    raise InputError(f"{path.name}, near row {number + 1}", f"a value is larger than max_line_mb ({cell_mb:g} MB)", fix)
                step = max(1, min(_BATCH, (_BATCH_MB << 20) // max(1, longest * batch.num_columns)))
                for start in range(0, batch.num_rows, step):
                    for values in batch.slice(start, step).to_pylist():
                        number += 1
                        yield Row(f"{name}#{number}", {key: _plain(value) for key, value in values.items()})
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError, MemoryError, KeyError) as error:
        raise _damaged(path, "parquet", error, number) from None


def _texts(path: Path) -> list[str]:
    """Columns of texts and bytes, which may be read as dictionaries."""
    import pyarrow
    import pyarrow.parquet

    kinds = (pyarrow.string(), pyarrow.binary(), pyarrow.large_string(), pyarrow.large_binary())
    schema = pyarrow.parquet.read_schema(path)
    return [field.name for field in schema if field.type in kinds]


def _longest(column: Any) -> int:
    """Bytes of the longest value; of a column that is no text, those of all its values."""
    import pyarrow
    import pyarrow.compute

    values = column.dictionary if pyarrow.types.is_dictionary(column.type) else column
    if pyarrow.types.is_string(values.type) or pyarrow.types.is_binary(values.type) or pyarrow.types.is_large_string(values.type):
        return int(pyarrow.compute.max(pyarrow.compute.binary_length(values)).as_py() or 0)
    return 0 if pyarrow.types.is_primitive(values.type) else int(values.nbytes) // max(1, len(values))


def _damaged(path: Path, format: str, error: BaseException, read: int) -> InputError:
    said = (str(error).splitlines() or [type(error).__name__])[0][:200]
    if isinstance(error, InputError):
        return error
    after = f" after row {read}" if read else ""
    if type(error).__name__ in ("ZoneInfoNotFoundError", "UnknownTimeZoneError") or "zoneinfo" in said or "time zone" in said.lower():
        return InputError(
            f"{path.name}{after} has times of an unknown time zone", said.strip("'\""), "write them with a zone of the tz database, or as text"
        )
    return InputError(f"{path.name} is not {format}{after}", said, "export it again, or set `format`")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value
