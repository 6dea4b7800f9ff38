"""`kefu data privacy-audit`: what was masked in the newest dataset, and what should be read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, console, load, refuse_idle


def privacy_audit(
    project: ProjectPath = Path(),
    html: Annotated[Path | None, typer.Option(help="Write the audit as one self-contained page.")] = None,
    samples: Annotated[int, typer.Option(min=1, max=100, help="Masked turns shown of each type.")] = 3,
    reading: Annotated[int, typer.Option(min=1, max=1000, help="Length of the reading list.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 7,
    beside: Annotated[str, typer.Option("--with", help="presidio: run Presidio beside our recognisers, on the sources before masking.")] = "",
    sample: Annotated[int, typer.Option(min=1, max=10_000, help="With --with: conversations of each source.")] = 200,
    json: Json = False,
) -> None:
    """Audit the masking of the newest dataset: counts by type, samples, what is still suspected, what may be masked wrongly.

    No value is shown. Examples: kefu data privacy-audit shop --html audit.html; kefu data privacy-audit shop --with presidio
    """
    import json as json_

    from kefu.artifacts import read_jsonl, write_text
    from kefu.data.personal_audit import audit, page
    from kefu.pipeline import current

    loaded = load(project)
    if beside:
        refuse_idle({"--html": html}, "the page is that of the audit, without --with")
        _beside(loaded, beside, sample)
        return
    artifact = current(loaded, "data")
    stats = json_.loads(artifact.file("stats.json").read_text("utf-8"))
    result = audit(read_jsonl(artifact.file("conversations.jsonl")), masked=stats["masked"], samples=samples, reading=reading, seed=seed)
    if html:
        write_text(html, page(loaded.settings.name, result))

    def text() -> None:
        out = console()

        def say(line: str, style: str = "") -> None:
            out.print(line, markup=False, style=style)

        say(f"{result['conversations']} conversations, {result['turns']} turns, {result['turns_masked']} of them masked", "bold")
        for type, count in sorted(result["masked"].items(), key=lambda item: -item[1]):
            say(f"  {type:<18} {count:>6} masked")
        say("still suspected" if result["suspects"] else "nothing is suspected any more", "bold")
        for kind, count in result["suspected"].items():
            say(f"  {count:>6}  {kind}")
        for one in result["suspects"][:10]:
            say(f"    {one['conversation']} turn {one['turn'] + 1}: {one['text']}")
        if result["false_positive_candidates"]:
            say("perhaps masked wrongly", "bold")
            for one in result["false_positive_candidates"][:10]:
                say(f"    {one['conversation']} turn {one['turn'] + 1}: {one['text']}  ({one['why']})")
        if result["reading_list"]:
            say("worth reading", "bold")
            for one in result["reading_list"]:
                say(f"    {one['conversation']}  {', '.join(one['reasons'])}")
        say("samples of masked turns", "bold")
        for type, rows in result["samples"].items():
            for one in rows:
                say(f"    {type:<14} {one['text']}")
        if html:
            say(f"{html}")

    OUTPUT.result({"ok": True, "dataset": str(artifact.path), **result}, text)


def _beside(loaded: Any, name: str, sample: int) -> None:
    from kefu.errors import ConfigError

    if name != "presidio":
        raise ConfigError(f"--with {name}", "only presidio can be run beside our recognisers", "write --with presidio")
    from kefu.data.presidio import beside

    result = beside(loaded, sample)

    def text() -> None:
        out = console()
        missing = [language for language, model in result["models"].items() if not model]
        out.print(f"{result['texts']} texts, before masking; values are shown by their shape", markup=False, style="bold")
        if missing:
            out.print(f"no spaCy model of {' and '.join(missing)} is installed: there Presidio runs patterns only, no names or places", markup=False)
        for title, key in (("found by both (ours = Presidio's)", "both"), ("ours only", "ours_only"), ("Presidio only", "presidio_only")):
            out.print(title, markup=False, style="bold")
            for kind, count in result[key].items():
                out.print(f"  {count:>6}  {kind}", markup=False)
        for kind, shown in result["examples"].items():
            for one in shown:
                out.print(f"  {kind:<32} {one['text']}", markup=False)

    OUTPUT.result({"ok": True, **result}, text)
