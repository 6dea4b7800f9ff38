"""Queries on real servers: read right, and never written, whatever the query tries."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import sqlalchemy
from sqlalchemy.pool import NullPool

from kefu.data import findings
from kefu.data.check import check_source
from kefu.data.look import preview
from kefu.data.readers import Row, open_source
from kefu.data.readers.statement import check_reads_only
from kefu.errors import InputError
from kefu.project import Loaded
from kefu.project.schema import Project, Source

from . import servers

SAID = [(1, "H1", "客户", "你好，怎么退款？"), (2, "H1", "客服", "订单页里点“退款”，100% 退回。"), (3, "H2", "user", "It's 5 o'clock")]


def engine(url: str) -> sqlalchemy.Engine:
    driver = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}[url.partition("://")[0]]
    return sqlalchemy.create_engine(f"{driver}://{url.partition('://')[2]}", poolclass=NullPool)


@pytest.fixture(scope="module", params=["postgres", "mariadb"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    for address in getattr(servers, request.param)():
        with engine(address).begin() as connection:
            connection.execute(sqlalchemy.text("CREATE TABLE said (id INT PRIMARY KEY, talk VARCHAR(20), who VARCHAR(20), body TEXT)"))
            for row in SAID:
                connection.execute(sqlalchemy.text("INSERT INTO said VALUES (:a, :b, :c, :d)"), dict(zip("abcd", row, strict=True)))
        yield address


def read(url: str, query: str, **more: Any) -> list[dict[str, Any]]:
    source = Source.model_validate({"name": "s", "shape": "messages", "url": "env:KEFU_TEST_DATABASE", "query": query, **more})
    project = Loaded(Project.model_validate({"name": "t", "data": {"sources": [source]}}), Path("/"))
    with patch.dict(os.environ, KEFU_TEST_DATABASE=url):
        return [row.values for row in open_source(source, project, lambda tables: "").rows() if isinstance(row, Row)]


def test_rows_come_as_they_are(url: str) -> None:
    rows = read(url, "SELECT id, talk, who, body FROM said WHERE body LIKE '%' ORDER BY id")
    assert [tuple(row.values()) for row in rows] == SAID


def test_two_columns_of_one_name_are_both_there(url: str) -> None:
    assert read(url, "SELECT a.id, b.id FROM said a JOIN said b ON b.id = a.id + 1 ORDER BY a.id") == [{"id": 1, "id#2": 2}, {"id": 2, "id#2": 3}]


WRITES = [
    "DELETE FROM said",
    "INSERT INTO said VALUES (9, 'x', 'x', 'x')",
    "DROP TABLE said",
    "TRUNCATE said",
    "UPDATE said SET body = ''",
    "SELECT 1; DELETE FROM said",
    "SELECT 1; COMMIT; DROP TABLE said",
    "SELECT '\\'; COMMIT; DROP TABLE said; -- '",
    "/* /* */ ' */; COMMIT; DROP TABLE said; -- '",
    "WITH gone AS (DELETE FROM said RETURNING id) SELECT id FROM gone",
    "SELECT * INTO copy FROM said",
    "SELECT * FROM said INTO OUTFILE '/tmp/kefu-outfile'",
    "SELECT * FROM said FOR UPDATE",
    "SET autocommit = 1",
    "CREATE TABLE t (x INT)",
    "CALL anything()",
    "SELECT pg_sleep(1)",
    "",
]


@pytest.mark.parametrize("query", WRITES)
def test_what_writes_is_refused_before_the_server_sees_it(query: str) -> None:
    with pytest.raises(InputError, match="source s: the query is refused"):
        check_reads_only(query, "s")


@pytest.mark.parametrize("query", WRITES[:12])
def test_the_server_refuses_writes_too(url: str, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the check of the words, the read-only transaction alone keeps the table as it was."""
    monkeypatch.setattr("kefu.data.readers.database.check_reads_only", lambda query, source: None)
    with contextlib.suppress(InputError):  # one of them is but a text in MySQL
        read(url, query)
    monkeypatch.undo()
    assert [tuple(row.values()) for row in read(url, "SELECT id, talk, who, body FROM said ORDER BY id")] == SAID
    tables = read(url, "SELECT table_name AS name FROM information_schema.tables WHERE table_schema IN ('public', 'support')")
    assert tables == [{"name": "said"}]


