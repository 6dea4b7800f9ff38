"""Raw exports to the data artefact: read, form, clean, deduplicate, gather, label, split, write, and balance the ledger.

Conversations pass through twice, in batches, on as many cores as there are (`workers`): once to be cleaned and fingerprinted,
once to be labelled and written. In between they lie on the disk (`stock`); what is held in memory of a dialogue are some
fifty bytes, and the FAQ. Labelled rows go the same way (`tasks.flow`).
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from kefu.artifacts import storage_errors, write_json, write_jsonl, write_text
from kefu.conversation import Conversation
from kefu.data import (
    augmenting,
    canned,
    card,
    conflicts,
    dedup,
    entries,
    jobs,
    labels,
    notes,
    people,
    plots,
    readers,
    recount,
    replies,
    split,
    tasks,
    workers,
    writers,
)
from kefu.data.augmenting import OpenWriter
from kefu.data.customers import Customers
from kefu.data.dataset import load_class, open_dataset, quality_scale
from kefu.data.exclusions import Exclusions
from kefu.data.heard import FirstHeard, Listener
from kefu.data.ledger import Ledger, Step
from kefu.data.profile import Profile
from kefu.data.reading import read, sections
from kefu.data.spool import Shelf, Spool, pack, unpack
from kefu.data.stock import Stays, Stock, parts
from kefu.data.tally import Tally
from kefu.data.vault import Vault
from kefu.data.workers import Crew, crew
from kefu.errors import ConfigError, InputError
from kefu.project import Loaded
from kefu.project.schema import Source

Progress = Callable[[str, float], None]


def build(project: Loaded, out: Path, progress: Progress | None = None, open_writer: OpenWriter | None = None) -> dict[str, Any]:
    """Fill `out` with the data artefact; returns its facts. Two builds of the same project give equal bytes, whatever does the work.

    open_writer: makes a language model of an access point, for the settings that name one (this room knows no engine).

    Raises InputError, ConfigError (wrong input or settings), GateError (ledger, too many dropped), StorageError, MissingExtra.
    """
    with storage_errors(out):
        settings = project.settings.data
        _distinct(settings.sources)
        Vault.of(project)  # a missing key is told before any row is read
        load_class(settings.dataset_class, project.root)
        for source in settings.sources:
            readers.source_files(source, project)  # every missing file before the first row is read
        out.mkdir(parents=True, exist_ok=True)
        with closing(Spool(out, unpack)) as spool, Exclusions(out) as exclusions, crew(settings.engine, settings.workers, spool.folder) as hands:
            with closing(_Build(project, out, spool, exclusions, hands, progress or (lambda stage, share: None), open_writer)) as work:
                return work.run()


def _distinct(sources: list[Source]) -> None:
    names = Counter(source.name for source in sources)
    if twice := [name for name, n in names.items() if n > 1]:
        raise ConfigError(f"data.sources: the name {twice[0]!r} stands twice", "every source needs a name of its own", "rename one")


class _Build:
    def __init__(
        self, project: Loaded, out: Path, spool: Spool[Conversation], exclusions: Exclusions, hands: Crew, progress: Progress,
        open_writer: OpenWriter | None,
    ) -> None:  # fmt: skip
        self.project, self.settings, self.seed = project, project.settings.data, project.settings.seed
        self.out, self.spool, self.exclusions, self.workers, self.progress = out, spool, exclusions, hands, progress
        self.ledger, self.open_writer = Ledger(), open_writer
        self.dataset_class = load_class(self.settings.dataset_class, project.root)
        self.scale = quality_scale(self.dataset_class, self.settings.labels.scale)
        self.people = people.read(project.root, self.settings.clean.mask_pii, self.scale)
        self.examples, self.done = Shelf(spool.folder), tasks.Finished()
        self.held: dict[int, tuple[str, dict[str, str]]] = {}  # number -> id and masked values, for the vault alone
        self.derived: list[Conversation] = []  # FAQ rows drawn from dialogues
        self.near = self.settings.dedup.threshold if self.settings.dedup.near else 0.0
        masked = {one.name: one.mask_pii for one in self.settings.sources}
        self.setup = jobs.CleanSetup(self.settings.clean.model_dump(), self.seed, self.near, masked)
        self.stock = Stock(spool, self.near)
        self.cleaned = jobs.Cleaned()  # counts over all batches
        self.formed = 0
        self.faq: dict[int, Conversation] = {}  # number -> what stays of the FAQ
        self.chosen: dict[str, str] = {}  # FAQ row -> split

    def run(self) -> dict[str, Any]:
        self._clean()
        self.progress("duplicates", 0.5)
        gathered, near_step = self._deduplicate()
        self.progress("contradictions", 0.55)
        alive = np.flatnonzero(self.stock.alive)
        told = [*gathered.contradictions, *replies.compare(self.workers, alive, self.spool.line, self.spool.folder)]
        by_model = self._label(gathered.entries)
        self.progress("splits", 0.6)
        sides = self._split(gathered.entries)
        one_side = self._one_side(sides, near_step)
        found = gathered.entries
        if not any(source.shape == "faq" for source in self.settings.sources):
            found, self.derived, more = canned.mine(self.workers, lambda: self._talks(sides.sides))
            self.chosen |= more
        done = tasks.finish(self.examples, self.settings, self.setup, self.ledger, self.exclusions, self.workers, self.spool.folder)
        self.done = done
        self.exclusions.close()
        self.progress("labels and files", 0.7)
        return self._write(found, sides, done, [*told, *done.conflicts], gathered.apart, by_model, one_side.kept)

    def close(self) -> None:
        self.stock.close()
        self.examples.close()
        self.done.close()

    # -- clean -----------------------------------------------------------------------------------------------

    def _clean(self) -> None:
        total, ledger = self.cleaned, self.ledger
        for section in (section for source in self.settings.sources for section in sections(source)):
            self.exclusions.begin(section)
        for done in self.workers.map(jobs.CleanJob, self.setup, self._batches()):
            self.held |= {len(self.spool) + place: values for place, values in done.held.items()}
            self.stock.take(done)
            self.exclusions.take(done.notes, "clean")
            total.items.absorb(done.items)
            total.turns.absorb(done.turns)
            total.kept_contacts += done.kept_contacts
            for type, count in done.masked.items():
                total.masked[type] = total.masked.get(type, 0) + count
        read_turns = sum(step.kept for step in ledger.steps if step.name.startswith("turns of "))
        ledger.steps += [total.items, total.turns]
        total.items.guard(self.settings.clean.max_drop_share, "data.clean.max_drop_share", self.exclusions.some)
        total.turns.guard(self.settings.clean.max_turn_drop_share, "data.clean.max_turn_drop_share", self._some_turns)
        ledger.expect("conversations formed", self.formed, "conversations that cleaning saw", total.items.into)
        ledger.expect("turns read", read_turns, "turns that cleaning saw", total.turns.into)
        ledger.expect("conversations that cleaning kept", total.items.kept, "conversations on the disk", len(self.spool))
        if self.formed and not total.items.kept:
            why = "; ".join(f"{reason}: {n}" for reason, n in ledger.dropped("conversations").most_common(4))
            raise InputError("nothing is left after cleaning", why, "look at `map`, `roles` and data.clean in kefu.yaml")

    def _some_turns(self, unit: str, step: str, source: str) -> list[str]:
        return self.exclusions.some(unit, "clean", source)

    def _batches(self) -> Iterator[bytes]:
        """Rows that belong together (an FAQ row and its other phrasings) are in one batch."""
        held: list[bytes] = []
        customers = Customers()
        for i, source in enumerate(self.settings.sources):
            name, share = orjson.dumps(source.name), 0.5 * i / len(self.settings.sources)
            self.progress(f"reading {source.name}", share)
            for one in read(source, self.project, self.ledger, self.exclusions, self.spool.folder, customers):
                if isinstance(one, tasks.Example):
                    self.examples.put((source.name, one))
                    continue
                if len(held) >= workers.BATCH and one.meta.get("phrasing") != "similar":
                    yield b"[%b]" % b",".join(held)
                    held = []
                    self.progress(f"cleaning {source.name}: {self.formed:,}", share)
                self.formed += 1
                held.append(b"[%b,%b]" % (name, pack(one)))
        if held:
            yield b"[%b]" % b",".join(held)

    # -- duplicates, FAQ, splits -----------------------------------------------------------------------------

    def _deduplicate(self) -> tuple[entries.Gathered, Step]:
        stock = self.stock
        exact = self.ledger.step("exact duplicates", "conversations")
        self._drop(stock.exact(), "the same as", "exact duplicate", exact)
        gathering = self.ledger.step("answers and contradictions", "conversations")
        gathering.into = gathering.kept = len(stock.of(jobs.DIALOGUE))
        rows = {int(number): self.spool[int(number)] for number in stock.of(jobs.FAQ)}
        gathered = entries.gather(list(rows.values()), gathering, self.exclusions)
        gathering.guard(self.settings.dedup.max_drop_share, shown=self.exclusions.some)
        stays = {id(conversation) for conversation in gathered.kept}
        self.faq = {number: conversation for number, conversation in rows.items() if id(conversation) in stays}
        stock.alive[list(rows.keys() - self.faq.keys())] = False
        near = self.ledger.step("near-duplicates", "conversations")
        self._drop(self._near() if self.near else {}, "nearly the same as", "near-duplicate", near)
        for before, after in ((self.cleaned.items, exact), (exact, gathering), (gathering, near)):
            self.ledger.expect(f"kept by {before.name}", before.kept, f"seen by {after.name}", after.into)
        self.faq = {number: conversation for number, conversation in self.faq.items() if stock.alive[number]}
        stays = {id(conversation) for conversation in self.faq.values()}
        for entry in gathered.entries:
            entry.rows = [conversation for conversation in entry.rows if id(conversation) in stays]
        for number, conversation in self.faq.items():
            self.spool.replace(number, pack(conversation))
        return gathered, near

    def _near(self) -> dict[int, dedup.Near]:
        gone = self.stock.alike(self._dialogues(), lambda number: self.spool[number].spoken())
        return gone | dedup.near_questions(self.faq.items(), self.near)

    def _drop(self, gone: Mapping[int, int | dedup.Near], why: str, reason: str, step: Step) -> None:
        most, read = self.settings.dedup.max_drop_share, lambda number: self.faq.get(number) or self.spool[number]
        self.stock.drop(gone, why, reason, step, most, self.workers, self.exclusions, read=read)

    def _dialogues(self) -> np.ndarray:
        return self.stock.of(jobs.DIALOGUE)

    def _split(self, found: list[entries.Entry]) -> split.Sides:
        """Sides and groups by number, over all conversations."""
        numbers = self._dialogues()
        told = self.stock.whole_groups(numbers, self.settings.split, self.seed, read=self.spool.__getitem__)

        def asked(texts: list[str]) -> set[int]:
            lines = ([self.spool.line(n) for n in part] for part in parts(numbers))
            return set().union(*self.workers.map(jobs.AskJob, jobs.AskSetup(texts, jobs.LEAK), lines))

        held = split.questions(found, asked, self.settings.split, self.seed)
        self.chosen = {conversation.id: held.get(conversation.id, "train") for conversation in self.faq.values()}
        sides = np.zeros(len(self.spool), np.uint8)
        sides[numbers] = told.sides
        for number, conversation in self.faq.items():
            sides[number] = writers.SPLITS.index(self.chosen[conversation.id])
        groups = {int(numbers[place]): group for place, group in told.groups.items()}
        return split.Sides(sides, groups, {int(numbers[a]): int(numbers[b]) for a, b in told.gone.items()}, told.account)

    def _one_side(self, sides: split.Sides, before: Step) -> Step:
        """Held-out rows that ask what training asks all the time go, and are counted."""
        step = self.ledger.step(split.ONE_SIDE, "conversations")
        self._drop(sides.gone, "on the other side is nearly", split.TOO_OFTEN, step)
        self.ledger.expect(f"kept by {before.name}", before.kept, f"seen by {step.name}", step.into)
        return step

    def _talks(self, sides: np.ndarray) -> Iterator[canned.Talk]:
        for part in parts(self._dialogues()):
            yield canned.Talk([self.spool.line(n) for n in part], sides[part].tobytes())

    # -- label and write -------------------------------------------------------------------------------------

    def _label(self, found: list[entries.Entry]) -> dict[str, Any]:
        """Who labelled what, when people or a model have a say. The rules alone label batch by batch, later; nothing is told here then."""
        settings = self.settings.labels
        if settings.by == "rules" and not settings.people and not self.people.logs:
            return {}
        stays = Stays(self.stock, self.faq, pack)
        told = labels.apply(
            open_dataset(self.dataset_class, stays), stays.put, self.project, self.out, augmenting.writer_of(settings.model, self.open_writer),
            lambda message, share: self.progress(message, 0.6), self.people.labels(stays),
        )  # fmt: skip
        self.people.apply(stays, stays.put, found)
        return told

    def _held_out(self, sides: split.Sides) -> tuple[list[Conversation], dict[str, str]]:
        """What is held out, and the side of all that is known by name: to keep made rows and people's pairs away from it."""
        talks = {int(n): self.spool[n] for n in self._dialogues() if sides.sides[n]}
        chosen = self.chosen | {one.id: writers.SPLITS[sides.sides[number]] for number, one in talks.items()}
        return [one for one in (*talks.values(), *self.faq.values(), *self.derived) if chosen[one.id] != "train"], chosen

    def _write(
        self, found: list[entries.Entry], sides: split.Sides, done: tasks.Finished, contradictions: list[dict[str, Any]],
        apart: list[dict[str, Any]], by_model: dict[str, Any], kept: int,
    ) -> dict[str, Any]:  # fmt: skip
        numbers, ledger, out = np.flatnonzero(self.stock.alive), self.ledger, self.out
        turns = ledger.step("turns for training", "turns")
        listener = Listener(found, self.chosen) if found and not self.derived else None
        setup = jobs.LabelSetup(
            self.settings.dataset_class, self.project.root, self.spool.seal(numbers), listener, self.scale[-1], self.settings.messages
        )
        tally, profile, spoken, wordings = Tally(), Profile(), 0, FirstHeard()
        with writers.Writer(out) as writer:
            for part in self.workers.map(jobs.LabelJob, setup, self._label_batches(numbers, sides, bool(by_model))):
                writer.take(part)
                turns.absorb(part.turns)
                tally.absorb(part.tally)
                profile.merge(part.profile)
                spoken += part.spoken
                wordings.take(part.heard)
                self.progress(f"labels and files: {writer.counts['conversations.jsonl']:,}", 0.7)
            augment = self.settings.augment
            held, chosen = self._held_out(sides) if self.people.logs or augment.methods or augment.negatives else ([], self.chosen)
            made = augmenting.augment(self.project, held, found, chosen, wordings.heard, ledger, self.open_writer, self.progress)
            counts = writer.finish(found, [*self.faq.values(), *self.derived], self.chosen, wordings.heard, made)
        counts |= self.people.write(out, held, chosen)
        counts |= done.write(out, ledger)
        ledger.expect("turns of kept dialogues", spoken, "turns offered for training", turns.into)
        counts |= {name: write_jsonl(out / name, rows) for name, rows in (("contradictions.jsonl", contradictions), (conflicts.ROWS, apart))}
        stats = card.statistics(tally, found)
        faults = notes.of_split(stats, done.statistics, self.settings.split, {"dialogue": sides.account, **done.accounts})
        stats |= {
            "masked": dict(sorted((Counter(self.cleaned.masked) + Counter(done.masked)).items())),
            "contradictions": dict(sorted(Counter(row["kind"] for row in contradictions).items())),
            "contradictions_possible": sum(row.get("possible", False) for row in contradictions),
            "conflicting_rows": len(apart),
            "people": self.people.as_dict(),
            "examples": done.statistics,
            "files": counts,
            "labelled": by_model or {"by": {"rules": kept}},
            **({"augmented": made.facts()} if made.on else {}),
            "placeholders_in_answers": (struck := notes.struck(found)),
            "split_faults": faults,
            "notes": [*([struck] if struck else []), *faults, *notes.of_build(ledger, self.cleaned, self.dataset_class.__name__), *wordings.notes()],
            "dataset_class": self.dataset_class.__name__,
            "rule": inspect.getdoc(self.dataset_class) or "",
            "licence": self.settings.licence,
            "masking": self.settings.clean.mask_pii,
        }
        self.progress("plots", 0.9)
        stats |= plots.visualise(profile, out / "plots") if kept else {"plots": [], "chinese_font": "none"}
        recount.expect(out, ledger, self.exclusions, sum(tally.splits.values()), kept)
        closed = ledger.close()
        if vault := Vault.of(self.project):
            vault.write(dict(values for number, values in self.held.items() if self.stock.alive[number]) | done.held)
        write_json(out / "ledger.json", closed)
        write_json(out / "stats.json", stats)
        write_text(out / "card.md", card.card(self.project.settings.name, stats, closed))
        self.progress("done", 1.0)
        return _facts(closed, stats, self.exclusions)

    def _label_batches(self, numbers: np.ndarray, sides: split.Sides, labelled: bool) -> Iterator[jobs.LabelBatch]:
        for part in parts(numbers):
            groups = {place: sides.groups[n] for place, n in enumerate(part.tolist()) if n in sides.groups}
            yield jobs.LabelBatch([self.spool.line(n) for n in part], sides.sides[part].tobytes(), groups, labelled)


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
        "split_faults": stats["split_faults"],
        "turns_left_out": _turns_left_out(ledger),
        "faq": stats["faq"],
        "masked": stats["masked"],
        "contradictions": stats["contradictions"],
        "conflicting_rows": stats["conflicting_rows"],
        "labels": stats["labels"],
        "files": stats["files"],
        **({"augmented": stats["augmented"]} if "augmented" in stats else {}),
        "notes": stats["notes"],
        "placeholders_in_answers": stats["placeholders_in_answers"],
        "plots": stats["plots"],
        "balanced": ledger["balanced"],
    }


def _turns_left_out(ledger: dict[str, Any]) -> dict[str, int]:
    """Turns that are in no training file though their conversation is, by reason."""
    total: Counter[str] = Counter()
    for step in ledger["steps"]:
        if step["unit"] == "turns":
            total.update({reason: n for reason, n in step["dropped"].items() if not reason.startswith("conversation dropped")})
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def _reasons(ledger: dict[str, Any]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for step in ledger["steps"]:
        if step["unit"] in ("rows", "conversations", "examples"):
            total.update(step["dropped"])
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))
