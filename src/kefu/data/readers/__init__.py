"""Raw exports as a stream of rows, whatever file they are in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kefu.data.readers import database, delimited, encoding, structured, tables
from kefu.data.readers.rows import Broken, Reading, Row
from kefu.errors import ConfigError, InputError
from kefu.project import Loaded, secret
from kefu.project.schema import Source

__all__ = ["Broken", "Reading", "Row", "open_source", "source_files"]

_FORMATS = {
    "csv": "csv",
    "tsv": "tsv",
    "tab": "tsv",
    "txt": "csv",
    "json": "json",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "parquet": "parquet",
    "pq": "parquet",
    "xlsx": "excel",
    "xls": "excel",
    "xlsm": "excel",
    "ods": "excel",
    "db": "sqlite",
    "sqlite": "sqlite",
    "sqlite3": "sqlite",
    "db3": "sqlite",
}


def source_files(source: Source, project: Loaded) -> list[Path]:
    """Files of a source, sorted; none for a database by URL. Raises InputError, ConfigError."""
    if bool(source.path) == bool(source.url):
        given = "both path and url" if source.path else "neither path nor url"
        raise ConfigError(f"source {source.name} has {given}", "rows come from one place", "give one of them")
    return [] if source.url else project.files([source.path])


def open_source(source: Source, project: Loaded, choose_table: database.Choose) -> Reading:
    """Open one source of the project file. Reading starts when `rows()` is consumed."""
    files = source_files(source, project)
    facts: dict[str, Any] = {}
    if source.url:
        url = secret(source.url)
        return Reading(source.name, lambda: database.read_url(url, source.name, source.query, facts), facts)
    facts["files"] = {}

    def rows() -> Iterator[Row | Broken]:
        for path in files:
            details: dict[str, Any] = {}
            facts["files"][path.name] = details
            yield from _read(path, source, choose_table, details)
            if "columns" in details:
                facts["columns"] = list(dict.fromkeys([*facts.get("columns", []), *details.pop("columns")]))

    return Reading(source.name, rows, facts)


def _read(path: Path, source: Source, choose_table: database.Choose, facts: dict[str, Any]) -> Iterator[Row | Broken]:
    format = source.format if source.format != "auto" else _format(path)
    facts["format"] = format
    if path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty", "it has no bytes", "export it again, or take the source out of kefu.yaml")
    if format == "sqlite":
        yield from database.read_sqlite(path, path.name, source.query, choose_table, facts)
        return
    if format in ("parquet", "excel"):
        yield from tables.read_table(path, path.name, format, facts)
        return
    code = source.encoding
    if code == "auto":
        code = encoding.detect(path)
    else:
        encoding.check(path, code)
    facts["encoding"] = code
    if format in ("csv", "tsv"):
        delimiter = source.delimiter if source.delimiter != "auto" else "\t" if format == "tsv" else delimited.sniff(path, code)
        facts["delimiter"] = delimiter
        yield from delimited.read(path, path.name, code, delimiter.replace("\\t", "\t"), source.max_line_mb, facts)
    elif format == "jsonl" or structured.is_lines(path, code):
        facts["format"] = "jsonl"
        yield from structured.read_lines(path, path.name, code, source.max_line_mb)
    else:
        yield from structured.read_whole(path, path.name, code, facts)


def _format(path: Path) -> str:
    suffixes = [suffix.lstrip(".").lower() for suffix in path.suffixes if suffix not in (".gz", ".zst")]
    if suffixes and suffixes[-1] in _FORMATS:
        return _FORMATS[suffixes[-1]]
    with open(path, "rb") as handle:
        head = handle.read(16)
    if head.startswith(b"SQLite format 3"):
        return "sqlite"
    if head.startswith(b"PAR1"):
        return "parquet"
    known = ", ".join(sorted(set(_FORMATS.values())))
    raise InputError(f"cannot tell the format of {path.name}", "its ending is not known", f"set `format`: {known}")
