"""Parquet and Excel, through polars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kefu.data.readers.rows import Broken, Row
from kefu.errors import InputError, MissingExtra


def read_table(path: Path, name: str, format: str, facts: dict[str, Any]) -> Iterator[Row | Broken]:
    """Rows of a Parquet file, or of every sheet of a workbook that has a header and rows."""
    try:
        import polars
    except ImportError:
        raise MissingExtra(f"reading {path.name}", "data") from None
    try:
        if format == "parquet":
            frames = {"": polars.read_parquet(path)}
        else:
            frames = polars.read_excel(path, sheet_id=0, infer_schema_length=0, raise_if_empty=False)
            facts["sheets"] = list(frames)
    except ImportError:
        raise MissingExtra(f"reading {path.name} (fastexcel)", "data") from None
    except OSError as error:
        raise InputError(f"cannot read {path}", str(error), "give a readable file") from None
    except Exception as error:  # noqa: BLE001 - polars and calamine raise classes of their own
        raise InputError(f"{path.name} is not {format}", str(error).splitlines()[0], "export it again, or set `format`") from None
    columns: list[str] = []
    for sheet, frame in frames.items():
        columns += [column for column in frame.columns if column not in columns]
        label = f"{name}:{sheet}" if sheet and len(frames) > 1 else name
        first = 2 if format == "excel" else 1  # as the spreadsheet numbers its rows
        for number, values in enumerate(frame.iter_rows(named=True), first):
            yield Row(f"{label}#{number}", dict(values))
    facts["columns"] = columns
