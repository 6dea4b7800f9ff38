"""Find personal data: numbers and secrets by the table of recognisers, names and addresses by rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from kefu.text.privacy import addresses, names
from kefu.text.privacy.span import Span, plain
from kefu.text.privacy.table import Recogniser, order_label, recognisers

_HAN = re.compile(r"[\u4e00-\u9fff]")
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
_MOST_DIGITS = 20  # no recogniser asks for more


def find(text: str) -> list[Span]:
    """Personal data in the text, in order, without overlap. Placeholders of an earlier masking are not found again."""
    view, places = plain(text)
    taken = bytearray(len(view))
    accepted: list[tuple[int, int, str]] = []

    def offer(start: int, end: int, type: str) -> None:
        if start < end and taken.find(1, start, end) < 0:
            taken[start:end] = b"\x01" * (end - start)
            accepted.append((start, end, type))

    for start, end, type in _numbers(view):
        offer(start, end, type)
    for start, end in addresses.find(view):
        offer(start, end, "address")
    personal = [(start, end) for start, end, type in accepted if type in _PERSONAL]
    for start, end in names.find(view, personal):
        offer(start, end, "person_name")
    spans = []
    for start, end, type in sorted(accepted):
        a, b = (places[start], places[end - 1] + 1) if places else (start, end)
        spans.append(Span(a, b, type, text[a:b]))
    return spans


def _numbers(text: str) -> Iterator[tuple[int, int, str]]:
    digits = sum(map(str.isdigit, text))
    if spelt := bool(_SPELT.search(text)):
        digits = max(digits, 99)
    private = bytearray(b"\x01") * len(text)
    for match in _PUBLIC.finditer(text) if digits >= 3 else ():
        private[match.start() : match.end()] = bytes(match.end() - match.start())
    for recogniser in _for_digits(min(digits, _MOST_DIGITS)):
        if recogniser.needs is not None and recogniser.needs.search(text) is None:
            continue
        if recogniser.finder is not None and recogniser.finder.__name__ == "spoken_numbers" and not (spelt or digits >= 11):
            continue
        for start, end, valid, type in recogniser.found(text):
            # A service number may be known to anybody; three digits behind `cvv` are none.
            if (private.find(1, start, end) >= 0 or recogniser.type == "one_time_code") and _accept(recogniser, text, start, end, valid):
                yield start, end, type or recogniser.type


@lru_cache(maxsize=_MOST_DIGITS + 1)
def _for_digits(digits: int) -> tuple[Recogniser, ...]:
    """The recognisers of values with at most so many digits."""
    return tuple(recogniser for recogniser in recognisers() if recogniser.digits <= digits)


def _accept(recogniser: Recogniser, text: str, start: int, end: int, valid: bool | None) -> bool:
    if valid is False and recogniser.strict:
        return False
    if recogniser.han is not None and bool(_HAN.search(text, max(0, start - 20), end + 20)) != recogniser.han:
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
    if recogniser.order and order_label().search(_CLAUSE.split(lead)[-1]):
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
    return context.search(after) is not None
