"""The same work on a Ray cluster, through Ray Data: past one machine, and past the death of one."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from types import TracebackType
from typing import Any

from kefu.data.workers import Work
from kefu.errors import InputError, MissingExtra

_WINDOW = 256  # batches in one Ray Data job: what the head node holds at once


class Cluster:
    """Ray as it is (`RAY_ADDRESS`, or a cluster that this program joined), else a small one on this machine."""

    def __init__(self) -> None:
        try:
            import ray
            import ray.data
        except ImportError:
            raise MissingExtra("--engine ray", "ray") from None
        self._ray = ray
        self._own = not ray.is_initialized()

    def __enter__(self) -> Cluster:
        if self._own:
            try:
                self._ray.init(logging_level="ERROR", log_to_driver=False, include_dashboard=False)
            except (ConnectionError, RuntimeError, OSError) as error:
                raise InputError("Ray cannot be reached", str(error).splitlines()[0], "look at RAY_ADDRESS, or use --engine local") from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._own:
            self._ray.shutdown()

    def map(self, work: Work, setup: Any, batches: Iterable[Any]) -> Iterator[Any]:
        """Windows of batches, each a Ray Data job; a block whose node died is computed again by Ray."""
        stream = iter(batches)
        context = self._ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        task = _Task(pickle.dumps((work, setup)))
        while window := [{"number": i, "batch": pickle.dumps(batch)} for i, batch in enumerate(islice(stream, _WINDOW))]:
            dataset = self._ray.data.from_items(window, override_num_blocks=len(window))
            done = dataset.map_batches(task, batch_size=None, batch_format="numpy", zero_copy_batch=True)
            results: dict[int, bytes] = {row["number"]: row["result"] for row in done.iter_rows()}
            for number in range(len(window)):
                kind, value = pickle.loads(results.pop(number))  # noqa: S301 - made by our own task
                if kind == "error":
                    raise value
                yield value


class _Task:
    """One batch a block. Errors of the user's making travel as values, so that Ray does not wrap or repeat them."""

    def __init__(self, setup: bytes) -> None:
        self._setup = setup
        self._ready: Callable[[Any], Any] | None = None

    def __getstate__(self) -> bytes:
        return self._setup

    def __setstate__(self, setup: bytes) -> None:
        self._setup, self._ready = setup, None

    def __call__(self, block: dict[str, Any]) -> dict[str, Any]:
        from kefu.errors import KefuError

        if self._ready is None:
            work, setup = pickle.loads(self._setup)  # noqa: S301 - our own, from the driver
            self._ready = work(setup)
        results = []
        for batch in block["batch"]:
            try:
                answer = ("done", self._ready(pickle.loads(batch)))  # noqa: S301 - our own, from the driver
            except KefuError as error:
                answer = ("error", error)
            results.append(pickle.dumps(answer))
        return {"number": block["number"], "result": results}
