"""Sentences with marks, ⟦type:value⟧, from a text file: rows with spans as the other sets have them.

python benchmarks/privacy/marked.py blind_dev > rows.jsonl
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kefu.text.privacy import SCANNED

_MARK = re.compile(r"⟦(?P<type>\w+):(?P<value>.*?)⟧")


def path(name: str) -> Path:
    """A file, or the name of one that lies here: `blind_dev`."""
    for found in (Path(name), Path(__file__).parent / f"{name}.txt"):
        if found.is_file():
            return found
    there = ", ".join(sorted(found.stem for found in Path(__file__).parent.glob("blind_*.txt")))
    raise SystemExit(f"{name}: no file of marked sentences; here are {there}")


def rows(name: str) -> Iterator[dict[str, Any]]:
    """`{"id", "text", "spans": [{"start", "end", "type", "text"}]}`; a mark of an unknown type or a broken one ends it with its line."""
    for number, line in enumerate(path(name).read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("# "):
            continue
        line, text, spans, last = line.replace("\\n", "\n").replace("\\t", "\t"), "", [], 0
        for mark in _MARK.finditer(line):
            if mark["type"] not in SCANNED:
                raise SystemExit(f"{path(name)}:{number}: {mark['type']} is none of the types {', '.join(SCANNED)}")
            text += line[last : mark.start()]
            spans.append({"start": len(text), "end": len(text) + len(mark["value"]), "type": mark["type"], "text": mark["value"]})
            text, last = text + mark["value"], mark.end()
        text += line[last:]
        if "⟦" in text or "⟧" in text:
            raise SystemExit(f"{path(name)}:{number}: a mark is not ⟦type:value⟧")
        yield {"id": number, "text": text, "spans": spans}


if __name__ == "__main__":
    for row in rows(sys.argv[1]):
        print(json.dumps(row, ensure_ascii=False))
