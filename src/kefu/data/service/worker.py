"""gunicorn's threaded worker, whose own faults (a request it cannot read) are JSON problems like all others."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from kefu.data.service import problems

_STATUS: dict[type[Exception], int] = {
    errors.LimitRequestLine: 414,
    errors.LimitRequestHeaders: 431,
    errors.UnsupportedTransferCoding: 501,
    errors.ExpectationFailed: 417,
}


class Worker(ThreadWorker):
    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        unreadable = isinstance(exc, errors.ParseException)
        status = next((status for kind, status in _STATUS.items() if isinstance(exc, kind)), 400 if unreadable else 500)
        if status == 500:
            self.log.error("a request failed outside the application: %s", type(exc).__name__, exc_info=exc)
        content = problems.body(status, "the request cannot be read as HTTP" if status != 500 else "a defect of this service; its log says more")
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nConnection: close\r\nContent-Type: {problems.MEDIA_TYPE}\r\n"
        try:
            util.write_nonblock(client, f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        except OSError:
            self.log.debug("the client was gone before its fault could be told")
