"""Wrong answers that look right, for preference training: the answer of another thing, another number, the opposite.

Each row is `prompt`, `chosen` (the approved answer) and `rejected`, with the kind of fault, the question it belongs to and the seed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml

from kefu.data import near
from kefu.data.augment.entities import Rival
from kefu.text.normalise import fold
from kefu.text.similarity import token_f1

_NUMBER = re.compile(r"(?<![A-Za-z0-9_.\-:/~～–])\d{1,6}(?:\.\d{1,2})?(?![A-Za-z0-9_:/\-~～–]|\.\d)(?!\s*[:：年月日号]\s*\d)")
#: Behind an amount: money, time, measures, counts. What has none of them may be a telephone, service, order or account number.
_UNIT = re.compile(
    r"\s?(?:%|％|‰|元|块|角|分|万|千|百|亿|折|个|天|日|周|月|年|季|小时|时|秒|点|次|件|条|份|位|人|名|张|台|套|包|盒|瓶|箱|袋|斤|公斤|千克|克|吨"
    r"|米|厘米|毫米|公里|里|升|毫升|兆|度|级|倍|岁|页|字|期|笔|户|双|款|部|晚|夜|节|步|种|项|批|轮|平方|立方|工作日|积分|[¥￥$€£]"
    r"|(?:(?:calendar|business|working|full|more)\s)?(?:days?|hours?|minutes?|mins?|seconds?|weeks?|months?|years?|nights?|quarters?)\b"
    r"|(?:percent|dollars?|cents?|euros?|pounds?|pence|yuan|usd|eur|gbp|cny|rmb|kg|kilos?|grams?|lbs?|oz|km|miles?|cm|mm|meters?|metres?|inch(?:es)?"
    r"|lit(?:er|re)s?|ml|gb|mb|tb|kb|kwh|times|items?|pieces?|people|persons?|users?|guests?|seats?|devices?|accounts?|orders?|points?|pages?|stars?"
    r"|characters?|words?|steps?|attempts?|copies|bags?|boxes|packs?|bottles?|units?|employees|members|stores?|countries|languages|photos?|files?)\b)",
    re.IGNORECASE,
)
_RANGE = re.compile(r"\s?(?:to|or|and|至|到|或|和|、)\s?\d{1,6}(?:\.\d{1,2})?(?!\d)", re.IGNORECASE)
#: Before an amount.
_MONEY = re.compile(
    r"(?:[¥￥$€£]|\b(?:RMB|CNY|USD|EUR|GBP)|人民币|满|减|至少|最多|最少|最低|最高|超过|超出|不足|少于|多于|低于|高于|大约|约|仅需|只要|售价|运费|"
    r"\b(?:up to|at least|at most|more than|less than|fewer than|below|above|exceeds?|minimum of|maximum of))\s?$",
    re.IGNORECASE,
)
_GROUP_BEFORE = re.compile(r"(?:\d[\s().,·-]{1,3}|[#+(（])$")
_GROUP_AFTER = re.compile(r"[\s().,·-]{1,3}\d|\s?[号#]")
_KEEP = re.compile(r"\[[^\[\]\s]+_\d+\]|https?://\S+|[\w.+-]{1,64}@[\w.-]+|\d[\d-]{6,}")


@dataclass(frozen=True)
class Negative:
    """kind: `other_entity` (note: which thing for which), `other_number`, `negated`."""

    id: str
    prompt: str
    chosen: str
    rejected: str
    kind: str
    parent: str
    seed: int
    language: str
    answer_id: str
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id, "prompt": self.prompt, "chosen": self.chosen, "rejected": self.rejected, "kind": self.kind, "language": self.language,
            "answer_id": self.answer_id,
            "augmented": {"method": f"negative:{self.kind}", "parent": self.parent, "seed": self.seed, "note": self.note},
        }  # fmt: skip


def wrong(kind: str, answer: str, language: str, others: Sequence[tuple[str, str]], rng: random.Random) -> tuple[str, str]:
    """(a wrong answer of that kind, a note), empty when this answer has none. others: answers about another thing, each with its note."""
    if kind == "other_entity":
        usable = [other for other in others if fold(other[0]) != fold(answer)]
        return rng.choice(usable) if usable else ("", "")
    return (_other_number(answer, rng) if kind == "other_number" else _negated(answer, language)), ""


def right_after_all(rejected: str, approved: Sequence[str]) -> bool:
    """Is the wrong answer one of the approved ones after all, or so like one that it says the same?"""
    return any(
        fold(rejected) == fold(answer) or (near.critical(rejected)[:2] == near.critical(answer)[:2] and token_f1(rejected, answer) >= 0.85)
        for answer in approved
    )


def _other_number(answer: str, rng: random.Random) -> str:
    kept = [match.span() for match in _KEEP.finditer(answer)]
    places = [m for m in _NUMBER.finditer(answer) if not any(a <= m.start() < b for a, b in kept) and amount(answer, m)]
    if not places:
        return ""
    match = rng.choice(places)
    return answer[: match.start()] + _another(match.group(), rng) + answer[match.end() :]


def amount(answer: str, match: re.Match[str]) -> bool:
    """Does the number count or measure something? Only such a number can be wrong; another telephone number is nobody's answer, or a stranger's.

    Digits in groups (0800 555 0199), with a leading zero, or with nothing that tells what they count (95588) are not amounts.
    """
    before, after, number = answer[max(0, match.start() - 16) : match.start()], answer[match.end() : match.end() + 32], match.group()
    if (number[0] == "0" and number[:2] != "0." and number != "0") or _GROUP_BEFORE.search(before) or _GROUP_AFTER.match(after):
        return False
    second = _RANGE.match(after)
    return bool(_UNIT.match(after) or _MONEY.search(before) or (second and _UNIT.match(after, second.end())))


def _another(number: str, rng: random.Random) -> str:
    """Of the same look: 29 -> 39, 99.5 -> 79.5, 7 -> 15."""
    whole, dot, rest = number.partition(".")
    value = int(whole)
    options = {value * 2, value + 10, value + 1, value // 2, value + 5, value * 10 if value < 10 else value - 10} - {value}
    usable = sorted(option for option in options if option > 0)
    return f"{rng.choice(usable or [value + 1])}{dot}{rest}"


@lru_cache(maxsize=1)
def _opposites() -> dict[str, list[tuple[str, str, re.Pattern[str] | None]]]:
    """language -> (given, its opposite, where the given word is part of another)."""
    raw = yaml.safe_load(resources.files("kefu.data.augment").joinpath("words/opposites.yaml").read_text("utf-8"))
    found: dict[str, list[tuple[str, str, re.Pattern[str] | None]]] = {}
    for language, lines in raw.items():
        for line in lines:
            given, opposite, *elsewhere = (part.strip() for part in line.split(">"))
            found.setdefault(language, []).append((given, opposite, re.compile(elsewhere[0]) if elsewhere else None))
    return found


def _negated(answer: str, language: str) -> str:
    """The first claim of the answer turned round; only one, so that the fault is a fine one."""
    for given, opposite, elsewhere in _opposites().get(language, ()):
        pattern = re.escape(given) if language == "zh" else rf"\b{re.escape(given)}\b(?! (?:not|n't))"
        for match in re.finditer(pattern, answer, re.IGNORECASE):
            around = answer[max(0, match.start() - 2) : match.end() + 2]
            if elsewhere and elsewhere.search(around):
                continue
            if language == "zh" and answer[max(0, match.start() - 1) : match.start()] in ("不", "没", "无", "只", "才", "如"):
                continue
            said = opposite.capitalize() if match.group()[0].isupper() else opposite
            return answer[: match.start()] + said + answer[match.end() :]
    return ""


def make(
    questions: Sequence[tuple[str, str, str, str, str]],
    answers: Mapping[str, Sequence[str]],
    rivals: Mapping[str, Sequence[Rival]],
    kinds: Sequence[str],
    per_question: int,
    seed: int,
) -> tuple[list[Negative], dict[str, int]]:
    """Rows for `(id, entry, language, question, its own answer or "")`, and how often a kind had none: `{reason: count}`."""
    rows: list[Negative] = []
    refused: dict[str, int] = {}

    def refuse(reason: str) -> None:
        refused[reason] = refused.get(reason, 0) + 1

    for name, entry, language, question, said in questions:
        approved = [said, *answers[entry]] if said else answers[entry]
        rng = random.Random(f"{seed}/negative/{name}")
        order = rng.sample(list(kinds), len(kinds))
        made = 0
        for kind in order:
            if made >= per_question:
                break
            others = [(answers[one.entry][0], f"{one.mine} -> {one.theirs}") for one in rivals.get(entry, ()) if one.entry in answers]
            text, note = wrong(kind, approved[0], language, others, rng)
            if not text:
                refuse(f"{kind}: this answer has none")
            elif right_after_all(text, approved):
                refuse(f"{kind}: right after all")
            else:
                rows.append(Negative(f"neg:{kind}:{name}", question, approved[0], text, kind, name, seed, language, entry, note))
                made += 1
    return rows, refused
