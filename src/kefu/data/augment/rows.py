"""The questions that may be varied, and what came of them: every row says how it was made and from which question."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from kefu.data.augment.negatives import Negative

LOCAL = ("synonym", "frame", "slip")
WRITTEN = ("paraphrase", "back_translation")


@dataclass(frozen=True)
class Question:
    """A training question. entry: the answer it asks for. said: what was answered to it where that is not the entry's wording (another number).
    disputed: another row answers it otherwise, so what is wrong is not known."""

    id: str
    text: str
    language: str
    category: str
    entry: str
    said: str = ""
    disputed: bool = False


@dataclass(frozen=True)
class Made:
    """A question made from another. note: what was done (words exchanged, frame, slips, model)."""

    id: str
    text: str
    method: str
    parent: str
    seed: int
    language: str
    category: str
    entry: str
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id, "text": self.text, "language": self.language, "category": self.category, "answer_id": self.entry,
            "augmented": {"method": self.method, "parent": self.parent, "seed": self.seed, "note": self.note},
        }  # fmt: skip


@dataclass
class Augmented:
    """on: was anything switched on? rejected: method -> reason -> count, all of them; samples: some of them with both texts.

    bill: what a language model cost.
    """

    on: bool = False
    rows: list[Made] = field(default_factory=list)
    negatives: list[Negative] = field(default_factory=list)
    rejected: dict[str, Counter[str]] = field(default_factory=dict)
    samples: list[dict[str, str]] = field(default_factory=list)
    lifted: dict[str, int] = field(default_factory=dict)
    bill: dict[str, Any] = field(default_factory=dict)

    SAMPLES_PER_REASON = 5

    def reject(self, method: str, reason: str, parent: str, before: str, after: str) -> None:
        counts = self.rejected.setdefault(method, Counter())
        counts[reason] += 1
        if counts[reason] <= self.SAMPLES_PER_REASON:
            self.samples.append({"method": method, "reason": reason, "parent": parent, "before": before, "after": after})

    def facts(self) -> dict[str, Any]:
        return {
            "questions": len(self.rows),
            "by_method": dict(sorted(Counter(row.method for row in self.rows).items())),
            "by_language": dict(sorted(Counter(row.language for row in self.rows).items())),
            "rejected": {
                method: dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))) for method, counts in sorted(self.rejected.items())
            },
            "preference_rows": len(self.negatives),
            "preference_kinds": dict(sorted(Counter(row.kind for row in self.negatives).items())),
            "rare_categories_lifted": self.lifted,
            "bill": self.bill,
        }
