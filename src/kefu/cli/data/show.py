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
    from itertools import chain, islice

    from kefu.artifacts import read_jsonl
    from kefu.data.tasks import KINDS
    from kefu.pipeline import current

    loaded = load(project)
    if source:
        from kefu.data import preview

        found = [conversation.as_dict() for conversation in preview(loaded, source, rows)]
    else:
        artifact = current(loaded, "data")
        files = [artifact.file("conversations.jsonl"), *sorted(artifact.path.glob("*.train.jsonl"))]
        labelled = [file for file in files[1:] if file.name.partition(".")[0] in KINDS]
        found = list(islice(chain.from_iterable(read_jsonl(file) for file in (files[0], *labelled)), rows))

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
