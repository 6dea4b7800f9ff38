"""An audit of masking: what was masked in a dataset, what still looks like personal data, what may have been masked wrongly.

It reads the built conversations only and shows no value: what is suspected appears by its shape (`#` a digit, `x` a letter, 某 a character).
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib import resources
from typing import Any

from kefu.text.privacy import checks, find, labels, names_en_words, names_zh, types
from kefu.text.privacy.table import order_label

_NEAR = 24  # characters shown on either side
_PLACEHOLDER = re.compile(r"\[(?P<label>[^\[\]\s]{1,24})_\d{1,6}\]")
_LONG = re.compile(r"(?<![\w.])\+?\d(?:[ .-]?\d){6,24}(?!\w)")
_TOKEN = re.compile(r"(?<![\w/.-])[A-Za-z0-9_+/=-]{20,}(?![\w/-])")
_MAIL = re.compile(r"[\w.+-]{2,40}\s?[@＠]\s?[\w-]{2,40}")
_SAID = re.compile(
    r"(?:身份证|证件号|银行卡|卡号|护照|车牌|密码|口令|住址|家庭地址|(?i:passport|social security|card number|password|home address))"
    r"[^。！？!?\n\[\]]{0,12}?(?P<v>[A-Za-z]{0,3}\d{4,}[\dA-Za-z-]*)"
)
_PLACE = re.compile(
    r"[\u4e00-\u9fff]{2,8}(?:路|街|巷|小区|花园|公寓|村)[\u4e00-\u9fff]{0,4}?\d{1,5}|"
    r"\d{1,4}(?:栋|幢|单元|室)\d{0,4}|(?<!\w)\d{1,5} [A-Z][a-z]+ (?:[A-Z][a-z]+ ?){1,2}"
)
_PAIR = re.compile(r"(?<=[a-z,] )(?P<v>[A-Z][a-z]{2,15} [A-Z][a-z]{2,15})(?![\w])")
_HAN_NAME = re.compile(r"(?<![\u4e00-\u9fff])(?=(?P<v>[\u4e00-\u9fff]{2,3}))")
_MONEY = re.compile(r"\s?(?:元|块|%|个|次|GB|MB|USD|\$)")


def audit(rows: Iterable[dict[str, Any]], *, masked: dict[str, int], samples: int = 3, reading: int = 20, seed: int = 7) -> dict[str, Any]:
    """`rows` are lines of conversations.jsonl, `masked` the counts of the build by type; returns plain data for JSON or HTML."""
    draw = random.Random(seed)
    placeholders: Counter[str] = Counter()
    shown: dict[str, list[dict[str, str]]] = defaultdict(list)
    seen: Counter[str] = Counter()
    suspects: list[dict[str, Any]] = []
    doubtful: list[dict[str, Any]] = []
    conversations = turns = touched = 0
    for row in rows:
        conversations += 1
        for number, turn in enumerate(row["turns"]):
            turns += 1
            where = {"conversation": str(row["id"]), "turn": number, "role": turn["role"]}
            text = turn["text"]
            found = [(match, kind) for match in _PLACEHOLDER.finditer(text) if (kind := _kinds().get(match["label"]))]
            touched += bool(found)
            for match, kind in found:
                placeholders[kind] += 1
                seen[kind] += 1
                keep = len(shown[kind]) if len(shown[kind]) < samples else draw.randrange(seen[kind])
                if keep < samples:  # a fair sample of a stream
                    shown[kind][keep : keep + 1] = [where | {"text": _around(text, match.start(), match.end(), "")}]
                if why := _doubt(text, match, kind):
                    doubtful.append(where | {"type": kind, "why": why, "text": _around(text, match.start(), match.end(), "")})
            public = row.get("kind") == "faq" and turn["role"] == "agent"
            for start, end, kind in _suspected(text):
                suspects.append(where | {"kind": kind, "public": public, "text": _around(text, start, end, _shape(text[start:end]))})
    return {
        "conversations": conversations, "turns": turns, "turns_masked": touched, "masked": dict(sorted(masked.items())),
        "placeholders": dict(placeholders.most_common()),
        "samples": dict(sorted(shown.items())), "suspected": dict(Counter(one["kind"] for one in suspects).most_common()), "suspects": suspects,
        "false_positive_candidates": doubtful, "reading_list": _reading(suspects, doubtful, reading),
    }  # fmt: skip


@lru_cache(maxsize=1)
def _kinds() -> dict[str, str]:
    """Placeholder word -> type (the first of those that share a word)."""
    kinds: dict[str, str] = {}
    for type in types():
        for word in labels(type).values():
            kinds.setdefault(word, type)
    return kinds


def _suspected(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) of what a more suspicious eye would stop at; each place once."""
    holes = [match.span() for match in _PLACEHOLDER.finditer(text)]
    taken = bytearray(len(text))
    for start, end in holes:
        taken[start:end] = b"\x01" * (end - start)
    for start, end, kind in _candidates(text):
        if start < end and taken.find(1, start, end) < 0:
            taken[start:end] = b"\x01" * (end - start)
            yield start, end, kind


