"""What was found, and the view of a text in which it is looked for."""

from __future__ import annotations

import re
from dataclasses import dataclass

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
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u00ad\u034f\u061c\u180b-\u180f\u115f\u1160\u3164\uffa0\ufe00-\ufe0f\u20e3]")


def plain(text: str) -> tuple[str, list[int]]:
    """Comparable text, and the place of each of its characters in the original when characters were left out."""
    if text.isascii():
        return text, []
    view = text.translate(_PLAIN) if _UNPLAIN.search(text) else text
    if not _INVISIBLE.search(view):
        return view, []
    places = [i for i, char in enumerate(view) if not _INVISIBLE.match(char)]
    return "".join(view[i] for i in places), places
