"""Every dropped thing and every changed text, written where people can read them, personal data masked or struck out."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from kefu.text import privacy
from kefu.text.normalise import clean, strip_html

_SHOWN = 300
_AROUND = 40
_SAMPLES, _SAMPLE = 2, 40  # things shown when a step must stop, characters of each
#: in `meta` of a conversation from forming to cleaning: the rows its turns stood in, for what is left out of it
TURN_ROWS = "turn_rows"


def shown(text: str) -> str:
    """A short masked form of raw text. Cut after masking, so that no half number stays."""
    return privacy.mask(clean(strip_html(text[:4000])))[:_SHOWN]


def difference(before: str, after: str) -> tuple[str, str]:
    """Two texts where they differ, with what stands around; `…` where more was left out."""
    if max(len(before), len(after)) <= _SHOWN:
        return before, after
    head = _shared(before, after)
    tail = _shared(before[head:][::-1], after[head:][::-1])
    start = max(0, head - _AROUND)

    def cut(text: str) -> str:
        end = min(len(text), len(text) - tail + _AROUND, start + _SHOWN)
        return "…" * (start > 0) + text[start:end] + "…" * (end < len(text))

    return cut(before), cut(after)


def _shared(a: str, b: str) -> int:
    """Characters with which both begin."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


class Notes:
    """What one batch dropped and changed: lines of excluded.jsonl and changed.jsonl, to be taken over in the order of the batches."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.counts: Counter[str] = Counter()
        self.changes: list[str] = []
        self.changed: Counter[str] = Counter()
        self.samples: dict[tuple[str, str, str], list[str]] = {}  # unit, step, source -> the first few dropped, for a step that must stop

    def drop(self, unit: str, source: str, where: str, reason: str, text: str, step: str) -> None:
        row = {"unit": unit, "source": source, "where": where, "reason": reason, "text": shown(text), "step": step}
        if len(some := self.samples.setdefault((unit, step, source), [])) < _SAMPLES:
            some.append(f"{where} {' '.join(row['text'].split())[:_SAMPLE]!r}")
        self.lines.append(json.dumps(row, ensure_ascii=False) + "\n")
        self.counts[unit] += 1

    def change(self, unit: str, source: str, where: str, reasons: Sequence[str], before: str, after: str) -> None:
        """before, after: without personal data (see `edits`)."""
        before, after = difference(before, after)
        row = {"unit": unit, "source": source, "where": where, "reasons": list(reasons), "before": before, "after": after}
        self.changes.append(json.dumps(row, ensure_ascii=False) + "\n")
        self.changed.update(reasons)


class _Sections:
    """Lines by section, in the order in which the sections were begun, whenever they come; files without a name until all have come."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, IO[bytes]] = {}
        self.lines = 0

    def begin(self, name: str) -> None:
        if name not in self._files:
            self._files[name] = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed by `close`

    def write(self, name: str, lines: list[str]) -> None:
        self.begin(name)
        self._files[name].write("".join(lines).encode("utf-8", "replace"))
        self.lines += len(lines)

    def join(self, path: Path) -> None:
        with open(path, "wb") as whole:
            for part in self._files.values():
                part.seek(0)
                shutil.copyfileobj(part, whole, 1 << 20)
        self.close()

    def close(self) -> None:
        for part in self._files.values():
            with suppress(OSError):  # a full disk was reported where it was met
                part.close()
        self._files = {}


class Exclusions:
    """excluded.jsonl and changed.jsonl."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._dropped, self._changes = _Sections(folder), _Sections(folder)
        self.counts: Counter[str] = Counter()  # dropped, by unit
        self.changed: Counter[str] = Counter()  # by reason; a text may have several
        self._samples: dict[tuple[str, str, str], list[str]] = {}
        self._closed = False

    @property
    def lines(self) -> int:
        """Of changed.jsonl."""
        return self._changes.lines

    def begin(self, section: str) -> None:
        self._dropped.begin(section)
        self._changes.begin(section)

    def take(self, notes: Notes, section: str) -> None:
        """Take over what a batch noted."""
        self._dropped.write(section, notes.lines)
        self._changes.write(section, notes.changes)
        self.counts.update(notes.counts)
        self.changed.update(notes.changed)
        for key, some in notes.samples.items():
            held = self._samples.setdefault(key, [])
            held += some[: _SAMPLES - len(held)]

    def some(self, unit: str, step: str, source: str = "") -> list[str]:
        """The first few things that a step dropped, of one source or of any."""
        found = [one for (its, name, of), held in self._samples.items() if (its, name) == (unit, step) and source in ("", of) for one in held]
        return found[:_SAMPLES]

    def drop(self, unit: str, source: str, where: str, reason: str, text: str, step: str, section: str = "") -> None:
        notes = Notes()
        notes.drop(unit, source, where, reason, text, step)
        self.take(notes, section or step)

    def change(self, unit: str, source: str, where: str, reasons: Sequence[str], before: str, after: str) -> None:
        notes = Notes()
        notes.change(unit, source, where, reasons, before, after)
        self.take(notes, "changes")

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._dropped.join(self._folder / "excluded.jsonl")
        self._changes.join(self._folder / "changed.jsonl")

    def __enter__(self) -> Exclusions:
        return self

    def __exit__(self, *failed: object) -> None:
        """After a failure nothing is written."""
        self._closed = True
        self._dropped.close()
        self._changes.close()
