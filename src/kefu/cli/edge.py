"""The edge: where errors become one line and an exit code, and results become JSON or text."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from kefu.errors import ConfigError, KefuError
from kefu.pages.written import json_line

INTERRUPTED = 130


class Output:
    """Where a verb prints: text for people, or exactly one JSON document for machines (`--json`)."""

    machine = False

    def result(self, value: Any, text: Callable[[], None]) -> None:
        """Print the JSON document, or run `text`, which prints for people."""
        if self.machine:
            print(json_line(json.dumps(value, ensure_ascii=False, indent=2, default=str)))
        else:
            text()


OUTPUT = Output()


def guarded(app: Callable[..., Any]) -> int:
    """Run the command line; every user error is one line and the right exit code."""
    import typer

    _Interrupts().install()
    OUTPUT.machine = "--json" in sys.argv
    try:
        result = app(standalone_mode=False)
        sys.stdout.flush()
        if result == INTERRUPTED:  # typer turns an interrupt into this number by itself
            return _interrupted()
        return result if isinstance(result, int) else 0
    except KefuError as error:
        if _of_an_interrupt(error):
            return _interrupted()
        _show(error.as_dict(), error.line(), error.faults if isinstance(error, ConfigError) else [])
        return error.exit_code
    except typer.Abort:
        return _interrupted()
    except KeyboardInterrupt:
        return _interrupted()
    except typer.Exit as stop:
        return stop.exit_code
    except typer.TyperException as error:
        if OUTPUT.machine:
            _show({"error": "UsageError", "message": str(error)}, "", [])
        else:
            show = getattr(error, "show", None)
            show() if show else print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        line = f"{error.filename or 'the system'}: {error.strerror or error}"
        _show({"error": "StorageError", "message": line}, line, [])
        return 2
    finally:
        # The exit code stands. While Python ends it hands signals back to the system, and a late one would replace that code by -2.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


def _of_an_interrupt(error: BaseException) -> bool:
    """A module of C++ that an interrupt stops while it loads says ImportError, and what was to be loaded counts as not installed."""
    cause = error.__cause__ or error.__context__
    return cause is not None and (isinstance(cause, KeyboardInterrupt) or _of_an_interrupt(cause))


def _interrupted() -> int:
    # `python -m` ends by the signal (-2) instead of 130 when the interrupt fell into a string being executed, as dataclasses do
    # while modules load: CPython keeps that in a flag which only the next such execution clears (Python/pythonrun.c).
    eval("None")  # noqa: S307
    _show({"error": "Interrupted", "message": "interrupted"}, "interrupted; nothing half-written was left, run again to go on", [])
    return INTERRUPTED


class _Interrupts:
    """The first signal interrupts; those soon after it must not break the tidying up it starts."""

    TIDYING_S = 5.0

    def __init__(self) -> None:
        self.last = -self.TIDYING_S

    def install(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._signalled)
        sys.unraisablehook = self._unraisable
        # asyncio logs the traceback of a task that an interrupt ended; it is no fault, and the edge says it
        logging.getLogger("asyncio").addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], KeyboardInterrupt)))

    def _signalled(self, number: int, frame: object) -> None:
        if time.monotonic() - self.last >= self.TIDYING_S:
            self.last = time.monotonic()
            raise KeyboardInterrupt

    def _unraisable(self, lost: Any) -> None:
        """An interrupt that fell into a finaliser (`__del__`) is thrown away by Python; it is sent again."""
        if issubclass(lost.exc_type, KeyboardInterrupt):
            self.last = -self.TIDYING_S
            threading.Timer(0.05, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT]).start()
        else:
            sys.__unraisablehook__(lost)


def _show(document: dict[str, Any], line: str, faults: list[str]) -> None:
    if OUTPUT.machine:
        print(json_line(json.dumps({"ok": False, **document}, ensure_ascii=False)))
        return
    from kefu.cli.screen import Screen

    console = Screen(stderr=True, highlight=False, soft_wrap=True)
    console.print("[bold red]error[/]: ", end="")
    console.print(line, markup=False)
    if len(faults) > 1:
        for fault in faults:
            console.print(f"  - {fault}", markup=False)
