"""`kefu train settings`: every key of a recipe, with type, default, unit and meaning."""

from __future__ import annotations

from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, console


def settings(
    given: Annotated[str, typer.Argument(metavar="[METHOD|RECIPE]", help="A method, or a recipe that uses it; empty: what all share.")] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="The reference of all methods (docs/recipes.md).")] = False,
    json: Json = False,
) -> None:
    """Show the settings of a recipe: key, type, default, unit and meaning.

    Example: kefu train settings dpo
    """
    from dataclasses import asdict

    from kefu.train.factory.reference import own, page

    if markdown:
        text = page()
        OUTPUT.result({"ok": True, "markdown": text}, lambda: print(text, end=""))
        return
    rows = own(given)

    def show() -> None:
        out = console()
        for one in rows:
            unit = f" {one.unit}" if one.unit else ""
            out.print(f"{one.key}: {one.type} = {one.default}{unit}", markup=False, end="")
            out.print(f"  {one.description}", markup=False, style="dim")

    OUTPUT.result({"ok": True, "settings": [asdict(one) for one in rows]}, show)
