"""`kefu data build`: the data stage alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, Set, console


def build(
    project: ProjectPath = Path(),
    set_: Set = [],  # noqa: B006 - typer reads the default
    force: Annotated[bool, typer.Option("--force", help="Build again even if fresh.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes of --engine local.  [default: one a core]")] = None,
    engine: Annotated[
        Literal["local", "ray"] | None,
        typer.Option(help="Who does the work: processes on this machine, or a Ray cluster: that of RAY_ADDRESS, else one started here."),
    ] = None,
    json: Json = False,
) -> None:
    """Build the dataset and its ledger. Example: kefu data build examples/cloudmax

    Rows pass through in batches and wait on the disk, so memory does not grow with the export. Whoever does the work, the files are
    equal byte for byte. Ray: pip install 'kefu[ray]', then e.g. RAY_ADDRESS=head:6379 kefu data build . --engine ray
    """
    from kefu.cli.run import run_until

    given = {"data.workers": workers, "data.engine": engine}
    outcome = run_until(project, [*set_, *(f"{key}={value}" for key, value in given.items() if value)], "data", force)
    artifact = outcome.artifact("data")
    OUTPUT.result(
        {"ok": True, "path": str(artifact.path), "facts": artifact.facts},
        lambda: console().print(f"{artifact.path}\n{outcome.results[-1].summary}", markup=False),
    )
