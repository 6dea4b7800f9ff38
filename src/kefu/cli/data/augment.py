"""`kefu data augment`: training questions in other words and wrong answers to learn from, made, counted and shown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, ProjectPath, Set, console, load

_TRIAL = ["data.augment.methods=[synonym, frame, slip]", "data.augment.negatives=[other_entity, other_number, negated]"]


def augment(
    project: ProjectPath = Path(),
    set_: Set = [],  # noqa: B006 - typer reads the default
    rows: Annotated[int, typer.Option(min=0, max=1000, help="Samples to show of each method.")] = 3,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what asking the language model would cost.")] = False,
    json: Json = False,
) -> None:
    """Build the dataset with augmentation and look at what was made. What kefu.yaml switches on is used by `kefu run` too.

    Example: kefu data augment examples/cloudmax --set data.augment.methods=[synonym,frame]
    """
    loaded = load(project, set_)
    settings = loaded.settings.data.augment
    trial = not (settings.methods or settings.negatives)
    if dry_run:
        _estimate(loaded)
        return
    from kefu.artifacts import Store, read_jsonl
    from kefu.cli.run import run_until

    overrides = [*set_, *(_TRIAL if trial else [])]
    before = Store(loaded.build).newest("data", loaded.settings.name)
    artifact = run_until(project, overrides, "data", force=False).artifact("data")
    if trial and before is not None:
        Store(loaded.build).touch(before)  # a trial is looked at; what trains and serves goes on with the project's own dataset
    facts = artifact.facts["augmented"]
    parents = {row["id"]: row["turns"][0]["text"] for row in read_jsonl(artifact.file("conversations.jsonl")) if row["turns"]}
    parents |= {f"heard:{row['where']}": row["text"] for row in read_jsonl(artifact.file("heard.jsonl"))}
    shown = _samples(read_jsonl(artifact.file("augmented.jsonl")), "augmented", parents, rows)
    wrong = _samples(read_jsonl(artifact.file("preference.made.jsonl")), "augmented", parents, rows)
    document = {"ok": True, "path": str(artifact.path), "trial": trial, "augmented": facts, "samples": shown, "wrong_answers": wrong}

    def text() -> None:
        out = console()
        for row in shown:
            out.print(f"  {row['augmented']['method']:<16} {row['from']}  ->  {row['text']}", markup=False)
        for row in wrong:
            out.print(f"  {row['kind']:<16} {row['prompt']}\n{'':<18} right  {row['chosen']}\n{'':<18} wrong  {row['rejected']}", markup=False)
        made = ", ".join(f"{method} {n}" for method, n in facts["by_method"].items()) or "none"
        out.print(f"{facts['questions']} questions made ({made}), {facts['preference_rows']} wrong answers", markup=False)
        for method, reasons in facts["rejected"].items():
            out.print(f"  {method} thrown away: " + ", ".join(f"{reason} {n}" for reason, n in reasons.items()), markup=False)
        if facts["bill"]:
            out.print("  model: " + ", ".join(f"{key} {value}" for key, value in facts["bill"].items() if value), markup=False)
        if trial:
            out.print(
                "Nothing is switched on in kefu.yaml; this was a trial. To use it in `kefu run`, write data.augment.methods there.", markup=False
            )
        out.print(str(artifact.path), markup=False)

    OUTPUT.result(document, text)


def _samples(rows: Any, key: str, parents: dict[str, str], count: int) -> list[dict[str, Any]]:
    seen: dict[str, int] = {}
    found = []
    for row in rows:
        method = row[key]["method"]
        seen[method] = seen.get(method, 0) + 1
        if seen[method] <= count:
            found.append({**row, "from": parents.get(row[key]["parent"], row.get("prompt", ""))})
    return found


def _estimate(loaded: Any) -> None:
    from kefu.pipeline.writing import estimate

    figures = estimate(loaded)

    def text() -> None:
        out = console()
        for method, row in figures["methods"].items():
            out.print(
                f"{method}: {row['requests']} requests ({row['cached']} answered already), about {row['prompt_tokens']} tokens in, "
                f"at most {row['completion_tokens_at_most']} out, at most {row['cost_at_most']:g}", markup=False,
            )  # fmt: skip
        out.print("Nothing was asked. Tokens are a rule of thumb; the bill after the run holds the server's own count.", markup=False)

    OUTPUT.result({"ok": True, **figures}, text)
