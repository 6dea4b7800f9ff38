"""`kefu data label`: the page on which people label."""

from __future__ import annotations

import json as json_
from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, console, load


def label(
    project: ProjectPath = Path(),
    annotator: Annotated[list[str], typer.Option("--annotator", help="Who labels. Repeatable: each has a queue of their own.")] = [],  # noqa: B006
    task: Annotated[str, typer.Option(help="Opens with: quality, intervention, category, answer or preference.")] = "quality",
    host: Annotated[str, typer.Option(help="Address to bind. Beyond loopback, keys are required (KEFU_DATA_KEYS or --keys-file).")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8301,
    overlap: Annotated[float, typer.Option(help="Share of the items that every annotator gets, so that agreement can be computed.")] = 0.2,
    pairs: Annotated[Path | None, typer.Option(help="JSONL of answer pairs for the task preference.")] = None,
    keys_file: Annotated[str, typer.Option(help="File with one key a line.")] = "",
    json: Json = False,
) -> None:
    """Label conversations in the browser: quality, take-over turn, category, corrected answers, preferences.

    Answers are kept in the project's labels/ folder and used by the next `kefu data build`.

    Example: kefu data label examples/cloudmax --annotator 李雷 --annotator "Han Meimei" --task quality
    """
    from kefu.data.labelling.running import serve as run

    def ready(url: str) -> None:
        if OUTPUT.machine:
            print(json_.dumps({"ok": True, "url": url}), flush=True)
        else:
            console().print(f"labelling page on {url}; Ctrl-C stops, every answer is kept at once")

    run(
        load(project), annotator, task=task, host=host, port=port, overlap=overlap, pairs=pairs, keys_file=keys_file, on_ready=ready
    )  # fmt: skip
