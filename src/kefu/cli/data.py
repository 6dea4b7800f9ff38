"""`kefu data`: build, look at and picture the cleaned data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, Set, console, load

app = typer.Typer(help="Clean, mask, deduplicate, label and split the company's exports.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def build(
    project: ProjectPath = Path(),
    set_: Set = [],  # noqa: B006 - typer reads the default
    force: Annotated[bool, typer.Option("--force", help="Build again even if fresh.")] = False,
    json: Json = False,
) -> None:
    """Build the dataset and its ledger. Example: kefu data build examples/cloudmax"""
    from kefu.cli.run import run_until

    outcome = run_until(project, set_, "data", force)
    artifact = outcome.artifact("data")
    OUTPUT.result(
        {"ok": True, "path": str(artifact.path), "facts": artifact.facts},
        lambda: console().print(f"{artifact.path}\n{outcome.results[-1].summary}", markup=False),
    )


@app.command()
def stats(project: ProjectPath = Path(), json: Json = False) -> None:
    """Numbers and ledger of the newest dataset. Example: kefu data stats examples/cloudmax"""
    import json as json_

    from kefu.pipeline import current

    artifact = current(load(project), "data")
    figures = json_.loads(artifact.file("stats.json").read_text("utf-8"))
    ledger = json_.loads(artifact.file("ledger.json").read_text("utf-8"))

    def text() -> None:
        out = console()
        for step in ledger["steps"]:
            reasons = ", ".join(f"{reason} {count}" for reason, count in step.get("dropped", {}).items())
            out.print(f"{step['step']:<22} in {step['in']:>7}  kept {step['kept']:>7}  {reasons}", markup=False)
        for key, value in figures.items():
            if isinstance(value, int | float | str):
                out.print(f"{key}: {value}", markup=False)
        out.print(f"pictures: {artifact.path / 'plots'}", markup=False)

    OUTPUT.result({"ok": True, "path": str(artifact.path), "stats": figures, "ledger": ledger}, text)


@app.command()
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
            for turn in row["turns"]:
                out.print(f"  {turn['role']:<9} {turn['text']}", markup=False)

    OUTPUT.result({"ok": True, "rows": found}, text)
