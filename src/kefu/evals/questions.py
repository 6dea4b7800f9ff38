"""Single questions (Q3): in scope the right answer, out of scope a refusal or a person. One JSON object a line:

    {"id": "q-1", "text": "...", "language": "zh", "answer_id": "Z001", "accept": ["Z014"], "pattern": "typo"}
    {"id": "q-2", "text": "...", "language": "en", "answer_id": null}

In scope: `right` (an accepted entry's answer, see answers.right), `wrong` (said something else), `refused`, `handed_over`, `error`.
Out of scope: `turned_away` or `answered`, `error`.
"""

from __future__ import annotations

import difflib
import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kefu import statistics
from kefu.artifacts import read_jsonl
from kefu.conversation import Conversation, Turn
from kefu.errors import ConfigError, InputError
from kefu.evals.answers import Entry, right
from kefu.evals.said import Said
from kefu.markup import read_json

_KEYS = ("id", "text", "language", "answer_id", "accept", "pattern")


@dataclass(frozen=True, slots=True)
class Question:
    """`answer_id` None: out of scope. `pattern`: how it is phrased, for reading only."""

    id: str
    text: str
    language: str
    answer_id: str | None
    accept: tuple[str, ...] = ()
    source: str = ""
    pattern: str = ""

    @property
    def accepted(self) -> set[str]:
        return set() if self.answer_id is None else {self.answer_id, *self.accept}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it went."""

    question: Question
    said: Said | None
    outcome: str
    why: str
    ms: float = 0.0

    @property
    def good(self) -> bool:
        return self.outcome in ("right", "turned_away")

    @property
    def offered(self) -> bool:
        """Whether the right entry was among the questions offered: right after one more turn."""
        return self.said is not None and not self.question.accepted.isdisjoint(self.said.offered)

    def as_dict(self, case: str) -> dict[str, Any]:
        question = self.question
        return {
            "case": case, "id": question.id, "language": question.language, "pattern": question.pattern, "source": question.source,
            "passed": self.good, "outcome": self.outcome, "reasons": [self.why], "expected": sorted(question.accepted),
            "turns": [{"customer": question.text, "reply": self.said.as_dict() if self.said else None, "ms": round(self.ms, 1)}],
        }  # fmt: skip


def load(path: Path, known_ids: Collection[str] | None = None) -> list[Question]:
    """Read a question file. Raises ConfigError carrying every fault with its line, InputError when unreadable."""
    try:
        lines = path.read_bytes().decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}", f"not UTF-8 (byte {error.start})", "save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"cannot read {path}", error.strerror or "", "correct eval.questions in kefu.yaml") from None
    faults: list[str] = []
    found: list[Question] = []
    first: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{path.name}:{number}"
        try:
            row = read_json(line)
        except ValueError as error:
            faults.append(f"{place}: not JSON ({error})")
            continue
        wrong = _faults(row)
        if not wrong:
            question = Question(
                row["id"], row["text"], row["language"], row["answer_id"], tuple(row.get("accept") or ()), place, row.get("pattern") or ""
            )
            if question.id in first:
                wrong.append(f"id {question.id!r} stands twice (first on line {first[question.id]})")
            first.setdefault(question.id, number)
            if known_ids is not None:
                wrong += [f"answer {name!r} does not exist" for name in sorted(question.accepted - set(known_ids))]
            found.append(question)
        faults += [f"{place}: {words}" for words in wrong]
    if not found and not faults:
        faults.append(f"{path.name}: holds no question")
    if faults:
        count = f"{len(faults)} fault{'s' if len(faults) != 1 else ''}"
        raise ConfigError(f"{path} has {count}", faults[0], "correct the question file", faults=faults)
    return found


def _faults(row: Any) -> list[str]:
    if not isinstance(row, dict):
        return ["a question must be a JSON object"]
    faults = []
    for key in row:
        if key not in _KEYS:
            close = difflib.get_close_matches(str(key), _KEYS, 1, 0.6)
            faults.append(f"unknown key {key!r}" + (f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(_KEYS)}"))
    for key in ("id", "text", "language"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            faults.append(f"{key!r} must be a text")
    if "answer_id" not in row or not (row["answer_id"] is None or (isinstance(row["answer_id"], str) and row["answer_id"])):
        faults.append("'answer_id' must be an entry's id, or null for out of scope")
    if not isinstance(row.get("pattern", ""), str):
        faults.append("'pattern' must be a text")
    accept = row.get("accept") or []
    if not isinstance(accept, list) or not all(isinstance(name, str) for name in accept):
        faults.append("'accept' must be a list of ids")
    elif accept and row.get("answer_id") is None:
        faults.append("'accept' without 'answer_id': an out-of-scope question accepts no answer")
    return faults


def held_out(data: Path, limit: int, seed: int, entries: Mapping[str, Entry]) -> list[Question]:
    """Held-out FAQ questions of the data stage, at most `limit`, drawn with the seed, in file order."""
    path = data / "questions.test.jsonl"
    if not path.is_file() or not limit:
        return []
    rows = [row for row in read_jsonl(path) if row.get("answer_id") in entries]
    chosen = sorted(random.Random(seed).sample(range(len(rows)), min(limit, len(rows))))
    return [
        Question(str(rows[i]["id"]), rows[i]["text"], rows[i].get("language") or "und", str(rows[i]["answer_id"]), (), f"{path.name}:{i + 1}")
        for i in chosen
    ]


def conversation(question: Question) -> Conversation:
    return Conversation(id=question.id, turns=[Turn("customer", question.text)], language=question.language)


def judge(question: Question, reply: Said | None, error: str, ms: float, entries: Mapping[str, Entry]) -> Asked:
    if reply is None:
        return Asked(question, None, "error", error, ms)
    if question.answer_id is None:
        words = "refused" if reply.refused else "handed over" if reply.handoff else "answered what it has no answer for"
        return Asked(question, reply, "turned_away" if reply.turned_away else "answered", words, ms)
    good, why = right(reply, question.accepted, entries)
    outcome = "right" if good else "handed_over" if reply.handoff else "refused" if reply.refused else "wrong" if reply.text.strip() else "silent"
    return Asked(question, reply, outcome, why, ms)


def table(asked: Sequence[Asked]) -> dict[str, Any]:
    """Rates with intervals, in all and by language; who answered, and how well."""
    languages = sorted({one.question.language for one in asked})
    patterns = sorted({one.question.pattern for one in asked if one.question.pattern})
    return {
        "all": _rates(asked),
        "by_language": {language: _rates([one for one in asked if one.question.language == language]) for language in languages},
        "by_pattern": {pattern: _rates([one for one in asked if one.question.pattern == pattern]) for pattern in patterns},
        "by_tier": _by_tier(asked),
    }


def _rates(asked: Sequence[Asked]) -> dict[str, Any]:
    inside = [one for one in asked if one.question.answer_id is not None]
    outside = [one for one in asked if one.question.answer_id is None]
    return {
        "right": statistics.share([one.good for one in inside], "in-scope questions"),
        "right_or_offered": statistics.share([one.good or one.offered for one in inside], "in-scope questions"),
        "wrong": statistics.share([one.outcome == "wrong" for one in inside], "in-scope questions"),
        "turned_away": statistics.share([one.good for one in outside], "out-of-scope questions"),
        "in_scope": dict(sorted(Counter(one.outcome for one in inside).items())),
        "out_of_scope": dict(sorted(Counter(one.outcome for one in outside).items())),
    }


def _by_tier(asked: Sequence[Asked]) -> dict[str, dict[str, int]]:
    tiers: dict[str, Counter[str]] = {}
    for one in asked:
        if one.said is not None:
            tiers.setdefault(one.said.tier or "unknown", Counter())[one.outcome] += 1
    return {tier: dict(sorted(counts.items())) for tier, counts in sorted(tiers.items())}
