"""Reads a file in a process beside this one, which can be stopped: what a library does with a hostile file ends there and not here.

calamine takes the memory that a cell's address asks for, and a want of it aborts the whole process; one function of SQLite may work for hours and
hears nobody. So both are run by a child with a bound on its memory; it is killed when it works longer than it may, and dies with its parent.
Rows come back in batches.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import queue
import select
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NamedTuple

from kefu.errors import InputError, KefuError

#: Address space of the child. An honest workbook of the largest size that is read takes about 3 GB, threads and libraries 2 GB of it untouched.
MEMORY_MB = 6 << 10
_MOST_ROWS, _MOST_BYTES = 512, 4 << 20  # of one batch
_START_S = 120.0
_GRACE_S = 2.0  # the reader's own clock is first, its message is the better one
_SIZE = struct.Struct("!Q")
_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from kefu.data.readers.apart import serve; serve()"


class Limit(NamedTuple):
    """How long a database or a workbook may be worked on, and the setting of the source that says so."""

    seconds: float = 600
    setting: str = "timeout_s"

    @property
    def passed(self) -> str:
        return f"it worked longer than {self.setting} ({self.seconds:g} s)"

    @property
    def way_out(self) -> str:
        return f"look whether the query ever ends (a recursive one, a join without ON); if it is right, raise {self.setting} of the source"


Ask = Callable[[Any], Any]


def read(home: str, given: tuple[Any, ...], path: Path, facts: dict[str, Any], limit: Limit, ask: Ask, fix: str = "") -> Iterator[Any]:
    """What the generator `home` (`module:function`) yields when called in a child as `function(*given, ask, facts)`; `given` are plain values.

    ask: questions of the child, such as which table is meant, are answered by it here. The time counts while the child works and
    somebody waits. Raises InputError when the time is over, for want of memory, and when the child dies; whatever KefuError the child raised.
    """
    with tempfile.TemporaryFile() as said, _child(said) as child:
        _put(child.stdin, (home, given, MEMORY_MB, int(limit.seconds * 2 + 60)))
        _get(child, path, Limit(_START_S), 0.0, said, fix)  # Python and its modules have started
        spent = 0.0
        while True:
            since = time.monotonic()
            kind, value, told = _get(child, path, limit, spent, said, fix)
            spent += time.monotonic() - since
            facts.update(told)
            if kind == "rows":
                yield from value
            elif kind == "ask":
                _put(child.stdin, ask(value))
            elif kind == "end":
                return
            elif kind == "error":
                raise value
            else:
                raise RuntimeError(f"a reader failed:\n{value}")


@contextlib.contextmanager
def _child(said: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        [sys.executable, "-c", _START, json.dumps(sys.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        start_new_session=True,  # the terminal's interrupt is for the parent, which ends the child
        env={**os.environ, "RUST_BACKTRACE": "0", "POLARS_MAX_THREADS": "2"},
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()


def _get(child: subprocess.Popen[bytes], path: Path, limit: Limit, spent: float, said: IO[bytes], fix: str) -> tuple[str, Any, dict[str, Any]]:
    """The next message of the child."""
    until = time.monotonic() + limit.seconds - spent + _GRACE_S
    head = _exactly(child, _SIZE.size, until)
    body = _exactly(child, _SIZE.unpack(head)[0], until) if head else b""
    if head is None or body is None:
        raise InputError(f"{path.name} was stopped", limit.passed, fix or limit.way_out)
    if body:
        kind, value, told = pickle.loads(body)  # noqa: S301 - written by our own child
        return kind, value, told
    code = child.wait()
    said.seek(0)
    words = said.read(1 << 16).decode("utf-8", "replace")
    if "memory" in words or "MemoryError" in words or code == -9:
        raise InputError(f"{path.name} cannot be read", f"it asks for more than {MEMORY_MB >> 10} GB of memory", "export it again, as CSV best")
    raise InputError(f"{path.name} cannot be read", f"its reader died ({_why(code, words)})", "it is damaged, or made to do this; export it again")


def _why(code: int, words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip() and "stack backtrace" not in line]
    return lines[0][:160] if lines else f"signal {-code}" if code < 0 else f"exit {code}"


def _exactly(child: subprocess.Popen[bytes], size: int, until: float) -> bytes | None:
    """So many bytes; fewer at the end of the stream; None when the time is over."""
    handle = child.stdout.fileno() if child.stdout else -1
    parts: list[bytes] = []
    while size:
        left = until - time.monotonic()
        if left <= 0 or not select.select([handle], [], [], left)[0]:
            return None
        part = os.read(handle, min(size, 1 << 20))
        if not part:
            return b""
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _put(pipe: IO[bytes] | None, value: Any) -> None:
    body = pickle.dumps(value)
    with contextlib.suppress(BrokenPipeError):  # a child that died is found out when its answer is read
        if pipe:
            pipe.write(_SIZE.pack(len(body)) + body)
            pipe.flush()


# -- in the child ------------------------------------------------------------------------------------------------------


def serve() -> None:
    """In the child: runs the reader that the parent names and sends what it yields."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no message
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(answers,), daemon=True).start()
    home, given, memory_mb, cpu_s = answers.get()
    _bound(memory_mb, cpu_s)
    facts: dict[str, Any] = {}
    told = b""

    def send(kind: str, value: Any) -> None:
        nonlocal told
        new = pickle.dumps(facts)  # a list of twenty thousand tables is not sent with every batch
        body = pickle.dumps((kind, value, facts if new != told else {}))
        told = new
        out.write(_SIZE.pack(len(body)) + body)
        out.flush()

    def ask(question: Any) -> Any:
        send("ask", question)
        return answers.get()

    try:
        module, _, name = home.partition(":")
        reader = getattr(import_module(module), name)
        send("ready", None)
        _send_rows(reader(*given, ask, facts), send)
        send("end", None)
    except KefuError as error:
        send("error", error)
    except MemoryError:
        os.write(2, b"memory\n")
        os._exit(3)
    except BrokenPipeError:
        os._exit(1)
    except BaseException:  # noqa: BLE001 - said by the parent, with its own traceback
        send("fault", traceback.format_exc())
    os._exit(0)


def _send_rows(rows: Iterator[Any], send: Callable[[str, Any], None]) -> None:
    """In batches that begin small, so that whoever looks at the first rows does not wait for many."""
    held: list[Any] = []
    most, size = 1, 0
    for row in rows:
        held.append(row)
        values = getattr(row, "values", None)
        size += sum(len(cell) for cell in values.values() if isinstance(cell, str)) if isinstance(values, dict) else 0
        if len(held) >= most or size > _MOST_BYTES:
            send("rows", held)
            held, size, most = [], 0, min(2 * most, _MOST_ROWS)
    if held:
        send("rows", held)


def _listen(answers: queue.SimpleQueue[Any]) -> None:
    """Hands on what the parent says; when it is gone there is nothing left to do."""
    with os.fdopen(os.dup(0), "rb") as pipe:
        while len(head := pipe.read(_SIZE.size)) == _SIZE.size:
            answers.put(pickle.loads(pipe.read(_SIZE.unpack(head)[0])))  # noqa: S301 - written by our own parent
    os._exit(1)


def _bound(memory_mb: int, cpu_s: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
        resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
