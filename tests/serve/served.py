"""A running gateway to test against: real sockets, real uvicorn, the small peer in place of a model."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from scripted import Peer

from kefu.project.schema import Serve
from kefu.records import Records
from kefu.serve import Info, background, logs
from kefu.serve.running import Running

MODEL = "cloudmax"


@dataclass
class Desk:
    """One gateway under test with everything it wrote."""

    running: Running
    peer: Peer
    records: Records
    log: io.StringIO
    folder: Path

    @property
    def url(self) -> str:
        return self.running.url

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def client(self, key: str = "", **options: Any) -> httpx.Client:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False, **options)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


def body(text: str = "怎么退款", *history: str, **more: Any) -> dict[str, Any]:
    """A chat request; `history` alternates customer and assistant."""
    turns = [{"role": "user" if i % 2 == 0 else "assistant", "content": said} for i, said in enumerate(history)]
    return {"model": MODEL, "messages": [*turns, {"role": "user", "content": text}], **more}


def until(condition: Callable[[], Any], seconds: float = 5.0) -> bool:
    """Wait for a condition; False when it did not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False


def raw_post(port: int, payload: dict[str, Any]) -> socket.socket:
    """Send a chat request on a bare socket, so that the test can hang up when it likes."""
    data = json.dumps(payload).encode()
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost:{port}\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    connection.sendall(head.encode() + data)
    return connection


@contextmanager
def starter(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    with ExitStack() as stack, pytest.MonkeyPatch.context() as monkeypatch:

        def start(peer: Any = None, keys: str = "", operator_keys: str = "", records: Records | None = None, **settings: Any) -> Desk:
            monkeypatch.setenv("KEFU_API_KEYS", keys)
            monkeypatch.setenv("KEFU_OPERATOR_KEYS", operator_keys)
            peer = peer or Peer()
            folder = tmp_path / "records"
            records = records or Records(f"sqlite:///{folder}/records.db")
            log = io.StringIO()
            info = Info(
                title="云存科技",
                model=MODEL,
                version="v1",
                greeting={"zh": "您好！", "en": "Hello!"},
                suggestions={"zh": ["怎么退款？"], "en": ["Refunds?"]},
            )
            running = stack.enter_context(background(lambda: peer, Serve(**settings), records=records, info=info, log=logs.make(log)))
            return Desk(running, peer, records, log, folder)

        yield start


@contextmanager
def streaming(client: httpx.Client, payload: dict[str, Any]) -> Iterator[Iterator[str]]:
    with client.stream("POST", "/v1/chat/completions", json={**payload, "stream": True}) as response:
        assert response.status_code == 200
        yield response.iter_lines()
