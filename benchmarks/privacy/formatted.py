"""Formatted values among hard negatives: the patterns of formatted_dev.txt and formatted_held.txt, filled by a seed.

python benchmarks/privacy/formatted.py --half dev > dev.jsonl

Every pattern is drawn the same number of times; then more of those that hold a type with too few values, so that each type has its count.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from fillers import FILLERS
from written import VALUES, wide

from kefu.statistics import wilson
from kefu.text.privacy import checks

Row = dict[str, Any]
TYPES = tuple(VALUES)
REPEATS, ARGUED_REPEATS, NOBODYS = 12, 8, 2720
_RARER = {"cn_landline", "cn_plate", "cn_passport", "cn_uscc", "ipv6", "iban", "us_ssn", "uk_phone"}
COUNTS = {type: 330 if type in _RARER else 470 for type in TYPES}  # enough for a lower bound of .98 when nothing is missed
_LANGUAGES = ("zh", "zh-ascii", "en")
_TOKEN = re.compile(r"<(?P<kind>[a-z0-9_]+)(?:\.(?P<how>[a-z]+))?>")
_HALF_WIDTH, _FULL_WIDTH = ",?!;()", "，？！；（）"
_AFTER_HAN = re.compile(r"(?<=[\u4e00-\u9fff）]):")
_WIDE = {"cn_resident_id", "cn_mobile", "cn_landline", "bank_card"}
_NARROW = {ord(wide(c)): c for c in "0123456789X-"}
#: Arithmetic of the standards, by other code than the generator's: a value that it refuses is a fault of the generator.
_CHECKS = {
    "cn_resident_id": checks.cn_id,
    "cn_uscc": checks.uscc,
    "iban": checks.iban,
    "bank_card": lambda text: checks.luhn(checks.digits(text)),
    "credit_card": lambda text: checks.luhn(checks.digits(text)),
    "ipv4": lambda text: ipaddress.IPv4Address(text).is_global,
    "ipv6": lambda text: ipaddress.IPv6Address(text).is_global,
}


@dataclass(frozen=True)
class Pattern:
    line: int
    language: str
    text: str
    argued: bool

    @property
    def types(self) -> list[str]:
        return [token["kind"] for token in _TOKEN.finditer(self.text) if token["kind"] in VALUES]


def patterns(half: str) -> list[Pattern]:
    """A line of another language or with an unknown token ends it with its number."""
    path, found = Path(__file__).with_name(f"formatted_{half}.txt"), []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("# "):
            continue
        language, _, text = line.partition("|")
        if not text or language.removesuffix("?") not in _LANGUAGES:
            raise SystemExit(f"{path}:{number}: {line} does not begin with one of {', '.join(_LANGUAGES)}, perhaps with a ?, and a |")
        for token in _TOKEN.finditer(text):
            if token["kind"] not in VALUES and token["kind"] not in FILLERS:
                raise SystemExit(f"{path}:{number}: {token[0]} is neither a type of written.py nor a filler of fillers.py")
        found.append(Pattern(number, language.removesuffix("?"), text.replace("\\n", "\n").replace("\\t", "\t"), language.endswith("?")))
    return found


def _punctuated(text: str) -> str:
    """Chinese punctuation; a colon only behind a Chinese character, so that times and addresses keep theirs."""
    pieces = re.split(f"({_TOKEN.pattern.replace('?P<kind>', '?:').replace('?P<how>', '?:')})", text)
    pieces[::2] = [_AFTER_HAN.sub("：", piece.translate(str.maketrans(_HALF_WIDTH, _FULL_WIDTH))) for piece in pieces[::2]]
    return "".join(pieces)


def _value(r: random.Random, kind: str, how: str, language: str) -> str:
    if language == "zh" and not how and kind in _WIDE and r.random() < 0.05:
        return wide(VALUES[kind](r, "plain"))
    return VALUES[kind](r, how)


def filled(r: random.Random, pattern: Pattern) -> tuple[str, list[Row]]:
    """One drawing: the text and its spans."""
    written = _punctuated(pattern.text) if pattern.language == "zh" and r.random() < 0.72 else pattern.text
    text, spans, last = "", [], 0
    for token in _TOKEN.finditer(written):
        text += written[last : token.start()]
        kind, last = token["kind"], token.end()
        if kind in FILLERS:
            text += FILLERS[kind](r)
            continue
        value = _value(r, kind, token["how"] or "", pattern.language)
        spans.append({"start": len(text), "end": len(text) + len(value), "type": kind, "text": value})
        text += value
    text += written[last:]
    for span in spans:
        if text[span["start"] : span["end"]] != span["text"]:
            raise AssertionError(f"line {pattern.line}: {span} is not in {text!r}")
        if span["type"] in _CHECKS and not _CHECKS[span["type"]](span["text"].translate(_NARROW)):
            raise AssertionError(f"line {pattern.line}: {span['text']} is no {span['type']}")
    return text, spans


def rows(half: str, seed: int, each: int | None = None) -> Iterator[Row]:
    """`{"id", "text", "spans": [{"start", "end", "type", "text"}], "line", "pattern", "argued"}`, no text twice.

    each: so many drawings of every pattern and no more, for a short look; without it as many as COUNTS and NOBODYS ask.
    """
    r, every = random.Random(f"{half}-{seed}"), patterns(half)
    somebodys, nobodys = [p for p in every if p.types], [p for p in every if not p.types]
    seen: set[str] = set()
    have = Counter[str]()

    def draw(pattern: Pattern) -> Iterator[Row]:
        for _ in range(20):  # a short pattern may give a text that is there already
            text, spans = filled(r, pattern)
            if text not in seen:
                seen.add(text)
                have.update(span["type"] for span in spans)
                yield {"id": len(seen), "text": text, "spans": spans, "line": pattern.line, "pattern": pattern.text, "argued": pattern.argued}
                return

    for pattern in somebodys:
        for _ in range(each or REPEATS):
            yield from draw(pattern)
    while not each and (lacking := {type: n - have[type] for type, n in COUNTS.items() if have[type] < n}):
        type = max(lacking, key=lambda type: lacking[type])
        holding = [pattern for pattern in somebodys if type in pattern.types]
        # a pattern that also holds types with enough values is drawn less, so that those do not grow along
        yield from draw(r.choices(holding, [1 / (1 + sum(other not in lacking for other in pattern.types)) for pattern in holding])[0])
    argued = sum(pattern.argued for pattern in nobodys)
    repeats = -(-(NOBODYS - ARGUED_REPEATS * argued) // (len(nobodys) - argued))
    for pattern in nobodys:
        for _ in range(each or (ARGUED_REPEATS if pattern.argued else repeats)):
            yield from draw(pattern)


def over(a: Row, b: Row) -> bool:
    return bool(a["start"] < b["end"] and b["start"] < a["end"])


def faults(row: Row, found: list[Row]) -> Iterator[tuple[str, str]]:
    """(kind, what): `missed`, `cut` (an end is wrong), `false` (nobody's, or of another type) for one text."""
    for gold in row["spans"]:
        same = [span for span in found if span["type"] == gold["type"] and over(span, gold)]
        if not same:
            taken = ", ".join(span["type"] for span in found if over(span, gold))
            yield "missed", f"{gold['type']} {gold['text']}" + (f" taken for {taken}" if taken else "")
        elif not any((span["start"], span["end"]) == (gold["start"], gold["end"]) for span in same):
            yield "cut", f"{gold['type']} {gold['text']} as {row['text'][same[0]['start'] : same[0]['end']]}"
    for span in found:
        if span["type"] in VALUES and not any(span["type"] == gold["type"] and over(span, gold) for gold in row["spans"]):
            yield "false", f"{span['type']} {row['text'][span['start'] : span['end']]}"


def report(every: list[Row], found: list[list[Row]], worst: int = 20) -> Iterator[str]:
    """Lines below the table of types: false alarms among texts that hold nobody's data, and the patterns with the most faults."""
    clean = [(row, any(span["type"] in VALUES for span in spans)) for row, spans in zip(every, found, strict=True) if not row["spans"]]
    for name, texts in (("", clean), (", without the argued ones", [(row, alarm) for row, alarm in clean if not row["argued"]])):
        alarms = sum(alarm for _, alarm in texts)
        low, high = wilson(alarms, len(texts)) if texts else (0.0, 1.0)
        yield f"  texts of nobody's data{name}: {len(texts)}, {alarms} with a false alarm, {alarms / max(1, len(texts)):.4f} [{low:.4f}, {high:.4f}]"
    marked = [
        (row, span)
        for row, spans in zip(every, found, strict=True)
        for span in spans
        if span["type"] not in VALUES and any(over(span, g) for g in row["spans"])
    ]
    yield f"  spans of names, addresses and secrets over a value: {len(marked)}"
    drawn, bad, example = Counter(row["line"] for row in every), Counter[tuple[int, str]](), {}
    for row, spans in zip(every, found, strict=True):
        for kind, what in faults(row, spans):
            bad[row["line"], kind] += 1
            example.setdefault((row["line"], kind), (row, what))
    yield f"  faults: {sum(bad.values())} in {len({line for line, _ in bad})} of {len(drawn)} patterns" + (", the worst:" if bad else "")
    for (line, kind), n in bad.most_common(worst):
        row, what = example[line, kind]
        yield f"    line {line}: {n} {kind} in {drawn[line]} texts; {what} | {row['text']!r}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--half", choices=["dev", "held"], default="dev")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for row in rows(given.half, given.seed):
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
