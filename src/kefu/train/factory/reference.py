"""docs/recipes.md and `kefu train settings`: every key of a recipe, made from the models that check it."""

from __future__ import annotations

import dataclasses

from kefu.project.describe import Setting, of
from kefu.train.factory import methods, recipe

_UNITS = {
    "epochs": "passes", "max_steps": "steps", "batch_size": "rows", "accumulate": "passes", "max_length": "tokens", "stride": "tokens",
    "patience": "evaluations", "save_every": "steps", "measure_rows": "rows", "validation_share": "share", "limit": "rows", "power_w": "watts",
    "max_new_tokens": "tokens", "poll_s": "seconds", "patience_s": "seconds", "timeout_s": "seconds", "longest_h": "hours", "rank": "dimensions",
    "replay": "ratio", "warmup": "share or steps", "dropout": "share", "layers": "layers", "least_new": "rows", "check_rows": "rows",
}  # fmt: skip


def shared() -> list[Setting]:
    """Keys of every recipe."""
    return [_said(one) for one in of(recipe.Recipe)]


def own(given: str = "") -> list[Setting]:
    """Keys of a method's block; without a method those that all share. Raises InputError for what is neither a method nor a recipe."""
    if not given:
        return shared()
    name = given if given in methods.TABLE else recipe.load(given).recipe.method
    return [_said(one) for one in of(methods.find(name).Settings, name.replace("-", "_"))]


def _said(one: Setting) -> Setting:
    return dataclasses.replace(one, unit=_UNITS.get(one.key.rpartition(".")[2], one.unit))


def page() -> str:
    """The whole page, Markdown."""
    lines = [
        "# Recipes", "",
        "Every key of a recipe of `kefu train`, written by `kefu train settings --markdown`. `kefu train settings METHOD` shows those of one method.",
        "An unknown key is an error that names the nearest right one. Any key can be given for one run: `--set train.epochs=2`.",
        "*computed*: chosen by method, base and machine, printed with its reason. A `lora` block beside full training is off until a key of it is",
        "given (`--set dpo.lora.rank=8`). `null` takes away what a recipe file sets (`--set multitask.heads.entities=null`).",
        "", "## Every recipe", "", *_table(shared()),
    ]  # fmt: skip
    for name in methods.TABLE:
        rows = own(name)
        lines += ["", f"## `{name}`", "", *(_table(rows) if rows else ["No settings of its own."])]
    return "\n".join(lines) + "\n"


def _table(rows: list[Setting]) -> list[str]:
    made = ["| key | type | default | unit | |", "|---|---|---|---|---|"]
    for one in rows:
        default = "*computed*" if one.default == "computed" else f"`{one.default}`"
        cells = [f"`{one.key}`", one.type, default, one.unit, one.description.replace("->", "→")]
        made.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return made
