"""`kefu train show`: rows as the model reads them, learnt tokens coloured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, Set, console
from kefu.cli.train.run import Given


def show(
    given: Given = ".",
    rows: Annotated[int, typer.Option("--rows", min=1, help="How many rows.")] = 3,
    set_: Set = [],  # noqa: B006 - typer reads the default
    json: Json = False,
) -> None:
    """Show training rows as the model reads them: green is learnt, grey is only read; without colours ⟦learnt⟧ stands in brackets.

    Example: kefu train show sft --rows 3 --set data.train=rows.jsonl
    """
    pieces = _project(Path(given), set_, rows) if Path(given).is_dir() else _recipe(given, set_, rows)
    document = {"ok": True, "rows": [[{"text": text, "learnt": learnt} for text, learnt in row] for row in pieces]}
    OUTPUT.result(document, lambda: _print(pieces))


def _project(project: Path, set_: list[str], count: int) -> list[list[tuple[str, bool]]]:
    from kefu.artifacts import read_jsonl
    from kefu.cli.run import run_until
    from kefu.train import mask_view

    outcome = run_until(project, set_, "train", False)
    rows = read_jsonl(outcome.artifact("data").file("messages.train.jsonl"))
    return [mask_view(outcome.artifact("train").path / "model", row) for row, _ in zip(rows, range(count), strict=False)]


def _recipe(given: str, set_: list[str], count: int) -> list[list[tuple[str, bool]]]:
    from kefu.train.factory import show as view

    return view(given, set_, count)


def _print(rows: Any) -> None:
    from rich.text import Text

    out = console()
    plain = out.color_system is None  # a pipe, a file, NO_COLOR: the mask must not be lost
    for row in rows:
        line = Text()
        for text, learnt in row:
            line.append(f"⟦{text}⟧" if learnt and plain else text, style="green" if learnt else "dim")
        out.print(line)
