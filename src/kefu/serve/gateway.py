"""What all requests of one app share."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import Any

from kefu.errors import EngineError, KefuError
from kefu.project.schema import Serve
from kefu.serve import logs
from kefu.serve.answering import Factory
from kefu.serve.desk import Desk
from kefu.serve.faults import Fault
from kefu.serve.info import Info
from kefu.serve.keys import Access
from kefu.serve.metrics import Metrics


class Gateway:
    """The assistant once it is loaded, the records, the limits and the state of the process."""

    def __init__(self, factory: Factory, settings: Serve, desk: Desk, info: Info, access: Access, log: Any) -> None:
        self.settings, self.desk, self.info, self.access, self.log = settings, desk, info, access, log
        self.metrics = Metrics(info.model, info.version)
        self.assistant: Any = None
        self.failure: BaseException | None = None
        self.draining = False
        self.in_flight = 0
        self.started = int(time.time())
        self._factory = factory
        self._loading: asyncio.Task[None] | None = None

    @property
    def state(self) -> str:
        return "failed" if self.failure else "ready" if self.assistant is not None else "loading"

    @property
    def ready(self) -> bool:
        return self.assistant is not None and not self.draining

    def answerer(self) -> Any:
        """The assistant. Raises Fault 503 while it cannot answer."""
        if self.draining:
            raise Fault(503, "shutting_down", "this server is shutting down; try again", retry_s=2)
        if self.failure:
            raise Fault(503, "assistant_failed", "the assistant could not be loaded; the log says why")
        if self.assistant is None:
            raise Fault(503, "loading", "the assistant is still loading; try again", retry_s=2)
        return self.assistant

    def open(self) -> None:
        """Begin to load the assistant beside serving, so that `/healthz` answers from the first moment."""
        self._loading = asyncio.create_task(self._load())

    async def close(self) -> None:
        """Let go of the assistant and write what is left of the records."""
        self.draining = True
        if self._loading is not None and not self._loading.done():
            self._loading.cancel()
        if self.assistant is not None and (close := getattr(self.assistant, "close", None)):
            outcome = close()
            if inspect.isawaitable(outcome):
                await outcome
        if lost := await self.desk.close():
            self.log.error("records_lost", count=lost)
        self.log.info("stopped")

    async def _load(self) -> None:
        began = time.perf_counter()
        try:
            made = await asyncio.to_thread(self._factory)
            self.assistant = await made if inspect.isawaitable(made) else made
        except KefuError as error:
            self.failure = error
            self.log.error("assistant_failed", error=type(error).__name__, what=error.line())
        except Exception as error:  # noqa: BLE001 - a broken assistant must show in /readyz and end the server, not hang it
            self.failure = error
            self.log.error("assistant_failed", error=type(error).__name__, at=logs.places(error))
        else:
            self.metrics.ready.set(1)
            self.log.info("ready", model=self.info.model, version=self.info.version, seconds=round(time.perf_counter() - began, 2))

    def raise_failure(self) -> None:
        """Raise what kept the assistant from loading, if anything did."""
        if isinstance(self.failure, KefuError):
            raise self.failure
        if self.failure is not None:
            raise EngineError("the assistant could not be loaded", type(self.failure).__name__, "the log names the place") from self.failure
