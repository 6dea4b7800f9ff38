"""SQLite files, PostgreSQL, MySQL and whatever SQLAlchemy knows; opened so that nothing can be written."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from kefu.data.readers import apart
from kefu.data.readers.apart import Limit
from kefu.data.readers.rows import Broken, Row
from kefu.data.readers.statement import check_reads_only
from kefu.errors import InputError, MissingExtra

Choose = Callable[[dict[str, list[str]]], str]


_NO_LIMIT = Limit()
_CHECK_S = 10.0
_RULES = ("NULL value in", "CHECK constraint", "non-", "NUMERIC value", "TEXT value")
#: PostgreSQL, MariaDB, MySQL
_TOO_LONG = re.compile(r"statement timeout|max_statement_time|maximum statement execution time", re.IGNORECASE)
_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_DRIVERS = {
    "postgres": ("postgresql+psycopg", "psycopg"),
    "postgresql": ("postgresql+psycopg", "psycopg"),
    "mysql": ("mysql+pymysql", "pymysql"),
    "mariadb": ("mysql+pymysql", "pymysql"),
}


def read_sqlite(
    path: Path, name: str, query: str, choose: Choose, facts: dict[str, Any], limit: Limit = _NO_LIMIT, cell_mb: float = 16
) -> Iterator[Row | Broken]:
    """Rows of a SELECT, or of the table that `choose` picks among `{table: columns}`. The file is never written.

    It is read in a child process: SQLite asks between its steps whether to go on, but one step (`replace` of a long text) may take hours.
    """
    if query:
        check_reads_only(query, name)
    yield from apart.read("kefu.data.readers.database:rows_of", (path, name, query, limit, cell_mb), path, facts, limit, choose)


def sqlite_tables(path: Path, limit: Limit = _NO_LIMIT) -> dict[str, list[str]]:
    """`{table or view: columns}`. Raises InputError when the file is no database."""
    found: list[dict[str, list[str]]] = list(apart.read("kefu.data.readers.database:tables_of", (path, limit), path, {}, limit, bool))
    return found[0]


def tables_of(path: Path, limit: Limit, ask: Choose, facts: dict[str, Any]) -> Iterator[dict[str, list[str]]]:
    """For `sqlite_tables`, in a child process."""
    with closing(opened(path, 16)) as connection:
        yield tables_in(connection, path)


def rows_of(path: Path, name: str, query: str, limit: Limit, cell_mb: float, choose: Choose, facts: dict[str, Any]) -> Iterator[Row | Broken]:
    """For `read_sqlite`, in a child process."""
    with closing(opened(path, cell_mb)) as connection:
        tables = tables_in(connection, path)
        _check_pages(connection, path, min(_CHECK_S, limit.seconds / 3), facts)
        facts["tables"] = sorted(tables)
        if not query:
            table = _table(tables, choose, path)
            facts["table"] = table
            query, label = f"SELECT * FROM {quoted(table)}", table
        else:
            label = "query"
        clock = _Clock(limit)
        connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _READS else sqlite3.SQLITE_DENY)
        connection.set_progress_handler(clock.late, 100_000)
        clock.start()
        try:
            cursor = connection.execute(query)
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            if _code(error) == "SQLITE_TOOBIG":
                raise _too_big(path, label, 1, cell_mb) from None
            fix = limit.way_out if clock.ran_out else f"tables: {_listing(tables)}"
            raise InputError(f"the query on {path.name} {'was stopped' if clock.ran_out else 'failed'}", clock.why(error), fix) from None
        if cursor.description is None:
            raise InputError(f"the query on {path.name} gives no rows", "it is not a SELECT", "write a SELECT")
        columns = [column[0] for column in cursor.description]
        facts["columns"] = columns
        number = 0
        while True:
            clock.start()
            try:
                row = cursor.fetchone()
            except (sqlite3.Error, ValueError) as error:
                if _code(error) == "SQLITE_TOOBIG":
                    raise _too_big(path, label, number + 1, cell_mb) from None
                fix = "the database is damaged; `sqlite3 FILE .recover` may help"
                raise InputError(f"{path.name}, {label} row {number + 1}", clock.why(error), limit.way_out if clock.ran_out else fix) from None
            clock.stop()
            if row is None:
                return
            number += 1
            yield _row(f"{name}:{label}#{number}", columns, row)


def opened(path: Path, cell_mb: float) -> sqlite3.Connection:
    """Read only, with no value of more than so many MB: SQLite's own bound is 1 GB."""
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error as error:
        raise InputError(f"cannot open {path}", str(error), "give a readable SQLite file") from None
    connection.text_factory = _text
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, min(max(int(cell_mb * (1 << 20)), 1 << 20), 1_000_000_000))
    return connection


