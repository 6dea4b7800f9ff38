"""Rows of a recipe as its trainer reads them, learnt pieces told from those only read."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from kefu.errors import InputError
from kefu.train.factory import methods, plan, recipe
from kefu.train.factory.data import read
from kefu.train.factory.job import Device, Job
from kefu.train.quiet import quiet


def show(given: str, overrides: Sequence[str], count: int) -> list[list[tuple[str, bool]]]:
    """Neighbouring tokens of one kind are joined, so that a Chinese character split over tokens stays whole."""
    loaded = recipe.load(given, overrides)
    method = methods.find(loaded.recipe.method)()
    rows = read(loaded, method.needs)
    with quiet(), tempfile.TemporaryDirectory() as folder:
        job = Job(loaded, Path(folder), Path(folder), Device.here(), lambda text, share: None, rows=rows)
        divide = getattr(method, "divide", None)
        if divide and (begun := divide(loaded, rows, None)):
            job.parent = begun.folder
        method.open(job)
        plan.choose(job, method.defaults(job))
        made = method.encode(job, rows.train[:count], "train")
        if not made.items:
            why = ", ".join(f"{reason}: {n}" for reason, n in made.ledger["dropped"].items())
            first = ", ".join(f"{key} = {str(item)[:60]!r}" for key, item in rows.train[0].items()) if rows.train else "none"
            raise InputError(
                f"nothing to show: the first {count} rows were all left out ({why})", f"the first was read as {first}",
                "name the columns with --set data.map.FIELD=COLUMN, or show more rows",
            )  # fmt: skip
        pieces = getattr(method, "pieces", None)
        if pieces:
            return [list(pieces(job, item)) for item in made.items[:count]]
        if "messages" in made.items[0]:  # a prompt, or a provider's own training: messages as they are sent
            taught = method.name == "provider"
            return [
                [(f"{m['role']}: {m['content']}\n", taught and m["role"] == "assistant") for m in item["messages"]] for item in made.items[:count]
            ]
        if "labels" not in made.items[0] or "input_ids" not in made.items[0]:
            raise InputError(f"method {method.name} learns no tokens", "its rows have no text that is learnt piece by piece", "see kefu data show")
        return [joined(job.tokenizer, item["input_ids"], [label != -100 for label in item["labels"]]) for item in made.items[:count]]


def joined(tokenizer: object, ids: Sequence[int], learnt: Sequence[bool]) -> list[tuple[str, bool]]:
    """Token ids with their marks to pieces of text."""
    parts = groupby(zip(ids, learnt, strict=True), key=lambda pair: pair[1])
    return [(tokenizer.decode([i for i, _ in run]), mark) for mark, run in parts]  # type: ignore[attr-defined]
