"""`kefu init`: a working project to edit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, console


def init(directory: Annotated[str, typer.Argument(help="Folder to make.")], json: Json = False) -> None:
    """Write a small project that runs: FAQ in Chinese and English, logs, scenarios, every setting explained.

    Example: kefu init shop && kefu run shop
    """
    from kefu.errors import ConfigError
    from kefu.project.template import create

    if not directory.strip():
        raise ConfigError("no folder is named", "the name is empty", "kefu init DIR")
    files = create(Path(directory))

    def text() -> None:
        for file in files:
            console().print(f"  {file}", markup=False)
        console().print(f"next: edit {directory}/kefu.yaml, then  kefu run {directory}", markup=False)

    OUTPUT.result({"ok": True, "files": [str(file) for file in files]}, text)
