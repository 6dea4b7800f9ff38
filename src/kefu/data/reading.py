"""One source after the other: rows read, columns decided, conversations formed, every row in the ledger."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from kefu.conversation import Conversation
from kefu.data import mapping, readers, tasks
from kefu.data.customers import Customers
from kefu.data.exclusions import Exclusions
from kefu.data.findings import also_read
from kefu.data.ledger import Ledger, Step
from kefu.data.shapes import Former
from kefu.errors import InputError
from kefu.project import Loaded
from kefu.project.schema import Source

_PEEK = 300  # rows looked at before columns are decided
_MOSTLY_BROKEN = 10


def sections(source: Source) -> tuple[str, str]:
    """Of excluded.jsonl: what goes while rows are read, and what goes when the senders are known."""
    return f"rows of {source.name}", f"senders of {source.name}"


def read(
    source: Source, project: Loaded, ledger: Ledger, exclusions: Exclusions, folder: Path, customers: Customers | None = None
) -> Iterator[Conversation | tasks.Example]:
    """The conversations or examples of one source, as they are formed, and its place in the ledger once they have all been taken.

    customers: those of the other sources, so that one person has one id in all of them.

    Raises InputError, ConfigError, and GateError when too many rows are of no use.
    """
    reading = readers.open_source(source, project, mapping.table_for(source))
    step = ledger.step(f"read {source.name}", "rows")
    rows_section, said_section = sections(source)

    def good(stream: Iterator[readers.Row | readers.Broken]) -> Iterator[readers.Row]:
        for row in stream:
            step.into += 1
            if isinstance(row, readers.Row):
                step.kept += 1
                yield row
                continue
            if source.on_broken == "fail":
                raise InputError(row.where, row.reason, "correct it, or write `on_broken: skip` to leave such rows out and count them")
            step.dropped[_kind(row.reason)] += 1
            exclusions.drop("rows", source.name, row.where, row.reason, row.text, step.name, rows_section)

    def drop(unit: str, section: str, where: str, reason: str, text: str) -> None:
        exclusions.drop(unit, source.name, where, reason, text, f"form {source.name}", section)

    rows = good(reading.rows())
    head = list(islice(rows, _PEEK))
    _readable(source, step)
    columns, guessed = mapping.resolve(source, [row.values for row in head])
    turns = ledger.step(f"turns of {source.name}", "turns")
    form = ledger.step(f"form {source.name}", "rows")
    make = tasks.ExampleFormer if source.shape in tasks.SHAPES else Former
    former = make(
        source, columns, form, turns,
        lambda *said: drop("rows", rows_section, *said), lambda *said: drop("turns", rows_section, *said),
        lambda *said: drop("turns", said_section, *said), folder, customers,
    )  # fmt: skip
    former.look(head, project.root)
    formed = conversations = 0
    for one in former.form(chain(head, rows)):
        formed += 1
        conversations += isinstance(one, Conversation)
        yield one
    _readable(source, step)
    ledger.expect(f"rows read of {source.name}", step.kept, "rows offered to its shape", form.into)
    ledger.expect(f"kept rows of {source.name}", form.kept, "conversations and examples it gave", formed)
    ledger.sources[source.name] = {
        "shape": source.shape,
        **reading.facts,
        "rows": step.into,
        "broken": sum(step.dropped.values()),
        "conversations": conversations,
        "examples": formed - conversations,
        "map": columns,
        "guessed": guessed,
        "also_read": also_read(source, project, columns, [row.values for row in head]),
        **former.notes,
    }
    if not formed:
        why = "; ".join(f"{reason}: {n}" for reason, n in form.dropped.most_common(3))
        raise InputError(
            f"source {source.name} gives no {'example' if source.shape in tasks.SHAPES else 'conversation'}",
            f"{step.kept} rows read, {why}",
            "look at `map`, `where` and the file",
        )
    place = f"data.sources.{project.settings.data.sources.index(source)}.max_drop_share"
    form.guard(source.max_drop_share, place, exclusions.some, of_source=source.name)


def _kind(reason: str) -> str:
    """The reason without its particulars, so that reasons can be counted."""
    if reason.startswith("broken JSON"):
        return "broken JSON"
    return re.sub(r"\d+ columns where the header has \d+", "wrong number of columns", reason)


def _readable(source: Source, step: Step) -> None:
    """Raises InputError when there are no rows, or so many broken ones that the format must be another."""
    rows, good = step.into, step.kept
    if good and not (rows >= _MOSTLY_BROKEN and rows - good > rows * source.max_drop_share):
        return
    if not rows:
        raise InputError(f"source {source.name} is empty", "no rows in it", "export it again, or take it out of kefu.yaml")
    why = "; ".join(f"{reason}: {n}" for reason, n in step.dropped.most_common(3))
    way_out = "look at format, delimiter and encoding of the source" + ("; max_drop_share of the source allows more" if good else "")
    raise InputError(f"source {source.name}: {rows - good} of {rows} rows are broken", why, way_out)
