"""JSON lines on standard error. No message text, no key, no address, no exception message (it can hold any of them)."""

from __future__ import annotations

import io
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

import orjson
import structlog


def make(stream: TextIO | io.TextIOBase | None = None) -> Any:
    """A logger of its own; the process's logging settings are left alone."""
    return structlog.wrap_logger(
        structlog.PrintLogger(cast(TextIO, stream or sys.stderr)),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )


class Nowhere(io.TextIOBase):
    """Takes every line and keeps none."""

    def write(self, text: str) -> int:
        return len(text)


def places(error: BaseException) -> list[str]:
    """Where an exception came through: `file.py:12 function`, innermost last."""
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)[-8:]]


@contextmanager
def server_messages(log: Any) -> Iterator[None]:
    """Send what the HTTP server itself says through this log while the block runs."""
    handler = _Forward(log)
    logger = logging.getLogger("uvicorn.error")
    before = logger.propagate, logger.level
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate, level = before
        logger.setLevel(level)


class _Forward(logging.Handler):
    def __init__(self, log: Any) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        facts = {"error": type(error).__name__, "at": places(error)} if error else {}
        self._log.log(record.levelno, "server", what=str(record.msg).strip().splitlines()[0], **facts)


def _json(value: Any, **options: Any) -> str:
    return orjson.dumps(value, default=str).decode()
