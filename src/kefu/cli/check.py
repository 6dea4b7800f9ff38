"""`kefu check`: all faults at once, before cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, Set, console, load


def check(
    project: ProjectPath = Path(),
    set_: Set = [],  # noqa: B006 - typer reads the default
    settings: Annotated[bool, typer.Option("--settings", help="Print every setting with its origin and meaning.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="With --settings: the reference of all settings (docs/settings.md).")] = False,
    json: Json = False,
) -> None:
    """Find every fault of a project before anything is computed.

    Example: kefu check examples/cloudmax --settings
    """
    from kefu.data.findings import lines, look
    from kefu.errors import ConfigError
    from kefu.pipeline.check import check as find_faults
    from kefu.project.describe import describe

    if markdown:
        from kefu.pipeline.reference import reference

        page = reference()
        OUTPUT.result({"ok": True, "markdown": page}, lambda: print(page, end=""))
        return
    loaded = load(project, set_)
    faults = find_faults(loaded)
    if faults:
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        fix = "" if "; " in faults[0] else "correct it"  # most faults say their own way out
        raise ConfigError(f"{loaded.settings.name} has {count}", faults[0], fix, faults=faults)
    rows = [
        {"key": key, "value": value, "origin": loaded.origin(key), "meaning": describe(key)} for key, value in _leaves(loaded.settings.model_dump())
    ]

    def text() -> None:
        out = console()
        if settings:
            for row in rows:
                out.print(f"{row['key']} = {row['value']!r}  ({row['origin']})", markup=False, end="")
                out.print(f"  {row['meaning']}", markup=False, style="dim")
        for source in loaded.settings.data.sources:
            for line in lines(source.name, look(loaded, source.name), quiet=True) if source.path else []:
                out.print(line, markup=False, style="dim")
        out.print(f"{loaded.settings.name}: no faults ({len(loaded.settings.data.sources)} sources)", markup=False)

    OUTPUT.result({"ok": True, "project": loaded.settings.name, "settings": rows if settings else []}, text)


def _leaves(value: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, f"{prefix}.{key}" if prefix else str(key))]
    if isinstance(value, list | tuple) and value and isinstance(value[0], dict):
        return [leaf for i, inner in enumerate(value) for leaf in _leaves(inner, f"{prefix}.{i}")]
    return [(prefix, value)]
