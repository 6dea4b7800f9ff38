"""A look at one source before any build: its first conversations, as mapping and cleaning make them, personal data masked."""

from __future__ import annotations

import tempfile
from itertools import chain, islice
from pathlib import Path

from kefu.conversation import Conversation
from kefu.data import mapping, readers
from kefu.data.clean import Cleaner
from kefu.data.exclusions import Exclusions
from kefu.data.ledger import Ledger
from kefu.data.shapes import Former
from kefu.data.writers import settle_bots
from kefu.errors import ConfigError, InputError
from kefu.project import Loaded

_PEEK = 300


def preview(project: Loaded, source_name: str, count: int) -> list[Conversation]:
    """The first `count` conversations of a source. Nothing is written. Raises ConfigError for an unknown source, InputError."""
    known = {source.name: source for source in project.settings.data.sources}
    if source_name not in known:
        raise ConfigError(f"no source {source_name!r}", f"data.sources has {', '.join(known)}", "give one of these names")
    source = known[source_name]
    reading = readers.open_source(source, project, lambda tables: mapping.choose_table(source.shape, tables))
    rows = (row for row in reading.rows() if isinstance(row, readers.Row))
    head = list(islice(rows, _PEEK))
    if not head:
        raise InputError(f"source {source.name} is empty", "no readable rows in it", "look at the file and its format")
    columns, _ = mapping.resolve(source, [row.values for row in head])
    ledger = Ledger()
    former = Former(source, columns, ledger.step("form", "rows"), ledger.step("turns", "turns"), lambda *_: None, lambda *_: None)
    former.look(head)
    # One row per message: a conversation may have rows anywhere in the source, so all of them are read.
    stream = chain(head, rows) if source.shape == "messages" else iter(head[: max(count * 10, 50)])
    found: list[Conversation] = []
    with tempfile.TemporaryDirectory() as folder:
        exclusions = Exclusions(Path(folder))
        try:
            clean = Cleaner(project.settings.data.clean, ledger.step("clean", "conversations"), ledger.step("clean turns", "turns"), exclusions)
            for conversation in former.form(stream):
                if clean(conversation, source.name):
                    settle_bots(conversation)
                    found.append(conversation)
                if len(found) == count:
                    break
        finally:
            exclusions.close()
    if not found:
        dropped = ledger.dropped("rows") + ledger.dropped("conversations")
        why = "; ".join(f"{reason}: {n}" for reason, n in dropped.most_common(3))
        raise InputError(f"source {source.name} gives no conversation", f"{len(head)} rows looked at, {why}", "look at `map`, `where` and the file")
    return found
