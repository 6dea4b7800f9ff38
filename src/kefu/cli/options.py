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
Model = Annotated[str, typer.Option("--model", help="name, name@3 or name@candidate. Default: production, else the newest in use.")]


def load(path: Path, overrides: list[str] | None = None) -> Loaded:
    from kefu.project import load as read

    return read(path, overrides or [])


def refuse_idle(given: dict[str, object], why: str) -> None:
    """given: flag -> its value. Raises ConfigError for those that were given and would change nothing: a wish is never passed over in silence."""
    idle = [flag for flag, value in given.items() if value]
    if idle:
        from kefu.errors import ConfigError

        raise ConfigError(f"{' and '.join(idle)} would change nothing", why, "leave it out" if len(idle) == 1 else "leave them out")


def warn_of_idle(overrides: list[str], *used: str) -> None:
    """Say which `--set` change nothing, because a built model is opened: only the blocks in `used` are read again."""
    for override in overrides:
        key = override.partition("=")[0].strip()
        if key.partition(".")[0] not in used:
            words = f"--set {key} changes nothing here: a built model is opened; to build with it, `kefu run --set {key}=…`"
            console(stderr=True).print(words, markup=False, style="yellow")


def console(stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True)
