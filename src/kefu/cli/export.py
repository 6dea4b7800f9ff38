"""`kefu export`: the pipeline up to a gated engine artefact."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, Set, console


def export(
    project: ProjectPath = Path(),
    set_: Set = [],  # noqa: B006 - typer reads the default
    force: Annotated[bool, typer.Option("--force", help="Convert and gate again even if fresh.")] = False,
    json: Json = False,
) -> None:
    """Convert and quantise the tuned model, then prove that it still says the same.

    Example: kefu export examples/cloudmax --set export.precision=fp32
    """
    import json as json_

    from kefu.cli.run import run_until

    outcome = run_until(project, set_, "export", force)
    artifact = outcome.artifact("export")
    gates = json_.loads(artifact.file("gates.json").read_text("utf-8"))

    def text() -> None:
        out = console()
        for gate in gates["gates"]:
            mark = {True: "ok  ", False: "FAIL", None: "not asked"}[gate["passed"]]
            out.print(f"{mark} {gate['name']:<22} {gate['value']} (limit {gate['limit']}, n={gate['n']})", markup=False)
        out.print(f"engine: {artifact.path / 'engine'}", markup=False)

    OUTPUT.result({"ok": True, "engine": str(artifact.path / "engine"), **gates}, text)