def _check_pages(connection: sqlite3.Connection, path: Path, seconds: float, facts: dict[str, Any]) -> None:
    """Refuse a file with damaged pages: SQLite reads some of them as rows of nothing. Stops after so many seconds, and says so in the facts."""
    clock = _Clock(Limit(seconds))
    connection.set_progress_handler(clock.late, 10_000)
    clock.start()
    try:
        said = [str(row[0]) for row in connection.execute("PRAGMA quick_check(20)")]
    except sqlite3.Error as error:
        if not clock.ran_out:
            raise _unreadable(path, error) from None
        facts["pages_checked"] = f"not all within {seconds:g} s"
        return
    finally:
        connection.set_progress_handler(None, 0)
    # Rows that break a rule of their own table are whole rows.
    if faults := [one for one in said if one != "ok" and not one.startswith(_RULES)]:
        told = " ".join(faults[0].replace("*** in database main ***", "").split())[:160]
        raise InputError(f"{path.name} is damaged", told, "`sqlite3 FILE .recover` may bring back what is left; better export it again")


def _code(error: BaseException) -> str:
    if "too big" in str(error):
        return "SQLITE_TOOBIG"
    return str(getattr(error, "sqlite_errorname", ""))


def _too_big(path: Path, label: str, number: int, cell_mb: float) -> InputError:
    told = f"a value there is larger than max_line_mb ({cell_mb:g} MB)"
    return InputError(f"{path.name}, {label} near row {number}", told, "leave it out, or raise the limit")


def _unreadable(path: Path, error: BaseException) -> InputError:
    code, said = _code(error), str(error)
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        fix = "close that program, or make a copy with `sqlite3 FILE '.backup COPY'`"
        return InputError(f"{path.name} is locked", "another program is writing it", fix)
    if code == "SQLITE_NOTADB" or not code:
        return InputError(f"{path.name} is not a SQLite database", said, "give a .db or .sqlite file, or set `format`")
    if code.startswith("SQLITE_CORRUPT"):
        return InputError(f"{path.name} is damaged", said, "`sqlite3 FILE .recover` may bring back what is left; better export it again")
    return InputError(f"{path.name} cannot be read as a SQLite database", said, "give a readable .db or .sqlite file")


class _Clock:
    """Seconds the database works; what is done with the rows between does not count."""

    def __init__(self, limit: Limit) -> None:
        self._limit, self._spent, self._since = limit, 0.0, time.monotonic()
        self.ran_out = False

    def start(self) -> None:
        self._since = time.monotonic()

    def stop(self) -> None:
        self._spent += time.monotonic() - self._since

    def late(self) -> int:
        self.ran_out = self._spent + time.monotonic() - self._since > self._limit.seconds
        return int(self.ran_out)

    def why(self, error: BaseException) -> str:
        return self._limit.passed if self.ran_out else str(error)


