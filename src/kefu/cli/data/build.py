"""`kefu data build`: the data stage alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, Set, console


def build(
    project: ProjectPath = Path(),
    set_: Set = [],  # noqa: B006 - typer reads the default
    force: Annotated[bool, typer.Option("--force", help="Build again even if fresh.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; default: one a core.")] = None,
    engine: Annotated[str, typer.Option(help="local, or ray: a Ray cluster (RAY_ADDRESS, else one on this machine).")] = "",
    json: Json = False,
) -> None:
    """Build the dataset and its ledger. Example: kefu data build examples/cloudmax"""
    from kefu.cli.run import run_until

    given = {"data.workers": workers, "data.engine": engine}
    outcome = run_until(project, [*set_, *(f"{key}={value}" for key, value in given.items() if value)], "data", force)
    artifact = outcome.artifact("data")
    OUTPUT.result(
        {"ok": True, "path": str(artifact.path), "facts": artifact.facts},
        lambda: console().print(f"{artifact.path}\n{outcome.results[-1].summary}", markup=False),
    )
