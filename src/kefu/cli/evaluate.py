"""`kefu eval`: the scenarios against the assistant and its baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, Set, console


def evaluate(
    project: ProjectPath = Path(),
    set_: Set = [],  # noqa: B006 - typer reads the default
    force: Annotated[bool, typer.Option("--force", help="Evaluate again even if fresh.")] = False,
    json: Json = False,
) -> None:
    """Score the assistant against the baselines; exit code 1 when the release is refused.

    Example: kefu eval examples/cloudmax
    """
    import json as json_

    from kefu.cli.run import run_until
    from kefu.evals import lines

    outcome = run_until(project, set_, "eval", force)
    report = json_.loads(outcome.artifact("eval").file("eval.json").read_text("utf-8"))

    def text() -> None:
        out = console()
        for line in lines(report):
            out.print(line, markup=False)
        out.print(f"failures: {outcome.artifact('eval').path / 'failures.jsonl'}", markup=False)

    OUTPUT.result({"ok": report["release"]["passed"], **report}, text)
    if not report["release"]["passed"]:
        raise typer.Exit(1)
