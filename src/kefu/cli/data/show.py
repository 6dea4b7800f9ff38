"""`kefu data show`: conversations, cleaned or as a source would be read."""

from __future__ import annotations

import json as json_
from pathlib import Path
from typing import Annotated, Any

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, console, load, refuse_idle


def show(
    project: ProjectPath = Path(),
    source: Annotated[str, typer.Option(help="Preview how this source is read, before any build.")] = "",
    rows: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 3,
    tokenizer: Annotated[Path | None, typer.Option(help="Folder of a model: show each turn cut into its tokens, with numbers.")] = None,
    max_length: Annotated[int, typer.Option(min=0, help="With --tokenizer: mark the oldest turns that a limit of so many tokens cuts.")] = 0,
    changes: Annotated[bool, typer.Option("--changes", help="With --source: every text that cleaning changes or drops, before and after.")] = False,
    json: Json = False,
) -> None:
    """Show conversations: of the newest dataset, or as one source would be read (with what was found out, on stderr).

    Example: kefu data show examples/cloudmax --source logs --rows 3
    """
    from collections import Counter
    from itertools import chain, islice

    from kefu.artifacts import read_jsonl
    from kefu.data.tasks import KINDS
    from kefu.pipeline import current

    if not tokenizer:
        refuse_idle({"--max-length": max_length}, "tokens are counted with --tokenizer FOLDER")
    loaded = load(project)
    if changes:
        refuse_idle({"--tokenizer": tokenizer}, "--changes shows texts before and after cleaning")
        _changes(loaded, source, rows)
        return
    if source:
        from kefu.data import preview
        from kefu.data.findings import lines, look
        from kefu.data.look import left_out

        seen = look(loaded, source)
        for line in lines(source, seen) if not OUTPUT.machine else []:
            console(stderr=True).print(line, markup=False, style="dim")
        found = [conversation.as_dict() for conversation in preview(loaded, source, rows)]
        seen["left_out"] = left_out(loaded, source, rows)
        for (what, reason), count in Counter((one["what"], one["reason"]) for one in seen["left_out"]).items() if not OUTPUT.machine else []:
            console(stderr=True).print(f"{source}: {what}: {reason} ({count}); kefu data show --changes lists them", markup=False, style="dim")
    else:
        artifact = current(loaded, "data")
        files = [artifact.file("conversations.jsonl"), *sorted(artifact.path.glob("*.train.jsonl"))]
        labelled = [file for file in files[1:] if file.name.partition(".")[0] in KINDS]
        found = list(islice(chain.from_iterable(read_jsonl(file) for file in (files[0], *labelled)), rows))

    if tokenizer:
        _tokenised(found, tokenizer, max_length)
        return

    def text() -> None:
        out = console()
        for row in found:
            out.print(f"{row['id']}  [{row['language']}] {row['category']}", markup=False, style="bold")
            for name, told in _lines(row):
                out.print(f"  {name:<9} {told}", markup=False)

    OUTPUT.result({"ok": True, "rows": found, **({"reading": seen} if source else {})}, text)


def _changes(loaded: Any, source: str, rows: int) -> None:
    from kefu.data.look import changes
    from kefu.errors import ConfigError

    if not source:
        raise ConfigError("--changes needs --source", "changes are shown for one source", "name it, e.g. --source logs")
    found = changes(loaded, source, rows)

    def text() -> None:
        out = console()
        for row in found:
            out.print(f"{row['where']}  {row['what']}: {row['reason']}", markup=False, style="bold")
            out.print(f"  - {row['before']}", markup=False)
            if row["after"]:
                out.print(f"  + {row['after']}", markup=False)

    OUTPUT.result({"ok": True, "rows": found}, text)


def _tokenised(found: list[dict[str, Any]], tokenizer: Path, max_length: int) -> None:
    from kefu.conversation import Conversation
    from kefu.data import tokens

    loaded = tokens.load(tokenizer)
    views = [tokens.view(Conversation.from_dict(row), loaded, max_length) for row in found]

    def text() -> None:
        out = console()
        for row in views:
            cut = f", {row['turns_cut']} oldest turns cut, {row['kept']} tokens kept" if row["turns_cut"] else ""
            out.print(f"{row['id']}  {row['tokens']} tokens, {row['characters']} characters{cut}", markup=False, style="bold")
            for turn in row["turns"]:
                mark = "cut" if turn["cut"] else ""
                out.print(
                    f"  {turn['role']:<9}{turn['tokens']:>5} {mark:<4}{'│'.join(turn['pieces'])}", markup=False, style="dim" if turn["cut"] else ""
                )

    OUTPUT.result({"ok": True, "tokenizer": str(tokenizer), "max_length": max_length, "rows": views}, text)


_BESIDE = ("id", "language", "category", "where", "flags")


def _lines(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Who said what, or for a labelled row what stands in each field."""
    if "turns" in row:
        return [(turn["role"], turn["text"]) for turn in row["turns"]]
    return [(key, value if isinstance(value, str) else json_.dumps(value, ensure_ascii=False)) for key, value in row.items() if key not in _BESIDE]
