"""Isolated environments for converters that cannot live beside the training stack.

An environment is made on demand from a lock file, under `$KEFU_CACHE/converters/<name>-<hash>/`
(default cache: `~/.cache/kefu`), in a temporary neighbour that is renamed when whole. A file lock
lets only one process make it. What a killed run left is swept by the next one.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kefu.artifacts import storage_errors, write_json
from kefu.errors import EngineError, StorageError
from kefu.project import expanded

LOCKS = Path(__file__).parent / "locks"
_READY = "ready.json"
_FIRST = "torch=="  # installed by itself before the rest, so that pip takes the build its index offers for this machine
_NEED_GB = 3.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)  # opened before any fork: a child of a process with threads may not open libraries
_HIDE = (
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "PIP_CONSTRAINT",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_REQUIREMENT",
)

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Converter:
    """A ready environment. made: False when it was found. seconds, bytes: what making it cost."""

    name: str
    folder: Path
    made: bool
    seconds: float
    bytes: int

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(self, script: Path, arguments: Sequence[str], log: Path) -> dict[str, Any]:
        """Run a script of ours in the environment; its last line of output is a JSON object. Raises EngineError."""
        environment = {
            **_clean_environment(),
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "CI": "true",
        }
        lines = _call([str(self.python), "-I", str(script), *arguments], log, environment, f"converter {self.name} failed")
        try:
            return dict(json.loads(lines[-1]))
        except (ValueError, IndexError, TypeError):
            raise EngineError(f"converter {self.name} gave no result", "its output does not end in a JSON object", f"see {log}") from None


def cache_root() -> Path:
    return expanded(os.environ.get("KEFU_CACHE") or "~/.cache/kefu")


def folder_of(name: str, lock: Path | None = None) -> Path:
    """Where the environment of this lock and this Python lives, made or not."""
    text = (lock or LOCKS / f"{name}.lock").read_text("utf-8")
    stamp = f"{text}\n{platform.python_implementation()} {platform.python_version()} {platform.machine()}"
    return cache_root() / "converters" / f"{name}-{hashlib.sha256(stamp.encode()).hexdigest()[:16]}"


def prepare(name: str, progress: Progress | None = None, *, lock: Path | None = None, need_gb: float = _NEED_GB) -> Converter:
    """The environment of `name`, made when it is not there yet. Raises EngineError, StorageError."""
    lock, folder = lock or LOCKS / f"{name}.lock", folder_of(name, lock)
    found = _find(name, folder)
    if found:
        return found
    say = progress or (lambda text, share: None)
    try:
        with storage_errors(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
    except (NotADirectoryError, FileExistsError):
        raise StorageError(f"cannot prepare converter {name}", f"{folder.parent} is not a folder", "set KEFU_CACHE to a folder") from None
    with _only_one(folder, lambda: say(f"waiting for another run that prepares converter {name}", 0.0)):
        found = _find(name, folder)  # made by the one we waited for
        if found:
            return found
        for left in folder.parent.glob(f".{folder.name}.draft-*"):
            shutil.rmtree(left, ignore_errors=True)
        free = shutil.disk_usage(folder.parent).free / 1e9
        if free < need_gb:
            raise StorageError(
                f"cannot prepare converter {name}",
                f"{free:.1f} GB are free in {folder.parent}, {need_gb:g} GB are needed",
                "free space or set KEFU_CACHE",
            )
        _make(name, lock, folder, say)
    found = _find(name, folder)
    if found is None:
        raise EngineError(f"converter {name} was not made", f"{folder} is not complete", "run again")
    return Converter(name, folder, True, found.seconds, found.bytes)


def _find(name: str, folder: Path) -> Converter | None:
    try:
        ready = json.loads((folder / _READY).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not (folder / "bin" / "python").exists():  # the Python it was made from has gone
        return None
    return Converter(name, folder, False, float(ready["seconds"]), int(ready["bytes"]))


def _make(name: str, lock: Path, folder: Path, say: Progress) -> None:
    started = time.monotonic()
    draft = folder.with_name(f".{folder.name}.draft-{uuid.uuid4().hex[:8]}")
    log = folder.with_name(f"{folder.name}.log")
    requirements = [line.strip() for line in lock.read_text("utf-8").splitlines() if line.strip() and not line.startswith("#")]
    first = [line for line in requirements if line.startswith(_FIRST)]
    failed = f"converter {name} could not be prepared"
    with storage_errors(folder):
        log.write_text("", "utf-8")
    try:
        say(f"preparing converter {name} in {folder} (once; about 1.2 GB and a minute)", 0.0)
        own = importlib.util.find_spec("pip") is not None  # our pip can install into it, which saves bringing another
        _call([sys.executable, "-m", "venv", *(["--without-pip"] if own else []), str(draft)], log, _clean_environment(), failed)
        target = str(draft / "bin" / "python")
        pip = [sys.executable, "-m", "pip", "--python", target, "install"] if own else [target, "-m", "pip", "install"]
        # --no-compile: byte code is then made only for what a conversion imports.
        pip += ["--no-compile", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
        if first:
            say(f"converter {name}: {first[0]}", 0.15)
            _call([*pip, *first], log, _clean_environment(), failed)
        say(f"converter {name}: {len(requirements) - len(first)} packages", 0.5)
        _call([*pip, "--no-deps", "-r", str(lock)], log, _clean_environment(), failed)
        size = sum(path.lstat().st_size for path in draft.rglob("*") if not path.is_symlink())
        seconds = round(time.monotonic() - started, 1)
        write_json(draft / _READY, {"name": name, "lock": lock.name, "python": platform.python_version(), "seconds": seconds, "bytes": size})
        if folder.exists():
            shutil.rmtree(folder, ignore_errors=True)
        os.rename(draft, folder)
        say(f"converter {name} ready: {size / 1e9:.2f} GB in {seconds:.0f} s", 1.0)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _only_one(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    with storage_errors(folder), open(folder.with_name(f".{folder.name}.lock"), "a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _clean_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in _HIDE}


def _call(command: list[str], log: Path, environment: dict[str, str], failed: str) -> list[str]:
    """Run to the end, output into the log; returns the output's lines. A child never outlives us. Raises EngineError."""
    tied = _die_with_parent if sys.platform == "linux" else None
    with open(log, "a+", encoding="utf-8", errors="replace") as handle:
        start = handle.seek(0, os.SEEK_END)
        process = subprocess.Popen(command, stdout=handle, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment, preexec_fn=tied)
        try:
            code = process.wait()
        except BaseException:  # Ctrl-C above all
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            raise
        handle.seek(start)
        lines = [line.strip() for line in handle.read().splitlines() if line.strip()]
    if code:
        raise EngineError(failed, _cause(lines) or f"exit code {code}", f"see {log}")
    return lines


def _die_with_parent() -> None:
    """In the child: be killed with us, even by kill -9; it would go on writing into a folder that the next run clears (prctl(2))."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _cause(lines: list[str]) -> str:
    """The line that says why: pip's last `ERROR:`, else the last line of a traceback."""
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors[-1].removeprefix("ERROR:").strip() if errors else lines[-1] if lines else "")[:300]
