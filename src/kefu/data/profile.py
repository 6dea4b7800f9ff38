"""What a dataset looks like, gathered row by row into sketches: ten rows or ten million, the same memory; profiles of parts add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from kefu.conversation import Conversation
from kefu.data.sketch import Distinct, Quantiles, Samples, Top
from kefu.text.normalise import fold
from kefu.text.privacy import mask

KINDS = ("faq", "dialogue")  # of lengths and labels: an instruction with its answer is measured as a dialogue
NO_CATEGORY = "(none)"
_SAMPLE_TURNS, _SAMPLE_CHARS = 8, 240


def _per_kind() -> dict[str, Quantiles]:
    return {kind: Quantiles() for kind in KINDS}


@dataclass
class Profile:
    """characters, turns and tokens: by kind. asked, different: first customer turns, all and distinct. hours: (weekday, hour), Monday is 0."""

    conversations: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    languages: Top = field(default_factory=lambda: Top(50))
    categories: Top = field(default_factory=Top)
    labels: dict[str, Counter[str]] = field(default_factory=lambda: {kind: Counter() for kind in KINDS})
    splits: Counter[str] = field(default_factory=Counter)
    characters: dict[str, Quantiles] = field(default_factory=_per_kind)
    turns: dict[str, Quantiles] = field(default_factory=_per_kind)
    tokens: dict[str, Quantiles] = field(default_factory=_per_kind)
    interventions: Counter[int] = field(default_factory=Counter)
    never: int = 0
    asked: int = 0
    different: Distinct = field(default_factory=Distinct)
    hours: Counter[tuple[int, int]] = field(default_factory=Counter)
    months: Top = field(default_factory=lambda: Top(600))
    samples: Samples = field(default_factory=Samples)

    def add(self, conversation: Conversation, split: str = "", count_tokens: Callable[[str], int] | None = None) -> None:
        kind = conversation.kind if conversation.kind in KINDS else "dialogue"
        self.conversations += 1
        self.kinds[conversation.kind] += 1
        self.languages.add(conversation.language or "und")
        self.categories.add(conversation.category or NO_CATEGORY)
        self.labels[kind][conversation.label or "none"] += 1
        if split:
            self.splits[split] += 1
        self.characters[kind].add(sum(len(turn.text) for turn in conversation.turns))
        self.turns[kind].add(len(conversation.turns))
        if count_tokens is not None:
            self.tokens[kind].add(sum(count_tokens(turn.text) for turn in conversation.turns))
        if kind == "dialogue":
            if conversation.intervention is None:
                self.never += 1
            else:
                self.interventions[conversation.intervention] += 1
        first = next((turn.text for turn in conversation.turns if turn.role == "customer"), "")
        if first:
            self.asked += 1
            self.different.add(fold(first))
        self._when(next((turn.at for turn in conversation.turns if turn.at), ""))
        self.samples.add(conversation.id, conversation)

    def _when(self, at: str) -> None:
        try:
            moment = datetime.fromisoformat(at) if len(at) >= 10 else None
        except ValueError:
            moment = None
        if moment is None:
            return
        self.months.add(moment.strftime("%Y-%m"))
        if len(at) > 10:
            self.hours[moment.weekday(), moment.hour] += 1

    def merge(self, other: Profile) -> Self:
        """Add another part's profile to this one."""
        for name in (f.name for f in fields(self)):
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, int):
                setattr(self, name, mine + theirs)
            elif isinstance(mine, Counter):
                mine.update(theirs)
            elif isinstance(mine, dict):
                for kind in KINDS:
                    mine[kind].update(theirs[kind]) if isinstance(mine[kind], Counter) else mine[kind].merge(theirs[kind])
            else:
                mine.merge(theirs)
        return self

    @property
    def repeated_share(self) -> float:
        """Share of first customer turns that say what another says; an estimate within about 2 points."""
        return max(0.0, 1 - self.different.estimate() / self.asked) if self.asked else 0.0

    def shown_samples(self) -> list[dict[str, Any]]:
        """Some conversations for the eye, cut and with personal data masked."""
        found = []
        for c in self.samples.items():
            turns = [{"role": t.role, "text": mask(t.text)[:_SAMPLE_CHARS]} for t in c.turns[:_SAMPLE_TURNS]]
            row = {"id": c.id, "language": c.language, "category": c.category, "label": c.label or "", "intervention": c.intervention}
            found.append({**row, "turns": turns, "more": max(0, len(c.turns) - _SAMPLE_TURNS)})
        return found


def profile(rows: Iterable[Conversation], count_tokens: Callable[[str], int] | None = None) -> Profile:
    """The profile of conversations, read once and not kept."""
    found = Profile()
    for row in rows:
        found.add(row, count_tokens=count_tokens)
    return found
