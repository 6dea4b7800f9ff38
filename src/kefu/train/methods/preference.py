"""Preferences: a prompt, a better and a worse answer, rendered once and counted. Their layouts are read by the data room."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from kefu.data.tasks.preference import form
from kefu.errors import GateError, InputError
from kefu.train.encode import Encoded, Encoder, fitting
from kefu.train.factory.job import Prepared
from kefu.train.methods import dialogue
from kefu.train.rows import Row

Message = dict[str, str]
#: skin tones and the sign that asks for a coloured picture say nothing of good and bad
_TONE = re.compile("[\U0001f3fb-\U0001f3ff\ufe0f]")
_GOOD = {"true", "1", "yes", "good", "up", "like", "chosen", "positive", "好", "是", "满意", "好评", "赞", "👍", "+1", "顶", "有用", "✅", "✔"}
_BAD = {"false", "0", "-1", "no", "bad", "down", "dislike", "rejected", "negative", "坏", "否", "不满意", "差评", "踩", "👎", "没用", "❌", "✘"}


def pair(row: dict[str, Any]) -> tuple[list[Message], str, str]:
    """(history ending with the customer, better answer, worse answer). Raises InputError for a row without one of them."""
    values, reason = _read(row)
    if reason:
        raise InputError(f"{row.get('where', '')}: {reason}", "a preference has a prompt, a chosen and a rejected answer", "see data.map")
    asked = values["prompt"]
    return asked, *("\n".join(m["content"] for m in values[side]) for side in ("chosen", "rejected"))


def _read(row: dict[str, Any]) -> tuple[dict[str, Any], str]:
    return form(row.get("prompt"), row.get("chosen"), row.get("rejected"), str(row.get("system") or ""))


def readable(row: dict[str, Any]) -> bool:
    return row.get("chosen") is not None and not _read(row)[1]


def answers(rows: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """(better, worse) answer of the rows that have both and that can be read."""
    return [(better, worse) for row in rows if readable(row) for _, better, worse in [pair(row)] if better != worse]


def feedback(row: dict[str, Any]) -> list[tuple[list[Message], str, bool]]:
    """(history, answer, whether it is good) of a row with a label, or both sides of a preference."""
    if row.get("chosen") is not None:
        asked, better, worse = pair(row)
        return [(asked, better, True), (asked, worse, False)]
    where = str(row.get("where", ""))
    said, label = row.get("completion"), row.get("label")
    answer = said.strip() if isinstance(said, str) else (dialogue.messages(said, where) or [{"content": ""}])[-1]["content"]
    word = _TONE.sub("", str(label)).strip().lower()
    if not isinstance(label, bool) and word not in _GOOD | _BAD:
        raise InputError(f"{where}: label {label!r}", "it says neither good nor bad", "use true or false")
    return [(dialogue.system(row) + dialogue.messages(row["prompt"], where), answer, label if isinstance(label, bool) else word in _GOOD)]


def encode_pairs(reader: Encoder, rows: Sequence[dict[str, Any]]) -> Prepared:
    """prompt_ids, chosen_ids, rejected_ids of each row; both answers learn under one prompt."""
    ledger = Counted()
    items, kept, lengths = [], [], []
    for row in rows:
        if reason := _read(row)[1]:
            ledger.drop(reason)
            continue
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
        if row.get("chosen") is not None and (reason := _read(row)[1]):
            ledger.drop(reason)
            continue
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
        if reader.over_length == "drop":
            ledger.drop("longer than max_length")
            return None
        cut = True
        if len(spoken) > 1:
            history.pop(spoken[0])
            continue
        end = fitting(history[-1]["content"], partial(_fits, reader, name, history, answers))
        if not end:
            ledger.drop("longer than max_length")
            return None
        history = [*history[:-1], {**history[-1], "content": end}]


def _fits(reader: Encoder, name: str, history: list[Message], answers: Sequence[str], question: str) -> bool:
    asked = (*history[:-1], {**history[-1], "content": question})
    return all(len(reader.plain(Row(name, "preference", asked, answer))[0].ids) <= reader.max_length for answer in answers)
