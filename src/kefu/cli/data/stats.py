"""`kefu data stats`: numbers and ledger of the newest dataset."""

from __future__ import annotations

from pathlib import Path

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, console, load


def stats(project: ProjectPath = Path(), json: Json = False) -> None:
    """Numbers and ledger of the newest dataset. Example: kefu data stats examples/cloudmax"""
    import json as json_

    from kefu.pipeline import current

    artifact = current(load(project), "data")
    figures = json_.loads(artifact.file("stats.json").read_text("utf-8"))
    ledger = json_.loads(artifact.file("ledger.json").read_text("utf-8"))

    def text() -> None:
        out = console()
        for step in ledger["steps"]:
            reasons = ", ".join(f"{reason} {count}" for reason, count in step.get("dropped", {}).items())
            out.print(f"{step['step']:<22} in {step['in']:>7}  kept {step['kept']:>7}  {reasons}", markup=False)
        for key, value in figures.items():
            if isinstance(value, int | float | str):
                out.print(f"{key}: {value}", markup=False)
        out.print(f"pictures: {artifact.path / 'plots'}", markup=False)

    OUTPUT.result({"ok": True, "path": str(artifact.path), "stats": figures, "ledger": ledger}, text)
