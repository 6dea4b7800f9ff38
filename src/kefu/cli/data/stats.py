"""`kefu data stats`: numbers and ledger of the newest dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, console, load, refuse_idle


def stats(
    project: ProjectPath = Path(),
    html: Annotated[Path | None, typer.Option(help="Write a self-contained page with pictures, ledger and samples.")] = None,
    tokenizer: Annotated[Path | None, typer.Option(help="Folder of a model: count its tokens too (for --html).")] = None,
    json: Json = False,
) -> None:
    """Numbers and ledger of the newest dataset. Example: kefu data stats examples/cloudmax --html data.html"""
    import json as json_

    from kefu.pipeline import current

    if not html:
        refuse_idle({"--tokenizer": tokenizer}, "tokens are counted for the page of --html FILE")
    loaded = load(project)
    artifact = current(loaded, "data")
    figures = json_.loads(artifact.file("stats.json").read_text("utf-8"))
    ledger = json_.loads(artifact.file("ledger.json").read_text("utf-8"))

    if html:
        _page(loaded.settings.name, artifact.file("conversations.jsonl"), ledger, figures, html, tokenizer)

    def text() -> None:
        out = console()
        for step in ledger["steps"]:
            reasons = ", ".join(f"{reason} {count}" for key in ("apart", "dropped") for reason, count in step.get(key, {}).items())
            out.print(f"{step['step']:<22} in {step['in']:>7}  kept {step['kept']:>7}  {reasons}", markup=False)
        for key, value in figures.items():
            if isinstance(value, int | float | str) and value != "":
                out.print(f"{key}: {value}", markup=False)
        if html:
            out.print(f"page: {html}", markup=False)
        out.print(f"pictures: {artifact.path / 'plots'}", markup=False)

    OUTPUT.result({"ok": True, "path": str(artifact.path), "stats": figures, "ledger": ledger, "html": str(html or "")}, text)


def _page(name: str, conversations: Path, ledger: dict[str, Any], figures: dict[str, Any], html: Path, tokenizer: Path | None) -> None:
    """Read the dataset row by row into a profile and write the page."""
    from kefu.artifacts import read_jsonl, write_text
    from kefu.conversation import Conversation
    from kefu.data import tokens
    from kefu.data.page import page
    from kefu.data.profile import Profile

    count = tokens.counter(tokens.load(tokenizer)) if tokenizer else None
    gathered = Profile()
    for row in read_jsonl(conversations):
        gathered.add(Conversation.from_dict(row), row.get("split", ""), count)
    write_text(html, page(name, gathered, ledger, figures, tokenizer.name if tokenizer else ""))
