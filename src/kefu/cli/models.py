"""`kefu models`: the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, console, load
from kefu.errors import InputError

app = typer.Typer(help="List, show, promote, compare and verify registered models.", no_args_is_help=True, rich_markup_mode=None)
Reference = Annotated[str, typer.Argument(help="name, name@3, name@production or @latest.")]


def _registry(project: Path):  # type: ignore[no-untyped-def]
    from kefu.registry import Registry

    return Registry(load(project).root)


@app.command("list")
def list_(project: ProjectPath = Path(), json: Json = False) -> None:
    """Every version with its stage. Example: kefu models list examples/cloudmax"""
    entries = _registry(project).entries()

    def text() -> None:
        for entry in entries:
            verdict = "passed" if entry.release_passed else "refused"
            console().print(f"{entry.label:<24} {entry.stage:<11} {verdict:<8} {entry.created}  {entry.metrics.get('summary', '')}", markup=False)
        if not entries:
            console().print("no models yet; make one with `kefu run`", markup=False)

    OUTPUT.result({"ok": True, "models": [entry.model_dump() for entry in entries]}, text)


@app.command()
def show(
    project: ProjectPath = Path(),
    reference: Reference = "",
    all_: Annotated[bool, typer.Option("--all", help="Everything recorded, as YAML.")] = False,
    json: Json = False,
) -> None:
    """One model: stage, figures, gates, data, training. Example: kefu models show examples/cloudmax cloudmax@1"""
    registry = _registry(project)
    entry = registry.resolve(reference)

    def text() -> None:
        import yaml

        from kefu.pipeline.brief import brief

        if all_:
            print(yaml.safe_dump(entry.model_dump(), allow_unicode=True, sort_keys=False), end="")
            return
        for line in brief(registry.root, entry):
            console().print(line, markup=False)
        console().print("  --all prints everything recorded", markup=False, style="dim")

    OUTPUT.result(entry.model_dump(), text)


@app.command()
def promote(
    project: ProjectPath = Path(),
    reference: Reference = "@latest",
    force: Annotated[bool, typer.Option("--force", help="Even though a check refused it.")] = False,
    json: Json = False,
) -> None:
    """Make a model the production one. Example: kefu models promote examples/cloudmax cloudmax@2"""
    entry = _registry(project).promote(reference, force=force)
    OUTPUT.result({"ok": True, "model": entry.label, "stage": entry.stage}, lambda: console().print(f"{entry.label} is in production", markup=False))


@app.command()
def verify(project: ProjectPath = Path(), reference: Reference = "", json: Json = False) -> None:
    """Hash every file of a model again. Example: kefu models verify examples/cloudmax"""
    from kefu.errors import GateError

    registry = _registry(project)
    entry = registry.resolve(reference)
    faults = registry.verify(entry)
    if faults:
        raise GateError(
            f"{entry.label} is not what was registered", "; ".join(faults[:5]), "make it again with `kefu run --force all`", layer="artefact"
        )
    OUTPUT.result({"ok": True, "model": entry.label}, lambda: console().print(f"{entry.label}: every file is as registered", markup=False))


@app.command()
def diff(
    project: ProjectPath = Path(),
    old: Annotated[str, typer.Argument(help="The one before; alone: this one is compared with the one before it.")] = "",
    new: Annotated[str, typer.Argument(help="The one after. Default: the newest.")] = "",
    json: Json = False,
) -> None:
    """What changed between two models. Example: kefu models diff examples/cloudmax cloudmax@1 cloudmax@2"""
    registry = _registry(project)
    left, right = (registry.resolve(old), registry.resolve(new)) if new else registry.with_former(old or "@latest")
    if left.label == right.label:
        raise InputError(f"{left.label} is compared with itself", "both references mean it", "name another: `kefu models list` shows them")
    a, b = _flat(left.model_dump()), _flat(right.model_dump())
    rows = [{"key": key, left.label: a.get(key), right.label: b.get(key)} for key in sorted({*a, *b}) if a.get(key) != b.get(key)]

    def text() -> None:
        for row in rows:
            console().print(f"{row['key']}: {row[left.label]!r} -> {row[right.label]!r}", markup=False)
        if not rows:
            console().print(f"{left.label} and {right.label} are the same", markup=False)

    OUTPUT.result({"ok": True, "old": left.label, "new": right.label, "changes": rows}, text)


def _flat(value: object, prefix: str = "") -> dict[str, object]:
    if isinstance(value, dict) and value:
        return {k: v for key, inner in value.items() for k, v in _flat(inner, f"{prefix}.{key}" if prefix else str(key)).items()}
    return {prefix: value}
