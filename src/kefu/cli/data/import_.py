"""`kefu data import`: what source a file would make."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, console


def import_(
    file: Annotated[Path, typer.Argument(help="An export: a file of any format, or a folder of them.")],
    guess: Annotated[bool, typer.Option("--guess", help="Look and propose only; with --into: show what would be written.")] = False,
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
    from kefu.data.guess import UNSURE, append, home, placed, propose

    proposals = propose(file, name)
    best = proposals[0]
    sure = best.confidence >= UNSURE
    root = (into.parent if into.suffix in (".yaml", ".yml") else into) if into is not None else home(file)
    shown = [placed(one, root) for one in proposals]
    added = append(best, into, write=not guess) if into is not None else None
    if added is not None:
        shown[0] = replace(shown[0], block=added)

    def text() -> None:
        out = console()
        if added is not None and not guess:
            out.print(
                f"added source {added['name']} to {into} ({best.confidence:.0%} sure); look: kefu data show {into} --source {added['name']}",
                markup=False,
            )
            for other in proposals[1:]:
                if other.beside:
                    out.print(f"{other.view} was not added: kefu data import --guess {file} shows its lines", markup=False)
            return
        if root is not None:
            out.print(f"# for data.sources of {root / 'kefu.yaml' if root.is_dir() else root}", markup=False)
        if not sure:
            out.print(f"# nothing fits {file.name} well: what is a row of it? If one of these is right, take it over without the #", markup=False)
        for n, one in enumerate(shown):
            link = "" if not n else "# and" if one.beside else "# or"
            if link:
                out.print(f"\n{link}{f' ({one.view})' if one.view else ''}:", markup=False)
            lines = one.yaml()
            out.print(lines if sure else "".join(f"# {line}\n" for line in lines.removeprefix("# ").splitlines()), markup=False, end="")

    OUTPUT.result({"ok": sure, "proposals": [one.as_dict() for one in shown], "added": added if not guess else None}, text)
    if not sure:
        raise typer.Exit(1)
