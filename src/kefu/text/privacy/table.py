"""The table of recognisers.yaml, compiled."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml

from kefu.text.gate import Gate
from kefu.text.privacy import checks, finders, spoken_en
from kefu.text.privacy.gates import gated


@dataclass(frozen=True)
class Recogniser:
    """One row; the fields are explained at the top of recognisers.yaml."""

    type: str
    gate: Gate | None  # of the pattern, or of what a finder needs
    told: Gate | None  # of the context, where nothing is accepted without it
    either: tuple[Gate, ...]  # of a finder: patterns of which one must match
    finder: Callable[[str, int], Iterator[finders.Found]] | None
    check: Callable[[str], bool | None] | None
    context: re.Pattern[str] | None
    reach: int
    wide: bool
    strict: bool
    order: bool
    context_only: bool
    needs: re.Pattern[str] | None
    digits: int
    han: bool | None
    contact: bool
    unless: re.Pattern[str] | None
    unless_after: re.Pattern[str] | None

    def asked(self, digits: int, bits: int) -> bool:
        """May anything be found in a text of so many digits and these bits?"""
        if self.digits > digits or (self.either and not any(gate.open(bits) for gate in self.either)):
            return False
        return all(gate is None or gate.open(bits) for gate in (self.gate, self.told))

    def gates(self) -> Iterator[Gate]:
        yield from (gate for gate in (self.gate, self.told, *self.either) if gate is not None)

    def found(self, text: str, bits: int) -> Iterator[finders.Found]:
        """(start, end, valid, type) of everything that has the form. bits: of `gates.GATES` for the text."""
        if self.finder is not None:
            yield from self.finder(text, bits)
        elif self.gate is not None:
            group: str | int = "v" if "v" in self.gate.pattern.groupindex else 0
            for match in self.gate.finditer(text):
                start, end = match.span(group)
                yield start, end, self.check(text[start:end]) if self.check else None, ""


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    return dict(yaml.safe_load(resources.files(__package__).joinpath("recognisers.yaml").read_text("utf-8")))


def _finder(name: str) -> Callable[[str, int], Iterator[finders.Found]]:
    return getattr(spoken_en if hasattr(spoken_en, name) else finders, name)  # type: ignore[no-any-return]


def _gate(row: dict[str, Any]) -> Gate | None:
    if "pattern" in row:
        return gated(re.compile(row["pattern"], re.DOTALL | re.ASCII), _needs(row))
    return gated(re.compile("|".join(map(re.escape, _needs(row))))) if "needs" in row else None


def _only_told(row: dict[str, Any]) -> bool:
    """Is nothing accepted without a word of the context somewhere in the text? So where no check can speak for a value."""
    return "context" in row and (row.get("context_only", False) or ("check" not in row and "finder" not in row))


def _needs(row: dict[str, Any]) -> list[str]:
    return row["needs"].split("|") if "needs" in row else []


@lru_cache(maxsize=1)
def recognisers() -> tuple[Recogniser, ...]:
    """All rows in order of priority."""
    return tuple(
        Recogniser(
            type=row["type"],
            gate=_gate(row),
            either=finders.EITHER.get(row.get("finder"), ()),
            told=gated(re.compile(row["context"])) if _only_told(row) else None,
            finder=_finder(row["finder"]) if "finder" in row else None,
            check=getattr(checks, row["check"]) if "check" in row else None,
            context=re.compile(row["context"]) if "context" in row else None,
            reach=row.get("reach", 12),
            wide=row.get("wide", False),
            strict=row.get("strict", False),
            order=row.get("order", True),
            context_only=row.get("context_only", False),
            needs=re.compile("|".join(map(re.escape, _needs(row)))) if "needs" in row else None,
            digits=row.get("digits", 0),
            han=row.get("han"),
            contact=row.get("contact", False),
            unless=re.compile(row["unless"]) if "unless" in row else None,
            unless_after=re.compile(row["unless_after"]) if "unless_after" in row else None,
        )
        for row in _data()["recognisers"]
    )


@lru_cache(maxsize=1)
def contact_types() -> frozenset[str]:
    """Types that are often the company's own public contact data (`contact: true`), and addresses."""
    return frozenset({r.type for r in recognisers() if r.contact} | {"address"})


@lru_cache(maxsize=1)
def order_label() -> re.Pattern[str]:
    """A label of a number that belongs to a thing, at the end of the text before it (further numbers of a list may stand between)."""
    alone, numbered = (_words(_data()["order_words"][key]) for key in ("alone", "numbered"))
    number = r"(?:的?(?:卡号|单号|编号|号码|号|码|代码|ID|id|Id)|\s?(?:no\.?|numbers?|num\.?|nr\.?|id|ids|#|code|ref(?:erence)?|№))"
    listed = r"(?:[A-Za-z]{0,4}\d[\dA-Za-z-]{2,30}(?:\s?[、,，和及/&]\s?(?:and\s|or\s)?|\s(?:and|or)\s)){0,4}"
    filler = r"(?:\s(?:for|of|from)(?:\s\w{1,15}){1,3})?"
    joint = r"\s{0,2}(?:是|为|為|叫|is|was|are|[:：#=(（「\[\"'“])?\s{0,2}[#\"'(]?"
    field = r"(?:_(?:id|no|num|number|sn|code))?[\"']?"  # as a column or a key of JSON is named: "order_id":
    return re.compile(rf"(?:(?:{alone})(?:{number}{{0,2}}|{field})|(?:{numbered}){number}{{1,2}}){filler}{joint}{listed}$", re.IGNORECASE)


def _words(written: str) -> str:
    """The alternatives, English ones at word starts only."""
    pieces = [piece.strip() for piece in re.split(r"\|\s*", written) if piece.strip()]
    return "|".join(rf"(?<![A-Za-z]){piece}" if piece.isascii() else piece for piece in pieces)


def labels(type: str) -> dict[str, str]:
    """Placeholder word of a type by language."""
    return dict(_data()["labels"][type])


def types() -> tuple[str, ...]:
    """Every type there is."""
    return tuple(_data()["labels"])
