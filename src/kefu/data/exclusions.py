"""Every dropped thing and samples of every change, written where people can read them, personal data masked."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from kefu.text import privacy
from kefu.text.normalise import clean, strip_html

_SAMPLES = 20
_SHOWN = 300


def shown(text: str) -> str:
    """A short masked form of raw text. Cut after masking, so that no half number stays."""
    return privacy.mask(clean(strip_html(text[:4000])))[:_SHOWN]


class Notes:
    """What one batch dropped and changed: lines of excluded.jsonl and samples, to be taken over in the order of the batches.

    `full`: steps of which enough samples are known already.
    """

    def __init__(self, full: Iterable[str] = ()) -> None:
        self.lines: list[str] = []
        self.counts: Counter[str] = Counter()
        self.samples: dict[str, list[dict[str, Any]]] = {}
        self._full = set(full)

    def drop(self, unit: str, source: str, where: str, reason: str, text: str, step: str) -> None:
        row = {"unit": unit, "source": source, "where": where, "reason": reason, "text": shown(text), "step": step}
        self.lines.append(json.dumps(row, ensure_ascii=False) + "\n")
        self.counts[unit] += 1

    def change(self, step: str, where: str, before: str, after: str, personal: bool = False) -> None:
        """Keep a sample. Texts with personal data are shown only for the masking step, and only masked."""
        if step in self._full:
            return
        held = self.samples.setdefault(step, [])
        if len(held) >= _SAMPLES:
            return
        if personal:
            before = ""
        elif privacy.find(after) or privacy.find(before):
            return
        held.append({"step": step, "where": where, "before": before[:_SHOWN], "after": after[:_SHOWN]})


class Exclusions:
    """excluded.jsonl and changed.jsonl. Lines stand by section, in the order in which the sections were begun, whenever they come."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sections: dict[str, IO[bytes]] = {}
        self.counts: Counter[str] = Counter()
        self._samples: dict[str, list[dict[str, Any]]] = {}
        self._closed = False
        self.into = ""  # the section of what names none; empty: the name of its step

    def begin(self, section: str) -> None:
        if section not in self._sections:
            self._sections[section] = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed by `close`

    def take(self, notes: Notes, section: str) -> None:
        """Take over what a batch noted."""
        self.begin(section)
        self._sections[section].write("".join(notes.lines).encode("utf-8", "replace"))
        self.counts.update(notes.counts)
        for step, samples in notes.samples.items():
            held = self._samples.setdefault(step, [])
            held += samples[: _SAMPLES - len(held)]

    @property
    def full(self) -> list[str]:
        """Steps of which no more samples are needed."""
        return [step for step, held in self._samples.items() if len(held) >= _SAMPLES]

    def drop(self, unit: str, source: str, where: str, reason: str, text: str, step: str, section: str = "") -> None:
        notes = Notes()
        notes.drop(unit, source, where, reason, text, step)
        self.take(notes, section or self.into or step)

    def change(self, step: str, where: str, before: str, after: str, personal: bool = False) -> None:
        notes = Notes(self.full)
        notes.change(step, where, before, after, personal)
        self.take(notes, step)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        with open(self._folder / "excluded.jsonl", "wb") as excluded:
            for part in self._sections.values():
                part.seek(0)
                shutil.copyfileobj(part, excluded, 1 << 20)
                part.close()
        with open(self._folder / "changed.jsonl", "w", encoding="utf-8", errors="replace") as handle:
            for rows in self._samples.values():
                handle.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

    def __enter__(self) -> Exclusions:
        return self

    def __exit__(self, *failed: object) -> None:
        """After a failure nothing is written."""
        self._closed = True
        for part in self._sections.values():
            with suppress(OSError):  # a full disk was reported where it was met
                part.close()
