"""A thread that writes behind the answers, so that a slow or absent database never holds one up."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from kefu.records.kinds import Health
from kefu.records.writing import Record

_BATCH = 256
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 5.0


class Writer:
    """Queue of at most `room` records; when the database stays away, the oldest are given up and counted."""

    def __init__(self, write: Callable[[Sequence[Record]], None], away: Callable[[Exception], bool], room: int = 10_000) -> None:
        self._write, self._away, self._room = write, away, room
        self._queue: deque[Record] = deque()
        self._changed = threading.Condition()
        self._put = self._done = self._written = self._lost = 0
        self._reason = ""
        self._closing = False
        self._thread: threading.Thread | None = None

    def put(self, record: Record) -> None:
        """Never blocks."""
        with self._changed:
            if self._closing:
                self._lost += 1
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="kefu-records", daemon=True)
                self._thread.start()
            self._queue.append(record)
            self._put += 1
            if len(self._queue) > self._room:
                self._queue.popleft()
                self._done += 1
                self._lost += 1
            self._changed.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """Wait until what was put before this call is written (or given up). False: it was not, in that time."""
        with self._changed:
            target = self._put
            return self._changed.wait_for(lambda: self._done >= target, timeout_s)

    def health(self) -> Health:
        with self._changed:
            return Health(bool(self._reason), self._reason, len(self._queue), self._written, self._lost)

    def close(self, timeout_s: float) -> int:
        """Write what is left; returns how many records were lost in all."""
        self.flush(timeout_s)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout_s)
        with self._changed:
            self._lost += len(self._queue)
            self._queue.clear()
            return self._lost

    def _work(self) -> None:
        pause = _FIRST_PAUSE_S
        while batch := self._next():
            reason = self._store(batch)
            with self._changed:
                self._reason = reason
                if reason:
                    self._changed.wait_for(lambda: self._closing, pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S) if reason else _FIRST_PAUSE_S

    def _next(self) -> list[Record]:
        """The next records; none when the writer is to end (a database that is away is not waited for then)."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._queue) or self._closing)
            if self._closing and self._reason:
                return []
            return [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]

    def _store(self, batch: list[Record]) -> str:
        """Write a batch. An absent database gives its reason and the batch goes back; a record that cannot be written
        is written off alone and takes none of its neighbours with it."""
        try:
            self._write(batch)
        except Exception as error:  # noqa: BLE001 - this thread must outlive any fault; each one is counted or named
            if self._away(error):
                self._put_back(batch)
                return type(error).__name__
            if len(batch) == 1:
                self._finish(lost=1)
                return ""
            for i, record in enumerate(batch):
                if reason := self._store([record]):
                    self._put_back(batch[i + 1 :])
                    return reason
            return ""
        self._finish(written=len(batch))
        return ""

    def _put_back(self, batch: list[Record]) -> None:
        with self._changed:
            self._queue.extendleft(reversed(batch))
            while len(self._queue) > self._room:
                self._queue.popleft()
                self._done += 1
                self._lost += 1

    def _finish(self, *, written: int = 0, lost: int = 0) -> None:
        with self._changed:
            self._done += written + lost
            self._written += written
            self._lost += lost
            self._changed.notify_all()
