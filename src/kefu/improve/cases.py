"""A bad case as an object: what was asked, what was said, and why it counts as bad. All text comes masked from the records."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from kefu.artifacts import write_text
from kefu.project.schema import Improve

if TYPE_CHECKING:
    from kefu.records import Records

Kind = Literal["low_rating", "failed", "handed_over", "unanswered"]
#: What the receipt calls a turn that found no answer; any other refusal or hand-off was the right behaviour, not a gap in knowledge.
GAPS = frozenset({"unknown", "unclear", "clarify", "dissatisfied", "repeated", "blocked"})


@dataclass(frozen=True)
class BadCase:
    """kind: `low_rating` (a customer said so), `failed` (error or time-out), `handed_over` (no answer, a person
    took over), `unanswered` (declined: a gap in the FAQ, or rightly none of our business)."""

    kind: Kind
    conversation_id: str
    reply_id: str
    language: str
    asked: tuple[str, ...]
    reply: str
    tier: str
    score: int | None
    comment: str
    at: str

    @property
    def question(self) -> str:
        return self.asked[-1] if self.asked else ""

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"asked": list(self.asked), "question": self.question}


def find_cases(records: Records, settings: Improve) -> list[BadCase]:
    """Bad cases of the records, worst kind first, each conversation's last one per kind."""
    found: dict[tuple[str, str], BadCase] = {}
    for row in records.cases():
        if row.score is not None and row.score <= settings.bad_rating:
            kind: Kind = "low_rating"
        elif row.outcome in ("error", "timeout"):
            kind = "failed"
        elif row.receipt.get("kind") in GAPS and (row.handoff or row.refused):
            kind = "handed_over" if row.handoff else "unanswered"
        else:
            continue
        asked = tuple(turn.text for turn in row.conversation.turns if turn.role == "customer")
        newest = row.conversation.turns[-1] if row.conversation.turns else None
        said = newest.text if newest is not None and newest.role == "agent" else ""
        case = BadCase(kind, row.conversation.id, row.reply_id, row.conversation.language, asked, said, row.tier, row.score, row.comment, row.at)
        found[kind, row.conversation.id] = case
    order = ("low_rating", "failed", "handed_over", "unanswered")
    return sorted(found.values(), key=lambda case: (order.index(case.kind), case.at))


def write_drafts(cases: Iterable[BadCase], out: Path) -> int:
    """Scenario drafts for `eval.scenarios`: what was said, and that it should have been answered; a person says with what."""
    drafts = []
    for case in cases:
        if not case.asked:
            continue
        why = f"{case.kind}" + (f", rated {case.score}" if case.score else "") + (f": {case.comment}" if case.comment else "")
        drafts.append(
            {
                "id": "case-" + re.sub(r"[^\w.-]+", "-", case.reply_id, flags=re.ASCII)[:40],
                "kind": "complaint" if case.kind == "low_rating" else "returning_customer",
                "language": case.language if case.language in ("zh", "en") else "zh",
                "note": f"{why}. The assistant said ({case.tier}): {case.reply}",
                "turns": [*({"say": text} for text in case.asked[:-1]), {"say": case.question, "expect": [{"check": "answered", "is": True}]}],
            }
        )
    head = "# Drafts from service. Say in `expect` what the right answer holds (answer_id, contains, ...), then list this file in eval.scenarios.\n"
    write_text(out, head + yaml.safe_dump(drafts, allow_unicode=True, sort_keys=False, width=120))
    return len(drafts)
