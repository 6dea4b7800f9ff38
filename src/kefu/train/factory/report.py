"""What a recipe's run leaves to read: `training.json` (every fact), `report.html` and `report.md` (views of it, and nothing else)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kefu.artifacts import code_fingerprint, write_json, write_text
from kefu.pages.written import markdown
from kefu.statistics import apart
from kefu.train.factory import meaning
from kefu.train.factory.data import Splits
from kefu.train.factory.job import CODE, Job, Prepared
from kefu.train.factory.methods import Method

if TYPE_CHECKING:
    from kefu.train.factory.fit import Curves

_HERE = Path(__file__).parent
SHOWN = 4


def write(
    job: Job, method: Method, rows: Splits, train: Prepared, held: Prepared | None, curves: Curves,
    before: dict[str, Any], after: dict[str, Any], samples: list[dict[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    """Write the facts of the run, its picture and its report; returns those for the manifest."""
    from kefu.train.report import environment, plot_loss

    if curves.train or curves.validation:
        plot_loss(curves.as_dict(), job.out / "plots" / "loss.png", meaning.loss(job.recipe.method))
    own = ("memory", "cost", "forgetting", "general", "former", "baseline", "decisions")
    document = {
        "name": job.recipe.name, "method": job.recipe.method, "description": job.recipe.description, "needs": method.needs,
        "base": job.described(), "parent": str(job.parent) if job.parent else None,
        "settings": job.plan.as_dict(), "data": rows.ledger, "distribution": _distribution(rows, train, job), "lengths": _lengths(train.lengths),
        "ledger": train.ledger, "validation_ledger": held.ledger if held else {}, **{name: job.facts.get(name, {}) for name in own},
        "run": curves.as_dict(), "logged": curves.logged, "metrics_before": before, "metrics": after, "samples": samples,
        "notes": job.notes, "facts": {k: v for k, v in job.facts.items() if k not in own}, "environment": environment(),
    }  # fmt: skip
    write_json(job.out / "training.json", document)
    pages(document, job.out)
    return {
        "method": job.recipe.method, "base": document["base"]["name"], "parameters": document["base"]["parameters"], "rows": train.ledger["rows"],
        "dropped": train.ledger["dropped"], "supervised": train.ledger["supervised"], "steps": curves.steps, "best_step": curves.best_step,
        "code": code_fingerprint(*CODE), "seconds": round(curves.seconds, 2), "metrics_before": before, "metrics": after,
        "parent": document["parent"], "notes": job.notes,
    }  # fmt: skip


def pages(document: dict[str, Any], folder: Path, pictures: Path | None = None) -> None:
    """Write `report.html` (self-contained) and `report.md` from `training.json`. pictures: their folder, where it is another one."""
    from kefu.pages import reports
    from kefu.train.factory.register import words

    environment = reports.environment(_HERE)
    best, worst = best_and_worst(document["samples"])
    view = {
        "run": document, "words": words(document["method"], document), "metrics": compared(document), "best": best, "worst": worst,
        "curves": {name: line(points) for name, points in document["logged"].items() if len(points) > 1}, "cost": document["cost"],
        "size": _size, "pictures": reports.pictures(pictures or folder / "plots", {"loss": _caption(document)}), "style": reports.style(),
        "meaning": meaning.metrics(document["method"], document["metrics"]),
        "why": {name: document["settings"][name] for name in ("epochs", "steps", "batch_size", "learning_rate") if name in document["settings"]},
    }  # fmt: skip
    write_text(folder / "report.html", environment.get_template("report.html.jinja").render(view))
    plain = environment.overlay(autoescape=False, finalize=_in_markdown)
    write_text(folder / "report.md", plain.get_template("report.md.jinja").render(view))


def again(document: dict[str, Any], folder: Path, out: Path) -> Path:
    """Write the views of a published model anew, elsewhere: what is published is not changed. Returns the page."""
    pages(document, out, pictures=folder / "plots")
    return out / "report.html"


def compared(document: dict[str, Any]) -> list[dict[str, Any]]:
    """One row a metric: before, after, on general rows before and after, the former version's, and whether it got better."""
    from kefu.train.factory.trivial import lower_is_better

    general, former, floor = document["general"], document["former"], document["baseline"]
    found = []
    for name, after in document["metrics"].items():
        before, better = document["metrics_before"].get(name, {}), ""
        if after.get("value") is not None and before.get("value") is not None:
            gain = after["value"] - before["value"]
            good = gain < 0 if lower_is_better(name) else gain > 0
            known, said = apart(before, after)
            better = said if known is None else "unchanged" if not gain else f"{'better' if good else 'worse'}{'' if known else f', {said}'}"
        found.append({
            "name": name, "before": before, "after": after, "better": better, "former": former.get("metrics", {}).get(name, {}),
            "fresh": document.get("decisions", {}).get("fresh", {}).get("metrics", {}).get(name, {}),
            "baseline": floor.get("metrics", {}).get(name, {}), "general_before": general.get("before", {}).get(name, {}),
            "general_after": general.get("after", {}).get(name, {}),
        })  # fmt: skip
    return found