def _candidates(text: str) -> Iterator[tuple[int, int, str]]:
    for span in find(text):
        yield span.start, span.end, f"found again: {span.type}"
    for match in _SAID.finditer(text):
        yield *match.span("v"), "a value where a document, card or password is spoken of"
    for match in _MAIL.finditer(text):
        yield *match.span(), "something with an at sign"
    for match in _TOKEN.finditer(text):
        if checks.opaque(match.group()):
            yield *match.span(), "a token that looks drawn by chance"
    for match in _LONG.finditer(text):
        if not order_label().search(text[max(0, match.start() - 48) : match.start()]) and not re.fullmatch(
            r"(?:19|20)\d\d[ .-]\d\d?[ .-]\d\d?(?: \d.*)?", match.group()
        ):
            yield *match.span(), "a long number without an order label"
    for match in _PLACE.finditer(text):
        yield *match.span(), "a street, building or room"
    for match in _HAN_NAME.finditer(text):
        end, score = names_zh.name_at(text, match.start())
        if score >= 3 and names_zh.likely(text[match.start() : end]):
            yield match.start(), end, "like a Chinese name"
    for match in _PAIR.finditer(text):
        if names_en_words.name_like(match["v"].split()):
            yield *match.span("v"), "two capitalised words"


def _doubt(text: str, match: re.Match[str], kind: str) -> str:
    """Why a placeholder may stand for nothing personal; empty when nothing says so."""
    before, after = text[max(0, match.start() - 48) : match.start()], text[match.end() : match.end() + 8]
    if kind not in ("person_name", "address", "email") and order_label().search(before):
        return "an order or thing is named before it"
    if kind not in ("person_name", "address") and _MONEY.match(after):
        return "a unit or currency stands behind it"
    if re.search(r"[A-Za-z0-9]$", before) and re.match(r"[A-Za-z0-9]", after):
        return "it stands inside a word"
    if kind == "person_name" and re.match(r"[级版型款性化值率费机器]", after):
        return "what stands behind it rarely follows a name"
    if kind == "person_name" and re.search(r"(?:高|新|老|大|小|最|很|不|太)$", before):
        return "what stands before it rarely leads to a name"
    return ""


def _shape(value: str) -> str:
    return "".join("#" if c.isdigit() else "某" if "\u4e00" <= c <= "\u9fff" else "x" if c.isalpha() else c for c in value)


def _around(text: str, start: int, end: int, instead: str) -> str:
    left, right = text[max(0, start - _NEAR) : start], text[end : end + _NEAR]
    middle = f"⟦{instead}⟧" if instead else text[start:end]
    told = (_hide(left), middle, _hide(right))
    return ("…" if start > _NEAR else "") + "".join(told).replace("\n", " ") + ("…" if end + _NEAR < len(text) else "")


def _hide(text: str) -> str:
    """Neighbours of a suspect may be suspects too: long digits never appear in a report."""
    return re.sub(r"\d{5,}", lambda match: "#" * len(match.group()), text)


def page(name: str, result: dict[str, Any], most: int = 200) -> str:
    """One self-contained HTML page of an audit."""
    from jinja2 import Environment

    template = resources.files(__package__).joinpath("personal_audit.html").read_text("utf-8")
    every = sorted({*result["masked"], *result["placeholders"]})
    return Environment(autoescape=True).from_string(template).render(name=name, a=result, types=every, most=most)


def _reading(suspects: list[dict[str, Any]], doubtful: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """The conversations most worth reading, and why."""
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for one in suspects:
        if not one["public"]:
            reasons[one["conversation"]][one["kind"]] += 1
    for one in doubtful:
        reasons[one["conversation"]][f"masked wrongly? {one['why']}"] += 1
    ranked = sorted(reasons.items(), key=lambda item: (-sum(_WEIGHTS.get(kind, 2) * n for kind, n in item[1].items()), item[0]))
    return [{"conversation": id, "reasons": dict(counts.most_common())} for id, counts in ranked[:most]]


_WEIGHTS = {
    "two capitalised words": 1,
    "like a Chinese name": 1,
    "a value where a document, card or password is spoken of": 4,
    "a token that looks drawn by chance": 3,
}
