"""`kefu prices`: what models cost to use and to tune."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, console

if TYPE_CHECKING:
    from rich.console import Console

_BESIDE = ("note", "date")  # columns that may stand below the table, the first to go first
_NAMES = ("provider", "model", "training")  # cells that may be folded, never cut
_WIDEST = 2000
app = typer.Typer(no_args_is_help=False, rich_markup_mode=None)
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
    """What models cost to use and to tune: two tables, with the source and date of each row.

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
    from kefu.improve.prices import show

    out = console()
    sources: dict[str, int] = {}
    for use, (head, rows) in show.tables(table, used).items():
        hidden = {"a session", f"one tuning ({show.EPOCHS} epochs)"} if used is None else set()
        for row in rows:
            row[head.index("source")] = f"[{sources.setdefault(row[head.index('source')], len(sources) + 1)}]"
        _grid(out, show.TITLES[use], head, rows, hidden)
        out.print()
    for source, number in sources.items():
        out.print(f"[{number}] {source}", markup=False)
    for line in show.foot(table, used):
        out.print(line, markup=False)
    for board in table.leaderboards:
        out.print(f"see also: {board.name}, {board.url}", markup=False)
    if readme:
        out.print(f"{readme} {'rewritten' if changed else 'was current'}", markup=False)


def _grid(out: Console, title: str, head: list[str], rows: list[list[str]], hidden: set[str]) -> None:
    """A table in which names are whole. What a narrow window has no room for stands below it: the notes first, then the dates.

    What is not a terminal gets the whole table, however wide.
    """
    from rich.table import Table

    beside: list[str] = []
    while True:
        grid = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
        kept = [i for i, name in enumerate(head) if name not in (*hidden, *beside)]
        for i in kept:
            grid.add_column(head[i], no_wrap=head[i] not in _NAMES, overflow="fold")
        for row in rows:
            grid.add_row(*[row[i].replace("[", "\\[") for i in kept])
        wide = out.measure(grid, options=out.options.update(width=_WIDEST)).maximum
        if wide <= out.width or not out.is_terminal or len(beside) == len(_BESIDE):
            break
        beside.append(_BESIDE[len(beside)])
    if not out.is_terminal:
        out.width = max(wide, out.width)
    out.print(grid, soft_wrap=False)
    for row in rows:
        said = [row[head.index(name)] for name in beside if row[head.index(name)] not in ("", "–")]
        if said:
            out.print(f"  {row[head.index('provider')]}, {row[head.index('model')]}: {'; '.join(said)}", markup=False)
