"""`kefu improve`: what service records say should change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, console, load

app = typer.Typer(help="Turn what happened in service into cases, scenarios and advice.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def cases(
    project: ProjectPath = Path(),
    out: Annotated[Path | None, typer.Option("--out", help="Write the cases as scenario drafts (YAML).")] = None,
    json: Json = False,
) -> None:
    """Bad cases: low ratings, hand-offs, questions without an answer. Example: kefu improve cases shop --out drafts.yaml"""
    from kefu.improve import find_cases, write_drafts
    from kefu.pipeline.serving import open_records

    loaded = load(project)
    found = find_cases(open_records(loaded), loaded.settings.improve)
    if out:
        write_drafts(found, out)

    def text() -> None:
        for case in found:
            console().print(f"{case.kind:<12} {case.conversation_id}  {case.question}", markup=False)
        console().print(f"{len(found)} cases" + (f" written to {out}" if out else ""), markup=False)

    OUTPUT.result({"ok": True, "cases": [case.as_dict() for case in found]}, text)


@app.command()
def advise(project: ProjectPath = Path(), json: Json = False) -> None:
    """Advice from traffic: lengths, tiers, FAQ entries worth writing. Example: kefu improve advise shop"""
    from kefu.improve import advise as make
    from kefu.pipeline.serving import open_records

    loaded = load(project)
    advice = make(open_records(loaded), loaded.settings)

    def text() -> None:
        for line in advice["lines"]:
            console().print(line, markup=False)

    OUTPUT.result({"ok": True, **advice}, text)
