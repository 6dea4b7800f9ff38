"""Checks of one reply, as decorated factories. A check made from YAML parameters says pass or fail, and why.

    - {check: answer_id, is: Z001, accept: [Z014]}     - {check: handoff, is: true}
    - {check: contains, any: ["14 天", "两周"]}         - {check: refused_or_handoff, is: true}
    - {check: not_contains, any: ["保本"]}              - {check: language, is: zh}

Parameters are the factory's arguments (`is_` is written `is`); each factory refuses what it cannot
use with a ValueError, which the scenario reader reports with its line.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from kefu.conversation import Conversation
from kefu.evals.answers import Entry, right
from kefu.evals.said import Said
from kefu.text.language import detect
from kefu.text.similarity import token_f1


@dataclass(frozen=True)
class Moment:
    """A reply where it was given: `conversation` ends with the customer's turn being answered."""

    said: Said
    conversation: Conversation
    entries: Mapping[str, Entry] = field(default_factory=dict)
    language: str = ""


Test = Callable[[Moment], tuple[bool, str]]
Factory = Callable[..., Test]


@dataclass(frozen=True)
class Check:
    """A check ready to run. `undesired` names the behaviour that a failure shows; empty: judged from the reply."""

    name: str
    parameters: dict[str, Any]
    test: Test
    undesired: str = ""


@dataclass(frozen=True)
class Finding:
    check: str
    passed: bool
    explanation: str
    undesired: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"check": self.check, "passed": self.passed, "explanation": self.explanation, "undesired": self.undesired}


FACTORIES: dict[str, Factory] = {}


def check(name: str) -> Callable[[Factory], Factory]:
    """Register a factory under the name that scenario files use."""

    def register(factory: Factory) -> Factory:
        FACTORIES[name] = factory
        return factory

    return register


def run(one: Check, moment: Moment) -> Finding:
    passed, explanation = one.test(moment)
    return Finding(one.name, passed, explanation, "" if passed else one.undesired)


@lru_cache(maxsize=64)
def parameters(name: str) -> dict[str, inspect.Parameter]:
    """YAML name -> parameter of a check's factory."""
    return {key.rstrip("_"): value for key, value in inspect.signature(FACTORIES[name], eval_str=True).parameters.items()}


def make(name: str, given: Mapping[str, Any], undesired: str = "") -> Check:
    """Build a check. Raises ValueError saying which parameter is wrong and how."""
    known = parameters(name)
    for key, value in given.items():
        _typed(key, value, known[key].annotation)
    missing = [key for key, parameter in known.items() if parameter.default is inspect.Parameter.empty and key not in given]
    if missing:
        raise ValueError(f"{name} needs {' and '.join(repr(key) for key in missing)}")
    test = FACTORIES[name](**{known[key].name: value for key, value in given.items()})
    return Check(name, dict(given), test, undesired)


