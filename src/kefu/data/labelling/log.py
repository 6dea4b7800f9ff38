"""`labels/<annotator>.jsonl`: every answer of one person, appended and never rewritten; the last one for an item holds.

A row: `{"op", "task", "item", "value", "revision", "at", "digest"}`, and `"undo": true` where an answer was taken back (`value` is then
what held before, null for none). `op` is made by the page: the same op is written once, however often it is sent. A row is one write
under a lock of the file, followed by fsync, so threads, tabs and whole processes may write at once; half a row, left by a crash, was
never acknowledged: it is counted, and the next row begins on a line of its own.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

from kefu.artifacts import storage_errors
from kefu.errors import ConfigError, InputError

FOLDER = "labels"
_NAME = re.compile(r"^\w[\w .-]{0,39}$")


@dataclass(frozen=True)
class Answer:
    """What one person said of one item. value: null when it was taken back. extra: what the row carries beside (a pair)."""

    op: str
    task: str
    item: str
    value: Any
    revision: int
    at: str
    digest: str
    extra: Any = None


class LabelLog:
    """One annotator's file, read as far as it goes and appended to. `torn`: lines that cannot be read."""

    def __init__(self, folder: Path, annotator: str) -> None:
        if not _NAME.match(annotator) or annotator != annotator.strip():
            raise ConfigError(f"annotator {annotator!r}", "the name becomes a file's name", "use up to 40 letters, digits, spaces, points or dashes")
        self.annotator, self.path = annotator, folder / f"{annotator}.jsonl"
        self._lock = RLock()
        self._forget()

    def _forget(self) -> None:
        self._at = self._inode = 0
        self.torn = 0
        self._answers: dict[tuple[str, str], Answer] = {}
        self._ops: dict[str, Answer] = {}
        self._steps: dict[str, list[tuple[Answer, Answer | None]]] = {}

    def current(self, task: str) -> dict[str, Answer]:
        """`{item: answer}` of a task, without those taken back."""
        with self._lock:
            self._refresh()
            return {item: answer for (of, item), answer in self._answers.items() if of == task and answer.value is not None}

    def write(self, task: str, item: str, value: Any, op: str, digest: str, extra: Any = None) -> tuple[Answer, bool]:
        """Append an answer; returns it, and whether it is new (False: this op was written before). On the disk when it returns."""
        with self._lock, self._open() as handle:
            if op in self._ops:
                return self._ops[op], False
            self._append(handle, {"op": op, "task": task, "item": item, "value": value, "digest": digest, **({"extra": extra} if extra else {})})
            return self._ops[op], True

    def undo(self, task: str, op: str) -> Answer | None:
        """Take back the last answer of a task that still stands; None when there is none. The same op takes back once."""
        with self._lock, self._open() as handle:
            if op in self._ops:
                return self._ops[op]
            steps = self._steps.get(task)
            if not steps:
                return None
            taken, before = steps[-1]
            row = {"op": op, "task": task, "item": taken.item, "value": before.value if before else None, "digest": taken.digest, "undo": True}
            self._append(handle, {**row, **({"extra": before.extra} if before and before.extra else {})})
            return self._ops[op]

    def _append(self, handle: int, row: dict[str, Any]) -> None:
        held = self._answers.get((row["task"], row["item"]))
        row |= {"revision": held.revision + 1 if held else 1, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
        if self._torn_end(handle):
            line = b"\n" + line
        with storage_errors(self.path):
            written = os.write(handle, line)
            if written != len(line):
                raise OSError(28, os.strerror(28), str(self.path))
            os.fsync(handle)
        self._refresh()

    def _torn_end(self, handle: int) -> bool:
        size = os.fstat(handle).st_size
        return bool(size) and os.pread(handle, 1, size - 1) != b"\n"

    @contextmanager
    def _open(self) -> Iterator[int]:
        with storage_errors(self.path):
            new = not self.path.exists()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            if new:
                _fsync_folder(self.path.parent)
            fcntl.flock(handle, fcntl.LOCK_EX)
            self._refresh()
            yield handle
        finally:
            os.close(handle)

    def _refresh(self) -> None:
        """Take in what others wrote since."""
        try:
            with open(self.path, "rb") as handle:
                facts = os.fstat(handle.fileno())
                if facts.st_ino != self._inode or facts.st_size < self._at:
                    self._forget()
                    self._inode = facts.st_ino
                handle.seek(self._at)
                for line in handle:
                    if not line.endswith(b"\n"):
                        break
                    self._at += len(line)
                    self._take(line)
        except FileNotFoundError:
            self._forget()

    def _take(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            row = json.loads(line)
            answer = Answer(
                str(row["op"]), str(row["task"]), str(row["item"]), row["value"], int(row["revision"]), str(row["at"]), str(row["digest"]),
                row.get("extra"),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError, RecursionError):
            self.torn += 1
            return
        if answer.op in self._ops:
            return
        place = (answer.task, answer.item)
        steps = self._steps.setdefault(answer.task, [])
        if row.get("undo"):
            if steps:
                steps.pop()
        else:
            steps.append((answer, self._answers.get(place)))
        self._ops[answer.op] = self._answers[place] = answer


def files(root: Path) -> list[Path]:
    """The logs of a project, sorted by name."""
    folder = root / FOLDER
    return sorted(path for path in folder.glob("*.jsonl") if path.is_file() and not path.name.startswith("."))


def read_logs(root: Path) -> list[LabelLog]:
    """The logs of a project's annotators. Raises InputError for one that cannot be read."""
    logs = [LabelLog(path.parent, path.stem) for path in files(root)]
    for log in logs:
        try:
            log.current("")
        except OSError as error:
            raise InputError(f"cannot read {log.path}", error.strerror or "", "give kefu the right to read it") from None
    return logs


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
