"""Undo what people do to hide words: full-width and look-alike letters, traditional characters,
blanks and signs between characters, zero-width characters, digits for letters, base64.

`fold_char` is the one-character form used on streams; `unmask` is the whole-text form used on
questions; neither is ever shown to anyone.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from functools import lru_cache
from importlib import resources

# Cyrillic and Greek letters that look like Latin ones (Unicode TR39 calls them confusables; the common few).
ALIKE = dict(zip("аеорсухіјѕԁһкмтвнɡαονρτυκιɑ", "aeopcyxijsdhkmtbhgaovptukia", strict=True))
_LEET = str.maketrans("013457@$", "oieastas")
# Default_Ignorable_Code_Point of Unicode (DerivedCoreProperties): shown as nothing, the Hangul fillers among them although they are letters.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
#: `unmask` reads so many characters, as written and once normalised.
MOST = 10_000
_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
# Signs between two Han characters that no sentence needs there (pause marks such as ，。！？ stay).
_BETWEEN_HAN = re.compile(rf"(?<=[{_HAN}])[\s\-_*.·•・|/\\~^+=#&@$%'\"`…—<>()\[\]{{}}【】「」『』《》（）]+(?=[{_HAN}])")
_SPELT = re.compile(r"(?<![a-z0-9])[a-z0-9](?:[ \-_.*|/~·][a-z0-9]){3,}(?![a-z0-9])")
_MIXED = re.compile(r"(?<![a-z0-9@$])(?=[a-z0-9@$]*[a-z])(?=[a-z0-9@$]*[0134570@$])[a-z0-9@$]{4,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")


@lru_cache(maxsize=1)
def traditional() -> dict[str, str]:
    """Traditional character -> simplified one (the table in variants.txt)."""
    text = resources.files("kefu.text").joinpath("variants.txt").read_text("utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {a: b for left, right in zip(lines[::2], lines[1::2], strict=True) for a, b in zip(left, right, strict=True)}


@lru_cache(maxsize=8192)
def fold_char(char: str) -> str:
    """The comparison form of one character: zero or more letters, digits, Han characters or `%`."""
    found = []
    if _INVISIBLE.match(char):
        return ""
    for part in unicodedata.normalize("NFKD", char).casefold():
        part = traditional().get(part, ALIKE.get(part, part))
        if part == "%" or unicodedata.category(part)[0] in "LN":
            found.append(part)
    return "".join(found)


def folded_size(text: str) -> int:
    """Characters of the text as written or normalised (NFKC), whichever is more: one `ﷺ` becomes eighteen."""
    return len(text) if text.isascii() else max(len(text), len(unicodedata.normalize("NFKC", text)))


def bounded(text: str, most: int) -> str:
    """The beginning of the text that has at most `most` characters, as written and normalised."""
    text = text[:most]
    if folded_size(text) <= most:
        return text
    size = 0
    for i, char in enumerate(text):
        size += len(unicodedata.normalize("NFKC", char))
        if size > most:
            return text[:i]
    return text


def unmask(text: str) -> str:
    """Lower case, half-width, simplified, no invisible or look-alike letters, spelt-out words joined.

    Blanks between words and the marks between clauses stay, so that rules can tell clauses apart. Reads the first `MOST` characters.
    """
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", bounded(text, MOST))).casefold()
    if not text.isascii():
        table = traditional()
        text = "".join(table.get(c, ALIKE.get(c, c)) for c in text)
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
        text = text.replace("’", "'").replace("‘", "'")
        text = _BETWEEN_HAN.sub("", text)
    text = _SPELT.sub(lambda hit: re.sub(r"[ \-_.*|/~·]", "", hit[0]), text)
    return re.sub(r"[ \t\u00a0]+", " ", text).strip()


def unleet(text: str) -> str:
    """`1gn0re` -> `ignore`: digits and signs to letters, inside words that have both."""
    return _MIXED.sub(lambda hit: hit[0].translate(_LEET), text)


def decoded(text: str) -> list[str]:
    """Readable texts hidden in base64 runs of 16 and more characters (at most four are tried)."""
    found = []
    for run in _BASE64.findall(text)[:4]:
        plain = run.rstrip("=").replace("-", "+").replace("_", "/")
        try:
            inner = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            continue
        if len(inner) >= 6 and all(c.isprintable() or c.isspace() for c in inner):
            found.append(inner)
    return found
