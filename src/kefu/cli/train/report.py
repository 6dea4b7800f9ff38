"""`kefu train report`: the report of a model made by a recipe, and slides of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, console


def report(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Its folder, its name, or name@3 of models.yaml here.")],
    pptx: Annotated[Path | None, typer.Option("--pptx", metavar="FILE", help="Write slides too.")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write report.html and report.md anew there.")] = None,
    json: Json = False,
) -> None:
    """Where a model's training report is; as slides with --pptx.

    Example: kefu train report shop-sft@1 --pptx shop.pptx
    """
    from kefu.train.factory import model_folder
    from kefu.train.factory.deck import read, write

    folder = model_folder(Path(), model)
    document = read(folder)
    where = folder / "report.html"
    if out is not None:
        from kefu.train.factory.report import again

        where = again(document, folder, out)
    slides = write(folder, pptx) if pptx else 0

    def text() -> None:
        console().print(f"report: {where}", markup=False)
        if pptx:
            console().print(f"slides: {pptx} ({slides})", markup=False)

    OUTPUT.result({"ok": True, "report": str(where), "slides": str(pptx) if pptx else "", "count": slides}, text)
