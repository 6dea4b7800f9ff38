"""What there is to count in conversations, one by one: for stats.json, card.md and the pictures. Tallies add up."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field

from kefu.conversation import Conversation
from kefu.data import signals


@dataclass
class Tally:
    """Counters keyed by what they count; `lengths` and `turns` hold 4 bytes a conversation."""

    splits: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # split, kind, language
    categories: Counter[str] = field(default_factory=Counter)
    parts: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # kind, category, split
    labels: Counter[tuple[str, str | None]] = field(default_factory=Counter)  # kind, label
    interventions: Counter[int | None] = field(default_factory=Counter)  # of dialogues
    flags: Counter[str] = field(default_factory=Counter)
    lengths: dict[str, array[int]] = field(default_factory=dict)  # kind -> words and Han characters
    turns: array[int] = field(default_factory=lambda: array("I"))  # of dialogues

    def add(self, conversation: Conversation, split: str = "") -> None:
        kind = conversation.kind
        self.splits[split, kind, conversation.language] += 1
        self.categories[conversation.category] += 1
        self.parts[kind, conversation.category, split] += 1
        self.labels[kind, conversation.label] += 1
        self.flags.update(set(conversation.flags))
        self.lengths.setdefault(kind, array("I")).append(signals.length(conversation.turns))
        if kind == "dialogue":
            self.interventions[conversation.intervention] += 1
            self.turns.append(len(conversation.turns))

    def absorb(self, other: Tally) -> None:
        for mine, theirs in (
            (self.splits, other.splits), (self.categories, other.categories), (self.labels, other.labels),
            (self.parts, other.parts), (self.interventions, other.interventions), (self.flags, other.flags),
        ):  # fmt: skip
            mine.update(theirs)  # type: ignore[arg-type]
        for kind, lengths in other.lengths.items():
            self.lengths.setdefault(kind, array("I")).extend(lengths)
        self.turns.extend(other.turns)
