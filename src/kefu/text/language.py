"""Which language a short support text is in: by its script, and among the languages in Latin letters by the words that only one of them has.

A turn has a dozen characters, so no model of letter statistics is asked: a text in Latin letters is English until words or letters of another
language outweigh it. `words.txt` has the words (one line a language), frequent ones of ordinary and of support talk that are no English words.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ɏ]+(?:'[a-z]+)?")
#: Scripts of one language, or of one that is by far the commonest there.
_SCRIPTS = {
    "ko": re.compile(r"[\uac00-\ud7af]"), "ru": re.compile(r"[\u0400-\u04ff]"), "th": re.compile(r"[\u0e00-\u0e7f]"),
    "ar": re.compile(r"[\u0600-\u06ff]"), "hi": re.compile(r"[\u0900-\u097f]"), "el": re.compile(r"[\u0370-\u03ff]"),
    "he": re.compile(r"[\u0590-\u05ff]"),
}  # fmt: skip
_OTHER = re.compile(r"[\u0370-\u0e7f\uac00-\ud7af]")
_UKRAINIAN = re.compile(r"[іїєґІЇЄҐ]")
_LETTERS = {
    "vi": re.compile(r"[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]"),
    "fr": re.compile(r"[œêèçâûîëï]|\b[cdjlmnst]['’](?=[a-zéèêâîôûh]{2})|\bqu['’]"),
    "de": re.compile(r"[ßäöü]"), "es": re.compile(r"[¿¡ñ]"), "pt": re.compile(r"[ãõ]"), "tr": re.compile(r"[ığş]"), "pl": re.compile(r"[ąęłńśźż]"),
}  # fmt: skip
_NO_WORDS = re.compile(r"https?://\S+|www\.\S+|\[[^\]\n]{1,40}\]")
_CODED = re.compile(r"[\d@\[]|www\.|://")
_DIGIT = re.compile(r"\d")
_VOWEL = re.compile(r"[AEIOUYÀ-ɏ]")
_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ENGLISH = "en"
_MARKS = {ord(mark): " " for mark in '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n\r'}
_FIRM = 2.0  # of two words a single one may be a name


def detect(text: str, default: str = "und") -> str:
    """ISO 639-1 code: `zh`, `en`, `ja`, `ko`, `ru`, `uk`, `th`, `ar`, `hi`, `el`, `he`; `fr`, `de`, `es`, `pt`, `it`, `nl`, `vi`, `id`, `tr`, `pl`
    where their words outweigh English, else `en` for any word in Latin letters; `default` when nothing tells,
    as with codes alone (KFR-35GW E1 F3).

    A Han character weighs about as much as half a word, so "我的 API key 不能用" is Chinese.
    """
    if text.isascii():
        return _latin(text, default)
    han = len(_HAN.findall(text))
    kana = len(_KANA.findall(text))
    if kana and kana * 4 >= han:
        return "ja"
    latin = len(_LATIN_WORD.findall(_prose(text) if han and _CODED.search(text) else text))
    if _OTHER.search(text):
        counts = {language: len(script.findall(text)) for language, script in _SCRIPTS.items()}
        best = max(counts, key=lambda language: counts[language])
        if counts[best] > (han if best in ("ko", "th") else max(han, 3 * latin)):
            return "uk" if best == "ru" and _UKRAINIAN.search(text) else best
    if han and han >= latin:
        return "zh"
    return _latin(text, "zh" if han else default)


def _latin(text: str, default: str) -> str:
    """English or the language whose words are more than the English ones; `default` without a word in Latin letters."""
    if not _LATIN_WORD.search(text) or (_CODED.search(text) and not _says_words(text)):
        return default
    if text.isascii() and _foreign().isdisjoint(text.casefold().translate(_MARKS).split()):
        return _ENGLISH  # most English turns: no word of another language in them
    plain = _prose(text).replace("’", "'")
    tokens = _TOKEN.findall(plain.casefold())
    if not tokens or len(tokens) > 400:
        tokens = tokens[:400]
    known = _words()
    found: dict[str, float] = {}
    english = 0.0
    for token in tokens:
        for language in known.get(token, ()):
            if language == _ENGLISH:
                english += 1
            else:
                found[language] = found.get(language, 0.0) + (1.0 if len(token) > 2 else 0.5) / len(known[token])
    if not plain.isascii():
        folded = plain.casefold()
        for language, letters in _LETTERS.items():
            if told := len(set(letters.findall(folded))):
                found[language] = found.get(language, 0.0) + min(1.5, 0.75 * told)
    if not found:
        return _ENGLISH
    best = max(found, key=lambda language: (found[language], language))
    rest = max((weight for language, weight in found.items() if language != best), default=0.0)
    share = found[best] / len(tokens) if tokens else 0.0
    enough = 0.9 if len(tokens) <= 2 else 1.4 if share >= 0.25 else _FIRM
    return best if found[best] >= enough and found[best] > english and found[best] > rest and share >= 0.15 else _ENGLISH


def _says_words(text: str) -> bool:
    """Is there a word beside codes, addresses and placeholders (KFR-35GW E1, AB 12 CD)? Capitals without a vowel are a part of a code."""
    return any(not token.isupper() or _VOWEL.search(token) for token in _TOKEN.findall(_prose(text)))


def _prose(text: str) -> str:
    """Without links, what stands in brackets, addresses of mail and what has a digit. Each word is looked at once: one pattern for all of them
    takes the square of the length of a text without blanks."""
    return " ".join(word for word in _NO_WORDS.sub(" ", text).split() if "@" not in word[1:] and not _DIGIT.search(word))


@lru_cache(maxsize=1)
def _words() -> dict[str, tuple[str, ...]]:
    """Word -> the languages that have it."""
    found: dict[str, list[str]] = {}
    for line in resources.files("kefu.text").joinpath("words.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            language, _, words = line.partition(":")
            for word in words.split():
                if language not in found.setdefault(word, []):
                    found[word].append(language)
    return {word: (_ENGLISH,) if _ENGLISH in languages else tuple(languages) for word, languages in found.items()}


@lru_cache(maxsize=1)
def _foreign() -> frozenset[str]:
    return frozenset(word for word, languages in _words().items() if languages != (_ENGLISH,))
