"""Examples through the steps that conversations go through: clean, mask, duplicates, conflicts, split, files, ledger.

As they are read they are put on a shelf; then they are cleaned in batches and lie in a stock, and only what is found again or
written is read again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from kefu.artifacts import write_jsonl
from kefu.data import split, workers
from kefu.data.card import parts_of
from kefu.data.exclusions import Exclusions
from kefu.data.jobs import CleanSetup
from kefu.data.ledger import Ledger, Step
from kefu.data.questions import Asked, gather
from kefu.data.split import Grouped
from kefu.data.spool import Column, Shelf, Spool, number
from kefu.data.stock import Stock
from kefu.data.tasks import labelsets
from kefu.data.tasks.example import KINDS, Example, Question, questions, unpack
from kefu.data.tasks.job import STEP, ExampleJob, near_text
from kefu.data.writers import SPLITS
from kefu.errors import InputError
from kefu.project.schema import Data

_SECTION = "examples"
_CLASS, _TOKENS, _QA = (KINDS.index(kind) for kind in ("classification", "tokens", "qa"))


@dataclass
class Finished:
    """Examples that are kept, with the split of each."""

    stock: Stock[Example] | None = None
    sides: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))  # place in SPLITS, of each in the stock
    against: set[int] = field(default_factory=set)  # numbers of those in conflict
    masked: dict[str, int] = field(default_factory=dict)
    held: dict[str, dict[str, str]] = field(default_factory=dict)
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    statistics: dict[str, Any] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)  # source -> set of labels, of classification; empty: there is one
    accounts: dict[str, split.Account] = field(default_factory=dict)  # of each kind

    def write(self, out: Path, ledger: Ledger) -> dict[str, int]:
        """`{kind}.{split}.jsonl` for every kind there is; returns `{file: rows}`."""
        counts: dict[str, int] = {}
        for code, kind in enumerate(KINDS):
            if self.stock is None or not len(numbers := self.stock.of(code)):
                continue
            for task, ours in self._tasks(code, numbers):
                for side, part in enumerate(SPLITS):
                    name = ".".join((kind, *([task] if task else []), part, "jsonl"))
                    counts[name] = write_jsonl(out / name, self._rows(ours[self.sides[ours] == side], task))
        for before, after in zip(self.steps, self.steps[1:], strict=False):
            ledger.expect(f"kept by {before.name}", before.kept, f"seen by {after.name}", after.into)
        kept = 0 if self.stock is None else int(self.stock.alive.sum())
        ledger.expect("examples kept", kept, "rows of their training files", sum(counts.values()))
        return counts

    def _tasks(self, code: int, numbers: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """The numbers of each set of labels, with its name; all of them under an empty one where there is one set."""
        if code != _CLASS or len(set(self.tasks.values())) < 2:
            yield "", numbers
            return
        of = np.array([self.tasks[one.origin()] for _, one in _read(self.stock, numbers)])
        for task in dict.fromkeys(self.tasks.values()):
            yield task, numbers[of == task]

    def _rows(self, numbers: np.ndarray, task: str = "") -> Iterator[dict[str, Any]]:
        for n, one in _read(self.stock, numbers):
            if n in self.against:
                one.flags.append("conflicting_label")
            yield {**one.as_dict(), "task": task} if task else one.as_dict()

    def notes(self) -> list[str]:
        """What is to be said of label sets that are kept apart."""
        if len(set(self.tasks.values())) < 2:
            return []
        named = {task: [name for name, its in self.tasks.items() if its == task] for task in dict.fromkeys(self.tasks.values())}
        told = "; ".join(f"classification.{task}.*.jsonl ({', '.join(sources)})" for task, sources in named.items())
        return [f"labelled rows have {len(named)} sets of labels and are kept apart: {told}. Train one head on each"]

    def close(self) -> None:
        if self.stock is not None:
            self.stock.close()
            self.stock.spool.close()


def finish(
    examples: Shelf, settings: Data, setup: CleanSetup, ledger: Ledger, exclusions: Exclusions, crew: workers.Crew, folder: Path
) -> Finished:  # fmt: skip
    """Clean, deduplicate and split a shelf of (source, example). Raises GateError, InputError when none is left."""
    if not len(examples):
        return Finished()
    stock = Stock(Spool(folder, unpack), setup.near)
    done = Finished(stock)
    try:
        _finish(done, stock, examples, settings, setup, ledger, exclusions, crew, folder)
    except BaseException:
        done.close()
        raise
    return done


def _finish(
    done: Finished, stock: Stock[Example], examples: Shelf, settings: Data, setup: CleanSetup, ledger: Ledger, exclusions: Exclusions,
    crew: workers.Crew, folder: Path,
) -> None:  # fmt: skip
    step = ledger.step(STEP, "examples")
    held: dict[int, tuple[str, dict[str, str]]] = {}
    again = Column("u8")
    categories: dict[int, str] = {}
    for batch in crew.map(ExampleJob, setup, _batches(examples)):
        held |= {len(stock.spool) + place: values for place, values in batch.held.items()}
        stock.take(batch)
        again.extend(batch.again)
        categories |= batch.categories
        step.absorb(batch.items)
        exclusions.take(batch.notes, _SECTION)
        for type, count in batch.masked.items():
            done.masked[type] = done.masked.get(type, 0) + count
    if step.kept:
        step.guard(settings.clean.max_drop_share, "data.clean.max_drop_share", exclusions.some)
    exact = ledger.step("exact duplicates of examples", "examples")
    stock.drop(stock.exact(), "the same as", "exact duplicate", exact, settings.dedup.max_drop_share, crew, exclusions, _SECTION)
    close = ledger.step("near-duplicates of examples", "examples")
    words = np.flatnonzero(stock.alive & (stock.kinds.numbers() != _TOKENS))
    gone = stock.alike(words, lambda n: [("", near_text(stock.spool[n]))]) if stock.near else {}
    stock.drop(gone, "nearly the same as", "near-duplicate", close, settings.dedup.max_drop_share, crew, exclusions, _SECTION)
    if not stock.alive.any():
        why = "; ".join(f"{reason}: {n}" for reason, n in ledger.dropped("examples").most_common(4))
        raise InputError("no example is left after cleaning", why, "look at `map` and data.clean in kefu.yaml")
    ledger.expect("examples formed", len(examples), "examples that cleaning saw", step.into)
    done.sides = np.zeros(len(stock.spool), np.uint8)
    strata, names = stock.strata().copy(), dict(categories)
    apart: dict[int, int] = {}
    both = np.flatnonzero(stock.alive)
    every = gather(crew, both, stock.spool.line, folder, questions)
    for code, kind in enumerate(KINDS):
        if len(numbers := stock.of(code)):
            if code == _CLASS:
                done.tasks = _label_sets(stock, numbers)
                strata[numbers] = _labels_of(stock, numbers, names)
            told = _sides(stock, code, numbers, again.numbers(), strata[numbers], settings, setup.seed, every.of(numbers))
            done.sides[numbers], done.accounts[kind] = told.sides, told.account
            apart |= {int(numbers[a]): int(numbers[b]) for a, b in told.gone.items()}
    one_side = ledger.step(f"{split.ONE_SIDE}, of examples", "examples")
    stock.drop(
        apart, "on the other side is nearly", split.TOO_OFTEN, one_side, settings.dedup.max_drop_share, crew, exclusions, _SECTION
    )  # fmt: skip
    for code, kind in enumerate(KINDS):
        if len(numbers := stock.of(code)):
            done.statistics[kind] = _statistics(stock, code, numbers, strata[numbers], names, done.sides)
    done.steps = [step, exact, close, one_side]
    done.held = dict(values for n, values in held.items() if stock.alive[n])
    done.conflicts = _conflicts(stock, again.numbers(), done.against)


def _batches(examples: Shelf) -> Iterator[list[tuple[str, Example]]]:
    stream = iter(examples)
    while batch := list(islice(stream, workers.BATCH)):
        yield batch


def _read(stock: Stock[Example] | None, numbers: np.ndarray) -> Iterator[tuple[int, Example]]:
    if stock is not None:
        for n in numbers.tolist():
            yield n, stock.spool[n]


def _label_sets(stock: Stock[Example], numbers: np.ndarray) -> dict[str, str]:
    labels: dict[str, set[str]] = {}
    for _, one in _read(stock, numbers):
        labels.setdefault(one.origin(), set()).update(one.labels())
    return labelsets.groups(labels)


def _labels_of(stock: Stock[Example], numbers: np.ndarray, names: dict[int, str]) -> np.ndarray:
    """(n,) uint64: what each part of the split must have its share of; `names` learns what they stand for."""
    often: Counter[str] = Counter()
    for _, one in _read(stock, numbers):
        often.update(set(one.labels()))
    names |= {number(label): label for label in often}
    return np.fromiter((number(_rarest(one, often)) for _, one in _read(stock, numbers)), np.uint64, len(numbers))


def _sides(
    stock: Stock[Example], code: int, numbers: np.ndarray, again: np.ndarray, strata: np.ndarray, settings: Data, seed: int,
    asked: Asked,
) -> split.Sides:  # fmt: skip
    """The sides of one kind, by place in `numbers`."""
    silent = None
    if code == _QA:
        silent = np.ones(len(numbers), bool)
        silent[np.unique(again[numbers], return_index=True)[1]] = False
    places = set() if silent is None else set(numbers[silent].tolist())

    def read(n: int) -> Grouped:
        return Question(stock.spool[n], silent=n in places) if code == _QA else stock.spool[n]

    return stock.whole_groups(numbers, settings.split, seed, read=read, strata=strata, silent=silent, asked=asked)


def _statistics(
    stock: Stock[Example], code: int, numbers: np.ndarray, strata: np.ndarray, names: dict[int, str], sides: np.ndarray
) -> dict[str, Any]:  # fmt: skip
    """Counts of one kind: in every split, languages, strata, labels or entity types."""
    values, first, where = np.unique(stock.language_codes()[numbers], return_index=True, return_inverse=True)
    languages = sorted(zip(np.bincount(where).tolist(), first.tolist(), values.tolist(), strict=True), key=lambda one: (-one[0], one[1]))
    parts: dict[str, Counter[str]] = {}
    kinds, counts = np.unique(np.stack([strata, sides[numbers].astype(np.uint64)]), axis=1, return_counts=True)
    for stratum, side, n in zip(*kinds.tolist(), counts.tolist(), strict=True):
        parts.setdefault(names[stratum], Counter())[SPLITS[side]] = n
    found: dict[str, Any] = {
        "examples": len(numbers),
        "splits": dict(zip(SPLITS, np.bincount(sides[numbers], minlength=len(SPLITS)).tolist(), strict=True)),
        "languages": {stock.languages[language]: n for n, _, language in languages},
        "strata": parts_of(parts),
    }
    if code in (_CLASS, _TOKENS):
        labels = Counter(label for _, one in _read(stock, numbers) for label in one.labels())
        found["labels"] = dict(sorted(labels.items(), key=lambda item: (-item[1], item[0])))
    return found


def _rarest(one: Example, often: Counter[str]) -> str:
    """What each part of the split must have its share of: the label of a class, of several the rarest."""
    return min(one.labels(), key=lambda label: (often[label], label))


def _conflicts(stock: Stock[Example], again: np.ndarray, against: set[int]) -> list[dict[str, Any]]:
    """The same text with different labels: both stay, flagged (`against` is filled) and reported; people must decide."""
    numbers = stock.of(_CLASS)
    order = numbers[np.argsort(again[numbers], kind="stable")]
    starts = np.flatnonzero(np.append(True, again[order][1:] != again[order][:-1])) if len(order) else np.zeros(0, np.int64)
    sizes = np.diff(np.append(starts, len(order)))
    groups = [order[start : start + size] for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True)]
    found = []
    for group in sorted(groups, key=lambda group: int(group[0])):
        members = [one for _, one in _read(stock, group)]
        if len({one.outcome() for one in members}) < 2:
            continue
        against.update(group.tolist())
        labels = [json.loads(one.outcome()) for one in members]
        found.append({"kind": "same text, different labels", "text": members[0].values["text"], "labels": labels, "ids": [one.id for one in members]})
    return found
