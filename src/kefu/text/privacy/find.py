"""Find personal data: patterns and checksums from recognisers.yaml, names and addresses by rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml

from kefu.text.privacy import checks, names


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of personal data: `text == source[start:end]`."""

    start: int
    end: int
    type: str
    text: str


@dataclass(frozen=True)
class Recogniser:
    type: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool | None] | None
    context: re.Pattern[str] | None
    reach: int
    strict: bool
    order: bool
    context_only: bool
    needs: str
    contact: bool
    unless: re.Pattern[str] | None


# One to one, so that positions hold: full-width letters, digits and signs to half-width, odd blanks and dashes to plain ones.
_PLAIN = {code: code - 0xFEE0 for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B), 0xFF0B, 0xFF0D, 0xFF0E, 0xFF20)}
_PLAIN |= dict.fromkeys((160, 12288, *range(8192, 8203)), 32) | dict.fromkeys((8208, 8209, 8210, 8211, 8212, 8722), 45)
_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060-\u2064\ufeff\u00ad]")
_DIGIT = re.compile(r"\d{3}|\d\.\d|[A-Za-z]\d|\d[A-Za-z]|\d [\d ]\d")  # every numeric recogniser needs one of these
# Service numbers anybody may know: 400 and 800 hotlines, short codes of carriers, banks and emergency services.
_PUBLIC = re.compile(
    r"(?<![\d-])(?:[48]00[- ]?\d{3}[- ]?\d{4}|[48]00[- ]?\d{4}[- ]?\d{3}|400[- ]?\d{2}[- ]?\d{5}|"
    r"95\d{3,4}|96\d{3,4}|100\d{2}|1010\d{4}|12\d{3}|1[12][0-9])(?!\d)"
)
#: Beside a value of these types a name is told from its surname alone.
_PERSONAL = frozenset({"mobile", "phone", "cn_id", "bank_card", "address", "passport"})
_CLAUSE = re.compile(r"[。！？!?；;\n]|，(?=.{8,}$)")


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    return dict(yaml.safe_load(resources.files(__package__).joinpath("recognisers.yaml").read_text("utf-8")))


@lru_cache(maxsize=1)
def recognisers() -> tuple[Recogniser, ...]:
    """The table of recognisers.yaml, compiled, in order of priority."""
    return tuple(
        Recogniser(
            type=row["type"],
            pattern=re.compile(row["pattern"], re.DOTALL | re.ASCII),
            check=getattr(checks, row["check"]) if "check" in row else None,
            context=re.compile(row["context"]) if "context" in row else None,
            reach=row.get("reach", 12),
            strict=row.get("strict", False),
            order=row.get("order", True),
            context_only=row.get("context_only", False),
            needs=row.get("needs", ""),
            contact=row.get("contact", False),
            unless=re.compile(row["unless"]) if "unless" in row else None,
        )
        for row in _data()["recognisers"]
    )


@lru_cache(maxsize=1)
def contact_types() -> frozenset[str]:
    """Types that are often the company's own public contact data (`contact: true`), and addresses."""
    return frozenset({r.type for r in recognisers() if r.contact} | {"address"})


@lru_cache(maxsize=1)
def _order() -> re.Pattern[str]:
    return re.compile(rf"(?:{_data()['order_words']})", re.IGNORECASE)


def labels(type: str) -> dict[str, str]:
    """Placeholder word of a type by language."""
    return dict(_data()["labels"][type])


def find(text: str) -> list[Span]:
    """Personal data in the text, in order, without overlap. Placeholders of an earlier masking are not found again."""
    plain, places = _plain(text)
    accepted: list[tuple[int, int, str]] = []
    for start, end, type in _candidates(plain):
        if all(end <= a or start >= b for a, b, _ in accepted):
            accepted.append((start, end, type))
    for start, end, type in list(accepted):
        if type in _PERSONAL:
            accepted += [(a, b, "person") for a, b in names.beside(plain, start, end) if all(b <= c or a >= d for c, d, _ in accepted)]
    spans = []
    for start, end, type in sorted(accepted):
        a, b = (places[start], places[end - 1] + 1) if places else (start, end)
        spans.append(Span(a, b, type, text[a:b]))
    return spans


def _plain(text: str) -> tuple[str, list[int]]:
    """Comparable text, and the place of each of its characters in the original when characters were left out."""
    plain = text.translate(_PLAIN)
    if not _INVISIBLE.search(plain):
        return plain, []
    places = [i for i, char in enumerate(plain) if not _INVISIBLE.match(char)]
    return "".join(plain[i] for i in places), places


def _candidates(text: str) -> Iterator[tuple[int, int, str]]:
    has_digit = bool(_DIGIT.search(text))
    public = [match.span() for match in _PUBLIC.finditer(text)] if has_digit else []
    for recogniser in recognisers():
        if recogniser.needs:
            if recogniser.needs not in text:
                continue
        elif not has_digit and recogniser.type != "secret":
            continue
        for match in recogniser.pattern.finditer(text):
            start, end = match.span("v") if "v" in recogniser.pattern.groupindex else match.span()
            if any(a <= start and end <= b for a, b in public):
                continue
            if _accept(recogniser, text, match.start(), text[start:end]):
                yield start, end, recogniser.type
    for start, end in names.addresses(text):
        yield start, end, "address"
    for start, end in names.people(text):
        yield start, end, "person"


def _accept(recogniser: Recogniser, text: str, start: int, value: str) -> bool:
    before = _CLAUSE.split(text[max(0, start - recogniser.reach) : start])[-1]
    told = recogniser.context.search(before) if recogniser.context else None
    if recogniser.unless and recogniser.unless.search(before):
        return False
    ordered = _order().search(before) if recogniser.order else None
    if ordered and not (told and told.start() >= ordered.start()):
        return False
    valid = recogniser.check(value) if recogniser.check else None
    if recogniser.context_only:
        return told is not None and valid is not False
    if valid is False:
        return told is not None and not recogniser.strict
    if valid is None and recogniser.context is not None:
        return told is not None
    return True
