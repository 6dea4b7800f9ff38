"""The thread that steps a continuous-batching pipeline: many requests, one batch, prompt cancellation.

Only this thread touches the pipeline. Other threads put requests into a bounded inbox and set flags;
results go back to each request's own event loop, one wake-up per step and loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kefu.engines.protocol import EngineBusy
from kefu.errors import EngineError


@dataclass(eq=False, slots=True)
class Request:
    """One answer being made. `queue` receives (ids, logprobs, finish) or an exception."""

    ids: list[int]
    config: Any
    loop: asyncio.AbstractEventLoop
    queue: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    handle: Any = None
    cancelled: bool = False
    finished: bool = False


class Stepper:
    """Owns the pipeline. `build` makes it, `submit` turns ids into the library's tensor and adds them.

    max_waiting: requests accepted at once, running ones included; beyond it `add` raises EngineBusy.
    """

    def __init__(self, pipeline: Any, tensor: Callable[[list[int]], Any], max_waiting: int, name: str) -> None:
        self._pipeline, self._tensor, self._max, self.name = pipeline, tensor, max_waiting, name
        self._inbox: deque[Request] = deque()
        self._active: list[Request] = []
        self._wake = threading.Condition()
        self._closing = False
        self._fault: EngineError | None = None
        self._serial = 0
        self._thread = threading.Thread(target=self._work, name=f"kefu-engine-{name}", daemon=True)
        self._thread.start()

    @property
    def load(self) -> int:
        """Requests waiting or running."""
        return len(self._inbox) + len(self._active)

    def add(self, request: Request) -> None:
        """Take a request. Raises EngineBusy when full, EngineError when dead or closed."""
        with self._wake:
            if self._fault:
                raise self._fault
            if self._closing:
                raise self._closed()
            if self.load >= self._max:
                raise EngineBusy(f"engine {self.name} is full", f"{self.load} requests are waiting or running", "try again in a moment")
            self._inbox.append(request)
            self._wake.notify()

    def cancel(self, request: Request) -> None:
        """Stop a request; its place in the batch is free after the step that is running now."""
        request.cancelled = True
        with self._wake:
            self._wake.notify()

    def close(self, timeout_s: float = 30) -> None:
        """End the thread; every request still open gets EngineError. Safe to call twice."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)

    def _closed(self) -> EngineError:
        return EngineError(f"engine {self.name} was closed", "no request is taken any more", "open it again")

    def _work(self) -> None:
        try:
            while self._wait():
                self._admit()
                self._step()
            self._fail_all(self._closed())
            self._drain()
        except Exception as error:  # noqa: BLE001 - whatever the library threw, nobody may be left waiting
            self._fail_all(
                EngineError(f"engine {self.name} died", str(error).strip().splitlines()[0] if str(error).strip() else repr(error), "open it again")
            )
        finally:
            self._pipeline = None  # the memory goes with the thread

    def _wait(self) -> bool:
        """Sleep until there is work. False: closing."""
        with self._wake:
            while not (self._closing or self._inbox or self._active):
                self._wake.wait()
            return not self._closing

    def _admit(self) -> None:
        """Move the inbox into the pipeline and drop what was cancelled."""
        while self._inbox:
            with self._wake:
                request = self._inbox.popleft()
                self._active.append(request)  # at once, so that `load` never misses it
            if request.cancelled:
                continue
            self._serial += 1
            try:
                request.handle = self._pipeline.add_request(self._serial, self._tensor(request.ids), request.config)
            except Exception as error:  # noqa: BLE001 - one request the library refuses must not end the others
                request.finished = True
                self._deliver(request.loop, [(request, EngineError(f"engine {self.name} refused a request", str(error)))])
        for request in self._active:
            if request.cancelled and request.handle is not None and not request.finished:
                request.handle.cancel()
                request.finished = True
        self._active = [request for request in self._active if not (request.finished or request.cancelled)]

    def _step(self) -> None:
        if self._pipeline.has_non_finished_requests():
            self._pipeline.step()
        out: dict[asyncio.AbstractEventLoop, list[tuple[Request, Any]]] = {}
        for request in self._active:
            ids: list[int] = []
            logprobs: list[float] = []
            # Finished before reading: tokens that come after the question are read by the next round.
            status = request.handle.get_status().name
            while request.handle.can_read():
                for output in request.handle.read().values():
                    ids += output.generated_ids
                    logprobs += output.generated_log_probs
            finish = None
            if status == "IGNORED":
                out.setdefault(request.loop, []).append((request, _no_room(self.name)))
                request.finished = True
                continue
            if status != "RUNNING":
                finish, request.finished = status, True
            if ids or finish:
                out.setdefault(request.loop, []).append((request, (ids, logprobs, finish)))
        self._active = [request for request in self._active if not request.finished]
        for loop, items in out.items():
            self._deliver(loop, items)

    def _drain(self) -> None:
        """Let the library free the blocks of what was cancelled."""
        for _ in range(8):
            if not self._pipeline.has_non_finished_requests():
                return
            self._pipeline.step()

    def _deliver(self, loop: asyncio.AbstractEventLoop, items: list[tuple[Request, Any]]) -> None:
        def put() -> None:
            for request, item in items:
                request.queue.put_nowait(item)

        try:
            loop.call_soon_threadsafe(put)
        except RuntimeError:  # the loop is gone, and with it everyone who waited on it
            for request, _ in items:
                request.cancelled = True

    def _fail_all(self, fault: EngineError) -> None:
        with self._wake:
            self._fault = fault
            left, self._inbox, self._active = [*self._inbox, *self._active], deque(), []
        for request in left:
            if request.handle is not None and not request.finished:
                with contextlib.suppress(Exception):
                    request.handle.cancel()
            self._deliver(request.loop, [(request, fault)])


def _no_room(name: str) -> EngineError:
    return EngineError(f"engine {name} has no room for this request", "prompt and answer do not fit its cache", "raise cache_mb, or send less text")
