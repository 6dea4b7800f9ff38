"""Numbers said in English words: telephones, cards and social security numbers, "five five five, double one two"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kefu.text.privacy import checks
from kefu.text.privacy.finders import Found

_DIGITS = {word: str(n) for n, word in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])} | {
    "oh": "0",
    "o": "0",
    "nought": "0",
}
_TIMES = {"double": 2, "triple": 3, "treble": 3}
_ONE = rf"(?:(?:{'|'.join(_TIMES)})\s)?(?:{'|'.join(_DIGITS)})(?:\shundred)?|\d{{1,4}}"
_RUN = re.compile(
    rf"(?<![A-Za-z0-9])(?:plus\s)?(?:{_ONE})(?:(?:[ ,.\-–—/]|\s(?:and|then|area code)\s){{1,3}}(?:{_ONE})){{6,21}}(?![A-Za-z0-9])", re.IGNORECASE
)
_TWO = re.compile(rf"\b(?:{'|'.join(_DIGITS)})[ ,-]{{1,2}}(?:{'|'.join((*_DIGITS, *_TIMES))})\b", re.IGNORECASE)
_WORD = re.compile(r"[a-z]+|\d+", re.IGNORECASE)
_TELEPHONE = re.compile(r"phone|mobile|cell|call|tel\b|number|reach|dial|text|ring|whatsapp|fax", re.IGNORECASE)
_SOCIAL = re.compile(r"ssn|social", re.IGNORECASE)
_LEAD = 40  # characters before a number in which it may be named


def spoken_words(text: str, bits: int) -> Iterator[Found]:
    """Runs of at least seven digits of which at least four are words; what they are follows from their count and what leads to them."""
    for match in _RUN.finditer(text) if _TWO.search(text) else ():
        number, words = _read(match.group())
        if words < 4:
            continue
        lead = text[max(0, match.start() - _LEAD) : match.start()]
        if kind := _kind(number, lead):
            yield match.start(), match.end(), True, kind


def _kind(number: str, lead: str) -> str:
    national = number.removeprefix("1") if len(number) == 11 else number
    if len(number) == 9 and _SOCIAL.search(lead):
        return "us_ssn" if checks.ssn(number) else ""
    if len(number) == 11 and number[0] == "1" and number[1] in "3456789" and not checks.us_phone(number):
        return "cn_mobile"
    if len(number) >= 15 and checks.luhn(number):
        return checks.issuer(number)[0]
    if number[:1] == "0" and checks.uk_phone(number):
        return "uk_phone"
    if number.startswith("44") and checks.uk_phone(number):
        return "uk_phone"
    if len(national) == 10 and national[0] not in "01":
        return "us_phone"
    return "us_phone" if len(number) == 7 and _TELEPHONE.search(lead) else ""


def _read(run: str) -> tuple[str, int]:
    """The digits of a run, and how many of them were words."""
    number, words, times = "", 0, 1
    for match in _WORD.finditer(run.lower()):
        word = match.group()
        if word in _TIMES:
            times = _TIMES[word]
        elif word in _DIGITS:
            number += _DIGITS[word] * times
            words, times = words + times, 1
        elif word == "hundred":
            number += "00"
        elif word.isdigit():
            number += word
    return number, words
