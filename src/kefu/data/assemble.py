"""Raw exports to the data artefact: read, form, clean, deduplicate, gather, label, split, write, and balance the ledger."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from kefu.artifacts import storage_errors, write_json, write_jsonl, write_text
from kefu.conversation import Conversation
from kefu.data import augmenting, canned, card, dedup, entries, heard, labels, mapping, people, plots, readers, tasks, writers
from kefu.data.asking import Writer
from kefu.data.clean import Cleaner
from kefu.data.dataset import load_class
from kefu.data.exclusions import Exclusions
from kefu.data.ledger import Ledger
from kefu.data.shapes import Former
from kefu.data.split import split
from kefu.data.vault import Vault
from kefu.errors import ConfigError, InputError
from kefu.project import Loaded
from kefu.project.schema import AccessPoint, Source

Progress = Callable[[str, float], None]
_PEEK = 300  # rows looked at before columns are decided
_MOSTLY_BROKEN = 10


def build(project: Loaded, out: Path, progress: Progress | None = None, open_writer: Callable[[AccessPoint], Writer] | None = None) -> dict[str, Any]:
    """Fill `out` with the data artefact; returns its facts. Two builds of the same project give equal bytes.

    open_writer: makes a language model of an access point, for the settings that name one (this room knows no engine).

    Raises InputError, ConfigError (wrong input or settings), GateError (ledger, too many dropped), StorageError, MissingExtra.
    """
    with storage_errors(out):
        return _build(project, out, progress or (lambda stage, share: None), open_writer)


def _build(project: Loaded, out: Path, progress: Progress, open_writer: Callable[[AccessPoint], Writer] | None) -> dict[str, Any]:
    settings = project.settings.data
    _distinct(settings.sources)
    vault = Vault.of(project)  # a missing key is told before any row is read
    dataset_class = load_class(settings.dataset_class, project.root)
    for source in settings.sources:
        readers.source_files(source, project)  # every missing file before the first row is read
    out.mkdir(parents=True, exist_ok=True)
    ledger, exclusions = Ledger(), Exclusions(out)
    try:
        conversations: list[tuple[str, Conversation]] = []
        examples: list[tuple[str, bool | None, tasks.Example]] = []
        for i, source in enumerate(settings.sources):
            progress(f"reading {source.name}", 0.4 * i / len(settings.sources))
            formed = _read(source, project, ledger, exclusions)
            conversations += [(source.name, one) for one in formed if isinstance(one, Conversation)]
            examples += [(source.name, source.mask_pii, one) for one in formed if isinstance(one, tasks.Example)]
        read = len(conversations)
        progress("cleaning", 0.4)
        cleaner = Cleaner(settings.clean, ledger.step("clean", "conversations"), ledger.step("clean turns", "turns"), exclusions)
        mask = {source.name: source.mask_pii for source in settings.sources}
        kept = [one for source, one in conversations if cleaner(one, source, mask[source])]
        ledger.expect("conversations formed", read, "conversations that cleaning saw", cleaner.items.into)
        read_turns = sum(step.kept for step in ledger.steps if step.name.startswith("turns of "))
        ledger.expect("turns read", read_turns, "turns that cleaning saw", cleaner.turns.into)
        if conversations:
            _nothing_left(kept, ledger)
        progress("duplicates", 0.55)
        exact = ledger.step("exact duplicates", "conversations")
        kept = dedup.exact(kept, exact, exclusions, settings.dedup)
        gathered = entries.gather(kept, gathering := ledger.step("answers and contradictions", "conversations"), exclusions)
        near = ledger.step("near-duplicates", "conversations")
        kept = dedup.near_duplicates(gathered.kept, near, exclusions, settings.dedup)
        for before, after in ((cleaner.items, exact), (exact, gathering), (gathering, near)):
            ledger.expect(f"kept by {before.name}", before.kept, f"seen by {after.name}", after.into)
        alive = {id(conversation) for conversation in kept}
        for entry in gathered.entries:
            entry.rows = [conversation for conversation in entry.rows if id(conversation) in alive]
        progress("labels", 0.7)
        for conversation in kept:
            writers.settle_bots(conversation)
        given = people.read(project.root, settings.clean.mask_pii)
        labelled = labels.apply(
            dataset_class(kept),
            project,
            out,
            augmenting.writer_of(settings.labels.model, open_writer),
            lambda m, s: progress(m, 0.7),
            given.labels(kept),
        )
        given.apply(kept, gathered.entries)
        for conversation in kept:
            if conversation.label == "bad":
                conversation.flags = sorted({*conversation.flags, "low_quality"})
        progress("splits", 0.8)
        chosen = split(kept, gathered.entries, settings.split, project.settings.seed)
        derived: list[Conversation] = []
        if not any(source.shape == "faq" for source in settings.sources):
            gathered.entries, derived = canned.mine(kept, chosen)
        listened = heard.listen(kept, gathered.entries, chosen) if not derived else []
        progress("labelled rows", 0.82)
        done = tasks.finish(examples, settings, project.settings.seed, ledger, exclusions)
    finally:
        exclusions.close()
    progress("writing", 0.85)
    turns = ledger.step("turns for training", "turns")
    made = augmenting.augment(project, [*kept, *derived], gathered.entries, chosen, listened, ledger, open_writer, progress)
    counts = writers.write(out, kept, gathered.entries, chosen, turns, derived=derived, listened=listened, made=made)
    counts |= given.write(out, kept, chosen)
    counts |= done.write(out, ledger)
    ledger.expect("turns of kept dialogues", sum(len(c.turns) for c in kept if c.kind != "faq"), "turns offered for training", turns.into)
    contradictions = [*gathered.contradictions, *done.conflicts]
    write_jsonl(out / "contradictions.jsonl", contradictions)
    stats = card.statistics(kept, gathered.entries, chosen)
    stats |= {
        "masked": dict(sorted((Counter(cleaner.masked) + Counter(done.masked)).items())),
        "contradictions": dict(sorted(Counter(row["kind"] for row in contradictions).items())),
        "people": given.as_dict(),
        "examples": done.statistics(),
        "files": counts,
        "labelled": labelled,
        **({"augmented": made.facts()} if made.on else {}),
        "notes": _notes(ledger, cleaner, dataset_class.__name__),
        "dataset_class": dataset_class.__name__,
        "rule": inspect.getdoc(dataset_class) or "",
        "licence": settings.licence,
        "masking": settings.clean.mask_pii,
    }
    progress("plots", 0.9)
    stats |= plots.visualise(kept, out / "plots") if kept else {"plots": [], "chinese_font": "none"}
    _expect_files(out, ledger, exclusions, kept, chosen, near.kept)
    closed = ledger.close()
    if vault:
        vault.write({c.id: cleaner.held[c.id] for c in kept if c.id in cleaner.held} | done.held)
    write_json(out / "ledger.json", closed)
    write_json(out / "stats.json", stats)
    write_text(out / "card.md", card.card(project.settings.name, stats, closed))
    progress("done", 1.0)
    return _facts(closed, stats, exclusions)


def _distinct(sources: list[Source]) -> None:
    names = Counter(source.name for source in sources)
    if twice := [name for name, n in names.items() if n > 1]:
        raise ConfigError(f"data.sources: the name {twice[0]!r} stands twice", "every source needs a name of its own", "rename one")


def _read(source: Source, project: Loaded, ledger: Ledger, exclusions: Exclusions) -> list[Conversation | tasks.Example]:
    """All conversations or examples of one source, and its place in the ledger."""
    reading = readers.open_source(source, project, lambda tables: mapping.choose_table(source.shape, tables))
    step = ledger.step(f"read {source.name}", "rows")

    def drop(where: str, reason: str, text: str) -> None:
        exclusions.drop("rows", source.name, where, reason, text, f"form {source.name}")

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
            exclusions.drop("rows", source.name, row.where, row.reason, row.text, step.name)

    rows = good(reading.rows())
    head = list(islice(rows, _PEEK))
    _readable(source, step.into, step.kept, step.dropped)
    columns, guessed = mapping.resolve(source, [row.values for row in head])
    turns = ledger.step(f"turns of {source.name}", "turns")
    form = ledger.step(f"form {source.name}", "rows")
    make = tasks.ExampleFormer if source.shape in tasks.SHAPES else Former
    former = make(
        source, columns, form, turns, drop, lambda where, reason, text: exclusions.drop("turns", source.name, where, reason, text, form.name)
    )
    former.look(head, project.root)
    formed = list(former.form(chain(head, rows)))
    _readable(source, step.into, step.kept, step.dropped)
    ledger.expect(f"rows read of {source.name}", step.kept, "rows offered to its shape", form.into)
    ledger.expect(f"kept rows of {source.name}", form.kept, "conversations and examples it gave", len(formed))
    ledger.sources[source.name] = {
        "shape": source.shape,
        **reading.facts,
        "rows": step.into,
        "broken": sum(step.dropped.values()),
        "conversations": sum(isinstance(one, Conversation) for one in formed),
        "examples": sum(isinstance(one, tasks.Example) for one in formed),
        "map": columns,
        "guessed": guessed,
        **former.notes,
    }
    if not formed:
        why = "; ".join(f"{reason}: {n}" for reason, n in form.dropped.most_common(3))
        raise InputError(
            f"source {source.name} gives no {'example' if source.shape in tasks.SHAPES else 'conversation'}",
            f"{step.kept} rows read, {why}",
            "look at `map`, `where` and the file",
        )
    return formed


def _kind(reason: str) -> str:
    """The reason without its particulars, so that reasons can be counted."""
    if reason.startswith("broken JSON"):
        return "broken JSON"
    return re.sub(r"\d+ columns where the header has \d+", "wrong number of columns", reason)


def _readable(source: Source, rows: int, good: int, dropped: Counter[str]) -> None:
    if good and not (rows >= _MOSTLY_BROKEN and good * 2 < rows):
        return
    if not rows:
        raise InputError(f"source {source.name} is empty", "no rows in it", "export it again, or take it out of kefu.yaml")
    why = "; ".join(f"{reason}: {n}" for reason, n in dropped.most_common(3))
    raise InputError(f"source {source.name}: {rows - good} of {rows} rows are broken", why, "look at format, delimiter and encoding of the source")


def _nothing_left(kept: list[Conversation], ledger: Ledger) -> None:
    if kept:
        return
    why = "; ".join(f"{reason}: {n}" for reason, n in ledger.dropped("conversations").most_common(4))
    raise InputError("nothing is left after cleaning", why, "look at `map`, `roles` and data.clean in kefu.yaml")


def _expect_files(out: Path, ledger: Ledger, exclusions: Exclusions, kept: list[Conversation], chosen: dict[str, str], count: int) -> None:
    """Count again, from the files as they lie on the disk."""

    def on_disk(name: str) -> int:
        with open(out / name, "rb") as handle:
            return sum(1 for _ in handle)

    ledger.expect("conversations kept", count, "lines of conversations.jsonl", on_disk("conversations.jsonl"))
    ledger.expect("conversations kept", count, "conversations in a split", sum(chosen[c.id] in ("train", "validation", "test") for c in kept))
    dropped = sum(sum(ledger.dropped(unit).values()) for unit in ("rows", "conversations", "examples")) + _listed_turns(ledger)
    ledger.expect("rows, conversations, examples and turns dropped", dropped, "lines of excluded.jsonl", on_disk("excluded.jsonl"))
    ledger.expect("lines written to excluded.jsonl", sum(exclusions.counts.values()), "lines of excluded.jsonl", on_disk("excluded.jsonl"))


def _listed_turns(ledger: Ledger) -> int:
    """Turns dropped one by one; those of a dropped conversation are listed with it, those kept out of training files are in it."""
    counted = [step for step in ledger.steps if step.unit == "turns" and step.name != "turns for training"]
    return sum(n for step in counted for reason, n in step.dropped.items() if not reason.startswith("conversation dropped"))


def _notes(ledger: Ledger, cleaner: Cleaner, dataset_class: str) -> list[str]:
    notes = []
    for name, facts in ledger.sources.items():
        if facts["guessed"]:
            notes.append(f"{name}: columns guessed: " + ", ".join(f"{field} = {facts['map'][field]}" for field in facts["guessed"]))
        if facts["broken"]:
            notes.append(f"{name}: {facts['broken']} broken rows left out (excluded.jsonl)")
        if "unknown_senders" in facts:
            unknown = facts["unknown_senders"]
            fate = "their turns were dropped" if unknown["dropped"] else "their roles were told from the company they keep"
            notes.append(f"{name}: {unknown['senders']} senders nobody knows ({unknown['turns']} turns); {fate}")
        if facts.get("unordered_conversations"):
            notes.append(f"{name}: {facts['unordered_conversations']} conversations could not be ordered and stand as exported")
        notes += _said_of_source(name, facts)
        short = sum(details.get("short_rows", 0) for details in facts.get("files", {}).values())
        if short:
            notes.append(f"{name}: {short} rows had fewer cells than the header and were filled with empty ones")
    if cleaner.kept_contacts:
        notes.append(f"{cleaner.kept_contacts} approved answers name the company's own contact data (hotline, office, mailbox); these were kept")
    notes.append(f"quality and take-over were labelled by {dataset_class}")
    return notes


def _said_of_source(name: str, facts: dict[str, Any]) -> list[str]:
    notes = []
    if left := facts.get("files_left_out"):
        notes.append(f"{name}: {len(left)} files of unknown format were not read: {', '.join(left[:5])}")
    for file, details in facts.get("files", {}).items():
        if others := details.get("lists_left_out"):
            notes.append(f"{name}: only the list {details['list']!r} of {file} was read, not {', '.join(others[:5])} (rows_at chooses)")
    if facts.get("parts_left_out"):
        notes.append(
            f"{name}: {facts['parts_left_out']} pictures, sounds or files inside messages were left out; addresses of pictures are in the context"
        )
    if facts.get("scheme", "bio") != "bio":
        joined = "; neighbouring entities of one type cannot be told apart in it" if facts["scheme"] == "io" else ""
        notes.append(f"{name}: tags written as {facts['scheme']} were brought to bio{joined}")
    return notes


def _facts(ledger: dict[str, Any], stats: dict[str, Any], exclusions: Exclusions) -> dict[str, Any]:
    return {
        "rows": sum(source["rows"] for source in ledger["sources"].values()),
        "broken": sum(source["broken"] for source in ledger["sources"].values()),
        "conversations": stats["conversations"],
        "examples": {kind: numbers["examples"] for kind, numbers in stats["examples"].items()},
        "kinds": stats["kinds"],
        "languages": stats["languages"],
        "dropped": dict(exclusions.counts),
        "dropped_reasons": _reasons(ledger),
        "splits": {name: n["conversations"] for name, n in stats["splits"].items()},
        "faq": stats["faq"],
        "masked": stats["masked"],
        "contradictions": stats["contradictions"],
        "labels": stats["labels"],
        "files": stats["files"],
        **({"augmented": stats["augmented"]} if "augmented" in stats else {}),
        "notes": stats["notes"],
        "plots": stats["plots"],
        "balanced": ledger["balanced"],
    }


def _reasons(ledger: dict[str, Any]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for step in ledger["steps"]:
        if step["unit"] in ("rows", "conversations", "examples"):
            total.update(step["dropped"])
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))
