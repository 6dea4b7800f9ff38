"""`kefu train RECIPE`: one recipe to a model. `kefu train PROJECT`: the pipeline up to its tuned model."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, Set, console, refuse_idle

if TYPE_CHECKING:
    from rich.console import Console

    from kefu.train.factory.loop import Result

#: another run in the same folder is waited for so long
WAIT_S = 6 * 3600.0
Given = Annotated[str, typer.Argument(metavar="[RECIPE|PROJECT]", help="A recipe file, the name of a shipped one, or a project folder.")]


def run(
    given: Given = ".",
    data: Annotated[str, typer.Option("--data", metavar="URL", help="Train on a dataset behind a port (kefu data serve).")] = "",
    set_: Set = [],  # noqa: B006 - typer reads the default
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the unfinished run of this recipe, bit for bit.")] = False,
    continue_: Annotated[str, typer.Option("--continue", metavar="MODEL", help="New run from this model's weights, recorded as parent.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Train again even if fresh, or though a run is unfinished.")] = False,
    on: Annotated[str, typer.Option("--on", metavar="CONFIG", help="Several processes: ddp, fsdp, zero2, zero3, ddp_cpu or a file.")] = "",
    processes: Annotated[int, typer.Option("--processes", min=0, help="With --on: how many, instead of the configuration's number.")] = 0,
    search: Annotated[int, typer.Option("--search", min=0, metavar="N", help="Try N settings of the search space (the recipe's, or the usual).")] = 0,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Refuse when another run holds the folder, instead of waiting (6 hours at most).")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="Show the recipes that come with kefu.")] = False,
    json: Json = False,
) -> None:
    """Train a model.

    Columns of the rows are found by their names; --set data.map.FIELD=COLUMN says others (data.map.text, data.map.label, ...).

    Example: kefu train sft --set data.train=rows.jsonl --set train.epochs=2

    Example: kefu train classification --set data.train=rows.csv --set data.map.text=内容 --set data.map.label=意图
    """
    project = Path(given).is_dir() or Path(given).name == "kefu.yaml"
    if project and not list_:
        wishes = {"--resume": resume, "--continue": continue_, "--on": on, "--processes": processes, "--search": search, "--no-wait": no_wait}
        refuse_idle(wishes, f"{given} is a project, and these are for recipes (kefu train RECIPE; --list shows them)")
    elif on:
        refuse_idle({"--search": search, "--no-wait": no_wait}, "with --on one run is started in several processes")
    elif search:
        refuse_idle({"--resume": resume, "--continue": continue_, "--force": force}, "--search makes new models of its own")
    if not on:
        refuse_idle({"--processes": processes}, "it is how many processes --on starts")
    if data:
        set_ = [*set_, f"{'train' if project else 'data'}.data_url={data}"]
    if list_:
        _list()
    elif project:
        _project(Path(given), set_, force)
    elif on:
        _launch(on, processes, given, set_, resume, continue_, force)
    elif launched():
        _helper(lambda: _recipe(given, set_, resume, continue_, force, 0.0))
    elif search:
        _search(given, set_, search, 0.0 if no_wait else WAIT_S)
    else:
        _recipe(given, set_, resume, continue_, force, 0.0 if no_wait else WAIT_S)


def _list() -> None:
    from kefu.train.factory.recipe import shipped

    rows = {name: path.read_text("utf-8").partition("\n")[0].lstrip("# ").strip() for name, path in shipped().items()}
    width = max(map(len, rows), default=0)
    OUTPUT.result(
        {"ok": True, "recipes": [{"name": name, "about": about} for name, about in rows.items()]},
        lambda: console().print("\n".join(f"{name:<{width}}  {about}" for name, about in rows.items()), markup=False),
    )


def _project(project: Path, set_: list[str], force: bool) -> None:
    from kefu.cli.run import run_until

    outcome = run_until(project, set_, "train", force)
    artifact = outcome.artifact("train")
    document = {"ok": True, "model": str(artifact.path / "model"), "facts": artifact.facts}
    OUTPUT.result(document, lambda: console().print(f"model: {artifact.path / 'model'}\n{outcome.results[-1].summary}", markup=False))


def _recipe(given: str, set_: list[str], resume: bool, continue_: str, force: bool, wait_s: float) -> None:
    from kefu.train.factory import train

    with progress_bar() as progress:
        result = train(given, set_, resume=resume, continue_from=continue_, force=force, wait_s=wait_s, progress=progress)
    if result is None:
        return
    if result.idle:
        label = result.entry.label if result.entry else ""
        document = {"ok": True, "idle": result.idle, "model": str(result.artifact.path), "name": label, "fresh": True, "notes": [], "gates": []}
        OUTPUT.result(document, lambda: console().print(f"= {result.idle}", markup=False))
        return
    entry, failed = result.entry, [gate for gate in result.entry.gates if not gate.passed] if result.entry else []
    document = {
        "ok": not failed, "model": str(result.artifact.path), "name": entry.label if entry else "", "fresh": result.fresh,
        "facts": result.artifact.facts, "notes": result.notes, "gates": [gate.model_dump() for gate in entry.gates] if entry else [],
    }  # fmt: skip
    OUTPUT.result(document, lambda: _text(result))
    if failed:
        raise typer.Exit(1)


def _launch(on: str, processes: int, given: str, set_: list[str], resume: bool, continue_: str, force: bool) -> None:
    from kefu.train.factory import launch, recipe

    loaded = recipe.load(given, set_)  # every fault is said once, before any process starts
    log = loaded.build / "launch" / f"{loaded.recipe.name}-{os.getpid()}.log"
    flags = [f"--set={one}" for one in set_] + ["--resume"] * resume + ["--force"] * force + ["--json"] * OUTPUT.machine
    code = launch.launch(on, [given, *flags, *([f"--continue={continue_}"] if continue_ else [])], processes or None, log)
    if code:
        raise typer.Exit(code)


def _helper(work: Callable[[], None]) -> None:
    """One process of a launched run: how it ends is told by who launched it, once for all of them."""
    from kefu.errors import KefuError
    from kefu.train.factory import launch

    try:
        work()
    except typer.Exit as stop:
        launch.leave(None, stop.exit_code)
        raise
    except KefuError as error:
        launch.leave(error, error.exit_code)
        print(f"error: {error.line()}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from None
    except Exception as error:
        launch.leave(error, 1)
        raise


def _search(given: str, set_: list[str], count: int, wait_s: float) -> None:
    from kefu.train.factory.search import search

    with progress_bar() as progress:
        found = search(given, set_, count, progress, wait_s)

    def text() -> None:
        for trial in found["trials"]:
            console().print(f"trial {trial['number']}: {trial['failed'] or format(trial['value'], '.5g')}  {trial['settings']}", markup=False)
        better = "smaller is better" if found["direction"] == "minimize" else "larger is better"
        console().print(f"best: {found['metric']} {found['value']:.5g} ({better}) with {found['best']}", markup=False)
        console().print(f"varied: {', '.join(found['varied'])}, {found['space']}", markup=False)
        for gate in found["gates"]:
            console().print(f"gate {'passed' if gate['passed'] else 'FAILED'}: {gate['name']} ({gate['why']})", markup=False)
        console().print(f"registered as {found['entry']}: {found['model']}\nall trials: {found['page']}", markup=False)

    passed = all(gate["passed"] for gate in found["gates"])
    OUTPUT.result({"ok": passed, **found}, text)
    if not passed:
        raise typer.Exit(1)


def _text(result: Result) -> None:
    import json

    from kefu.statistics import show as figure

    out, facts = console(), result.artifact.facts
    training = json.loads((result.artifact.path / "training.json").read_text("utf-8"))
    if result.fresh:
        out.print("= fresh: nothing changed since it was trained (--force trains again)", markup=False)
    for name, choice in training["settings"].items():
        why = f"  # {choice['origin']}{': ' + choice['reason'] if choice.get('reason') else ''}"
        out.print(f"  {name}: {choice['value']}[dim]{_plain(why)}[/]")
    memory = training["memory"]
    if memory:
        from kefu.train.factory.memory import show

        out.print("memory, estimated: " + ", ".join(f"{stage} {show(count)}" for stage, count in memory.items()), markup=False)
    kept = f"{facts['rows']} rows, {facts['supervised']} learnt tokens or labels, dropped: {facts['dropped'] or 'none'}"
    out.print(f"{kept}; {facts['steps']} steps in {facts['seconds']:.1f} s", markup=False)
    for name, number in facts["metrics"].items():
        before = facts["metrics_before"].get(name, {}).get("value")
        was = f", before {before:.3f}" if before is not None else ""
        if number["value"] is not None:
            out.print(f"  {name}: {figure(number, 3)}{was}", markup=False)
    for note in facts["notes"]:
        out.print(f"note: {note}", markup=False)
    if told := training["facts"].get("round"):
        known = f"{told['known_rows']} known, {told['replayed_rows']} of them replayed"
        out.print(f"round after {told['from']}: {told['new_rows']} new rows, {known}", markup=False)
    for gate in result.entry.gates if result.entry else []:
        out.print(f"gate {'passed' if gate.passed else 'FAILED'}: {gate.name} ({gate.why})", markup=False)
    out.print(f"report: {result.artifact.path / 'report.html'}", markup=False)
    stage = f" ({result.entry.label}, {result.entry.stage})" if result.entry else ""
    out.print(f"model: {result.artifact.path}{stage}", markup=False)


def _direct() -> Console | None:
    """Of a launched run's first process: past the launcher, to who typed the command."""
    if not launched() or os.environ.get("RANK", "0") != "0":
        return None
    from rich.console import Console

    from kefu.train.factory import launch

    there = launch.terminal()
    return Console(file=there, highlight=False, soft_wrap=True) if there else None


def launched() -> bool:
    return "KEFU_LAUNCH_NOTES" in os.environ


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


class progress_bar:
    """A progress bar on a terminal, nothing elsewhere; notices are always printed."""

    def __enter__(self) -> Any:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self.out = _direct() or console(stderr=True)
        shown = not OUTPUT.machine and self.out.is_terminal
        self.bar = Progress(
            BarColumn(bar_width=24), TextColumn("{task.description}"), TimeElapsedColumn(), console=self.out, transient=True, disable=not shown
        )
        self.bar.start()
        self.task = self.bar.add_task("", total=1.0)
        return self.progress

    def progress(self, text: str, share: float) -> None:
        if share < 0:
            if not OUTPUT.machine:
                self.out.print(f"! {text}", markup=False)
        else:
            self.bar.update(self.task, completed=share, description=text)

    def __exit__(self, *_: Any) -> None:
        self.bar.stop()
