"""The account of every row: what came in, was added, changed, merged, set apart, dropped, and what was kept.

For each step `in + added == kept + merged + apart + dropped`; where one step feeds the next, kept equals in. Both are
checked, and again against the files that were written. A difference is a defect and stops the build. What is set apart
is neither used nor dropped: it stands in a file of its own until people decide (answers in conflict).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kefu.errors import GateError

FEW = 20  # below this a share says nothing
_NEARLY_ALL = 0.9  # save that nothing is left
#: Reasons that stand in kefu.yaml as the user's wish, and what is meant for colleagues and no loss.
_ASKED_FOR = ("not selected by `where`", "not selected by `turn_where`", "sender ignored by `roles`", "internal note")
#: A turn of a conversation that is dropped whole is that conversation's loss.
_WITH_ANOTHER = ("conversation dropped",)
#: Beginnings of reasons that a `map` of the wrong columns gives.
_UNREAD = ("no ", "empty turn", "turns cannot be read")
#: (unit, step, source; empty: all) -> some of what was dropped, in words
Shown = Callable[[str, str, str], Sequence[str]]


@dataclass
class Step:
    """One step over one kind of thing (`unit`: rows, conversations, turns)."""

    name: str
    unit: str
    into: int = 0
    added: int = 0
    kept: int = 0
    merged: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    apart: Counter[str] = field(default_factory=Counter)
    sources: dict[str, Step] = field(default_factory=dict)  # into, and what was dropped, of each source

    def of(self, source: str) -> Step:
        """The part of one source. It counts what came in and what was dropped, for `guard`, and need not balance."""
        return self.sources.setdefault(source, Step(self.name, self.unit))

    @property
    def balance(self) -> int:
        """Zero when nothing is missing; positive: things vanished."""
        return self.into + self.added - self.kept - self.merged - self.apart.total() - self.dropped.total()

    def absorb(self, other: Step) -> None:
        """Add the counts of a part of this step that was done elsewhere."""
        self.into += other.into
        self.added += other.added
        self.kept += other.kept
        self.merged += other.merged
        self.changed.update(other.changed)
        self.dropped.update(other.dropped)
        self.apart.update(other.apart)
        for source, part in other.sources.items():
            self.of(source).absorb(part)

    def loss(self, most: float, *, few: bool = False) -> tuple[int, int, str] | None:
        """(dropped, of how many, for which reasons) when it is more than this share. What the user asked to leave out is not counted.
        few: of small numbers nearly all must go, where otherwise they say nothing."""
        reasons = Counter({reason: n for reason, n in self.dropped.items() if not reason.startswith((*_ASKED_FOR, *_WITH_ANOTHER))})
        into, dropped = self.into + self.added - (self.dropped.total() - reasons.total()), reasons.total()
        if into < FEW:
            most = max(most, _NEARLY_ALL) if few and most < 1 else 1.0
        if dropped <= into * most:
            return None
        return dropped, into, ", ".join(f"{reason} {n}" for reason, n in reasons.most_common(3))

    def guard(
        self, most: float, setting: str = "data.dedup.max_drop_share", shown: Shown | None = None, *, of_source: str = "", few: bool = False
    ) -> None:
        """Stop when the step would drop more than this share, of all or of one source. Raises GateError with source, reasons, some of what
        would go, and the way to go on. setting: its path in kefu.yaml; of_source: the source that the whole step is about;
        few: a source of a few things that loses nearly all of them stops too."""
        found = [(source, lost) for source, part in (("", self), *sorted(self.sources.items())) if (lost := part.loss(most, few=few))]
        if not found:
            return
        share = min(1.0, max(math.ceil(dropped / into * 100) / 100 for _, (dropped, into, _) in found))
        source, (dropped, into, why) = found[0]
        where = f" of source {source}" if source else ""
        examples = shown(self.unit, self.name, source or of_source) if shown else []
        some = f", such as {'; '.join(examples)}" if examples else ""
        first = "`map` of the source may name the wrong columns; if it does not, " if why.startswith(_UNREAD) and dropped * 2 > into else ""
        raise GateError(
            f"{self.name} would drop {dropped} of {into} {self.unit}{where}, {dropped / into:.0%} ({why}){some}",
            f"{setting} is {most:g}",
            f"{first}look at these rows and at the settings of the step; if it is right so, go on with --set {setting}={share:g}",
            layer="data",
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "step": self.name, "unit": self.unit, "in": self.into, "added": self.added, "kept": self.kept, "merged": self.merged,
            "changed": sum(self.changed.values()), "changes": dict(sorted(self.changed.items())), "dropped": dict(sorted(self.dropped.items())),
            "apart": dict(sorted(self.apart.items())),
        }  # fmt: skip


class Ledger:
    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.sources: dict[str, dict[str, Any]] = {}
        self._equal: list[tuple[str, int, str, int]] = []

    def step(self, name: str, unit: str) -> Step:
        made = Step(name, unit)
        self.steps.append(made)
        return made

    def expect(self, what: str, count: int, other: str, other_count: int) -> None:
        """Note that two counts, made independently, must agree; `close` compares them."""
        self._equal.append((what, count, other, other_count))

    def dropped(self, unit: str) -> Counter[str]:
        """Reasons over all steps of a unit."""
        total: Counter[str] = Counter()
        for step in self.steps:
            if step.unit == unit:
                total += step.dropped
        return total

    def close(self) -> dict[str, Any]:
        """The ledger as a JSON object. Raises GateError when a sum does not add up."""
        faults = [
            f"step {step.name}: {abs(step.balance)} {step.unit} {'missing' if step.balance > 0 else 'too many'}"
            for step in self.steps
            if step.balance
        ]
        faults += [f"{what} {count} but {other} {other_count}" for what, count, other, other_count in self._equal if count != other_count]
        if faults:
            raise GateError(
                "the data ledger does not balance",
                "; ".join(faults),
                "this is a defect of kefu or of the dataset class; please report it",
                layer="data",
            )
        checks = [{"what": what, "equals": other, "n": count} for what, count, other, _ in self._equal]
        return {"balanced": True, "steps": [step.as_dict() for step in self.steps], "checks": checks, "sources": self.sources}
