"""`kefu prices`: what models cost to use and to tune."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, console

app = typer.Typer(help="What models cost to use and to tune, with sources.", no_args_is_help=False, rich_markup_mode=None)
Prices = Annotated[Path | None, typer.Option("--prices", metavar="FILE", help="A price file. Default: prices.yaml here, else the one of kefu.")]


@app.callback(invoke_without_command=True)
def prices(
    ctx: typer.Context,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="PLACE", help="A project or a JSONL of messages: what its session would cost.")
    ] = None,
    tokenizer: Annotated[Path | None, typer.Option("--tokenizer", metavar="FOLDER", help="Count tokens with it instead of estimating.")] = None,
    prompt_tokens: Annotated[int, typer.Option("--prompt-tokens", min=0, help="Instructions and retrieved text sent with each turn.")] = 0,
    readme: Annotated[
        Path | None, typer.Option("--readme", metavar="FILE", help="Rewrite the section between the markers of a Markdown file.")
    ] = None,
    file: Prices = None,
    json: Json = False,
) -> None:
    """Two tables, to use and to tune, with the source and date of each row.

    Example: kefu prices --data examples/cloudmax --prompt-tokens 300
    """
    if ctx.invoked_subcommand:
        return
    from datetime import date

    from kefu.improve import prices as made
    from kefu.improve.prices import show

    table = made.load(file or made.find(Path()))
    used = made.usage(data, tokenizer, prompt_tokens) if data else None
    changed = made.readme(readme, show.markdown(table, used, date.today().isoformat())) if readme else None
    rows = [{**row.model_dump(), "estimate": show.cost(row, used)} for row in table.rows]
    document: dict[str, Any] = {"ok": True, "rows": rows, "usage": used.as_dict() if used else None}
    document["leaderboards"] = [board.model_dump() for board in table.leaderboards]
    OUTPUT.result(document, lambda: _print(table, used, readme, changed))


@app.command()
def refresh(
    place: Annotated[str, typer.Argument(metavar="FILE_OR_URL", help="A price file of the same form, here or behind http(s).")],
    write: Annotated[bool, typer.Option("--write", help="Take it over into prices.yaml (or --prices); else only the difference is shown.")] = False,
    file: Prices = None,
    json: Json = False,
) -> None:
    """Compare the prices with newer ones. Example: kefu prices refresh https://example.com/prices.yaml --write"""
    from kefu.improve import prices as made
    from kefu.improve.prices.table import NAME

    old, new = made.load(file or made.find(Path())), made.load(place)
    changes = made.compare(old, new)
    target = file or Path(NAME)
    if write:
        made.write(made.merged(old, new), target)

    def text() -> None:
        for one in changes:
            fields = ", ".join(f"{name} {a if a is not None else '–'} -> {b if b is not None else '–'}" for name, (a, b) in one["fields"].items())
            said = {"added": "new", "kept": "not in it, stays as it is"}.get(one["change"], fields)
            console().print(f"{one['row']}: {said}", markup=False)
        if not any(one["change"] != "kept" for one in changes):
            console().print("nothing new", markup=False)
        console().print(f"written to {target}" if write else "nothing was written (--write takes it over)", markup=False)

    OUTPUT.result({"ok": True, "changes": changes, "written": str(target) if write else ""}, text)


def _print(table: Any, used: Any, readme: Path | None, changed: bool | None) -> None:
    from rich.table import Table

    from kefu.improve.prices import show

    out = console()
    sources: dict[str, int] = {}
    for use, (head, rows) in show.tables(table, used).items():
        grid = Table(title=show.TITLES[use], title_justify="left", box=None, pad_edge=False, header_style="bold")
        hidden = {"a session", f"one tuning ({show.EPOCHS} epochs)"} if used is None else set()
        kept = [i for i, name in enumerate(head) if name not in hidden]
        for i in kept:
            grid.add_column(head[i], no_wrap=head[i] not in ("note", "model"))
        for row in rows:
            row[head.index("source")] = f"[{sources.setdefault(row[head.index('source')], len(sources) + 1)}]"
            grid.add_row(*[row[i].replace("[", "\\[") for i in kept])
        out.print(grid, soft_wrap=False)
        out.print()
    for source, number in sources.items():
        out.print(f"[{number}] {source}", markup=False)
    for line in show.foot(table, used):
        out.print(line, markup=False)
    for board in table.leaderboards:
        out.print(f"see also: {board.name}, {board.url}", markup=False)
    if readme:
        out.print(f"{readme} {'rewritten' if changed else 'was current'}", markup=False)
