"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from kefu.project import Loaded

ProjectPath = Annotated[Path, typer.Argument(help="Folder with kefu.yaml (or the file itself).", show_default="this folder")]
Set = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Override one setting, e.g. --set train.epochs=2. Repeatable.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]
Model = Annotated[str, typer.Option("--model", help="name, name@3 or name@candidate. Default: production, else the newest.")]


def load(path: Path, overrides: list[str] | None = None) -> Loaded:
    from kefu.project import load as read

    return read(path, overrides or [])


def console(stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True)
