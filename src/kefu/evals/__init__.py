"""Evaluation: scenarios, checks, metrics, statistics, and the release verdict. Nothing in serving needs this room."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kefu.project import Loaded

BASELINES = ("faq", "lm", "prompt_faq", "do_nothing")


def run(
    project: Loaded, assistant: Any, *, knowledge: Path | Any, data: Path, out: Path | None = None,
    without_held_out: tuple[Any, Path | Any] | None = None,
    systems: Sequence[str] = ("assistant", *BASELINES), progress: Callable[[str, float], None] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Evaluate the assistant beside its baselines, the floor and the oracle. `assistant`: an object with `async answer(conversation)`, or the
    URL of a running service; `knowledge`: its folder, or an open knowledge base.

    With `out`, writes eval.json, failures.jsonl and eval.csv there and returns the headline numbers (for a manifest); without, returns the
    whole report. `without_held_out`: the assistant and the knowledge that lack the held-out wordings and are asked those, when the ones
    above know them. `project.settings.eval.baselines: false` leaves out the parts and the prompt baseline (floor and ceiling stay).
    Raises ConfigError with every fault of the scenario and question files; never for what the assistant does.
    """
    from kefu.evals import report as writer
    from kefu.evals.evaluate import evaluate_sync

    names = list(systems) if project.settings.eval.baselines else ["assistant", "do_nothing"]
    report, runs = evaluate_sync(project, assistant, knowledge=knowledge, data=Path(data), names=names, without=without_held_out, progress=progress)
    if out is None:
        return report
    writer.write(report, runs, Path(out))
    return writer.facts(report)


def lines(report: Mapping[str, Any]) -> list[str]:
    """The report as the lines a person reads first."""
    from kefu.evals.report import lines as text

    return text(report)


__all__ = ["BASELINES", "lines", "run"]
