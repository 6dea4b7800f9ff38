"""What was found, and the view of a text in which it is looked for."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from kefu.text.disguise import ALIKE

#: The types that `kefu data privacy-scan` reports, in the order of the documentation.
SCANNED = (
    "cn_resident_id", "cn_mobile", "cn_landline", "bank_card", "credit_card", "email", "cn_plate", "cn_passport", "cn_uscc", "address",
    "person_name", "ipv4", "ipv6", "iban", "us_ssn", "us_phone", "uk_phone", "secret",
)  # fmt: skip

#: What the scan calls types that have placeholder words of their own: a code that lets one in is a secret while it holds.
REPORTED_AS = {"one_time_code": "secret"}


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of personal data: `text == source[start:end]`."""

    start: int
    end: int
    type: str
    text: str


def _digits() -> dict[int, int]:
    """Digits of other scripts and styles, one character each."""
    table: dict[int, int] = {}
    for zero in (0xFF10, 0x0660, 0x06F0, 0x0966, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6):
        table |= {zero + n: 48 + n for n in range(10)}
    for one in (0x2460, 0x2474, 0x2776, 0x2780, 0x278A):  # ① ⑴ ❶ ➀ ➊
        table |= {one + n: 49 + n for n in range(9)}
    return table | {0x24EA: 48, 0x24FF: 48}


# One to one, so that positions hold: full-width letters, digits and signs to half-width, odd blanks and dashes to plain ones.
_PLAIN = {code: code - 0xFEE0 for code in (*range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B), 0xFF0B, 0xFF0D, 0xFF0E, 0xFF20, 0xFF03, 0xFF1D, 0xFF3F)}
_PLAIN |= _digits() | dict.fromkeys((160, 12288, 8239, *range(8192, 8203)), 32) | dict.fromkeys((8208, 8209, 8210, 8211, 8212, 8722), 45)
_UNPLAIN = re.compile(f"[{''.join(map(chr, sorted(_PLAIN)))}]")
_INVISIBLE = re.compile(
    "[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u00ad\u034f\u061c\u180b-\u180f\u115f\u1160\u3164\uffa0\ufe00-\ufe0f\u20e3\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)
#: Neither ASCII nor Han nor the signs of Chinese: only where one of these stands the odd ways below are looked for.
_ODD = re.compile("[^\x00-\x7f\u2014-\u2026\u3000-\u303f\u4e00-\u9fff\uff01-\uff0f\uff1a-\uff20]")
_ODD_DIGIT = re.compile(r"(?![0-9])\d")  # of any script (Nd), those of terminals too
_RAISED = re.compile("[⁰¹²³⁴-⁹₀-₉]{3,}")  # one or two are a footnote or an exponent
_ON_DIGITS = re.compile("(?<=[0-9])[\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]+")
_STYLED = re.compile("[\ufe52\ufe63\ufe6b\U0001d400-\U0001d7ff]")  # small signs, mathematical letters
_MIRRORED = re.compile("\u202e([0-9]{7,19})(?![0-9])")  # shown from right to left
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w.-]{1,100}")
_PERCENT = re.compile(r"(?<=[A-Za-z0-9])%40(?=[A-Za-z0-9-]{1,63}\.[A-Za-z])")
_NOTHING = "\u200b"


def plain(text: str) -> tuple[str, list[int]]:
    """Comparable text, and the place of each of its characters in the original when characters were left out."""
    if text.isascii() and "%40" not in text:
        return text, []
    view = text.translate(_PLAIN) if _UNPLAIN.search(text) else text
    if "%40" in view:
        view = _PERCENT.sub("@" + 2 * _NOTHING, view)
    if _ODD.search(view):
        view = _usual(view)
    if not _INVISIBLE.search(view):
        return view, []
    places = [i for i, char in enumerate(view) if not _INVISIBLE.match(char)]
    return "".join(view[i] for i in places), places


def _usual(view: str) -> str:
    """As many characters, the odd ones as the plain ones that they look like or stand for."""
    view = _ODD_DIGIT.sub(lambda hit: str(unicodedata.digit(hit[0])), view)
    view = _STYLED.sub(lambda hit: _one(unicodedata.normalize("NFKC", hit[0]), hit[0]), view)
    view = _RAISED.sub(lambda hit: "".join(str(unicodedata.digit(char)) for char in hit[0]), view)
    view = _ON_DIGITS.sub(lambda hit: _NOTHING * len(hit[0]), view)
    if "\u202e" in view:
        view = _MIRRORED.sub(lambda hit: _NOTHING + hit[1][::-1], view)
    if "@" in view:
        view = _MAIL.sub(lambda hit: hit[0] if hit[0].isascii() else "".join(map(_latin, hit[0])), view)
    return view


def _latin(char: str) -> str:
    """The Latin letter that a Cyrillic or Greek one looks like."""
    return char if char.isascii() else ALIKE.get(char.lower(), char)


def _one(plain: str, char: str) -> str:
    return plain if len(plain) == 1 else char
