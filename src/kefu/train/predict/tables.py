"""Predictions as a table: for who opens them in a spreadsheet. Same rows, same order, one column for each thing said."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from kefu.pages.written import spreadsheet

MARK = "\ufeff"  # without it spreadsheets read UTF-8 as something else and show Chinese as noise


#: task -> names that its answers may have, besides `id` and `error`
_SAID = {
    "classification": ("label", "labels", "probability", "probabilities", "scores", "windows"), "regression": ("value", "windows"),
    "token-classification": ("entities", "text", "tags", "units", "windows"), "multitask": ("heads", "windows"),
    "question-answering": ("answer", "start", "end", "score", "margin", "best", "windows"), "generation": ("text", "finish"),
    "reward": ("reward", "score_chosen", "score_rejected", "prefers"), "image-text": ("label", "labels", "probability", "probabilities", "scores"),
}  # fmt: skip


def kept_as(name: str, task: str) -> str:
    """What a column copied from the rows is called: an expected `label` must stand beside the predicted one, not under it."""
    return f"given_{name}" if name in ("id", "error", *_SAID.get(task, ())) else name


@contextmanager
def lines(handle: TextIO, out: Path, keep: Sequence[str]) -> Iterator[TextIO]:
    """Where JSON lines are written: the file itself, or for `NAME.csv` a file without a name, which becomes the table at the end.

    The columns of a table are known only when every row is answered. keep: columns copied from the rows; they stand after the id.
    """
    if out.suffix.lower() != ".csv":
        yield handle
        return
    with tempfile.TemporaryFile("w+", encoding="utf-8", dir=out.parent) as answers:
        yield answers
        names = dict.fromkeys(["id", *keep])
        answers.seek(0)
        for line in answers:
            names |= dict.fromkeys(json.loads(line))
        if "error" in names:  # last, whether the first bad row stood early or late
            names["error"] = names.pop("error")
        answers.seek(0)
        handle.write(MARK)
        table = csv.writer(handle)
        table.writerow(map(spreadsheet, names))
        for line in answers:
            row = json.loads(line)
            table.writerow([spreadsheet(cell(row.get(name))) for name in names])


def cell(value: Any) -> Any:
    """Several labels as `a|b` (what training reads again), everything nested as JSON."""
    if isinstance(value, list) and all(isinstance(item, str) and "|" not in item for item in value):
        return "|".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
