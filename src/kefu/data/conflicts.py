"""Answers that stand against each other: a report for people (contradictions.jsonl) and the rows kept apart (conflicting.jsonl).

No answer is lost: of an FAQ question with several, one is used, and the row of every other one stands whole in conflicting.jsonl.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml

from kefu.conversation import Conversation
from kefu.data import facts, near
from kefu.data.augment import lexicon
from kefu.data.ledger import Step
from kefu.text.normalise import fold
from kefu.text.segment import is_han

#: Every row kept apart is one line there.
ROWS = "conflicting.jsonl"
APART = "in conflict: reported"
POSSIBLE = "possibly the same question, different answers"
MOST_TOLD = 20  # answers listed in one report; their number is always told
_EITHER = re.compile(r"([\u4e00-\u9fff])[不没]\1")  # 收不收费 asks what 收费吗 asks, and denies nothing
_FUND = re.compile(r"(?<=[\u4e00-\u9fff]{2})(?<!退)(?:的?钱|的?款项?)(?=多久)")  # 理赔款多久到账, 理赔的钱多久到账, 理赔多久到账
_BACK = re.compile(r"退(?![款货回换休役出让税掉还订票房租约会党学])")  # 全额退 is 全额退款
_DIRECTION = re.compile(r"从|由|转|换|改成|升级到|降级到|\b(?:from|into|between)\b")


@lru_cache(maxsize=1)
def _words() -> tuple[frozenset[str], dict[str, str]]:
    """(words that narrow no question down, what asks for the same)"""
    raw = yaml.safe_load(resources.files(__package__).joinpath("conflicts.yaml").read_text("utf-8"))
    return frozenset(word for line in raw["light"] for word in line), raw["same_asked"]


def answer_of(conversation: Conversation) -> str:
    return conversation.turns[-1].text


def source_of(conversation: Conversation) -> str:
    return conversation.id.split(":", 1)[0]


def side(conversation: Conversation) -> dict[str, str]:
    return {"where": conversation.source, "answer": answer_of(conversation), "updated": conversation.meta.get("updated", "")}


@dataclass
class Conflicts:
    """Filled while answers are settled. groups: lines of contradictions.jsonl; rows: lines of conflicting.jsonl."""

    groups: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def report(
        self, kind: str, rule: str, chosen: Conversation, others: Sequence[Conversation], *, possible: bool = False, question: str = "", **more: Any
    ) -> None:
        """One question and what was answered to it. `others`: every row with another answer, also equal ones among them."""
        every = [chosen, *others]
        variants: dict[str, dict[str, Any]] = {}
        for one in others:
            variants.setdefault(
                fold(answer_of(one)) or answer_of(one), {**side(one), **({"question": q} if (q := _asked(one)) != _asked(chosen) else {})}
            )
        self.groups.append(
            {
                "kind": kind, "possible": possible, "language": chosen.language, "question": question or _asked(chosen),
                "answers": len({fold(answer_of(one)) or answer_of(one) for one in every}), "rows": len(every),
                "sources": sorted({source_of(one) for one in every}), "chosen": side(chosen), "rule": rule,
                "others": list(variants.values())[:MOST_TOLD], **more,
            }
        )  # fmt: skip

    def set_apart(self, conversation: Conversation, answer: str, chosen: Conversation, rule: str, step: Step) -> None:
        """Keep a row out of the dataset and whole in conflicting.jsonl. answer: what it said before anything was changed."""
        step.apart[APART] += 1
        self.rows.append(
            {
                "id": conversation.id, "question": _asked(conversation), "answer": answer, "language": conversation.language,
                "category": conversation.category, "where": conversation.source, "source": source_of(conversation),
                "updated": conversation.meta.get("updated", ""), "stands": chosen.source, "rule": rule,
            }
        )  # fmt: skip


def _asked(conversation: Conversation) -> str:
    return conversation.turns[0].text


def possible(entries: Iterable[tuple[str, str, Conversation]], told: set[frozenset[str]], conflicts: Conflicts) -> None:
    """Report questions of different entries that ask the same in other words and are answered with other facts.

    entries: (entry, language, row). The same in other words: equal numbers, negations, names and, synonyms and words that narrow nothing
    down aside, equal words. told: pairs of entries that are reported already.
    """
    alike: dict[tuple[Any, ...], list[tuple[str, Conversation]]] = {}
    for entry, language, row in entries:
        if key := meaning(_asked(row), language):
            alike.setdefault(key, []).append((entry, row))
    for members in alike.values():
        for i, (entry, row) in enumerate(members):
            for other, second in members[i + 1 :]:
                pair = frozenset((entry, other))
                if len(pair) == 1 or pair in told:
                    continue
                if why := facts.against(answer_of(row), answer_of(second), _asked(row)):
                    told.add(pair)
                    conflicts.report(POSSIBLE, "both kept", row, [second], possible=True, why=why)
                    for one in (row, second):
                        one.flags = sorted({*one.flags, "near_contradiction"})


def meaning(question: str, language: str) -> tuple[Any, ...]:
    """What a question asks for, as a key that other wordings of it share; empty for one of hardly a word."""
    question = _EITHER.sub(r"\1", question)
    text = fold(question)
    light, same_asked = _words()
    for given, common in same_asked.items():
        text = text.replace(given, common)
    text = _BACK.sub("退款", _FUND.sub("", text))
    words = list(dict.fromkeys(same for word in near.content(text) if (same := _same(word, language)) and same not in light))
    if sum(len(word) > 1 or not is_han(word) for word in words) < 2:
        return ()
    numbers, negations, names = near.critical(question)
    ordered = _DIRECTION.search(text)  # from Team to Enterprise is not from Enterprise to Team
    return language, numbers, negations, names if language != "en" else "", tuple(words if ordered else sorted(words))


def _same(word: str, language: str) -> str:
    """One word for all that may stand for one another."""
    found = _classes(language if language in lexicon.LANGUAGES else "zh")(word)
    if found == word and language == "en" and len(word) > 4:
        for ending, instead in (("ies", "y"), ("ing", ""), ("es", ""), ("ed", ""), ("s", "")):
            if word.endswith(ending) and len(word) - len(ending) >= 4:
                stem = word[: -len(ending)] + instead
                return _classes(language)(stem)
    return found


@lru_cache(maxsize=2)
def _classes(language: str) -> Callable[[str], str]:
    """word -> the first of its synonyms, by the shipped lexicon (both ways only: `a > b` is no equality)."""
    known = lexicon.load()[language].others
    first = {word: min((word, *(t for t in targets if word in known.get(t, ("", ()))[1]))) for word, (_, targets) in known.items()}
    return lambda word: first.get(word, word)
