"""Every dropped thing and samples of every change, written where people can read them, personal data masked."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import IO, Any

from kefu.text import privacy
from kefu.text.normalise import clean, strip_html

_SAMPLES = 20
_SHOWN = 300


def shown(text: str) -> str:
    """A short masked form of raw text. Cut after masking, so that no half number stays."""
    return privacy.mask(clean(strip_html(text[:4000])))[:_SHOWN]


class Exclusions:
    """Writes excluded.jsonl as things are dropped and keeps samples of changes."""

    def __init__(self, folder: Path) -> None:
        self._file: IO[str] = open(folder / "excluded.jsonl", "w", encoding="utf-8")  # noqa: SIM115 - closed by `close`
        self._folder = folder
        self.counts: Counter[str] = Counter()
        self._changes: dict[str, list[dict[str, Any]]] = {}

    def drop(self, unit: str, source: str, where: str, reason: str, text: str, step: str) -> None:
        row = {"unit": unit, "source": source, "where": where, "reason": reason, "text": shown(text), "step": step}
        self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self.counts[unit] += 1

    def change(self, step: str, where: str, before: str, after: str, personal: bool = False) -> None:
        """Keep a sample. Texts with personal data are shown only for the masking step, and only masked."""
        held = self._changes.setdefault(step, [])
        if len(held) >= _SAMPLES:
            return
        if personal:
            before = ""
        elif privacy.find(after) or privacy.find(before):
            return
        held.append({"step": step, "where": where, "before": before[:_SHOWN], "after": after[:_SHOWN]})

    def close(self) -> None:
        self._file.close()
        with open(self._folder / "changed.jsonl", "w", encoding="utf-8") as handle:
            for rows in self._changes.values():
                handle.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
