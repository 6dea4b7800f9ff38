"""Tables of a database that belong together: by foreign keys, else by names of columns whose values are found in the other table."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from kefu.data.readers import apart
from kefu.data.readers.apart import Limit
from kefu.data.readers.database import opened, quoted, tables_in
from kefu.errors import InputError

_FOUND = 0.95  # of the values looked at; fewer are no reference
_LOOKED = 500  # values
_TABLES = 6  # in one statement
_SECONDS = 20.0
_PREFIX = re.compile(r"^(?:t|tb|tbl|dim|fact|ods|dwd|sys|biz|cs|crm|kf)_", re.IGNORECASE)
_ENDS = re.compile(r"_?(?:id|no|code|key|num|number|编号|号|标识)$", re.IGNORECASE)


class Reference(NamedTuple):
    column: str
    table: str
    key: str


def stem(table: str) -> str:
    """What a table is of: `t_ticket`, `tickets` and `Ticket` are of tickets."""
    name = _PREFIX.sub("", table).casefold()
    return name[:-1] if len(name) > 3 and name.endswith("s") and not name.endswith("ss") else name


@dataclass
class Join:
    """Rows of a table with what each of them refers to. columns: (alias, column, name in the result); ties: (alias, clause, alias it hangs on)."""

    base: str
    columns: list[tuple[str, str, str]] = field(default_factory=list)
    ties: list[tuple[str, str, str]] = field(default_factory=list)

    def sql(self, wanted: Collection[str] | None = None) -> str:
        """The SELECT; of these columns only (others, such as names and telephone numbers, need not be read), with the tables they need."""
        chosen = [one for one in self.columns if wanted is None or one[2] in wanted]
        needed = {alias for alias, _, _ in chosen}
        for alias, _, on in reversed(self.ties):
            needed |= {on} if alias in needed else set()
        columns = ", ".join(f"{alias}.{quoted(column)} AS {quoted(name)}" for alias, column, name in chosen)
        return " ".join([f"SELECT {columns} FROM {quoted(self.base)} a", *(clause for alias, clause, _ in self.ties if alias in needed)])


def of_file(path: Path) -> dict[str, Join]:
    """By table, its join with what it refers to. What takes too long or is damaged joins nothing: it is told of where it is read."""
    try:
        found: list[dict[str, Join]] = list(apart.read("kefu.data.guess.joins:joins_of", (path,), path, {}, Limit(_SECONDS), bool))
    except InputError:
        return {}
    return found[0]


def joins_of(path: Path, ask: Callable[[Any], Any], facts: dict[str, Any]) -> Iterator[dict[str, Join]]:
    """For `of_file`, in a child process, where a view that never ends can be stopped."""
    with closing(opened(path, 16)) as connection:
        tables = tables_in(connection, path)
        try:
            yield {table: found for table in tables if (found := join(connection, tables, table))}
        except sqlite3.Error:
            yield {}


def join(connection: sqlite3.Connection, tables: Mapping[str, Sequence[str]], base: str) -> Join | None:
    """The rows of `base` with what they refer to, as many as `base` has; None where they refer to nothing."""
    found = Join(base, [("a", column, column) for column in tables[base]])
    aliases = {base: "a"}
    used = {column.casefold() for column in tables[base]}
    waiting = [base]
    while waiting:
        table = waiting.pop(0)
        for column, other, key in references(connection, tables, table):
            if other in aliases or len(aliases) == _TABLES:
                continue
            on, alias = aliases[table], "abcdefgh"[len(aliases)]
            aliases[other] = alias
            found.ties.append((alias, f"LEFT JOIN {quoted(other)} {alias} ON {on}.{quoted(column)} = {alias}.{quoted(key)}", on))
            waiting.append(other)
            for name in tables[other]:
                shown = name if name.casefold() not in used else f"{stem(other)}_{name}"
                if name != key and shown.casefold() not in used:
                    used.add(shown.casefold())
                    found.columns.append((alias, name, shown))
    return found if found.ties else None


def references(connection: sqlite3.Connection, tables: Mapping[str, Sequence[str]], table: str) -> list[Reference]:
    """What the rows of a table refer to, each at most one row of another: declared, else found by name and values."""
    declared = [Reference(row[3], row[2], row[4] or "") for row in connection.execute(f"PRAGMA foreign_key_list({quoted(table)})")]
    found = [one._replace(key=one.key or _primary(connection, one.table)) for one in declared if one.table in tables]
    known = {one.column for one in found}
    for column in tables[table]:
        if column in known or column == _primary(connection, table):
            continue
        for other in tables:
            if other != table and (key := _key(connection, tables, column, other)) and _holds(connection, table, column, other, key):
                found.append(Reference(column, other, key))
                break
    return [one for one in found if one.key in tables[one.table] and _unique(connection, one.table, one.key)]


def _primary(connection: sqlite3.Connection, table: str) -> str:
    keys = [row[1] for row in connection.execute(f"PRAGMA table_info({quoted(table)})") if row[5]]
    return keys[0] if len(keys) == 1 else ""


def _key(connection: sqlite3.Connection, tables: Mapping[str, Sequence[str]], column: str, other: str) -> str:
    """The column of another table that this one may name: of the same name, else its key where this one is called after the table."""
    same = next((name for name in tables[other] if name.casefold() == column.casefold()), "")
    if same and _ENDS.search(column) and column.casefold() != "id":
        return same
    called = _ENDS.sub("", column).casefold()
    if not called or called == column.casefold() or called not in (stem(other), other.casefold()):
        return ""
    return _primary(connection, other) or next((name for name in tables[other] if name.casefold() in ("id", "编号")), "")


def _holds(connection: sqlite3.Connection, table: str, column: str, other: str, key: str) -> bool:
    """Are the values of the column found in the other table?"""
    values = f"SELECT DISTINCT {quoted(column)} v FROM {quoted(table)} WHERE {quoted(column)} IS NOT NULL LIMIT {_LOOKED}"
    asked = f"SELECT COUNT(*), SUM(v IN (SELECT {quoted(key)} FROM {quoted(other)})) FROM ({values})"
    count, found = connection.execute(asked).fetchone()
    return bool(count) and (found or 0) >= _FOUND * count


def _unique(connection: sqlite3.Connection, table: str, column: str) -> bool:
    asked = f"SELECT COUNT({quoted(column)}), COUNT(DISTINCT {quoted(column)}) FROM {quoted(table)}"
    count, different = connection.execute(asked).fetchone()
    return bool(count) and count == different
