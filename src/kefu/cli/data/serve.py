"""`kefu data serve`: built datasets over HTTP."""

from __future__ import annotations

import json as json_
from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, console, load


def serve(
    projects: Annotated[list[Path], typer.Argument(metavar="PROJECT...", help="Folders with kefu.yaml, each with a built dataset.")],
    host: Annotated[str, typer.Option(help="Address to bind. Beyond loopback, keys are required (KEFU_DATA_KEYS or --keys-file).")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8300,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer.")] = 2,
    keys_file: Annotated[str, typer.Option(help="File with one key a line.")] = "",
    json: Json = False,
) -> None:
    """Serve datasets read-only: items, contexts, statistics, pictures, training files; documentation on /docs.

    Example: kefu data serve examples/cloudmax --port 8300
    """
    from kefu.data.service.running import serve as run

    def ready(url: str) -> None:
        if OUTPUT.machine:
            print(json_.dumps({"ok": True, "url": url}), flush=True)
        else:
            console().print(f"datasets on {url}/v1/datasets, documentation on {url}/docs; Ctrl-C stops")

    run([load(project) for project in projects], host=host, port=port, workers=workers, keys_file=keys_file, on_ready=ready)
