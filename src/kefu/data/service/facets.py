"""The index beside conversations.jsonl: where each line ends, and what it can be filtered by.

One small record a line in a memory-mapped array, so that all workers share one copy and a filter is a comparison of
columns; the conversations themselves stay on the disk.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from array import array
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from kefu.artifacts import write_json
from kefu.data.lines import Lines

#: Columns with few values, kept as numbers into a list of words.
WORDS = ("split", "language", "category", "kind", "label")
_KEPT_SEARCHES = 64


class Facets:
    """Rows of one conversations.jsonl and the index over them. Made on first use, in `folder`."""

    def __init__(self, source: Path, folder: Path) -> None:
        if not (folder / "words.json").is_file():
            _make(source, folder)
        self.words: dict[str, list[str]] = json.loads((folder / "words.json").read_text("utf-8"))
        self._columns = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("end", "intervention", *WORDS)}
        self.lines = Lines(source, self._columns["end"])
        self._searches: OrderedDict[tuple, np.ndarray] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self.lines)

    def row(self, index: int) -> dict[str, Any]:
        """Row `index` as it stands in the file. Raises IndexError, or InputError for a damaged line."""
        return self.lines.json(index)

    def find(self, *, text: str = "", intervened: bool | None = None, **chosen: str | None) -> np.ndarray:
        """Numbers of the rows that match, in the file's order. chosen: one of `WORDS` -> the value it must have."""
        key = (text, intervened, *sorted((name, value) for name, value in chosen.items() if value is not None))
        with self._lock:
            if key in self._searches:
                self._searches.move_to_end(key)
                return self._searches[key]
        matched = np.ones(len(self), dtype=bool)
        for name, value in chosen.items():
            if value is not None:
                words = self.words[name]
                matched &= self._columns[name] == words.index(value) if value in words else False
        if intervened is not None:
            matched &= (self._columns["intervention"] >= 0) == intervened
        found = np.flatnonzero(matched)
        if text:
            wanted = text.casefold()
            found = np.array([i for i in found if any(wanted in turn["text"].casefold() for turn in self.row(int(i))["turns"])], dtype=np.int64)
        with self._lock:
            self._searches[key] = found
            while len(self._searches) > _KEPT_SEARCHES:
                self._searches.popitem(last=False)
        return found


def _make(source: Path, folder: Path) -> None:
    """Read the file once and publish the index whole; two workers that do it at once give the same bytes."""
    words: dict[str, dict[str, int]] = {name: {} for name in WORDS}
    columns = {name: array("I") for name in WORDS}
    intervention = array("i")
    lines = Lines(source)
    for i in range(len(lines)):
        row = lines.json(i)
        for name in WORDS:
            value = str(row.get(name) or "")
            columns[name].append(words[name].setdefault(value, len(words[name])))
        at = row.get("intervention")
        intervention.append(-1 if at is None else at)
    draft = folder.with_name(f".{folder.name}-{uuid.uuid4().hex[:8]}")
    draft.mkdir(parents=True)
    try:
        np.save(draft / "end.npy", np.array(lines.ends, dtype=np.uint64))
        np.save(draft / "intervention.npy", np.frombuffer(intervention, dtype=np.int32) if intervention else np.zeros(0, np.int32))
        for name, column in columns.items():
            np.save(draft / f"{name}.npy", np.frombuffer(column, dtype=np.uint32) if column else np.zeros(0, np.uint32))
        write_json(draft / "words.json", {name: list(known) for name, known in words.items()})
        os.rename(draft, folder)
    except OSError:
        if not (folder / "words.json").is_file():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
