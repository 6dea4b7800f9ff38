"""`kefu models`: the registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, console
from kefu.errors import InputError

if TYPE_CHECKING:
    from kefu.registry import Entry, Registry

app = typer.Typer(help="List, show, compare, verify, replay, promote and retire registered models.", no_args_is_help=True, rich_markup_mode=None)
Reference = Annotated[str, typer.Argument(help="name, name@3, name@production or @latest.")]
Where = Annotated[str, typer.Argument(help="Folder with models.yaml or kefu.yaml; or, in this folder, a model's name.", metavar="[FOLDER]")]


def _registry(place: str, reference: str = "") -> tuple[Registry, str]:
    """The registry of a folder, and the reference; `kefu models show shop` means the model shop of this folder."""
    from kefu.registry import FILE_NAME, Registry

    path = Path(place)
    if not path.exists() and not reference:
        path, reference = Path(), place
    if path.name in ("kefu.yaml", FILE_NAME):
        path = path.parent
    if not (path / FILE_NAME).is_file() and not (path / "kefu.yaml").is_file():
        raise InputError(
            f"no registry in {path.resolve()}", f"there is neither {FILE_NAME} nor kefu.yaml", "make a model with `kefu run` or `kefu train RECIPE`"
        )
    return Registry(path), reference


@app.command("list")
def list_(folder: Where = ".", json: Json = False) -> None:
    """Every version with its stage. Example: kefu models list examples/cloudmax"""
    entries = _registry(folder)[0].entries()

    def text() -> None:
        for entry in entries:
            verdict = "passed" if entry.gates_passed and entry.release_passed else "refused"
            console().print(f"{entry.label:<24} {entry.stage:<11} {verdict:<8} {entry.created}  {_summary(entry)}", markup=False)
        if not entries:
            console().print("no models yet; make one with `kefu run` or `kefu train RECIPE`", markup=False)

    OUTPUT.result({"ok": True, "models": [entry.model_dump() for entry in entries]}, text)


@app.command()
def show(
    folder: Where = ".",
    reference: Reference = "",
    all_: Annotated[bool, typer.Option("--all", help="Everything recorded, as YAML.")] = False,
    json: Json = False,
) -> None:
    """One model: stage, figures, gates, data, training. Example: kefu models show examples/cloudmax cloudmax@1"""
    registry, reference = _registry(folder, reference)
    entry = registry.resolve(reference)

    def text() -> None:
        import yaml

        from kefu.pipeline.brief import brief

        if all_:
            print(yaml.safe_dump(entry.row(), allow_unicode=True, sort_keys=False), end="")
            return
        for line in brief(registry.root, entry):
            console().print(line, markup=False)
        console().print("  --all prints everything recorded", markup=False, style="dim")

    OUTPUT.result({"ok": True, **entry.model_dump()}, text)


@app.command()
def promote(
    folder: Where = ".",
    reference: Reference = "@latest",
    force: Annotated[bool, typer.Option("--force", help="Even though a check refused it.")] = False,
    json: Json = False,
) -> None:
    """Make a model the production one. Example: kefu models promote examples/cloudmax cloudmax@2"""
    registry, reference = _registry(folder, "" if reference == "@latest" else reference)
    entry = registry.promote(reference or "@latest", force=force)
    OUTPUT.result({"ok": True, "model": entry.label, "stage": entry.stage}, lambda: console().print(f"{entry.label} is in production", markup=False))


@app.command()
def retire(folder: Where = ".", reference: Reference = "", json: Json = False) -> None:
    """Take a model out of use; nothing is deleted. Example: kefu models retire examples/cloudmax cloudmax@1"""
    registry, reference = _registry(folder, reference)
    if not reference:
        raise InputError("no model is named", "retiring whatever is in production would be a surprise", "name one: `kefu models list` shows them")
    entry = registry.retire(reference)
    OUTPUT.result({"ok": True, "model": entry.label, "stage": entry.stage}, lambda: console().print(f"{entry.label} is retired", markup=False))


@app.command()
def verify(
    folder: Where = ".",
    reference: Reference = "",
    strict: Annotated[bool, typer.Option("--strict", help="Fail too when code or packages are not those it was made with.")] = False,
    json: Json = False,
) -> None:
    """Hash every file of a model again; without a reference, of every model that is not retired. Example: kefu models verify examples/cloudmax"""
    from kefu.errors import GateError
    from kefu.pipeline.replay import drift

    registry, reference = _registry(folder, reference)
    if not reference:
        _verify_all(registry, strict)
        return
    entry = registry.resolve(reference)
    faults, changed = registry.verify(entry), drift(registry.root, entry)
    if faults:
        raise GateError(f"{entry.label} is not what was registered", "; ".join(faults[:5]), "make it again: `kefu models replay`", layer="artefact")
    if strict and changed:
        raise GateError(f"{entry.label} cannot be made again here", "; ".join(changed), "use the version it was made with", layer="environment")
    found = [{"model": entry.label, "stage": entry.stage, "ok": True, "faults": faults, "changed_since": changed}]
    OUTPUT.result({"ok": True, "models": found}, lambda: _print_verified(found, registry.root))


def _verify_all(registry: Registry, strict: bool) -> None:
    """Every model that is not retired, one by one; exit code 1 when any of them is not what was registered."""
    from kefu.pipeline.replay import drift

    entries = [entry for entry in registry.entries() if entry.stage != "retired"] or [registry.resolve()]
    found: list[dict[str, Any]] = []
    for entry in entries:
        faults, changed = registry.verify(entry), drift(registry.root, entry)
        ok = not faults and not (strict and changed)
        found.append({"model": entry.label, "stage": entry.stage, "ok": ok, "faults": faults, "changed_since": changed})
    whole = all(one["ok"] for one in found)
    OUTPUT.result({"ok": whole, "models": found}, lambda: _print_verified(found, registry.root))
    if not whole:
        raise typer.Exit(1)


def _print_verified(found: list[dict[str, Any]], root: Path) -> None:
    for one in found:
        said = f"not what was registered: {'; '.join(one['faults'][:5])}" if one["faults"] else "every file is as registered"
        console().print(f"{one['model']} ({one['stage']}): {said}", markup=False, style="red" if one["faults"] else "")
        if one["faults"]:
            console().print(f"  make it again: kefu models replay {root} {one['model']}", markup=False)
        for change in one["changed_since"]:
            console().print(f"  note: {change}; a replay may come out different", markup=False)


@app.command()
def replay(
    folder: Where = ".",
    reference: Reference = "",
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Keep the model made again there; else it is removed.")] = None,
    json: Json = False,
) -> None:
    """Make a model again in a folder of its own and compare. Example: kefu models replay . shop-sft@1"""
    from kefu.errors import GateError
    from kefu.pipeline.replay import drift
    from kefu.pipeline.replay import replay as again

    registry, reference = _registry(folder, reference)
    entry = registry.resolve(reference)
    found = again(registry.root, entry, out)
    since = drift(registry.root, entry)
    if not found["same"]:
        outside = [f"{row['metric']} {row['was']:.4g}, now {row['again']}" for row in found["metrics"] if not row["inside"]]
        why = "; ".join([*outside, *found["differs"], *since]) or "the weights differ and no metric says how much"
        raise GateError(f"{entry.label} came out different", why, "restore code and packages, or register the new one", layer="replay")

    def text() -> None:
        what = "its weights are equal, bit for bit" if found["weights"] else "its weights differ, every metric lies within its interval"
        console().print(f"{entry.label} was made again: {what}", markup=False)
        for row in found["metrics"]:
            console().print(
                f"  {row['metric']}: {row['was']:.4f} registered, {row['again']:.4f} again [{row['low']:.4f}, {row['high']:.4f}]", markup=False
            )
        for one in since:
            console().print(f"  note: {one}", markup=False)

    OUTPUT.result({"ok": True, "model": entry.label, **found, "changed_since": since}, text)


@app.command()
def diff(
    folder: Where = ".",
    old: Annotated[str, typer.Argument(help="The one before; alone: this one is compared with the one before it.")] = "",
    new: Annotated[str, typer.Argument(help="The one after. Default: the newest.")] = "",
    json: Json = False,
) -> None:
    """What changed between two models: data, settings, template, metrics, behaviour.

    Example: kefu models diff examples/cloudmax cloudmax@1 cloudmax@2
    """
    from kefu.pipeline.compare import compare, lines

    if not Path(folder).exists() and not new:
        folder, old, new = ".", folder, old
    registry, old = _registry(folder, old)
    left, right = (registry.resolve(old), registry.resolve(new)) if new else registry.with_former(old or "@latest")
    if left.label == right.label:
        raise InputError(f"{left.label} is compared with itself", "both references mean it", "name another: `kefu models list` shows them")
    found = compare(registry.root, left, right)

    def text() -> None:
        for line in lines(found, left, right):
            console().print(line, markup=False)

    OUTPUT.result({"ok": True, "old": left.label, "new": right.label, **found}, text)


def _summary(entry: Entry) -> str:
    if entry.metrics.get("summary"):
        return str(entry.metrics["summary"])
    shown = [
        f"{name} {number['value']:.3f}" for name, number in entry.metrics.items() if isinstance(number, dict) and number.get("value") is not None
    ]
    return f"{entry.method}: {', '.join(shown[:3])}"


@app.command()
def mirror(
    folder: Where = ".",
    to: Annotated[str, typer.Option("--to", metavar="URI", help="Else MLFLOW_TRACKING_URI, else build/mlflow.db.")] = "",
    json: Json = False,
) -> None:
    """Copy the registry into MLflow. Example: kefu models mirror . --to http://mlflow.example:5000"""
    from kefu.registry.mirror import mirror as copy

    registry, _ = _registry(folder)
    done = copy(registry.root, registry.entries(), to)

    def text() -> None:
        for what, labels in done.items():
            if labels:
                console().print(f"{what}: {', '.join(labels)}", markup=False)
        if not any(done.values()):
            console().print("no models yet", markup=False)

    OUTPUT.result({"ok": True, **done}, text)
