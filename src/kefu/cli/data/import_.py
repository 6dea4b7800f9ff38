"""`kefu data import`: what source a file would make."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, console


def import_(
    file: Annotated[Path, typer.Argument(help="An export: a file of any format, or a folder of them.")],
    guess: Annotated[bool, typer.Option("--guess", help="Look and propose only (what is done without --into).")] = False,
    into: Annotated[
        Path | None,
        typer.Option("--into", help="Append the best proposal to this project's kefu.yaml, after a check; begins one where there is none."),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Name of the source. Default: that of the file.")] = "",
    json: Json = False,
) -> None:
    """Look at an export and propose a source for kefu.yaml: shape, columns, roles, how sure, and what speaks against it.

    Example: kefu data import --guess raw/tickets.db
    """
    from kefu.data.guess import append, propose
    from kefu.errors import ConfigError

    if guess and into is not None:
        raise ConfigError("--guess and --into were given", "the one only looks, the other writes", "give one of them")
    proposals = propose(file, name)
    best = proposals[0]
    added = append(best, into) if into is not None else None

    def text() -> None:
        out = console()
        if added is not None:
            out.print(
                f"added source {added['name']} to {into} ({best.confidence:.0%} sure); look: kefu data show {into} --source {added['name']}",
                markup=False,
            )
            return
        out.print(best.yaml(), markup=False, end="")
        for other in proposals[1:]:
            out.print(f"\n# or{f' ({other.view})' if other.view else ''}:\n{other.yaml()}", markup=False, end="")

    OUTPUT.result({"ok": True, "proposals": [one.as_dict() for one in proposals], "added": added}, text)
