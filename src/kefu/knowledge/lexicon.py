"""Synonym groups: phrases of two languages that mean one thing to customer service, compiled for fast matching.

Groups live in YAML (`words/concepts.yaml`; a project adds its own): `concept: [phrase, phrase, ...]`. A phrase with Han
characters matches by character, any other by stemmed words; `a*b` allows a short gap. A phrase may stand in several groups.
Words that carry no topic (`words/stop.yaml`) are matched the same way and dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from kefu.errors import ConfigError
from kefu.knowledge.stem import stem
from kefu.markup import Fault, read_yaml
from kefu.text.normalise import fold
from kefu.text.segment import is_han

_SYMBOL = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\s\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_SHORT = {"can't": "can not", "won't": "will not", "n't": " not", "'s": "", "'re": " are", "'ve": " have", "'ll": " will", "'d": "", "'m": " am"}
_BARE = {
    "cant": "can not", "dont": "do not", "doesnt": "do not", "didnt": "do not", "isnt": "be not", "wont": "will not", "couldnt": "could not",
    "havent": "have not", "hasnt": "have not", "wasnt": "be not", "arent": "be not", "im": "i", "ive": "i", "whats": "what", "hows": "how",
    "wheres": "where", "cannot": "can not",
}  # fmt: skip
_SKIP = frozenset(["a", "an", "the", "my", "your", "our", "their", "his", "her", "its", "this", "that", "these", "those", "some", "any", "mine"])
_MEASURE = re.compile(r"(\d+(?:\.\d+)?)(gb|g|tb|t|mb|m|kb|k|kg|km|cm|mm|ml|h|min|s|d|x|pm|am)")
BRAND = "@"  # first letter of a concept that is a brand
PASSING = "~"  # first letter of a concept that customers name in passing as often as they ask about it
_GAP = {True: r".{0,6}?", False: r"(?: \S+){0,4}? "}


def symbols(text: str) -> list[str]:
    """Han characters and stemmed Latin words in order; articles and possessives are left out."""
    text = text.replace("’", "'").lower()
    if "'" in text:
        for short, full in _SHORT.items():
            text = text.replace(short, full)
    found: list[str] = []
    for symbol in _SYMBOL.findall(fold(text)):
        if is_han(symbol):
            found.append(symbol)
        elif symbol in _BARE:
            found += _BARE[symbol].split()
        elif symbol not in _SKIP:
            split = _MEASURE.fullmatch(symbol)
            found += split.groups() if split else (stem(symbol),)
    return found


class Lexicon:
    """`match` cuts a list of symbols into concepts, stop words and the rest."""

    def __init__(self, phrases: dict[str, list[str]], gaps: list[tuple[str, str]], alone: dict[str, list[str]], common: Iterable[str] = ()) -> None:
        self.common = frozenset(common)  # stems and character pairs of no particular business
        self.phrases = phrases  # "\x1f"-joined symbols -> concepts; no concept: a stop word
        self._gaps = [
            (is_han(pattern[0]), pattern.split("\x1e")[0].replace("\\", ""), re.compile(pattern.replace("\x1e", "")), concept)
            for pattern, concept in gaps
        ]
        self._plain_gaps = gaps
        self.alone = alone  # single Han characters, read only when nothing unknown stands beside them -> concepts (none: dropped)
        self._longest: dict[str, int] = {}
        for phrase in phrases:
            parts = phrase.split("\x1f")
            self._longest[parts[0]] = max(len(parts), self._longest.get(parts[0], 0))

        self.inner = {phrase: inner for phrase, own in phrases.items() if own and "\x1f" in phrase and (inner := self._inner(phrase))}

    @property
    def words(self) -> set[str]:
        """The Latin symbols that stand in phrases."""
        return {symbol for phrase in self.phrases for symbol in phrase.split("\x1f") if symbol.isascii()}

    def _inner(self, phrase: str) -> list[str]:
        """Concepts of the parts of a phrase that are not its own."""
        parts = phrase.split("\x1f")
        pieces = self.cut(parts, len(parts) - 1)
        return sorted({concept for _, concepts in pieces for concept in concepts or () if concept not in self.phrases[phrase]})

    def cut(self, found: list[str], longest: int = 99) -> list[tuple[str, list[str] | None]]:
        """Longest match from the left: `(piece, concepts)`; concepts `[]` for a stop word, None for an unknown symbol."""
        pieces: list[tuple[str, list[str] | None]] = []
        at, end = 0, len(found)
        while at < end:
            for size in range(min(self._longest.get(found[at], 0), end - at, longest), 0, -1):
                phrase = "\x1f".join(found[at : at + size])
                concepts = self.phrases.get(phrase)
                if concepts is not None:
                    pieces.append((phrase, concepts))
                    at += size
                    break
            else:
                pieces.append((found[at], None))
                at += 1
        return pieces

    def gapped(self, found: list[str]) -> list[str]:
        """Concepts of the phrases with a gap."""
        plain = " ".join(found)
        dense = plain.replace(" ", "")
        return [
            concept for han, first, pattern, concept in self._gaps if first in (dense if han else plain) and pattern.search(dense if han else plain)
        ]

    def as_dict(self) -> dict[str, Any]:
        return {"phrases": self.phrases, "gaps": self._plain_gaps, "alone": self.alone, "common": sorted(self.common)}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Lexicon:
        return cls(value["phrases"], [(a, b) for a, b in value["gaps"]], value["alone"], value["common"])

    @classmethod
    def load(cls, own: Path | None = None) -> Lexicon:
        """The built-in groups and, if given, the project's. Raises ConfigError when that file is not `concept: [phrases]`."""
        groups: dict[str, list[str]] = dict(read_words("concepts"))
        if own is not None:
            for name, words in _own_groups(own).items():
                groups[name] = [*groups.get(name, []), *words]
        phrases: dict[str, list[str]] = {}
        gaps: list[tuple[str, str]] = []
        stop = read_words("stop")
        for line in stop["always"]:
            for phrase in str(line).split():
                phrases[_key(phrase.replace("_", " "))] = []
        for concept, words in groups.items():
            for word in words:
                if "*" in word:
                    gaps.append((_gap(word), concept))
                elif key := _key(word):
                    held = phrases.setdefault(key, [])
                    if concept not in held:
                        held.append(concept)
        for line in read_words("brands"):
            for names in str(line).split(","):
                aliases = [name.strip() for name in names.split("=")]
                for alias in aliases:
                    phrases.setdefault(_key(alias), []).append(BRAND + aliases[0])
        alone: dict[str, list[str]] = {char: [] for char in stop["alone"].split()}
        alone |= {phrase: found for phrase, found in phrases.items() if len(phrase) == 1 and is_han(phrase) and found}
        words = read_words("common")
        common = {stem(word) for line in words["en"] for word in str(line).split()} | {pair for line in words["zh"] for pair in str(line).split()}
        return cls({phrase: concepts for phrase, concepts in phrases.items() if phrase not in alone}, gaps, alone, common)


