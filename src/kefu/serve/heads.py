"""Bounds on the head of a request: its size, and the time in which it arrives.

With httptools uvicorn (0.54) bounds neither: a header of any length is gathered in memory, and one that never ends holds its connection.
"""

from __future__ import annotations

import asyncio

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from kefu.serve.faults import Fault

#: Bytes of the request line and all headers together; what common proxies allow.
MOST = 32 * 1024
#: Seconds from the connection, or from the first byte of a later request, to the end of the head.
WAIT_S = 10.0


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's protocol, which refuses a head that is too large (431) or too slow (408)."""

    _raw = 0  # bytes received since the head began: a header that has not ended is told to nobody yet
    _told = 0  # bytes of names and values told by the parser: many heads may come in one piece of data
    _in_head = True
    _refused = False
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        super().data_received(data)
        if self._in_head and not self._refused:
            self._raw += len(data)
            if self._raw > MOST:
                self._refuse(_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._raw = self._told = 0
        self._in_head = True
        self._wait()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._refused:
            super().on_header(name, value)
            self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        self._cancel()
        self._in_head = False
        if not self._refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._refused:
            super().on_message_complete()

    def _count(self, size: int) -> None:
        self._told += size
        if self._told > MOST:
            self._refuse(_LARGE)

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(WAIT_S, self._late)

    def _late(self) -> None:
        self._timer = None
        self._refuse(Fault(408, "slow_head", f"the head of the request did not arrive within {WAIT_S:g} seconds") if self._raw else None)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, fault: Fault | None) -> None:
        """Answer, unless another answer is on its way or nothing was asked, and close."""
        if self._refused:
            return
        self._refused = True
        self._cancel()
        if fault is not None and (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing():
            body = orjson.dumps(fault.body())
            head = STATUS_LINE[fault.status] + b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
            self.transport.write(head + body)
        self.transport.close()


_LARGE = Fault(431, "head_too_large", f"the request line and the headers are longer than {MOST // 1024} KB")
