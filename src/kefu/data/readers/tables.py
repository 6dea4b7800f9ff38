"""Parquet, in batches, through pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kefu.data.readers.rows import Broken, Row
from kefu.errors import InputError, MissingExtra

_BATCH = 1000
_ROWS_PER_BYTE = 100  # a column of one repeated value packs endlessly; a file of conversations does not


def read_parquet(path: Path, name: str, facts: dict[str, Any]) -> Iterator[Row | Broken]:
    """Rows of a Parquet file; a row group at a time is in memory."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtra(f"reading {path.name}", "data") from None
    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            facts["columns"] = list(file.schema_arrow.names)
            if file.metadata.num_rows > 1_000_000 and file.metadata.num_rows > path.stat().st_size * _ROWS_PER_BYTE:
                raise InputError(
                    f"{path.name} claims {file.metadata.num_rows} rows in {path.stat().st_size} bytes", "no export does that", "look at it"
                )
            for batch in file.iter_batches(_BATCH):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(f"{name}#{number}", {key: _plain(value) for key, value in values.items()})
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        raise _damaged(path, "parquet", error, number) from None


def _damaged(path: Path, format: str, error: BaseException, read: int) -> InputError:
    said = (str(error).splitlines() or [type(error).__name__])[0][:200]
    if isinstance(error, InputError):
        return error
    after = f" after row {read}" if read else ""
    return InputError(f"{path.name} is not {format}{after}", said, "export it again, or set `format`")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value
