"""Preferences: a prompt, a better and a worse answer, in the layouts people have them, rendered once and counted.

Read are: `prompt` (text or messages) with `chosen` and `rejected` (text, a message or messages); whole dialogues that differ in
the last turn; and the `\\n\\nHuman: ... \\n\\nAssistant:` texts of older sets.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from kefu.errors import GateError, InputError
from kefu.train.encode import Encoded, Encoder
from kefu.train.factory.job import Prepared
from kefu.train.methods import dialogue
from kefu.train.rows import Row

Message = dict[str, str]
_TURN = re.compile(r"\n*(Human|Assistant):\s?")
_GOOD = {"true", "1", "yes", "good", "up", "like", "chosen", "positive", "好", "是", "满意", "好评", "赞"}
_BAD = {"false", "0", "-1", "no", "bad", "down", "dislike", "rejected", "negative", "坏", "否", "不满意", "差评", "踩"}


def pair(row: dict[str, Any]) -> tuple[list[Message], str, str]:
    """(history ending with the customer, better answer, worse answer). Raises InputError for a row without one of them."""
    where = str(row.get("where", ""))
    better, worse = _side(row.get("chosen"), where), _side(row.get("rejected"), where)
    if row.get("prompt") is not None:
        asked = dialogue.messages(row["prompt"], where)
        asked = asked[:-1] if asked and asked[-1]["role"] == "assistant" else asked
    else:
        asked = better[:-1]
        if better[:-1] != worse[:-1]:
            raise InputError(
                f"{where}: chosen and rejected have no common prompt", "they differ before the last turn", "give `prompt`, or see data.map"
            )
    if not asked or not better or not worse:
        raise InputError(f"{where}: no prompt, chosen or rejected", "a preference has all three", "see data.map")
    return dialogue.system(row) + asked, better[-1]["content"], worse[-1]["content"]


def _side(given: Any, where: str) -> list[Message]:
    if isinstance(given, str):
        if "\n\nHuman:" in f"\n\n{given}":
            parts = _TURN.split(given)[1:]
            roles = {"Human": "user", "Assistant": "assistant"}
            return [{"role": roles[role], "content": text.strip()} for role, text in zip(parts[::2], parts[1::2], strict=False)]
        return [{"role": "assistant", "content": given.strip()}]
    return dialogue.messages(given, where) if given is not None else []


def feedback(row: dict[str, Any]) -> list[tuple[list[Message], str, bool]]:
    """(history, answer, whether it is good) of a row with a label, or both sides of a preference."""
    if row.get("chosen") is not None:
        asked, better, worse = pair(row)
        return [(asked, better, True), (asked, worse, False)]
    where = str(row.get("where", ""))
    said, label = row.get("completion"), row.get("label")
    answer = said.strip() if isinstance(said, str) else (dialogue.messages(said, where) or [{"content": ""}])[-1]["content"]
    word = str(label).strip().lower()
    if not isinstance(label, bool) and word not in _GOOD | _BAD:
        raise InputError(f"{where}: label {label!r}", "it says neither good nor bad", "use true or false")
    return [(dialogue.system(row) + dialogue.messages(row["prompt"], where), answer, label if isinstance(label, bool) else word in _GOOD)]


def encode_pairs(reader: Encoder, rows: Sequence[dict[str, Any]]) -> Prepared:
    """prompt_ids, chosen_ids, rejected_ids of each row; both answers learn under one prompt."""
    ledger = Counted()
    items, kept, lengths = [], [], []
    for row in rows:
        asked, better, worse = pair(row)
        if better == worse:
            ledger.drop("chosen and rejected are the same")
            continue
        found = fit(reader, str(row.get("id") or row.get("where")), asked, (better, worse), ledger)
        if found is None:
            continue
        good, bad = found
        start = min(good.answer_at, bad.answer_at)
        items.append({"prompt_ids": good.ids[:start], "chosen_ids": good.ids[start:], "rejected_ids": bad.ids[start:]})
        lengths.append(max(len(good.ids), len(bad.ids)))
        kept.append(row)
        ledger.keep(len(good.ids) + len(bad.ids), good.supervised + bad.supervised)
    return Prepared(items, kept, lengths, ledger.as_dict())


def encode_feedback(reader: Encoder, rows: Sequence[dict[str, Any]]) -> Prepared:
    """prompt_ids, completion_ids, label, and for the KL estimate the answer of the row before (KL_completion_ids)."""
    ledger = Counted()
    items: list[dict[str, Any]] = []
    kept, lengths = [], []
    for row in rows:
        for asked, answer, good in feedback(row):
            found = fit(reader, str(row.get("id") or row.get("where")), asked, (answer,), ledger)
            if found is None:
                continue
            one = found[0]
            items.append({"prompt_ids": one.ids[: one.answer_at], "completion_ids": one.ids[one.answer_at :], "label": good})
            lengths.append(len(one.ids))
            kept.append(row)
            ledger.keep(len(one.ids), one.supervised)
    for i, item in enumerate(items):
        item["KL_completion_ids"] = items[i - 1]["completion_ids"]
    return Prepared(items, kept, lengths, {**ledger.as_dict(), "good": sum(item["label"] for item in items)})


class Counted:
    """The ledger of rows with more than one answer; tokens are those of all their answers."""

    def __init__(self) -> None:
        self.rows = self.tokens = self.supervised = self.cut = 0
        self.dropped: Counter[str] = Counter()

    def drop(self, reason: str) -> None:
        self.dropped[reason] += 1

    def keep(self, tokens: int, supervised: int) -> None:
        self.rows += 1
        self.tokens += tokens
        self.supervised += supervised

    def as_dict(self) -> dict[str, Any]:
        return {
            "rows_in": self.rows + sum(self.dropped.values()), "rows": self.rows, "dropped": dict(self.dropped), "cut_oldest": self.cut,
            "tokens": self.tokens, "supervised": self.supervised, "supervised_share": round(self.supervised / self.tokens, 4) if self.tokens else 0.0,
        }  # fmt: skip


def fit(reader: Encoder, name: str, asked: list[Message], answers: Sequence[str], ledger: Counted) -> list[Encoded] | None:
    """The answers under one prompt, the oldest turns cut from all alike; None when dropped (and counted)."""
    history = [m for m in asked if m["content"]]
    if not history or history[-1]["role"] != "user":
        ledger.drop("no question before the answer")
        return None
    if not all(answer.strip() for answer in answers):
        ledger.drop("empty answer")
        return None
    cut = False
    while True:
        made = [reader.plain(Row(name, "preference", tuple(history), answer))[0] for answer in answers]
        longest = max(len(one.ids) for one in made)
        if longest <= reader.max_length:
            ledger.cut += cut
            return made
        if reader.over_length == "fail":
            why = f"{longest} tokens, {reader.max_length} allowed (train.over_length: fail)"
            raise GateError(f"row {name} is too long", why, "raise train.max_length or choose drop or cut_oldest", layer="train")
        spoken = [i for i, m in enumerate(history) if m["role"] != "system"]
        if reader.over_length == "drop" or len(spoken) < 2:
            ledger.drop("longer than max_length")
            return None
        history.pop(spoken[0])
        cut = True
