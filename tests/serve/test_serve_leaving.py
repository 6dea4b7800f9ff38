"""The customer leaves, stalls or floods; the engine dies; the time runs out. Tried at the socket."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time

import pytest
from served import body, raw_post, streaming, until


def hang_up(connection: socket.socket, how: str) -> None:
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize(
    ("text", "stream", "read"),
    [("慢慢说", True, True), ("stall", True, False), ("slow", False, False), ("stall", False, False)],
    ids=["mid-stream", "before the first token", "non-stream", "non-stream and silent"],
)
def test_leaving_cancels_the_engine(desk, text: str, stream: bool, read: bool, how: str) -> None:
    connection = raw_post(desk.port, body(text, stream=stream))
    assert until(lambda: desk.peer.begun == 1)
    if read:
        got = b""
        while b'"content":"1 "' not in got:
            got += connection.recv(4096)
    hang_up(connection, how)
    assert until(lambda: desk.peer.cancelled == 1, 1.5)
    assert until(lambda: desk.running.gateway.in_flight == 0)
    assert desk.peer.finished == 0
    assert until(lambda: [case.outcome for case in (desk.records.flush(), list(desk.records.cases()))[1]] == ["cancelled"])
    with desk.client() as client:
        assert "kefu_disconnects_total 1.0" in client.get("/metrics").text
        assert client.post("/v1/chat/completions", json=body()).status_code == 200


def test_a_reader_who_stalls_is_let_go_at_the_deadline(serving) -> None:
    class Flood:
        cancelled = False

        async def reply(self, conversation):
            from scripted import Piece

            try:
                while True:
                    yield Piece("字" * 20_000)
            finally:
                Flood.cancelled = True

    desk = serving(peer=Flood(), timeout_s=1)
    connection = raw_post(desk.port, body("x", stream=True))
    connection.recv(100)
    assert until(lambda: Flood.cancelled, 6)
    assert until(lambda: desk.running.gateway.in_flight == 0, 8)
    connection.close()


def test_time_out_before_and_in_mid_stream(serving) -> None:
    desk = serving(timeout_s=0.6)
    with desk.client() as client:
        for stream in (False, True):
            answer = client.post("/v1/chat/completions", json=body("stall", stream=stream))
            assert (answer.status_code, answer.json()["error"]["code"]) == (504, "timeout")
        with streaming(client, body("slow")) as lines:
            events = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
        assert events[-1]["error"]["code"] == "timeout"
        assert any(event["choices"][0]["delta"].get("content") for event in events[:-1])
    assert desk.peer.cancelled == 3
    assert until(lambda: (desk.records.flush(), [case.outcome for case in desk.records.cases()])[1] == ["timeout"] * 3)


def test_too_many_are_shed_at_once_and_places_come_back(serving) -> None:
    desk = serving(max_concurrent=2)
    held = [raw_post(desk.port, body("stall")) for _ in range(2)]
    assert until(lambda: desk.running.gateway.in_flight == 2)
    with desk.client() as client:
        began = time.monotonic()
        answer = client.post("/v1/chat/completions", json=body())
        assert time.monotonic() - began < 2
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "overloaded")
        assert int(answer.headers["retry-after"]) >= 1
        assert client.get("/readyz").status_code == 200
        for connection in held:
            connection.close()
        assert until(lambda: desk.running.gateway.in_flight == 0)
        assert client.post("/v1/chat/completions", json=body()).status_code == 200
        assert "kefu_shed_total 1.0" in client.get("/metrics").text


def test_a_body_is_bounded_whether_its_length_is_told_or_not(serving) -> None:
    desk = serving(max_body_kb=4)
    with desk.client() as client:
        told = client.post("/v1/chat/completions", json=body("长" * 5000))
        assert (told.status_code, told.json()["error"]["code"]) == (413, "body_too_large")

        def chunks():
            for _ in range(10):
                yield b" " * 1000

        untold = client.post("/v1/chat/completions", content=chunks(), headers={"content-type": "application/json"})
        assert untold.status_code == 413
        assert client.post("/v1/chat/completions", json=body("短")).status_code == 200
    assert desk.peer.begun == 1


def test_a_slow_sender_holds_no_place_and_is_sent_away(serving) -> None:
    desk = serving(max_concurrent=1, timeout_s=1)
    with socket.create_connection(("127.0.0.1", desk.port), timeout=10) as drip:
        drip.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{")
        time.sleep(0.2)
        with desk.client() as client:
            assert client.post("/v1/chat/completions", json=body()).status_code == 200
        assert b"408" in drip.recv(400)


def test_broken_bodies_are_400(desk) -> None:
    deep = b'{"model":"cloudmax","messages":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    surrogate = b'{"model":"cloudmax","messages":[{"role":"user","content":"\\ud800"}]}'
    with desk.client() as client:
        for content in (b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"model":1e999}', deep, surrogate, b"1" * 6000):
            answer = client.post("/v1/chat/completions", content=content, headers={"content-type": "application/json"})
            assert answer.status_code == 400, content[:40]
            assert answer.json()["error"]["type"] == "invalid_request_error"
        assert client.post("/v1/chat/completions", content=json.dumps(body()).encode(), headers={"content-type": "text/plain"}).status_code == 400
        assert client.get("/v1/chat/completions").json()["error"]["code"] == "method_not_allowed"
        assert client.get("/nothing").json()["error"]["code"] == "not_found"


def test_requests_at_once_do_not_mix(desk) -> None:
    found: dict[int, str] = {}

    def ask(i: int) -> None:
        with desk.client() as client:
            answer = client.post("/v1/chat/completions", json=body(f"问题 {i}", conversation_id=f"c-{i}")).json()
            found[i] = answer["kefu"]["receipt"]["query"] + answer["kefu"]["conversation_id"]

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {i: f"问题 {i}c-{i}" for i in range(12)}
