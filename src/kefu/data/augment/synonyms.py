"""A question with some of its words exchanged for others of the same meaning, with care for the part of speech."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

import yaml

from kefu.data.augment.lexicon import Lexicon
from kefu.text.segment import pieces

_WORD = re.compile(r"[A-Za-z]+(?:[-'’][A-Za-z]+)*|\S", re.UNICODE)
#: Behind a word, these make a term of it.
_SUFFIX = frozenset("码率灯机器员卡表单号类版型区期费券值线板盒键证书所部处站")
MOST = 2  # words exchanged in one question; more drifts away from what people say


@lru_cache(maxsize=1)
def _before() -> dict[str, frozenset[str]]:
    raw = yaml.safe_load(resources.files("kefu.data.augment").joinpath("words/grammar.yaml").read_text("utf-8"))
    return {kind: frozenset(words) for kind, words in raw.items()}


def exchanged(text: str, language: str, lexicon: Mapping[str, Lexicon], rng: random.Random) -> tuple[str, dict[str, str]] | None:
    """`(new text, {word: other})`, or None when no word of it is in the lexicon."""
    if language not in lexicon:
        return None
    places = _chinese(text, lexicon["zh"]) if language == "zh" else _english(text, lexicon["en"])
    if not places:
        return None
    chosen = sorted(rng.sample(places, min(len(places), rng.randint(1, MOST))))
    swapped: dict[str, str] = {}
    out, end = "", 0
    for start, stop, targets in chosen:
        target = targets[rng.randrange(len(targets))]
        swapped[text[start:stop]] = target
        out += text[end:start] + target
        end = stop
    out += text[end:]
    return (_articles(out) if language == "en" else out), swapped


Place = tuple[int, int, tuple[str, ...]]


def _chinese(text: str, lexicon: Lexicon) -> list[Place]:
    """Runs of whole segmented words that are in the lexicon, longest first, never overlapping."""
    ends: list[int] = []
    at = 0
    for piece in pieces(text):
        at += len(piece)
        ends.append(at)
    starts = [0, *ends[:-1]]
    found: list[Place] = []
    i = 0
    while i < len(starts):
        for j in range(min(len(ends), i + 4) - 1, i - 1, -1):
            known = lexicon.others.get(text[starts[i] : ends[j]])
            if known and not _part_of_more(text, starts[i], ends[j]):
                found.append((starts[i], ends[j], known[1]))
                i = j
                break
        i += 1
    return found


def _part_of_more(text: str, start: int, end: int) -> bool:
    """Is the word but a part of a term: 故障码, 维修单, E3故障?"""
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    return after in _SUFFIX or (before.isascii() and before.isalnum())


def _english(text: str, lexicon: Lexicon) -> list[Place]:
    tokens = [(m.start(), m.end(), m.group().replace("’", "'")) for m in _WORD.finditer(text)]
    found: list[Place] = []
    i = 0
    while i < len(tokens):
        for j in range(min(len(tokens), i + 4) - 1, i - 1, -1):
            start, stop = tokens[i][0], tokens[j][1]
            phrase = " ".join(token[2] for token in tokens[i : j + 1])
            if phrase != re.sub(r"\s+", " ", text[start:stop]).replace("’", "'"):
                continue  # something but blanks between the words
            targets = _fitting(phrase, [t[2] for t in tokens[:i]], j + 1 < len(tokens) and tokens[j + 1][2].isalpha(), lexicon)
            if targets:
                found.append((start, stop, targets))
                i = j
                break
        i += 1
    return found


def _fitting(phrase: str, before: list[str], followed: bool, lexicon: Lexicon) -> tuple[str, ...]:
    if any(char.isupper() for char in phrase[1:]) and not phrase.startswith("I"):
        return ()
    lower = phrase.lower()
    last = before[-1].lower() if before else ""
    opens = not before or last in ".!?,;:"
    plural = False
    known = lexicon.others.get(lower)
    if known is None and lower.endswith("s"):
        known = lexicon.others.get(lower[:-1])
        plural = known is not None and known[0] == "noun"
        known = known if plural else None
    if known is None:
        return ()
    kind, targets = known
    if (
        (kind == "noun" and last not in _before()["noun"])
        or (kind == "verb" and not (opens or last in _before()["verb"]))
        or (kind == "inner" and not followed)
    ):
        return ()
    if phrase[0].isupper() and not opens and lower != "i am":
        return ()  # a name
    return tuple(_cased(_plural(target) if plural else target, phrase) for target in targets)


def _plural(word: str) -> str:
    return word + "es" if word.endswith(("s", "x", "ch", "sh")) else word[:-1] + "ies" if re.search(r"[^aeiou]y$", word) else word + "s"


def _cased(target: str, given: str) -> str:
    if target.startswith(("i'", "i ")):
        return "I" + target[1:]
    return target[0].upper() + target[1:] if given[0].isupper() else target


def _articles(text: str) -> str:
    """`a order` -> `an order`; words like hour and user are said otherwise than they are written."""

    def fix(match: re.Match[str]) -> str:
        article, word = match.group(1), match.group(2)
        vowel = (word[0].lower() in "aeiou" and not re.match(r"(?i)uni|use|user|usual|eu|one", word)) or bool(re.match(r"(?i)hour|honest", word))
        wanted = "an" if vowel else "a"
        return f"{wanted if article.islower() else wanted.capitalize()} {word}"

    return re.sub(r"\b([Aa]n?) ([A-Za-z]+)", lambda m: fix(m) if m.group(2).islower() else m.group(), text)
