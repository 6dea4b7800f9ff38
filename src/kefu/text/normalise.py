"""Normalisation that keeps meaning: prices, negation, versions, URLs and punctuation stay.

`clean` is for text that people will read again; `fold` is for comparing (never shown to anyone).
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\ufffe\uffff]")
_NAMES = "p|div|br|span|b|i|u|a|em|strong|font|ul|ol|li|table|tr|td|th|tbody|h[1-6]|img|hr|pre|code|blockquote"
_TAG = re.compile(rf"</?(?:{_NAMES})\b[^<>]*>", re.IGNORECASE)
_BREAK = re.compile(r"<\s*(?:br|/p|/div|/li|/tr|/h[1-6])\b[^<>]*>", re.IGNORECASE)
_SCRIPT = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_BLANKS = re.compile(r"[ \t\u00a0\u2000-\u200a\u3000]+")
_LINES = re.compile(r"\s*\n\s*")
# Full-width letters, digits and the signs that stand inside numbers, addresses and codes. Chinese
# punctuation (，。？！：；（）) is meaning, not dirt, and stays.
_FULL = {code: code - 0xFEE0 for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}
_FULL |= {ord(full): half for full, half in zip("＠％＋－／．＃＿＝", "@%+-/.#_=", strict=True)}
_SPACE_IN_CHINESE = re.compile(r"(?<=[\u4e00-\u9fff，。？！；：、]) +(?=[\u4e00-\u9fff，。？！；：、])")


def strip_html(text: str) -> str:
    """Remove known tags and decode entities; `a < b` and `<订单号>` are not tags and stay."""
    if "<" in text:
        text = _SCRIPT.sub(" ", text)
        text = _BREAK.sub("\n", text)
        text = _TAG.sub(" ", text)
    return html.unescape(text) if "&" in text else text


def clean(text: str) -> str:
    """NFC, no control characters, half-width letters and digits, single blanks and line ends."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub("", unicodedata.normalize("NFC", text))
    text = _BLANKS.sub(" ", text.translate(_FULL))
    text = _LINES.sub("\n", text)
    return _SPACE_IN_CHINESE.sub("", text).strip()


_WORD = re.compile(r"[^\W_]+")
_MARKED_WORD = re.compile(r"(?:[^\W_]|[\x00-\x02])+")
_IN_NUMBER = re.compile(r"[.,:](?<=\d.)(?=\d)")
_MINUS = re.compile(r"(?<!\w)-(?=\d)")


@lru_cache(16384)
def fold(text: str) -> str:
    """The comparison form: NFKC, case-folded, letters, digits and Han only, one space between words.

    `%`, `.` inside numbers and minus signs are kept, so that 99.5 and 995 stay apart.
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _CONTROL.sub("", text)  # also the three signs used as markers below
    word = _WORD
    if _IN_NUMBER.search(text) or "-" in text or "%" in text:
        text = _MINUS.sub("\x01", _IN_NUMBER.sub("\x00", text)).replace("%", "\x02")
        word = _MARKED_WORD
    words = word.findall(text)
    if text.isascii():
        folded = " ".join(words)
    else:
        parts: list[str] = []
        for one in words:  # no space beside Han
            if parts and not ("\u4e00" <= parts[-1][-1] <= "\u9fff" or "\u4e00" <= one[0] <= "\u9fff"):
                parts.append(" ")
            parts.append(one)
        folded = "".join(parts)
    return folded if word is _WORD else folded.replace("\x00", ".").replace("\x01", "-").replace("\x02", "%").strip()
