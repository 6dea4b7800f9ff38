"""`training.json` of a recipe's run: settings with origins, data, ledger, curves, memory, metrics before and after."""

from __future__ import annotations

from typing import Any

from kefu.artifacts import write_json
from kefu.train.factory.data import Splits
from kefu.train.factory.fit import Curves
from kefu.train.factory.job import Job, Prepared
from kefu.train.factory.methods import Method


def write(
    job: Job, method: Method, rows: Splits, train: Prepared, held: Prepared | None, curves: Curves,
    before: dict[str, Any], after: dict[str, Any], samples: list[dict[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    """Write the facts of the run and its picture; returns those for the manifest."""
    from kefu.train.report import environment, plot_loss

    document = {
        "name": job.recipe.name, "method": job.recipe.method, "description": job.recipe.description, "needs": method.needs,
        "base": {"name": job.opened.name, "parameters": job.opened.parameters, "context": job.opened.context},
        "parent": str(job.parent) if job.parent else None,
        "settings": job.plan.as_dict(), "data": rows.ledger, "lengths": _lengths(train.lengths),
        "ledger": train.ledger, "validation_ledger": held.ledger if held else {}, "memory": job.facts.get("memory", {}),
        "run": curves.as_dict(), "logged": curves.logged, "metrics_before": before, "metrics": after, "samples": samples,
        "notes": job.notes, "facts": {k: v for k, v in job.facts.items() if k != "memory"}, "environment": environment(),
    }  # fmt: skip
    write_json(job.out / "training.json", document)
    plot_loss(curves.as_dict(), job.out / "plots" / "loss.png")
    return {
        "method": job.recipe.method, "base": job.opened.name, "parameters": job.opened.parameters, "rows": train.ledger["rows"],
        "dropped": train.ledger["dropped"], "supervised": train.ledger["supervised"], "steps": curves.steps, "best_step": curves.best_step,
        "seconds": round(curves.seconds, 2), "metrics_before": before, "metrics": after, "parent": document["parent"], "notes": job.notes,
    }  # fmt: skip


def _lengths(lengths: list[int]) -> dict[str, int]:
    ordered = sorted(lengths)
    if not ordered:
        return {}
    return {"min": ordered[0], "median": ordered[len(ordered) // 2], "p95": ordered[int(0.95 * (len(ordered) - 1))], "max": ordered[-1]}
