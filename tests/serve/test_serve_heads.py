"""The head of a request is bounded in size and time; what is wrong with a body is said."""

from __future__ import annotations

import json
import socket
import time

import pytest
from served import body

from kefu.serve import heads

CHAT = "/v1/chat/completions"
START = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n"


def answer(port: int, data: bytes, *, finish: bool = True, until: bytes = b"}}") -> bytes:
    """What the server says to these bytes until it closes."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        try:
            connection.sendall(data)
            while part := connection.recv(65536):
                got += part
                if until in got:
                    break
        except OSError:  # closed while we were still sending
            pass
    return got


@pytest.mark.parametrize(
    "head",
    [
        START + b"x: " + b"a" * 5_000_000,
        START + b"a" * 5_000_000,
        START + b"a: b\r\n" * 300_000,
        b"GET /" + b"a" * 5_000_000,
        b"GET /" + b"a" * (heads.MOST + 1) + b" HTTP/1.1\r\nhost: localhost\r\n\r\n",
        START + b"x: " + b"a" * heads.MOST + b"\r\n\r\n",
    ],
    ids=["value", "name", "lines", "endless address", "address", "one piece"],
)
def test_a_head_without_end_is_cut(desk, head: bytes) -> None:
    assert b"200 OK" not in answer(desk.port, head)
    with desk.client() as client:
        assert client.get("/healthz").status_code == 200


def test_what_is_wrong_is_said(desk) -> None:
    said = answer(desk.port, START + b"x: " + b"a" * heads.MOST + b"\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 431 ")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["error"]["code"] == "head_too_large"


def test_ordinary_heads_pass_on_one_connection(desk) -> None:
    with desk.client() as client:
        for _ in range(3):
            assert client.get("/healthz", headers={"x": "a" * 20_000}).status_code == 200
            assert client.post(CHAT, json=body("怎么退款" * 200)).status_code == 200
    two = START + b"\r\n" + START + b"connection: close\r\n\r\n"
    assert answer(desk.port, two, until=b"\0").count(b"200 OK") == 2


def test_a_slow_head_is_cut(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "WAIT_S", 0.3)
    with (
        socket.create_connection(("127.0.0.1", desk.port), timeout=10) as drip,
        socket.create_connection(("127.0.0.1", desk.port), timeout=10) as idle,
    ):
        drip.sendall(START)
        time.sleep(0.1)
        drip.sendall(b"x: ")
        assert drip.recv(4096).startswith(b"HTTP/1.1 408 ")
        assert idle.recv(4096) == b""
    with desk.client() as client:  # a connection kept open between requests is not a slow head
        assert client.get("/healthz").status_code == 200
        time.sleep(0.6)
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (b"null", "application/json", "empty or null"),
        (b"", "application/json", "empty or null"),
        (b"[]", "application/json", "is a list"),
        (b"5", "application/json", "is a number"),
        (b"true", "application/json", "is true or false"),
        (b'"x"', "application/json; charset=utf-8", "is a text"),
        (json.dumps(body()).encode(), "text/plain", "content-type is text/plain"),
        (json.dumps(body()).encode(), "", "content-type is missing"),
        (json.dumps(body(), ensure_ascii=False).encode("gbk"), "application/json", "UTF-8"),
        (b"\xff\xfe{", "application/json", "UTF-8"),
        (b'{"model":"cloudmax","messages":' + b"[" * 20_000 + b"]" * 20_000 + b"}", "application/json", "nested too deeply"),
        (b'{"model":"cloudmax","messages":[{"role":"user","content":"\\ud800"}]}', "application/json", "half a surrogate pair"),
        (b'{"model":"cloudmax","messages":[{"role":"user","content":5}]}', "application/json", "must be text"),
        (json.dumps(body(n=True)).encode(), "application/json", "n: "),
        (json.dumps(body(n=2)).encode(), "application/json", "n: kefu gives one answer"),
    ],
)
def test_what_is_wrong_with_a_body_is_said(desk, content: bytes, kind: str, said: str) -> None:
    with desk.client() as client:
        told = client.post(CHAT, content=content, headers={"content-type": kind} if kind else {})
        assert told.status_code == 400
        assert said in told.json()["error"]["message"]


def test_one_answer_may_be_asked_for(desk) -> None:
    with desk.client() as client:
        assert client.post(CHAT, json=body(n=1)).status_code == 200