@pytest.mark.parametrize(
    "query",
    [
        "select * from said",
        "SELECT replace(body, 'a', 'b'), \"update\", `delete` FROM t -- insert into x\nWHERE x = 'DROP TABLE; delete from t'",
        "WITH a AS (SELECT 1 AS created) SELECT * FROM a;",
        "VALUES (1, 'it''s')",
        "SELECT data#>'{a,b}' FROM t /* comment; with semicolon */",
        "SELECT 创建时间 FROM 聊天明细 WHERE 内容 <> '；'",
    ],
)
def test_what_only_reads_is_taken(query: str) -> None:
    check_reads_only(query, "s")


def test_errors_are_one_line_without_the_password(url: str) -> None:
    with pytest.raises(InputError, match="source s: the database refused") as caught:
        read(url, "SELECT nothing FROM said")
    assert servers.PASSWORD not in caught.value.line() and "\n" not in caught.value.line()
    wrong = url.replace(servers.PASSWORD, "falsch-" + servers.PASSWORD)
    with pytest.raises(InputError, match="source s: the database refused") as caught:
        read(wrong, "SELECT 1")
    assert servers.PASSWORD not in caught.value.line()


def test_a_query_that_works_too_long_is_stopped(url: str) -> None:
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 2000000000) SELECT count(*) FROM c"
    if url.startswith("mysql"):  # its recursion stops by itself; joins do not
        endless = "SELECT count(*) FROM " + ", ".join(f"(SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) t{i}" for i in range(16))
    with pytest.raises(InputError, match="source s: the database stopped the query: it worked longer than timeout_s") as caught:
        read(url, endless, timeout_s=0.5)
    assert "raise timeout_s of the source" in caught.value.line()


def test_a_look_at_a_database_waits_for_less_than_a_build(tmp_path: Path) -> None:
    """`kefu check` runs before every build: a query that never ends must not hold it for ten minutes."""
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE said (id)")
    connection.close()
    query = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x talk, x who, x body FROM c WHERE x < 0"
    columns = {"conversation": "talk", "role": "who", "text": "body"}
    source = {"name": "s", "shape": "messages", "path": "a.db", "query": query, "map": columns}
    assert Source.model_validate(source).look_timeout_s <= 60 < Source.model_validate(source).timeout_s
    for more, setting in (({"look_timeout_s": 0.2}, "look_timeout_s"), ({"timeout_s": 0.2}, "timeout_s")):
        project = Loaded(Project.model_validate({"name": "t", "data": {"sources": [{**source, **more}]}}), tmp_path)
        for peek in (lambda p: check_source(p.settings.data.sources[0], p), lambda p: preview(p, "s", 3), lambda p: findings.look(p, "s")):
            with pytest.raises(InputError, match=rf"longer than {setting} \(0.2 s\)") as caught:
                peek(project)
            assert f"raise {setting} of the source" in caught.value.line()


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in ("postgresql", "mysql"):
        with pytest.raises(InputError, match="source s: the database refused"):
            read(f"{scheme}://kefu:{servers.PASSWORD}@127.0.0.1:1/support", "SELECT 1")
    with pytest.raises(InputError, match="no ://"):
        read("support-database", "SELECT 1")


def test_sqlite_attach_and_endless_queries(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE said (id)")
        connection.execute("INSERT INTO said VALUES (1)")
    connection.close()
    address = f"sqlite:///{tmp_path / 'a.db'}"
    for query in (f"ATTACH DATABASE '{tmp_path / 'b.db'}' AS b", "PRAGMA journal_mode=WAL", "SELECT load_extension('x')", "SELECT 1; SELECT 2"):
        with pytest.raises(InputError, match="the query is refused"):
            read(address, query)
    with pytest.raises(InputError, match="worked longer than timeout_s"):
        read(address, "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c", timeout_s=0.2)
    assert [path.name for path in tmp_path.iterdir()] == ["a.db"]


def test_sqlite_itself_refuses_what_slips_past_the_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE said (id)")
    connection.close()
    monkeypatch.setattr("kefu.data.readers.database.check_reads_only", lambda query, source: None)
    for query in (
        f"ATTACH DATABASE '{tmp_path / 'b.db'}' AS b",
        "CREATE TABLE t (x)",
        "PRAGMA writable_schema=1",
        "INSERT INTO said VALUES (1) RETURNING id",
    ):
        with pytest.raises(InputError, match=r"the query on a\.db failed"):
            read(f"sqlite:///{tmp_path / 'a.db'}", query)
    assert [path.name for path in tmp_path.iterdir()] == ["a.db"]
