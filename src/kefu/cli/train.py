"""`kefu train`: the pipeline up to a tuned model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, Set, console


def train(
    project: ProjectPath = Path(),
    data: Annotated[str, typer.Option("--data", metavar="URL", help="Train on a dataset behind a port (kefu data serve).")] = "",
    set_: Set = [],  # noqa: B006 - typer reads the default
    force: Annotated[bool, typer.Option("--force", help="Train again even if fresh.")] = False,
    mask: Annotated[int, typer.Option("--mask", help="Show this many training rows, learned tokens coloured.")] = 0,
    json: Json = False,
) -> None:
    """Tune the model (data and knowledge are built first if needed).

    Example: kefu train examples/cloudmax --mask 2
    """
    from kefu.cli.run import run_until

    outcome = run_until(project, [*set_, *([f"train.data_url={data}"] if data else [])], "train", force)
    artifact = outcome.artifact("train")
    document = {"ok": True, "model": str(artifact.path / "model"), "facts": artifact.facts}

    def text() -> None:
        out = console()
        out.print(f"model: {artifact.path / 'model'}\n{outcome.results[-1].summary}", markup=False)
        if mask:
            _masked(outcome, mask)

    OUTPUT.result(document, text)


def _masked(outcome, count: int) -> None:  # type: ignore[no-untyped-def]
    from rich.text import Text

    from kefu.artifacts import read_jsonl
    from kefu.train import mask_view

    out = console()
    rows = read_jsonl(outcome.artifact("data").file("messages.train.jsonl"))
    for row, _ in zip(rows, range(count), strict=False):
        line = Text()
        for token, learned in mask_view(outcome.artifact("train").path / "model", row):
            line.append(token, style="green" if learned else "dim")
        out.print(line)
