"""The pass before the patterns never keeps from a pattern a text that it would match."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kefu.data.words import lexicon
from kefu.text import expression, gate
from kefu.text.privacy import addresses_en, names_en, table
from kefu.text.privacy import find as find_text
from kefu.text.privacy.gates import GATES

#: Letters whose lower case or whose equal without regard to case is another: long s, dotless and dotted i, Kelvin, sharp s, final sigma.
_ODD = "ſıİKßẞΣςσǅÅé\u0307\ud800\u3000\u2003\x1c\x85１２٣²①"
_SIGNS = " \t\n,.:;!?，。：？、（）()[]@#/-_·'’\"“”+=*~"


@lru_cache(maxsize=1)
def _pieces() -> tuple[str, ...]:
    """Words that patterns ask for, so that random texts come near to matching."""
    find_text("a text")
    asked = {piece for one in GATES._gates for clause in gate.clauses(one.pattern) for piece in clause if piece[:1] != "\x00"}
    return tuple(sorted({*asked, "John Smith", "王小明", "李娜", "北京市朝阳区", "12 Main Street", "Springfield", "IL 62704", "13800138000"}))


@st.composite
def _texts(draw: st.DrawFn) -> str:
    r = random.Random(draw(st.integers(0, 2**32)))
    parts = []
    for _ in range(draw(st.integers(1, 12))):
        kind = r.random()
        if kind < 0.5:
            piece = r.choice(_pieces())
            parts.append(r.choice([str, str.upper, str.title])(piece))
        elif kind < 0.7:
            parts.append("".join(r.choice("0123456789") for _ in range(r.randint(1, 12))))
        elif kind < 0.9:
            parts.append(r.choice(_SIGNS) * r.randint(1, 2))
        else:
            parts.append(r.choice(_ODD))
    text = "".join(parts) if r.random() < 0.5 else " ".join(parts)
    return text.translate({ord("s"): "ſ", ord("k"): "\u212a", ord("i"): "ı"}) if r.random() < 0.1 else text


def _shut(gates: gate.Gates, text: str) -> list[str]:
    bits = gates(text)
    return [one.pattern.pattern for one in gates._gates if not one.open(bits) and not one.needs and one.search(text)]


@settings(max_examples=400, deadline=None)
@given(_texts())
def test_no_pattern_of_personal_data_is_kept_from_a_text_that_it_matches(text: str) -> None:
    assert _shut(GATES, text) == []


@settings(max_examples=200, deadline=None)
@given(_texts())
def test_no_sign_of_a_conversation_is_kept_from_a_text_that_shows_it(text: str) -> None:
    assert _shut(_signs(), text) == []


@lru_cache(maxsize=1)
def _signs() -> gate.Gates:
    gates = gate.Gates()
    for pattern in lexicon().values():
        gates.add(pattern)
    return gates


@settings(max_examples=300, deadline=None)
@given(_texts())
def test_shortcuts_of_names_and_addresses_keep_what_the_patterns_find(text: str) -> None:
    told = any(names_en._ONE_RUN.match(text, match.end()) for match in names_en._LED.finditer(text))
    assert names_en._led(text) or not told
    assert [match.span() for match in names_en.runs(text)] == [match.span() for match in names_en._RUNS.finditer(text)]
    for quick, patterns in (
        (addresses_en._NUMBERED, (addresses_en._STREET, addresses_en._RARE_STREET)),
        (addresses_en._NUMBERED_LOWER, (addresses_en._LOWER,)),
        (addresses_en._FIVE, (addresses_en._TOWN_ZIP,)),
    ):
        assert quick.search(text) or not any(one.search(text) for one in patterns)


@settings(max_examples=200, deadline=None)
@given(_texts())
def test_recognisers_that_are_not_asked_would_find_nothing(text: str) -> None:
    bits, digits = GATES(text), sum(map(str.isdigit, text))
    for one in table.recognisers():
        if one.gate is not None and one.finder is None and one.digits <= digits and not one.gate.open(bits):
            needed = one.needs is None or one.needs.search(text)
            assert not (needed and one.gate.search(text)), one.gate.pattern.pattern


@pytest.mark.parametrize(
    ("pattern", "flags", "meets", "misses"),
    [
        (r"\b(?:refund|money back)\b", re.IGNORECASE, "A REFUND, please", "nothing of it"),
        (r"退(?:款|货)", 0, "我要退货", "我要换货"),
        (r"(?:mr|mrs)\.?\s[A-Z]", re.IGNORECASE, "MRS.\u00a0Green", "smrt and more"),
        (r"(?<!\d)\d{3}-\d{4}", 0, "call 555-1234", "call me"),
        (r"names?(?=\s?[:：])", re.IGNORECASE, "NAME：王", "my Nam"),
        (r"kiss|stick", re.IGNORECASE, "\u212ai\u017f\u017f", "ki55"),
    ],
)
def test_what_a_pattern_needs_follows_from_it(pattern: str, flags: int, meets: str, misses: str) -> None:
    gates = gate.Gates()
    one = gates.add(re.compile(pattern, flags))
    assert one.search(meets) and one.open(gates(meets)) and [match.span() for match in one.found(gates(meets), meets)]
    assert not one.open(gates(misses)) and not list(one.found(gates(misses), misses))


@pytest.mark.parametrize("pattern", [r"(?:a|)b?", r".*", r"[^a]+", r"x*", r"\w\W"])
def test_a_pattern_that_needs_nothing_is_always_tried(pattern: str) -> None:
    gates = gate.Gates()
    one = gates.add(re.compile(pattern))
    assert one.open(gates("")) and one.open(gates("q")) and one.open(gates("\ud800"))


_SAID = (
    "我是王小明，电话13800138000，住北京市朝阳区建国路88号",
    "My name is John Smith, 12 Main Street, Springfield, IL 62704",
    "订单20231105退款多久到账",
)


@pytest.mark.parametrize("parse", ["no module", "other form", "other name"])
def test_where_expressions_cannot_be_read_every_pattern_is_tried(parse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(text: str, flags: int) -> object:
        if parse == "no module":
            raise ModuleNotFoundError("re._parser")
        return {"other form": [("LITERAL", 97, 1)], "other name": [("LETTER", 97)]}[parse]

    expression._readable.cache_clear()
    monkeypatch.setattr(expression, "_parse", other)
    try:
        gates = gate.Gates()
        made = [gates.add(one.pattern) for one in GATES._gates]
        assert made and not any(gate.clauses(one.pattern) for one in made)
        assert all(one.open(gates(text)) for one in made for text in ("", "a", *_SAID))
    finally:
        expression._readable.cache_clear()


def test_the_same_is_found_without_the_parsed_form() -> None:
    code = (
        "import sys, re; {}; from kefu.text import gate, privacy; "
        f"print([privacy.find(text) for text in {_SAID!r}], gate.clauses(re.compile('foo|bar')) == [])"
    )
    told = []
    for before in ("pass", "sys.modules['re._parser'] = None"):
        done = subprocess.run([sys.executable, "-c", code.format(before)], capture_output=True, text=True, timeout=120, check=True)
        told.append(done.stdout.strip().rsplit(" ", 1))
    assert told[0][0] == told[1][0] and "person_name" in told[0][0]
    assert [one[1] for one in told] == ["False", "True"]


def test_this_python_writes_expressions_as_they_are_read() -> None:
    assert expression._readable()