def read_words(name: str) -> Any:
    """The parsed YAML file `words/<name>.yaml` of this package."""
    text = (resources.files("kefu.knowledge") / "words" / f"{name}.yaml").read_text("utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _key(phrase: str) -> str:
    return "\x1f".join(symbols(phrase))


def _gap(word: str) -> str:
    """A regular expression over joined symbols; its first part stands before \\x1e for a cheap test."""
    parts = [symbols(part) for part in word.split("*")]
    han = is_han(parts[0][0])
    joined = [re.escape(("" if han else " ").join(part)) for part in parts]
    if han:
        return joined[0] + "\x1e" + "".join(_GAP[True] + part for part in joined[1:])
    first = joined[0] + "\x1e"
    return first + "".join(_GAP[False] + part + r"(?!\S)" for part in joined[1:])


def _own_groups(path: Path) -> dict[str, list[str]]:
    what, fix = f"knowledge.synonyms: {path}", "write `concept: [phrase, phrase]`, one group a line"
    try:
        value = read_yaml(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(what, error.strerror or "cannot be read", "give a YAML file of synonym groups") from None
    except Fault as error:
        raise ConfigError(error.place(what), f"is not YAML ({error.said})", fix) from None
    except UnicodeDecodeError as error:
        raise ConfigError(what, f"is not UTF-8 (byte {error.start})", "save it as UTF-8") from None
    good = isinstance(value, dict) and all(isinstance(words, list) and all(str(word).strip("* ") for word in words) for words in value.values())
    if not good:
        raise ConfigError(what, "is not a mapping of lists", fix)
    for name, words in value.items():
        for word in _strings(words):
            if not all(symbols(part) for part in word.split("*")):
                raise ConfigError(what, f"{name}: {word!r} has an empty side of `*` or no word in it", "write a word on both sides of `*`")
    return {str(name): _strings(words) for name, words in value.items()}


def _strings(words: Iterable[object]) -> list[str]:
    return [str(word) for word in words]
