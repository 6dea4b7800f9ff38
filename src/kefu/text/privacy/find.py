"""Find personal data: numbers and secrets by the table of recognisers, names and addresses by rule."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Iterator
from functools import lru_cache

from kefu.text.gate import Gates
from kefu.text.privacy import addresses, addresses_zh, finders, names, names_zh
from kefu.text.privacy.gates import GATES
from kefu.text.privacy.span import Span, plain
from kefu.text.privacy.table import Recogniser, order_label, recognisers

_HAN = re.compile(r"[\u4e00-\u9fff]")
_DIGIT = re.compile(r"[0-9]")
_UNUSUAL = re.compile("[^\x00-\x7f\u2e80-\u9fff\uff01-\uff0f\uff1a-\uffef]")  # there may be digits among what is neither ASCII nor Chinese
_SPELT = re.compile(
    "[零〇○幺一二三四五六七八九壹贰叁肆伍陆柒捌玖](?:[ \\-,，、·]{0,3}[0-9零〇○幺一二三四五六七八九壹贰叁肆伍陆柒捌玖oO]){5}|[0-9]{3}[oO0-9]{0,7}[oO]"
)
# Service numbers anybody may know: 400 and 800 hotlines, short codes of carriers, banks and emergency services.
_PUBLIC = re.compile(
    r"(?<![\d-])(?:(?:\+?86[- ]?)?[48]00[- ]?\d{3}[- ]?\d{4}|[48]00[- ]?\d{4}[- ]?\d{3}|400[- ]?\d{2}[- ]?\d{5}|400(?:[- ]?\d){7}|"
    r"95\d{3,4}|96\d{3,4}|100\d{2}|1010\d{4}|12\d{3}|1[12][0-9])(?:(?:转|-)\d{1,4})?(?![\d-])"
)
#: Beside a value of these types a name is told from its surname alone.
_PERSONAL = frozenset({"cn_mobile", "cn_landline", "us_phone", "uk_phone", "phone", "cn_resident_id", "bank_card", "address", "cn_passport", "email"})
_CLAUSE = re.compile(r"[。！？!?；;\n]")
_PART = re.compile(r"[，,。！？!?；;\n]")
_ASKED = re.compile(r"[:：?？]\s*$")
_AFTER = 12
_LEADS = re.compile(r"[号码是为:： ]{0,4}\d{4}")  # 6222…和身份证1101…: the word belongs to the next number
_SHORT = 500  # characters of texts that are remembered


def find(text: str) -> list[Span]:
    """Personal data in the text, in order, without overlap. Placeholders of an earlier masking are not found again."""
    return list(_found_again(text) if len(text) <= _SHORT else _found(text))


def _found(text: str) -> tuple[Span, ...]:
    view, places = plain(text)
    bits = _gates()(view)
    taken = bytearray(len(view))
    accepted: list[tuple[int, int, str]] = []

    def offer(start: int, end: int, type: str) -> None:
        if start < end and taken.find(1, start, end) < 0:
            taken[start:end] = b"\x01" * (end - start)
            accepted.append((start, end, type))

    for start, end, type in _numbers(view, bits):
        offer(start, end, type)
    for start, end in addresses.find(view, bits):
        offer(start, end, "address")
    personal = [(start, end) for start, end, type in accepted if type in _PERSONAL]
    for start, end in names.find(view, personal, bits):
        offer(start, end, "person_name")
    spans = []
    for start, end, type in sorted(accepted):
        a, b = (places[start], places[end - 1] + 1) if places else (start, end)
        spans.append(Span(a, b, type, text[a:b]))
    return tuple(spans)


_found_again = lru_cache(maxsize=8192)(_found)  # standard replies come again and again, and one text passes several steps


@lru_cache(maxsize=1)
def _gates() -> Gates:
    """With all patterns that it is to hold."""
    recognisers()
    names_zh.prepare()
    addresses_zh.prepare()
    return GATES


def _numbers(text: str, bits: int) -> Iterator[tuple[int, int, str]]:
    digits = _digits(text)
    spelt = not (digits < 3 and text.isascii()) and _SPELT.search(text) is not None
    asked = _asked(99 if spelt else digits, bits & _recognised())
    private: bytearray | None = None
    for recogniser in asked:
        if recogniser.needs is not None and recogniser.needs.search(text) is None:
            continue
        for start, end, valid, type in recogniser.found(text, bits):
            if private is None:
                private = _private(text, spelt or digits >= 3)
            # A service number may be known to anybody; three digits behind `cvv` are none.
            if (private.find(1, start, end) >= 0 or recogniser.type == "one_time_code") and _accept(recogniser, text, start, end, valid):
                yield start, end, type or recogniser.type


def _private(text: str, digits: bool) -> bytearray:
    """1 for each character that belongs to no service number. digits: are there enough of them for one?"""
    private = bytearray(b"\x01") * len(text)
    for match in _PUBLIC.finditer(text) if digits else ():
        private[match.start() : match.end()] = bytes(match.end() - match.start())
    return private


def _digits(text: str) -> int:
    if text.isascii() or not _UNUSUAL.search(text):
        return len(_DIGIT.findall(text))
    return sum(map(str.isdigit, text))


@lru_cache(maxsize=1)
def _recognised() -> int:
    """The bits of which recognisers ask some."""
    return functools.reduce(operator.or_, (gate.a | gate.b for one in recognisers() for gate in one.gates()))


@lru_cache(maxsize=4096)
def _asked(digits: int, bits: int) -> tuple[Recogniser, ...]:
    """The recognisers that may find something in a text with so many digits and these bits."""
    return tuple(one for one in recognisers() if one.asked(digits, bits) and (one.finder is not finders.spoken_numbers or digits >= 11))


def _accept(recogniser: Recogniser, text: str, start: int, end: int, valid: bool | None) -> bool:
    if valid is False and recogniser.strict:
        return False
    if recogniser.han is not None and bool(_HAN.search(text, max(0, start - 40), end + 40)) != recogniser.han:
        return False
    lead = text[max(0, start - 48) : start]
    if (
        recogniser.unless
        and recogniser.unless.search(lead)
        # Only a word of the same clause says otherwise: 能ping通，驱动版本6.1.0.44.
        and not (recogniser.context and recogniser.context.search(_PART.split(lead)[-1][-recogniser.reach :]))
    ):
        return False
    if recogniser.unless_after and recogniser.unless_after.match(text, end):
        return False
    if (recogniser.order or valid is False) and order_label().search(_CLAUSE.split(lead)[-1]):
        return False
    if valid and not recogniser.context_only:
        return True
    if recogniser.context is None:
        return valid is not False
    reach = 200 if recogniser.wide else recogniser.reach
    return _told(recogniser.context, text, start, end, reach, recogniser.wide)


def _told(context: re.Pattern[str], text: str, start: int, end: int, reach: int, wide: bool) -> bool:
    """Does a context word stand before the value in its clause, or right after it? `wide`: anywhere around it?"""
    if wide:
        return context.search(text, max(0, start - reach), end + reach) is not None
    # A label on the line above and a question just asked lead to the value: `Phone:\\n…`, `your card? …`.
    if context.search(_CLAUSE.split(_ASKED.sub("", text[max(0, start - reach) : start]))[-1]):
        return True
    after = re.split(r"\d{3}", _CLAUSE.split(text[end : end + _AFTER])[0])[0]
    behind = context.search(after)
    return behind is not None and not _LEADS.match(text, end + behind.end())
