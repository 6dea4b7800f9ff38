"""Normalisation that keeps meaning: prices, negation, versions, URLs and punctuation stay.

`clean` is for text that people will read again; `fold` is for comparing (never shown to anyone).
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

# Beside control characters what is shown as nothing or only turns the direction of others: data hides there. Tags stay in flags of regions
# (a black flag, letters as tags, an end), which are pictures that people see (Unicode TR51).
_HIDDEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e0fff"
)
_FLAG = "\U0001f3f4[\U000e0030-\U000e007a]{3,6}\U000e007f"
_CONTROL = re.compile(f"({_FLAG})|[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f{_HIDDEN}]")
_MIRRORED = re.compile("\u202e([^\u202a-\u202e\u2066-\u2069\\n]*)")  # shown from right to left, and so read
_NAMES = (
    "a|abbr|address|article|aside|audio|b|big|blockquote|body|br|button|caption|center|cite|code|col|colgroup|dd|del|details|div|dl|dt|em|figcaption|"
    "figure|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|kbd|label|li|link|main|mark|meta|nav|noscript|o:p|ol|option|p|pre|q|s|"
    "samp|script|section|select|small|source|span|strike|strong|style|sub|summary|sup|table|tbody|td|textarea|tfoot|th|thead|title|tr|tt|u|ul|var|video|wbr"
)
# What follows a tag's name must be attributes: `<b then c>` is a comparison, `<b class="x">`, `<br/>` and `<td nowrap>` are tags.
_VALUE = r"\"[^\"<]*\"|'[^'<]*'|[^\s\"'<>=`]+"
_BARE = "nowrap|disabled|checked|selected|hidden|controls|autoplay|async|defer|required|multiple|noshade|open"
_ATTRIBUTES = rf"(?:\s+[a-z_:@][\w:.@-]*\s*=\s*(?:{_VALUE})|\s+(?:{_BARE}))*"
_TAG = re.compile(rf"<(?:(?:{_NAMES}){_ATTRIBUTES}\s*/?|/\s*(?:{_NAMES})\s*|!doctype\b[^<>]*)>", re.IGNORECASE)
_BREAK = re.compile(rf"<(?:br{_ATTRIBUTES}\s*/?|/\s*(?:p|div|li|tr|h[1-6]|blockquote|section|article|dd|dt)\s*)>", re.IGNORECASE)
_SCRIPT = re.compile(rf"<(script|style){_ATTRIBUTES}\s*>.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_CLOSED = re.compile(r"</([abiqsu])>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\u00a0\u2000-\u200a\u3000]+")
_LINES = re.compile(r"(?<!\s)\s*\n\s*")
# Full-width letters, digits and the signs that stand inside numbers, addresses and codes. Chinese
# punctuation (，。？！：；（）) is meaning, not dirt, and stays.
_FULL = {code: code - 0xFEE0 for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}
_FULL |= {ord(full): half for full, half in zip("＠％＋－／．＃＿＝", "@%+-/.#_=", strict=True)}
# A text without any of these, and without a blank, is clean: control characters, blanks of any kind, full-width letters and digits.
_UNCLEAN = re.compile(f"[\\x00-\\x1f\\x7f-\\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000{_HIDDEN}{''.join(map(chr, _FULL))}]")
# A blank between Chinese signs is dirt, unless it ends a mention or the value of a field (`@客服 外机`, `用户：张三 手机：…`).
_SPACE_IN_CHINESE = re.compile(
    r"([@:：][^\s@:：，。！？；、]{2,20} )|(?<=[\u4e00-\u9fff，。？！；：、]) +(?=[\u4e00-\u9fff，。？！；：、])(?![^\s，。？！；：、:]{1,8}[:：])"
)


def strip_html(text: str) -> str:
    """Remove known tags and decode entities; `a < b`, `if a<b then c>d` and `<订单号>` are not tags and stay."""
    if "<" in text:
        if "</s" in text.lower() or "-->" in text:
            text = _SCRIPT.sub(" ", text)
        text = _BREAK.sub("\n", text)
        closed = frozenset(name.lower() for name in _CLOSED.findall(text))
        text = _TAG.sub(lambda match: match[0] if _compares(match, closed) else " ", text)
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text  # without `;` it is a parameter: `?a=1&copy=2`


def _compares(match: re.Match[str], closed: frozenset[str]) -> bool:
    """Is `a<b>c` meant: a one-letter name between two values, which nothing closes?"""
    tag, start, end = match[0], match.start(), match.end()
    if len(tag) != 3 or tag[1].lower() in closed or tag[1] in "pP":
        return False
    before, after = match.string[max(0, start - 1) : start], match.string[end : end + 1]
    return before.isascii() and before.isalnum() and after.isascii() and after.isalnum()


def clean(text: str) -> str:
    """NFC, no control characters, half-width letters and digits, single blanks and line ends."""
    if text.isascii():
        if "  " not in text and text.isprintable():
            return text.strip(" ")
    elif " " not in text and not _UNCLEAN.search(text) and unicodedata.is_normalized("NFC", text):
        return text
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\u202e" in text:
        text = _MIRRORED.sub(lambda match: match[1][::-1], text)
    text = _CONTROL.sub(r"\1", unicodedata.normalize("NFC", text))
    text = _BLANKS.sub(" ", text.translate(_FULL))
    text = _LINES.sub("\n", text)
    return _SPACE_IN_CHINESE.sub(lambda match: match[1] or "", text).strip()


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
    text = _CONTROL.sub(r"\1", text)  # also the three signs used as markers below
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
