"""Open a database so that a dead one fails in seconds, not minutes."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, InterfaceError, InternalError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from kefu.errors import ConfigError, MissingExtra, StorageError
from kefu.records import tables

#: Seconds after which a database that does not answer counts as away.
PATIENCE_S = 2.0
#: Execution option of an engine whose transactions only read.
READS = "kefu_reads"
_DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql"}


def connect(url: str) -> sa.Engine:
    """An engine for a SQLAlchemy URL; nothing is contacted yet. Raises ConfigError, MissingExtra, StorageError."""
    try:
        parsed = sa.make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() == "sqlite" and parsed.database and parsed.database != ":memory:":
            _folder(Path(parsed.database))
        engine = sa.create_engine(parsed, hide_parameters=True, **_options(parsed))
    except (ArgumentError, NoSuchModuleError):
        raise ConfigError(
            "serve.records is not a database URL", "it has no form that SQLAlchemy knows", "write sqlite:///records.db or postgresql://…"
        ) from None
    except ModuleNotFoundError as error:
        driver = error.name or _DRIVERS.get(url.partition(":")[0], "its driver")
        raise MissingExtra(f"the database of serve.records (driver {driver})", "serve") from None
    if parsed.get_backend_name() == "sqlite":
        sa.event.listen(engine, "connect", _pragmas)
        sa.event.listen(engine, "begin", _begin)
    return engine


def prepare(engine: sa.Engine) -> str:
    """Make the tables where they are missing; returns the store's salt. Raises StorageError for another schema version."""
    tables.metadata.create_all(engine)
    with engine.begin() as connection:
        found = {str(name): str(value) for name, value in connection.execute(sa.select(tables.facts.c.name, tables.facts.c.value))}
        if not found:
            found = {"schema": str(tables.SCHEMA_VERSION), "salt": secrets.token_hex(16)}
            connection.execute(tables.facts.insert(), [{"name": name, "value": value} for name, value in found.items()])
    if found.get("schema") != str(tables.SCHEMA_VERSION):
        made = f"its tables are version {found.get('schema')}, this kefu writes version {tables.SCHEMA_VERSION}"
        raise StorageError("the records database was made by another version", made, "point serve.records to a new database")
    return found["salt"]


def away(error: Exception) -> bool:
    """Whether an error means that the database is away or refuses everyone, as against one record that cannot be written."""
    return isinstance(error, OperationalError | InterfaceError | InternalError | PoolTimeout | OSError | StorageError)


def _folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make {path.parent} for the records", error.strerror or "", "set serve.records to a writable place") from None


def _options(url: sa.URL) -> dict[str, Any]:
    backend = url.get_backend_name()
    if backend == "sqlite":
        if not url.database or url.database == ":memory:":  # one connection, or each thread would see its own empty database
            return {"connect_args": {"check_same_thread": False}, "poolclass": sa.StaticPool}
        return {"connect_args": {"timeout": PATIENCE_S, "check_same_thread": False}}
    options: dict[str, Any] = {"pool_pre_ping": True, "pool_timeout": PATIENCE_S, "pool_size": 5, "max_overflow": 0}
    if url.get_driver_name() in ("psycopg", "psycopg2"):
        options["connect_args"] = {"connect_timeout": int(PATIENCE_S), "options": f"-c statement_timeout={int(PATIENCE_S * 1000)}"}
    return options


def _begin(connection: sa.Connection) -> None:
    """Take the write lock at the start: a reading transaction that turns to writing is refused at once, whatever the patience."""
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get(READS) else "BEGIN IMMEDIATE")


def _pragmas(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says, not where the driver guesses
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")  # readers do not wait for the writer
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
