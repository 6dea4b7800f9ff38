"""`kefu data show`: conversations, cleaned or as a source would be read."""

from __future__ import annotations

import json as json_
from pathlib import Path
from typing import Annotated, Any

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, console, load


def show(
    project: ProjectPath = Path(),
    source: Annotated[str, typer.Option(help="Preview how this source is read, before any build.")] = "",
    rows: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 3,
    json: Json = False,
) -> None:
    """Show conversations: of the newest dataset, or as one source would be read.

    Example: kefu data show examples/cloudmax --source logs --rows 3
    """
    from itertools import islice

    from kefu.artifacts import read_jsonl
    from kefu.pipeline import current

    loaded = load(project)
    if source:
        from kefu.data import preview

        found = [conversation.as_dict() for conversation in preview(loaded, source, rows)]
    else:
        found = list(islice(read_jsonl(current(loaded, "data").file("conversations.jsonl")), rows))

    def text() -> None:
        out = console()
        for row in found:
            out.print(f"{row['id']}  [{row['language']}] {row['category']}", markup=False, style="bold")
            for name, told in _lines(row):
                out.print(f"  {name:<9} {told}", markup=False)

    OUTPUT.result({"ok": True, "rows": found}, text)


_BESIDE = ("id", "language", "category", "where", "flags")


def _lines(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Who said what, or for a labelled row what stands in each field."""
    if "turns" in row:
        return [(turn["role"], turn["text"]) for turn in row["turns"]]
    return [(key, value if isinstance(value, str) else json_.dumps(value, ensure_ascii=False)) for key, value in row.items() if key not in _BESIDE]
