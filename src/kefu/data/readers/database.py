"""SQLite files (opened read-only) and databases by SQLAlchemy URL."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from kefu.data.readers.rows import Broken, Row
from kefu.errors import InputError, MissingExtra

Choose = Callable[[dict[str, list[str]]], str]


def read_sqlite(path: Path, name: str, query: str, choose: Choose, facts: dict[str, Any]) -> Iterator[Row | Broken]:
    """Rows of a SELECT, or of the table that `choose` picks among `{table: columns}`. The file is never written."""
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error as error:
        raise InputError(f"cannot open {path}", str(error), "give a readable SQLite file") from None
    connection.text_factory = _text
    try:
        tables = _tables(connection, path)
        facts["tables"] = sorted(tables)
        if not query:
            table = _table(tables, choose, path)
            facts["table"] = table
            query, label = f'SELECT * FROM "{table.replace(chr(34), chr(34) * 2)}"', table
        else:
            label = "query"
        try:
            cursor = connection.execute(query)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise InputError(f"the query on {path.name} failed", str(error), f"tables: {_listing(tables)}") from None
        if cursor.description is None:
            raise InputError(f"the query on {path.name} gives no rows", "it is not a SELECT", "write a SELECT")
        columns = [column[0] for column in cursor.description]
        facts["columns"] = columns
        number = 0
        while True:
            try:
                row = cursor.fetchone()
            except sqlite3.Error as error:
                raise InputError(
                    f"{path.name}, {label} row {number + 1}", str(error), "the database is damaged; `sqlite3 FILE .recover` may help"
                ) from None
            if row is None:
                return
            number += 1
            yield _row(f"{name}:{label}#{number}", columns, row)
    finally:
        connection.close()


def read_url(url: str, name: str, query: str, facts: dict[str, Any]) -> Iterator[Row | Broken]:
    """Rows of a SELECT on any database SQLAlchemy knows. The URL (it may hold a password) is in no message."""
    try:
        import sqlalchemy
    except ImportError:
        raise MissingExtra(f"source {name}: reading a database", "data") from None
    if not query:
        raise InputError(f"source {name} has a url but no query", "which rows to read is not said", "write `query: SELECT …`")
    try:
        engine = sqlalchemy.create_engine(url)
        with engine.connect() as connection:
            result = connection.execution_options(stream_results=True).execute(sqlalchemy.text(query))
            columns = list(result.keys())
            facts["columns"] = columns
            for number, row in enumerate(result, 1):
                yield _row(f"{name}#{number}", columns, tuple(row))
    except sqlalchemy.exc.NoSuchModuleError:
        raise InputError(f"source {name}", "the url names a database that is not known here", "install its SQLAlchemy driver") from None
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        reason = str(getattr(error, "orig", None) or type(error).__name__)
        raise InputError(f"source {name}: the database refused", reason, "check url and query") from None
    finally:
        if "engine" in locals():
            engine.dispose()


def _row(where: str, columns: Sequence[str], row: Sequence[Any]) -> Row:
    values = {}
    for i, (column, value) in enumerate(zip(columns, row, strict=True)):
        key = column if column not in values else f"{column}#{i + 1}"
        values[key] = _text(value) if isinstance(value, bytes) else value
    return Row(where, values)


def _text(value: bytes) -> str:
    """UTF-8, else GB18030: old tools wrote either into the same file."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("gb18030", errors="replace")


def _tables(connection: sqlite3.Connection, path: Path) -> dict[str, list[str]]:
    try:
        rows = connection.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name"
        ).fetchall()
        return {name: [column[1] for column in connection.execute(f'PRAGMA table_info("{name.replace(chr(34), chr(34) * 2)}")')] for (name,) in rows}
    except sqlite3.Error as error:
        raise InputError(f"{path.name} is not a SQLite database", str(error), "give a .db or .sqlite file, or set `format`") from None


def _table(tables: dict[str, list[str]], choose: Choose, path: Path) -> str:
    if not tables:
        raise InputError(f"{path.name} has no tables", "the database is empty", "export it again")
    if len(tables) == 1:
        return next(iter(tables))
    table = choose(tables)
    if not table:
        raise InputError(f"cannot tell which table of {path.name} to read", f"it has {_listing(tables)}", "write `query: SELECT … FROM …`")
    return table


def _listing(tables: dict[str, list[str]]) -> str:
    return "; ".join(f"{name}({', '.join(columns)})" for name, columns in sorted(tables.items())) or "none"