def _typed(key: str, value: Any, annotation: Any) -> None:
    kinds = [kind for kind in typing.get_args(annotation) if kind is not type(None)] if isinstance(annotation, types.UnionType) else [annotation]
    annotation = kinds[0]
    if annotation == list[str]:
        good, want = isinstance(value, list) and bool(value) and all(isinstance(item, str) and item for item in value), "a list of texts"
    elif annotation is bool:
        good, want = isinstance(value, bool), "true or false"
    elif annotation is int:
        good, want = isinstance(value, int) and not isinstance(value, bool), "a whole number"
    elif annotation is float:
        good, want = isinstance(value, int | float) and not isinstance(value, bool), "a number"
    else:
        good, want = isinstance(value, str) and bool(value.strip()), "a text (quote it)"
    if not good:
        raise ValueError(f"{key!r} must be {want}, got {value!r}")


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """For finding words: NFKC, case-folded, one kind of dash, no thousands commas, no white space."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"[\u2010-\u2015\u2212~～]", "-", text)
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    return re.sub(r"\s+", "", text)


def mentions(text: str, words: str) -> bool:
    """Does the text hold the words? Spaces, case and width do not matter; `9 天` is not in `19 天`."""
    hay, needle = plain(text), plain(words)
    before = r"(?<![\d.])" if needle[:1].isdigit() else ""
    after = r"(?!\d|\.\d)" if needle[-1:].isdigit() else ""
    return re.search(before + re.escape(needle) + after, hay) is not None


def shorten(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


@check("answer_id")
def answer_id(is_: str, accept: list[str] | None = None) -> Test:
    accepted = {is_, *(accept or [])}
    return lambda moment: right(moment.said, accepted, moment.entries)


@check("answered")
def answered(is_: bool) -> Test:
    def test(moment: Moment) -> tuple[bool, str]:
        gave = bool(moment.said.text.strip()) and not moment.said.turned_away
        return gave == is_, "gave an answer" if gave else "gave no answer"

    return test


@check("contains")
def contains(any: list[str] | None = None, all: list[str] | None = None) -> Test:
    if not any and not all:
        raise ValueError("contains needs 'any' or 'all'")

    def test(moment: Moment) -> tuple[bool, str]:
        text = moment.said.text
        if any and not _found(text, any):
            return False, f"none of {_list(any)} in {shorten(text)!r}"
        absent = [words for words in all or [] if not mentions(text, words)]
        return not absent, f"{_list(absent)} not in {shorten(text)!r}" if absent else "says what it should"

    return test


@check("not_contains")
def not_contains(any: list[str]) -> Test:
    def test(moment: Moment) -> tuple[bool, str]:
        hits = _found(moment.said.text, any)
        return not hits, f"says {_list(hits)}" if hits else "says nothing forbidden"

    return test


@check("regex")
def regex(pattern: str, example: str | None = None) -> Test:
    """`example`: a text that matches, for the oracle; it is checked here."""
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"'pattern' is no regular expression: {error}") from None
    if example is not None and not compiled.search(example):
        raise ValueError("'example' does not match 'pattern'")
    return lambda moment: (compiled.search(moment.said.text) is not None, f"looked for /{pattern}/ in {shorten(moment.said.text)!r}")


@check("similar")
def similar(to: str, at_least: float = 0.6) -> Test:
    if not 0 < at_least <= 1:
        raise ValueError(f"'at_least' must be over 0 and at most 1, got {at_least}")

    def test(moment: Moment) -> tuple[bool, str]:
        likeness = token_f1(moment.said.text, to)
        return likeness >= at_least, f"token F1 {likeness:.2f} (at least {at_least}) with {shorten(to)!r}"

    return test


@check("handoff")
def handoff(is_: bool) -> Test:
    return lambda moment: (moment.said.handoff == is_, "handed over to a person" if moment.said.handoff else "did not hand over")


@check("refused")
def refused(is_: bool) -> Test:
    return lambda moment: (moment.said.refused == is_, "refused" if moment.said.refused else "did not refuse")


@check("refused_or_handoff")
def refused_or_handoff(is_: bool) -> Test:
    def test(moment: Moment) -> tuple[bool, str]:
        words = "refused" if moment.said.refused else "handed over" if moment.said.handoff else "neither refused nor handed over"
        return moment.said.turned_away == is_, words

    return test


@check("tier")
def tier(in_: list[str]) -> Test:
    return lambda moment: (moment.said.tier in in_, f"answered by tier {moment.said.tier or 'unknown'}, wanted {_list(in_)}")


@check("language")
def language(is_: str) -> Test:
    def test(moment: Moment) -> tuple[bool, str]:
        found = detect(moment.said.text)
        return found == is_, f"reply is in {found}"

    return test


@check("max_chars")
def max_chars(is_: int) -> Test:
    if is_ < 1:
        raise ValueError(f"'is' must be at least 1, got {is_}")
    return lambda moment: (len(moment.said.text) <= is_, f"{len(moment.said.text)} characters, at most {is_}")


def _found(text: str, words: Sequence[str]) -> list[str]:
    return [one for one in words if mentions(text, one)]


def _list(words: Sequence[str]) -> str:
    return ", ".join(f"{one!r}" for one in words)
