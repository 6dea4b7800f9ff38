"""`kefu run`: every stage, skipping what is fresh."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, Set, console, load

if TYPE_CHECKING:
    from kefu.artifacts import Artifact
    from kefu.pipeline import Outcome, StageResult


def run(
    project: ProjectPath = Path(),
    set_: Set = [],  # noqa: B006 - typer reads the default
    until: Annotated[str, typer.Option(help="Stop after this stage: data, knowledge, train, export, eval or smoke.")] = "smoke",
    force: Annotated[list[str], typer.Option(help="Make this stage anew even if fresh (or `all`). Repeatable.")] = [],  # noqa: B006
    json: Json = False,
) -> None:
    """Clean, train, quantise, gate, evaluate, register and try out, skipping what is fresh.

    Example: kefu run examples/cloudmax
    """
    from kefu.errors import ConfigError
    from kefu.pipeline.run import ORDER
    from kefu.pipeline.run import run as run_stages

    for name in [until, *(name for name in force if name != "all")]:
        if name not in ORDER:
            raise ConfigError(f"no stage {name!r}", f"stages are {', '.join(ORDER)}", "correct the flag")
    loaded = load(project, set_)
    outcome = run_stages(loaded, until=until, force=tuple(force), listener=_listener())
    OUTPUT.result(outcome.as_dict(), lambda: _text(outcome))
    if outcome.failure:
        raise typer.Exit(outcome.failure.exit_code)


def run_until(project: Path, overrides: list[str], stage: str, force: bool) -> Outcome:
    """Shared by the verbs of single stages."""
    from kefu.pipeline.run import run as run_stages

    return run_stages(load(project, overrides), until=stage, force=(stage,) if force else (), listener=_listener())


def _listener() -> Any:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from kefu.pipeline.run import Listener

    out = console(stderr=True)
    quiet = OUTPUT.machine
    bar = Progress(
        TextColumn("  {task.fields[name]:<10}"), BarColumn(bar_width=24), TextColumn("{task.description}"), TimeElapsedColumn(),
        console=out, transient=True, disable=quiet or not sys.stderr.isatty(),
    )  # fmt: skip

    class Terminal(Listener):
        task: Any = None

        def started(self, name: str) -> None:
            if not bar.live.is_started:
                bar.start()
            self.task = bar.add_task("", total=1.0, name=name)

        def progress(self, name: str, message: str, share: float) -> None:
            if self.task is not None:
                bar.update(self.task, completed=share, description=message)

        def finished(self, result: StageResult) -> None:
            if self.task is not None:
                bar.remove_task(self.task)
                self.task = None
            bar.stop()
            if not quiet:
                _line(out, result)

    return Terminal()


_MARK = {"done": "[green]✓[/]", "fresh": "[cyan]=[/]", "failed": "[red]✗[/]", "refused": "[yellow]![/]"}


def _line(out: Any, result: StageResult) -> None:
    from rich.markup import escape

    status = "fresh" if result.status == "fresh" else f"{result.seconds:.1f} s"
    note = f" ({result.why})" if result.why else ""
    mark = _MARK["refused" if result.name == "registry" and result.status == "failed" else result.status]  # a verdict, not a crash
    out.print(f"{mark} {result.name:<10} {status:>8}  {escape(result.summary)}[dim]{escape(note)}[/]")
    if result.name == "data" and result.status == "done" and result.artifact is not None:
        for line in _found(result.artifact):
            out.print(f"  {'':<19}  [dim]{escape(line)}[/]")
        if struck := result.facts.get("placeholders_in_answers"):
            out.print(f"  {'':<19}  [yellow]{escape(struck)}[/]")


def _found(artifact: Artifact) -> list[str]:
    """What reading found out by itself, a line each."""
    import json as json_

    from kefu.data.findings import lines

    sources = json_.loads(artifact.file("ledger.json").read_text("utf-8"))["sources"]
    return [line for name, facts in sources.items() for line in lines(name, facts, quiet=True)]


def _text(outcome: Outcome) -> None:
    out = console()
    name = outcome.project.settings.name
    root = _short(outcome.project.root)
    if outcome.report is None:
        out.print(f"{name}: stopped after {outcome.results[-1].name}, as asked", markup=False)
        return
    verdict = f"{outcome.model} is in production" if outcome.failure is None else outcome.failure.line()
    out.print(f"\n{verdict}", markup=False, style="bold green" if outcome.failure is None else "bold yellow")
    out.print(f"report: {_short(outcome.report)}", markup=False)
    out.print("next:", markup=False)
    if outcome.failure is not None:
        out.print("  the report's failed cases say what went wrong: correct answers, add wordings or documents, or look at the limits", markup=False)
        out.print(f"  kefu chat {root} --model {outcome.model}         talk to the candidate here", markup=False)
        out.print(f"  kefu run {root}         again: only what depends on the change is redone", markup=False)
        return
    out.print(f"  kefu serve {root}        chat page and API on http://127.0.0.1:{outcome.project.settings.serve.port}", markup=False)
    out.print(f"  kefu chat {root}         talk to it here", markup=False)
    out.print(f"  edit {root}/kefu.yaml or its data, then `kefu run {root}` redoes only what depends on it", markup=False)


def _short(path: Path) -> str:
    here = Path.cwd()
    return path.relative_to(here).as_posix() or "." if path.is_relative_to(here) else str(path)
