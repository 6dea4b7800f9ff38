"""Serve: take the port, load beside answering, finish the last requests, stop."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
import uvloop

from kefu.access import bind, url_of
from kefu.errors import EngineError, StorageError
from kefu.project import secret
from kefu.project.schema import Serve
from kefu.records import Records
from kefu.serve import keys, logs
from kefu.serve.answering import Factory
from kefu.serve.app import create_app
from kefu.serve.gateway import Gateway
from kefu.serve.heads import BoundedHeads
from kefu.serve.info import Info

#: Seconds for connections to close once every answer is out.
_CLOSE_S = 3


def open_records(settings: Serve, build: Path) -> Records:
    """The store that the settings name; SQLite in `build/records.db` when they name none.

    Raises StorageError when a SQLite file cannot be used. A database server that is down now is tried again while serving.
    """
    url = secret(settings.records) if settings.records else f"sqlite:///{build / 'records.db'}"
    records = Records(url)
    try:
        records.ping()
    except StorageError:
        if url.startswith("sqlite"):
            raise StorageError(
                f"cannot use the records database in {build}", "it cannot be opened or written", "set serve.records to a writable place"
            ) from None
    return records


def run(
    factory: Factory,
    settings: Serve,
    *,
    records: Records | None = None,
    info: Info | None = None,
    root: Path | None = None,
    on_ready: Callable[[str], None] | None = None,
    log: Any = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then finish what is being answered (at most `timeout_s`) and return.

    root: folder that a relative `keys_file` belongs to. on_ready: called once with the address when the assistant can answer.
    Raises ConfigError, BusyError for a port in use, or what kept the assistant from loading.
    """
    access = keys.load(settings, root or Path())
    listener = bind(settings.host, settings.port, "serve.host")
    log = log or logs.make()
    app = create_app(factory, settings, records, info, access=access, log=log)
    server = _Server(app, listener, on_ready)
    with logs.server_messages(log):
        server.serve_until_stopped()
    server.gateway.raise_failure()


@dataclass
class Running:
    """A server in a thread of this process."""

    url: str
    gateway: Gateway
    server: _Server


@contextmanager
def background(
    factory: Factory,
    settings: Serve | None = None,
    *,
    records: Records | None = None,
    info: Info | None = None,
    root: Path | None = None,
    ready_s: float = 120,
    log: Any = None,
) -> Iterator[Running]:
    """Serve on a free port beside other code: waits until ready, stops cleanly on the way out.

    Raises what kept the assistant from loading, or EngineError when it took longer than `ready_s`.
    """
    settings = (settings or Serve()).model_copy(update={"port": 0})
    access = keys.load(settings, root or Path())
    listener = bind(settings.host, 0, "serve.host")
    log = log or logs.make(logs.Nowhere())
    server = _Server(create_app(factory, settings, records, info, access=access, log=log), listener)
    thread = threading.Thread(target=server.serve_until_stopped, name="kefu-serve", daemon=True)
    with logs.server_messages(log):
        thread.start()
        try:
            if not server.settled.wait(ready_s):
                raise EngineError("the assistant is not ready", f"loading took longer than {ready_s:g} s", "look at the log")
            server.gateway.raise_failure()
            yield Running(server.url, server.gateway, server)
        finally:
            server.stop()
            thread.join(settings.timeout_s + 2 * _CLOSE_S)


class _Server(uvicorn.Server):
    """uvicorn with a drain: after the first signal it listens on (readiness says 503, new chats are sent away)
    until the answers being given are out, then closes. A second signal closes at once.
    """

    def __init__(self, app: Any, listener: socket.socket, on_ready: Callable[[str], None] | None = None) -> None:
        config = uvicorn.Config(
            app, loop="uvloop", http=BoundedHeads, ws="none", lifespan="on", log_config=None, access_log=False, server_header=False,
            proxy_headers=False, timeout_graceful_shutdown=_CLOSE_S, timeout_keep_alive=30,
        )  # fmt: skip
        super().__init__(config)
        self.gateway: Gateway = app.state.gateway
        self.settled = threading.Event()
        self._listener, self._on_ready = listener, on_ready
        self._deadline = 0.0
        self.url = url_of(listener)

    def serve_until_stopped(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self.serve(sockets=[self._listener]))
        finally:
            self._listener.close()
            self.settled.set()

    def stop(self) -> None:
        """Begin to drain; the second call closes at once. May be called from any thread."""
        if self.gateway.draining:
            self.should_exit = True
            return
        self._deadline = time.monotonic() + self.gateway.settings.timeout_s
        self.gateway.draining = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.stop()

    async def on_tick(self, counter: int) -> bool:
        gateway = self.gateway
        if not self.settled.is_set() and gateway.state != "loading":
            self.settled.set()
            if gateway.state == "ready" and self._on_ready:
                self._on_ready(self.url)
        over = gateway.in_flight == 0 or time.monotonic() > self._deadline
        if gateway.failure is not None or (gateway.draining and over):
            self.should_exit = True
        return await super().on_tick(counter)