def read_url(url: str, name: str, query: str, facts: dict[str, Any], limit: Limit) -> Iterator[Row | Broken]:
    """Rows of a SELECT on any database SQLAlchemy knows, in a read-only transaction. The URL (it may hold a password) is in no message."""
    try:
        import sqlalchemy
    except ImportError:
        raise MissingExtra(f"source {name}: reading a database", "data") from None
    if not query:
        raise InputError(f"source {name} has a url but no query", "which rows to read is not said", "write `query: SELECT …`")
    check_reads_only(query, name)
    scheme, colon, rest = url.partition("://")
    if not colon:
        raise InputError(
            f"source {name}: the url is no database URL", "it has no ://", "write dialect://user:password@host/database, best as env:NAME"
        )
    if scheme.split("+")[0] == "sqlite":
        yield from read_sqlite(Path(rest.lstrip("/") if not rest.startswith("//") else rest[1:]), name, query, lambda _: "", facts, limit)
        return
    driver, module = _DRIVERS.get(scheme, (scheme, ""))
    engine = None
    try:
        engine = sqlalchemy.create_engine(f"{driver}://{rest}", hide_parameters=True, connect_args=_connect(driver))
        dialect = engine.dialect.name
        facts["database"] = dialect
        with engine.connect() as raw:
            connection = _read_only(raw, dialect, limit.seconds)
            result = connection.execution_options(stream_results=True, yield_per=1000, no_parameters=True).exec_driver_sql(query)
            columns = list(result.keys())
            facts["columns"] = columns
            for number, row in enumerate(result, 1):
                yield _row(f"{name}#{number}", columns, tuple(row))
    except sqlalchemy.exc.NoSuchModuleError:
        raise InputError(f"source {name}", "the url names a database that is not known here", "install its SQLAlchemy driver") from None
    except ImportError as error:
        if module and error.name and error.name.split(".")[0] == module:
            raise MissingExtra(f"source {name}: reading {scheme}", "sql") from None
        raise InputError(f"source {name}: the database driver cannot be loaded", str(error), "install the driver that the url names") from None
    except (sqlalchemy.exc.SQLAlchemyError, ValueError, OSError, TypeError) as error:
        if _TOO_LONG.search(why := _reason(error, url)):
            raise InputError(f"source {name}: the database stopped the query", f"{limit.passed}: {why}", limit.way_out) from None
        raise InputError(f"source {name}: the database refused", why, "check url and query") from None
    finally:
        if engine is not None:
            engine.dispose()


def _connect(driver: str) -> dict[str, Any]:
    return {"connect_timeout": 15} if driver.startswith(("postgresql", "mysql")) else {}


def _read_only(connection: Any, dialect: str, timeout_s: float) -> Any:
    """The connection with a transaction in which the server itself refuses every write."""
    if dialect == "postgresql":
        connection = connection.execution_options(postgresql_readonly=True)
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(timeout_s * 1000)}")
    elif dialect in ("mysql", "mariadb"):
        milliseconds = int(timeout_s * 1000)
        variable = (
            f"max_statement_time = {timeout_s:g}" if getattr(connection.dialect, "is_mariadb", False) else f"max_execution_time = {milliseconds}"
        )
        connection.exec_driver_sql(f"SET SESSION {variable}")
        connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
        connection.commit()
    return connection


def _reason(error: BaseException, url: str) -> str:
    """The server's own words in one line; never the URL or the password in it."""
    original = getattr(error, "orig", None)
    arguments: tuple[Any, ...] = getattr(original, "args", ())
    said = str(arguments[1] if len(arguments) > 1 and isinstance(arguments[0], int) else original or type(error).__name__)
    password = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    said = " ".join(said.split())[:300]
    return said.replace(password, "…") if password else said


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


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def tables_in(connection: sqlite3.Connection, path: Path) -> dict[str, list[str]]:
    try:
        rows = connection.execute(
            "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c "
            "WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid"
        )
        found: dict[str, list[str]] = {}
        for table, column in rows:
            found.setdefault(table, []).append(column)
        return found
    except (sqlite3.Error, ValueError, TypeError, AttributeError) as error:
        raise _unreadable(path, error) from None


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
