"""`kefu data show`: conversations, cleaned or as a source would be read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, console, load


def show(
    project: ProjectPath = Path(),
    source: Annotated[str, typer.Option(help="Preview how this source is read, before any build.")] = "",
    rows: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 3,
    json: Json = False,
) -> None:
    """Show conversations: of the newest dataset, or as one source would be read (with what was found out, on stderr).

    Example: kefu data show examples/cloudmax --source logs --rows 3
    """
    from itertools import islice

    from kefu.artifacts import read_jsonl
    from kefu.pipeline import current

    loaded = load(project)
    if source:
        from kefu.data import preview
        from kefu.data.findings import lines, look

        seen = look(loaded, source)
        for line in lines(source, seen) if not OUTPUT.machine else []:
            console(stderr=True).print(line, markup=False, style="dim")
        found = [conversation.as_dict() for conversation in preview(loaded, source, rows)]
    else:
        found = list(islice(read_jsonl(current(loaded, "data").file("conversations.jsonl")), rows))

    def text() -> None:
        out = console()
        for row in found:
            out.print(f"{row['id']}  [{row['language']}] {row['category']}", markup=False, style="bold")
            for turn in row["turns"]:
                out.print(f"  {turn['role']:<9} {turn['text']}", markup=False)

    OUTPUT.result({"ok": True, "rows": found, **({"reading": seen} if source else {})}, text)
