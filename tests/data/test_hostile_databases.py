"""SQLite files that were made to hang the reader, to fill the memory, or to lose rows without a word."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from kefu.data.readers import database
from kefu.data.readers.apart import Limit
from kefu.data.readers.rows import Broken, Row
from kefu.errors import InputError


def made(path: Path, sql: str) -> Path:
    with sqlite3.connect(path) as connection:
        connection.executescript(sql)
    connection.close()
    return path


def rows(path: Path, seconds: float = 60, cell_mb: float = 16) -> list[Row | Broken]:
    facts: dict[str, Any] = {}
    return list(database.read_sqlite(path, path.name, "", lambda tables: sorted(tables)[0], facts, Limit(seconds, "look_timeout_s"), cell_mb))


#: One step of SQLite that compares 7 million times 7 million characters, and asks nobody meanwhile.
ENDLESS = "CREATE VIEW messages AS SELECT 1 AS question, length(replace(printf('%.*c',15000000,'a'),printf('%.*c',7000000,'a')||'b','x')) AS answer;"


def test_one_endless_step_is_stopped(tmp_path: Path) -> None:
    path = made(tmp_path / "x.db", ENDLESS)
    with pytest.raises(InputError, match=r"look_timeout_s \(1 s\)"):
        rows(path, 1)


def test_a_signal_ends_an_endless_step(tmp_path: Path) -> None:
    path = made(tmp_path / "x.db", ENDLESS)
    call = f"database.read_sqlite(Path({str(path)!r}), 'x', '', min, {{}})"
    script = f"from pathlib import Path; from kefu.data.readers import database; print(list({call}))"
    with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL) as parent:
        time.sleep(4)
        assert parent.poll() is None
        parent.terminate()
        assert parent.wait(60) != 0


def test_a_value_has_a_bound(tmp_path: Path) -> None:
    path = made(tmp_path / "x.db", "CREATE TABLE faq(question, answer); INSERT INTO faq VALUES('q', 'a'), ('q', hex(zeroblob(1500000)));")
    assert len(rows(path)) == 2
    with pytest.raises(InputError, match=r"near row \d: a value there is larger than max_line_mb \(1 MB\)"):
        rows(path, cell_mb=1)


def test_an_overwritten_page_is_damage_and_not_rows_of_nothing(tmp_path: Path) -> None:
    path = made(tmp_path / "x.db", "CREATE TABLE m(question, answer); INSERT INTO m VALUES('How?', 'So.');")
    raw = bytearray(path.read_bytes())
    raw[4100:4200] = b"\xff" * 100
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"x\.db is damaged"):
        rows(path)


def test_rows_that_break_their_tables_own_rule_are_no_damage(tmp_path: Path) -> None:
    path = made(tmp_path / "x.db", "PRAGMA ignore_check_constraints=ON; CREATE TABLE m(q, a CHECK(length(a) > 3)); INSERT INTO m VALUES('q', 'a');")
    assert len(rows(path)) == 1


def test_a_locked_file_is_called_locked(tmp_path: Path) -> None:
    path = made(tmp_path / "x.db", "CREATE TABLE m(q, a);")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(InputError, match=r"x\.db is locked"):
            rows(path)
    finally:
        holder.close()


def test_no_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("question,answer\n" * 100)
    with pytest.raises(InputError, match="is not a SQLite database"):
        rows(tmp_path / "x.db")


def test_rows_arrive_while_later_ones_are_still_worked_on(tmp_path: Path) -> None:
    path = made(
        tmp_path / "x.db",
        "CREATE VIEW m AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x AS question, x AS answer FROM c;",
    )
    stream = database.read_sqlite(path, "x", "", min, {}, Limit(60))
    got = [row for row, _ in zip(stream, range(2000), strict=False)]
    assert [row.values["question"] for row in got if isinstance(row, Row)] == list(range(1, 2001))
    stream.close()  # type: ignore[attr-defined]
