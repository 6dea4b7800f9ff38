"""`kefu serve`: the gateway and the chat page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, Model, ProjectPath, Set, load, warn_of_idle


def serve(
    project: ProjectPath = Path(),
    host: Annotated[str | None, typer.Option(help="Address to bind. Beyond loopback, API keys are required.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = None,
    model: Model = "",
    set_: Set = [],  # noqa: B006 - typer reads the default
    json: Json = False,
) -> None:
    """Serve the assistant: chat page, OpenAI-compatible API, operator page, metrics.

    Example: kefu serve examples/cloudmax --port 8000
    """
    from kefu.pipeline.serving import serve as run

    overrides = [*set_, *([f"serve.host={host}"] if host else []), *([f"serve.port={port}"] if port is not None else [])]
    loaded = load(project, overrides)
    warn_of_idle(set_, "assistant", "serve")
    run(loaded, model, quiet=OUTPUT.machine)
