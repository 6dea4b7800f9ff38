"""The edge of the command line: an interrupt arrives, whatever it falls into."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LOST = """
import signal, sys, time
from kefu.cli import edge

class Falls:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
        for _ in range(100):
            pass

def app(standalone_mode):
    falls = Falls()
    del falls
    time.sleep(20)
    print("never")

sys.exit(edge.guarded(app))
"""


def test_an_interrupt_that_falls_into_a_finaliser_still_stops_the_run() -> None:
    done = subprocess.run([sys.executable, "-c", LOST], capture_output=True, text=True, timeout=15, check=False)
    assert done.returncode == 130, done.stderr
    assert "interrupted" in done.stderr
    assert "never" not in done.stdout


def test_an_interrupt_that_falls_into_executed_text_is_exit_code_130(tmp_path: Path) -> None:
    """As it does while modules load: dataclasses execute what they generate. Only `python -m` ends that way."""
    body = LOST.replace("falls = Falls()\n    del falls\n    time.sleep(20)", "import rich.console\n    exec('raise KeyboardInterrupt')")
    (tmp_path / "falls.py").write_text(body, "utf-8")
    done = subprocess.run([sys.executable, "-m", "falls"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 130, done.stderr


def test_a_second_signal_does_not_break_the_tidying_up() -> None:
    script = LOST.replace(
        "falls = Falls()\n    del falls\n    time.sleep(20)",
        "try:\n        signal.raise_signal(signal.SIGINT)\n    finally:\n        signal.raise_signal(signal.SIGTERM); print('tidied')",
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (130, "tidied"), done.stderr


def test_a_signal_while_the_interpreter_ends_does_not_change_the_exit_code() -> None:
    script = LOST.replace(
        "falls = Falls()\n    del falls\n    time.sleep(20)",
        "global last; last = Falls()  # falls when the modules are torn down\n    return 3",
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3, done.stderr


def test_an_interrupt_that_stops_the_loading_of_a_module_is_no_missing_module() -> None:
    raised = """try:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise ImportError("initialization failed") from error
    except ImportError:
        from kefu.errors import MissingExtra
        raise MissingExtra("the engine", "embedded") from None"""
    script = LOST.replace("falls = Falls()\n    del falls\n    time.sleep(20)", raised)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 130 and "interrupted" in done.stderr, done.stderr
