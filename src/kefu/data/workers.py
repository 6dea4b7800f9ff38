"""Who does the work on batches of conversations: this process, processes beside it, or Ray. The result is the same.

A `Work` is made from a setup (plain values) and turns a batch into a result without looking at anything else, so a batch
whose worker died is simply done again. Results come back in the order of the batches.
"""

from __future__ import annotations

import importlib
import itertools
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from kefu.errors import InputError

#: `Work(setup)(batch) -> result`
Work = Callable[[Any], Callable[[Any], Any]]
BATCH = 512  # conversations
_ALONE = 4  # batches done here before other processes are worth their start
_AHEAD = 3  # batches under way for each process
_DEATHS = 3


class Crew(Protocol):
    """Does `work` on every batch; results in order."""

    def map(self, work: Work, setup: Any, batches: Iterable[Any]) -> Iterator[Any]: ...

    def __enter__(self) -> Crew: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


def crew(engine: str, workers: int | None, folder: Path) -> Crew:
    """`engine`: local or ray. `workers`: processes, None for one a core. `folder` is for setups, on this machine."""
    if engine == "ray":
        from kefu.data.rays import Cluster

        return Cluster()
    return Local(workers or cores(), folder)


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Local:
    """This process for a small job or for one worker; else processes beside it, started when the job proves big."""

    def __init__(self, workers: int, folder: Path) -> None:
        self._workers, self._folder = workers, folder
        self._pool: ProcessPoolExecutor | None = None
        self._setups = itertools.count()

    def __enter__(self) -> Local:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def map(self, work: Work, setup: Any, batches: Iterable[Any]) -> Iterator[Any]:
        here = work(setup)
        stream = iter(batches)
        alone = None if self._workers == 1 else 0 if self._pool is not None else _ALONE
        for batch in itertools.islice(stream, alone):
            yield here(batch)
        first = next(stream, None)
        if first is not None:
            place = self._folder / f"setup-{next(self._setups)}"
            place.write_bytes(pickle.dumps((work, setup)))
            yield from self._beside(str(place), itertools.chain([first], stream))

    def _beside(self, place: str, batches: Iterator[Any]) -> Iterator[Any]:
        under_way: deque[tuple[Any, Future[Any]]] = deque()
        deaths = 0
        while True:
            while len(under_way) < self._workers * _AHEAD and (batch := next(batches, None)) is not None:
                under_way.append((batch, self._start(place, batch)))
            if not under_way:
                return
            try:
                result = under_way[0][1].result()
            except BrokenProcessPool:
                deaths += 1
                if deaths == _DEATHS:
                    raise InputError(
                        f"a worker process died {_DEATHS} times on the same rows", "killed from outside, most likely for want of memory",
                        "free memory, or set data.workers: 1 (a script that calls kefu needs `if __name__ == '__main__':`)",
                    ) from None  # fmt: skip
                self._bury()
                under_way = deque((batch, self._start(place, batch)) for batch, _ in under_way)
                continue
            deaths = 0
            under_way.popleft()
            yield result

    def _start(self, place: str, batch: Any) -> Future[Any]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self._workers, multiprocessing.get_context("spawn"), initializer=_begin)
        # What starts now is born deaf to the terminal's interrupt; the interrupt itself waits a moment and is not lost.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            return self._pool.submit(_run, place, batch)
        except BrokenProcessPool as error:  # found out while handing in: reported when its turn comes
            failed: Future[Any] = Future()
            failed.set_exception(error)
            return failed
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _bury(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def _begin() -> None:
    """In a new worker: no parent means no work. And no torch, unless the project's own class wants it: 300 MB and seconds less."""
    sys.modules.setdefault("torch", None)  # type: ignore[arg-type]
    importlib.import_module("kefu.data.jobs")
    if sys.modules["torch"] is None:
        del sys.modules["torch"]
    parent = multiprocessing.parent_process()

    def watch() -> None:
        with suppress(OSError):
            if parent is not None:
                wait([parent.sentinel])
                os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


_READY: dict[str, Callable[[Any], Any]] = {}


def _run(place: str, batch: Any) -> Any:
    """In a worker. The setup of the work at hand is read once; that of the work before is let go."""
    if place not in _READY:
        work, setup = pickle.loads(Path(place).read_bytes())  # noqa: S301 - written by the parent for its own workers
        _READY.clear()
        _READY[place] = work(setup)
    return _READY[place](batch)
