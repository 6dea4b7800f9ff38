"""A text as it is compared with others for near-duplicates: words written one way, without filler, cut into sentences.

Left out: punctuation, case, blanks, emoji and stickers, greetings and thanks, what only opens or closes a question (我问哈, 急急急), particles, the
time stamp before a line. Written one way: traditional and simplified characters, masked values (`[姓名_2]` and `[姓名_1]` are a name, whoever
it is), long order numbers and codes, short forms and spellings of one word (`differences.yaml`). Numbers, negations and every other word stay.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, NamedTuple
from zlib import crc32

import yaml

from kefu.text.normalise import fold
from kefu.text.script import simplified
from kefu.text.segment import is_han

BREAK = "\n"  # between sentences
_ID = "\ue000"  # stands for an order number or another long code
_MASKED = re.compile(r"\[([^\[\]\s_]{1,24})_\d+\]|█{3}")
_DAY = r"\d{4}\s*[-/.年]\s*\d{1,2}\s*[-/.月]\s*\d{1,2}\s*日?[T\s]*"
_STAMP = re.compile(rf"^[^\w\n]*(?:{_DAY}\d{{1,2}}:\d{{2}}(?::\d{{2}})?|\d{{1,2}}:\d{{2}}:\d{{2}})(?:\.\d+)?Z?\]?\s*[:：-]?", re.MULTILINE)
_NO_CODE = r"(?![48]00)(?!(?:19|20)\d{2}[01]\d[0-3]\d(?!\d))"  # hotlines and dates
_LONG = re.compile(
    rf"(?<![a-z0-9.]){_NO_CODE}(?=[a-z0-9]*\d{{6}})(?:[a-z]{{0,6}}\d[a-z0-9]{{8,}}|[a-z]{{1,6}}\d{{7,8}}|\d{{8}})(?![a-z0-9])", re.IGNORECASE
)
_STICKER = re.compile(r"\[[\u4e00-\u9fff]{1,3}\]")
_SENTENCE = re.compile(r"[。！？!?；;\n]+|\.(?=\s|$)")
_APOSTROPHE = re.compile(r"(?<=[a-z])['’‘`´](?=[a-z])", re.IGNORECASE)
_QUOTE, _SIGN = re.compile("['’‘`´]"), re.compile("[\ue000-\uf8ff]")
_SHORTENED = re.compile(r"(?<=[a-z])['’](d|ll)\b", re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_EDGES = ("greetings", "opening", "opening_ends", "closing")
_64_BITS = (1 << 64) - 1
_VALUES = re.compile(r"[^\d\ue000-\uf8ff]+")
_RUN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+|[^\s\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")


class Sentence(NamedTuple):
    """text: the words that are left, written together, Latin ones apart, Chinese ones not; said: who says it; key: a hash of words and speaker."""

    text: str
    said: str
    key: int


@dataclass(frozen=True, slots=True)
class Compared:
    """keys: a hash of each sentence, by which equal ones are found; size: characters; values: the digits and signs of masked values, which no
    difference may touch, sorted."""

    sentences: tuple[Sentence, ...]
    keys: array[int]
    size: int
    values: str

    @classmethod
    def of(cls, sentences: Iterable[Sentence]) -> Compared:
        given = tuple(sentences)
        values = "".join(sorted(_VALUES.sub("", "".join(one.text for one in given))))
        return cls(given, array("Q", [one.key & _64_BITS for one in given]), sum(len(one.text) for one in given), values)

    @property
    def text(self) -> str:
        return BREAK.join(one.text for one in self.sentences)


def join(words: Iterable[str]) -> str:
    given = list(words)
    apart = " ".join(given)
    if apart.isascii():
        return apart
    parts: list[str] = []
    after_han = True
    for word in given:
        if not (after_han or is_han(word[0])):
            parts.append(" ")
        parts.append(word)
        after_han = is_han(word[-1])
    return "".join(parts)


def compared(turns: Iterable[tuple[str, str]]) -> Compared:
    """turns: who says it, and what."""
    found = []
    for said, text in turns:
        for part in _SENTENCE.split(_marked(simplified(text))):
            if part and (written := _written(part))[0]:
                found.append(Sentence(written[0], said, hash((written[1], said))))
    return Compared.of(found)


def words_of(text: str) -> list[tuple[str, ...]]:
    """Of each sentence that is compared, the words that are left."""
    parts = (part for part in _SENTENCE.split(_marked(simplified(text))) if part)
    return [words for part in parts if (words := _plain(part))]


def _marked(text: str) -> str:
    """Time stamps and stickers left out, masked values and long codes as one sign each."""
    if ":" in text:
        text = _STAMP.sub("", text)
    if "[" in text or "█" in text:
        text = _STICKER.sub(" ", text)
        text = _MASKED.sub(lambda match: f" {chr(0xE001 + crc32((match[1] or '').encode()) % 0x1700)} ", text)
    return _LONG.sub(f" {_ID} ", text)


def outline(text: str) -> str:
    """A text, folded and without blanks, as bands and shingles compare it: blind to script and to what only opens or closes a question."""
    folded = fold(simplified(text))
    return (folded if folded.isascii() else _asked(folded)).replace(" ", "")


def _asked(folded: str) -> str:
    """Without what only opens or closes a Chinese question; the whole when nothing else is there."""
    known = tables()
    return known.closer.sub("", known.opener.sub(r"\g<greeting>", folded)) or folded


@lru_cache(4096)
def _written(sentence: str) -> tuple[str, int]:
    """The words that are left, written together, and a hash of them. Sentences of standard replies come again and again."""
    words = _plain(sentence)
    return join(words), hash(words)


def _plain(sentence: str) -> tuple[str, ...]:
    known = tables()
    if _QUOTE.search(sentence):
        sentence = _SHORTENED.sub(lambda match: " would" if match[1].lower() == "d" else " will", sentence)
        sentence = _APOSTROPHE.sub("", sentence)
    if "," in sentence:
        sentence = _THOUSANDS.sub("", sentence)
    words: list[str] = []
    folded = _folded(sentence)
    for run in _RUN.findall(folded if folded.isascii() else _asked(folded)):
        if is_han(run[0]):
            words += [word.translate(known.written) for word in _cut()(run, False)]
        else:
            words += known.contractions.get(run, (run,))
    words = _without_phrases(words, known.phrases)
    words = [known.variants.get(word, word) for word in words if word not in known.filler]
    return tuple(words)


def _folded(sentence: str) -> str:
    """As `fold`, signs of masked values kept."""
    if not _SIGN.search(sentence):
        return fold(sentence)
    parts = re.split(r"([\ue000-\uf8ff])", sentence)
    return " ".join(part if "\ue000" <= part[:1] <= "\uf8ff" else fold(part) for part in parts)


def _without_phrases(words: list[str], phrases: dict[str, list[tuple[str, ...]]]) -> list[str]:
    if phrases.keys().isdisjoint(words):
        return words
    found, i = [], 0
    while i < len(words):
        for phrase in phrases.get(words[i], ()):
            if tuple(words[i : i + len(phrase)]) == phrase:
                i += len(phrase)
                break
        else:
            found.append(words[i])
            i += 1
    return found


@dataclass(frozen=True)
class Tables:
    filler: frozenset[str]
    phrases: dict[str, list[tuple[str, ...]]]
    opener: re.Pattern[str]
    closer: re.Pattern[str]
    free: frozenset[str]
    answers: frozenset[str]
    variants: dict[str, str]
    written: dict[int, str]
    contractions: dict[str, tuple[str, ...]]
    contracted: dict[tuple[str, ...], str]
    standing: frozenset[str]
    bearing: frozenset[str]
    numerals: frozenset[str]
    negations: frozenset[str]
    harmless_in: frozenset[str]


@lru_cache(maxsize=1)
def tables() -> Tables:
    """differences.yaml"""
    raw: dict[str, Any] = yaml.safe_load(resources.files(__package__).joinpath("differences.yaml").read_text("utf-8"))
    phrases: dict[str, list[tuple[str, ...]]] = {}
    for line in (line for lines in raw["phrases"].values() for line in lines):
        for phrase in (tuple(one.split()) for one in line.split(";")):
            phrases.setdefault(phrase[0], []).append(phrase)
    for several in phrases.values():
        several.sort(key=len, reverse=True)
    greetings, heads, tails, closers = ("|".join(sorted(" ".join(raw[key]).split(), key=len, reverse=True)) for key in _EDGES)
    return Tables(
        opener=re.compile(rf"^(?P<greeting>(?:{greetings})*)(?:(?:(?:{heads})(?:{tails})|另外(?![一两几的])(?=..))(?:{greetings})*)+"),
        closer=re.compile(rf"(?<=..)(?:{closers})+(?:谢谢|多谢)?$"),
        filler=frozenset(word for lines in raw["filler"].values() for line in lines for word in line.split()),
        phrases=phrases,
        free=frozenset(word for words in raw["free"].values() for word in words),
        answers=frozenset(word for words in raw["answers"].values() for word in words),
        variants={word: line.split()[0] for lines in raw["variants"].values() for line in lines for word in line.split()[1:]},
        written={ord(char): line[0] for line in raw["written"] for char in line[1:]},
        contracted={tuple(long.split()): word for word, long in raw["contractions"].items()},
        standing=frozenset(char for line in raw["standing"] for char in line),
        bearing=frozenset(char for line in raw["bearing"] for char in line),
        numerals=frozenset(word for line in raw["numerals"] for word in line.split()),
        negations=frozenset(word for line in raw["negations"] for word in line.split()),
        harmless_in=frozenset(word for line in raw["harmless_in"] for word in line.split()),
        contractions={word: tuple(long.split()) for word, long in raw["contractions"].items()},
    )


@lru_cache(maxsize=1)
def _cut() -> Any:
    try:
        import rjieba
    except ImportError:
        return lambda run, hmm: list(run)
    return rjieba.cut