def best_and_worst(samples: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The samples closest to what was expected and those farthest from it. None stands on both sides, none twice, and what is as close as
    those shown as the closest is not shown as the farthest."""
    once = {(sample.get("asked"), sample.get("expected"), sample.get("after", "")): sample for sample in samples}
    ordered = sorted(once.values(), key=lambda sample: -sample.get("score", 0.0))
    best = ordered[: min(SHOWN, (len(ordered) + 1) // 2)]
    rest = [sample for sample in ordered[len(best) :] if sample.get("score", 0.0) < best[-1].get("score", 0.0)]
    return (best, list(reversed(rest))[:SHOWN]) if rest else (ordered[:SHOWN], [])


def _caption(document: dict[str, Any]) -> str:
    words = meaning.loss(document["method"])
    return f"{words[0].upper()}{words[1:]} while training; dotted: the checkpoint that was kept"


def line(points: list[Any], width: int = 260, height: int = 64) -> dict[str, Any]:
    """A curve as the points of an SVG polyline, with its ends: {"points", "low", "high", "first", "last", "steps"}."""
    steps, values = [float(p[0]) for p in points], [float(p[1]) for p in points]
    finite = [value for value in values if value == value and abs(value) != float("inf")] or [0.0]
    low, high = min(finite), max(finite)
    wide, tall = (steps[-1] - steps[0]) or 1.0, (high - low) or 1.0
    drawn = [
        f"{(s - steps[0]) / wide * width:.1f},{height - 2 - (v - low) / tall * (height - 4):.1f}"
        for s, v in zip(steps, values, strict=True)
        if v == v and abs(v) != float("inf")
    ]
    return {"points": " ".join(drawn), "low": low, "high": high, "first": values[0], "last": values[-1], "steps": int(steps[-1])}


def _distribution(rows: Splits, train: Prepared, job: Job) -> dict[str, Any]:
    from kefu.train.factory.distribution import distribution

    counted = job.facts.get("labels") or {}
    plain = all(isinstance(count, int) for count in counted.values())
    return distribution(rows.train, train.lengths, counted if plain else None)


def _size(count: float) -> str:
    from kefu.train.factory.memory import show

    return show(int(count))


def _lengths(lengths: list[int]) -> dict[str, int]:
    ordered = sorted(lengths)
    if not ordered:
        return {}
    return {"min": ordered[0], "median": ordered[len(ordered) // 2], "p95": ordered[int(0.95 * (len(ordered) - 1))], "max": ordered[-1]}


def _in_markdown(value: Any) -> Any:
    """Texts of the data and of models, which may hold anything; what kefu's own filters made stays."""
    return markdown(value) if type(value) is str else value
