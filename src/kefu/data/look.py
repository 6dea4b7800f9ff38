"""A look at one source before any build: whether its head can be read and mapped, and its first conversations, personal data masked."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from kefu.conversation import Conversation
from kefu.data import mapping, readers, tasks
from kefu.data.clean import Cleaner
from kefu.data.exclusions import Exclusions, shown
from kefu.data.ledger import Ledger
from kefu.data.shapes import Former
from kefu.data.tasks.scrub import Scrubber
from kefu.data.writers import settle_bots
from kefu.errors import ConfigError, InputError
from kefu.project import Loaded
from kefu.project.schema import Source

_PEEK = 300


class Changes(Exclusions):
    """Keeps every change and every dropped thing, in the order in which they were met."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.rows: list[dict[str, Any]] = []

    def drop(self, unit: str, source: str, where: str, reason: str, text: str, step: str, section: str = "") -> None:
        self.rows.append({"what": f"{unit[:-1]} dropped", "where": where, "step": step, "reason": reason, "before": shown(text), "after": ""})

    def change(self, unit: str, source: str, where: str, reasons: Sequence[str], before: str, after: str) -> None:
        self.rows.append({"what": "changed", "where": where, "step": "clean", "reason": ", ".join(reasons), "before": before, "after": after})


def changes(project: Loaded, source_name: str, count: int) -> list[dict[str, Any]]:
    """Every change and drop that cleaning makes on the first `count` conversations of a source, with reason, before and after."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Changes(Path(folder))
        preview(project, source_name, count, kept)
        return kept.rows


def left_out(project: Loaded, source_name: str, count: int) -> list[dict[str, Any]]:
    """What became nothing while the first `count` conversations of a source were formed and cleaned: rows, turns, conversations, with the reason."""
    return [row for row in changes(project, source_name, count) if row["what"].endswith("dropped")]


def preview(
    project: Loaded, source_name: str, count: int, noting: Exclusions | None = None, mask: bool | None = None
) -> list[Conversation | tasks.Example]:
    """The first `count` conversations or examples of a source. Nothing is written. Raises ConfigError for an unknown source, InputError.

    mask: whether personal data is masked, where it is to be otherwise than the project says."""
    known = {source.name: source for source in project.settings.data.sources}
    if source_name not in known:
        raise ConfigError(f"no source {source_name!r}", f"data.sources has {', '.join(known)}", "give one of these names")
    source, ledger = known[source_name], Ledger()
    head, rows, former = _open(source, project, ledger, noting)
    # One row per message: a conversation may have rows anywhere in the source, so all of them are read.
    stream = chain(head, rows) if source.shape == "messages" else iter(head[: max(count * 10, 50)])
    found: list[Conversation | tasks.Example] = []
    if mask is None:
        mask = project.settings.data.clean.mask_pii if source.mask_pii is None else source.mask_pii
    with tempfile.TemporaryDirectory() as folder:
        exclusions = noting or Exclusions(Path(folder))
        try:
            clean = Cleaner(project.settings.data.clean, ledger.step("clean", "conversations"), ledger.step("clean turns", "turns"), exclusions)
            scrub = Scrubber(clean, exclusions)
            for one in former.form(stream):
                if isinstance(one, tasks.Example):
                    if not scrub(one, source.name, mask):
                        found.append(one)
                elif clean(one, source.name, mask):
                    settle_bots(one)
                    found.append(one)
                if len(found) == count:
                    break
        finally:
            exclusions.close()
    if not found and noting is None:
        dropped = ledger.dropped("rows") + ledger.dropped("conversations")
        why = "; ".join(f"{reason}: {n}" for reason, n in dropped.most_common(3))
        raise InputError(f"source {source.name} gives no conversation", f"{len(head)} rows looked at, {why}", "look at `map`, `where` and the file")
    return found


_ANY = 0.1  # of the conversations; with fewer `map` means something else
_TOLD = 10  # conversations at which pieces of conversations tell something
_PIECES = 0.6  # of the turns: where only pieces of conversations were read, more stay unknown than in all of them


def glance(source: Source, project: Loaded) -> None:
    """Read and map the head of a source, and see that it becomes something. Raises InputError or ConfigError for what would stop a build
    at its first rows, or leave nothing of the source."""
    ledger = Ledger()
    head, rows, former = _open(source, project, ledger)
    if source.shape in tasks.SHAPES:
        return
    whole = source.shape != "messages" or len(head) < _PEEK or next(rows, None) is None
    former.limit = former.limit if whole else _PIECES
    formed = [one for one in former.form(iter(head)) if isinstance(one, Conversation) and (whole or len(one.turns) > 1)]
    if len(formed) < (1 if whole else _TOLD):
        return
    items = ledger.step("clean", "conversations")
    with tempfile.TemporaryDirectory() as folder:
        exclusions = Exclusions(Path(folder))
        try:
            clean = Cleaner(project.settings.data.clean, items, ledger.step("clean turns", "turns"), exclusions)
            kept = sum(clean(one, source.name, mask=False) for one in formed)
        finally:
            exclusions.close()
    if project.settings.data.clean.max_drop_share < 1 and kept <= _ANY * len(formed):
        why = "; ".join(f"{reason}: {n}" for reason, n in items.dropped.most_common(3))
        raise InputError(
            f"source {source.name}: {kept or 'none'} of the {len(formed)} {'conversation' if len(formed) == 1 else 'conversations'} of its first "
            f"{len(head)} rows can be used",
            why,
            "`map`, `rows_at` or `roles` mean something else: kefu data import --guess proposes a source for the file",
        )


def heads(source: Source, project: Loaded) -> Former | tasks.ExampleFormer:
    """What formed the first rows of a source, for what it has to tell: nobody is refused."""
    head, _, former = _open(source, project, Ledger())
    former.limit = None
    for _one in former.form(iter(head)):
        pass
    return former


def _open(
    source: Source, project: Loaded, ledger: Ledger, noting: Exclusions | None = None
) -> tuple[list[readers.Row], Iterator[readers.Row], Former | tasks.ExampleFormer]:
    """The first rows, the rest, and what makes conversations or examples of them. `noting` is told what becomes of nothing."""

    def tell(unit: str) -> Callable[[str, str, str], None]:
        return lambda where, reason, text: noting.drop(unit, source.name, where, reason, text, "form") if noting is not None else None

    reading = readers.open_source(source, project, mapping.table_for(source), look=True)
    rows = (row for row in reading.rows() if isinstance(row, readers.Row))
    head = list(islice(rows, _PEEK))
    if not head:
        raise InputError(f"source {source.name} is empty", "no readable rows in it", "look at the file and its format")
    columns, _ = mapping.resolve(source, [row.values for row in head])
    make = tasks.ExampleFormer if source.shape in tasks.SHAPES else Former
    former = make(source, columns, ledger.step("form", "rows"), ledger.step("turns", "turns"), tell("rows"), tell("turns"))
    former.look(head, project.root)
    return head, rows, former
