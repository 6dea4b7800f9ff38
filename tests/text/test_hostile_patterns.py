"""Patterns take time in proportion to the text, whatever the text is."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from kefu.assistant import listen, smalltalk
from kefu.data import compared, signals
from kefu.data.augment import frames, guard, negatives, slips
from kefu.knowledge import documents
from kefu.text import normalise, privacy
from kefu.text.language import detect

UNITS = (
    ",",
    "，",
    " ",
    "\n",
    "\u3000",
    "1",
    "1,",
    "1-",
    "a",
    "a@",
    "@",
    "a.",
    ".",
    "[",
    "(",
    "【",
    "<",
    "一",
    "万",
    "张",
    "王",
    "#",
    "-",
    " -",
    "\u2003",
    "!",
    "…",
    "我想问",
)


def seconds(work: Callable[[str], object], text: str) -> float:
    best = 9e9
    for _ in range(2):
        start = time.process_time()
        work(text)
        best = min(best, time.process_time() - start)
    return best


def grows(work: Callable[[str], object], unit: str, size: int = 5_000) -> bool:
    """Does four times the text take about its square? Linear work takes four times as long, quadratic sixteen times."""
    ends = ("", "!x", " x")
    for end in ends:
        short, long = (unit * (n // len(unit)) + end for n in (size, 4 * size))
        if (took := seconds(work, long)) > 0.1 and took > 10 * seconds(work, short):
            return True
    return False


def found(pattern: re.Pattern[str]) -> Callable[[str], object]:
    return lambda text: sum(1 for _ in pattern.finditer(text))


WORK: dict[str, Callable[[str], object]] = {
    "language": lambda text: detect("x " + text),
    "language, not ASCII": lambda text: detect("é " + text),
    "number chosen": listen._NUMBER.fullmatch,
    "clauses": found(smalltalk._CLAUSE),
    "end": found(frames._END),
    "numerals": found(guard._HAN_NUMBER),
    "fixed": found(guard._FIXED),
    "kept": found(negatives._KEEP),
    "final": found(slips._FINAL),
    "stamp": found(compared._STAMP),
    "marks": found(documents._MARKS),
    "rule": documents._RULE.match,
    "lines": found(normalise._LINES),
    "details": lambda text: [pattern.search(text) for pattern in signals._DETAILS.values()],
    "clean": lambda text: normalise.clean(normalise.strip_html(text)),
}


@pytest.mark.parametrize("name", WORK)
def test_time_is_linear(name: str) -> None:
    assert [unit for unit in UNITS if grows(WORK[name], unit)] == []


def test_the_test_finds_a_square() -> None:
    assert grows(lambda text: re.compile(r"\S+@\S+").search(text), "a", 5_000)


@pytest.mark.parametrize("unit", ["，", "1 ", "12 ", "138 ", "a@", "a", "张三，", "一", "[", " ", "\n", "1,", "<a "])
def test_masking_takes_time_in_proportion(unit: str) -> None:
    assert not grows(privacy.mask, unit, 2_500)


def test_words_beside_links_and_numbers_still_tell_the_language() -> None:
    assert detect("bonjour je voudrais www.example.com/the/and [the order] 1the anna@the.com une facture") == "fr"
    assert detect("@the je voudrais une facture") == "fr"
