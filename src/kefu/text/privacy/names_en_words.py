"""Which words are names in Latin letters: given names and surnames of the lists, and the words that make a name something else."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources

import yaml

LETTER = r"A-Za-z\u00c0-\u024f\u1e00-\u1eff\u0370-\u03ff\u0400-\u04ff"
UPPER = r"A-Z\u00c0-\u00d6\u00d8-\u00de\u0100\u0106\u010c\u010e\u0110\u0118\u0139\u013d\u0141\u0143\u0147\u0150\u0158\u015a\u015e\u0160\u0164\u016e\u0170\u0179\u017b\u017d\u0391-\u03a9\u0410-\u042f"
WORD = rf"[{LETTER}](?:[{LETTER}]|['’-](?=[{LETTER}])){{0,24}}"
CAP = rf"[{UPPER}](?:[{LETTER}]|['’-](?=[{LETTER}])){{0,24}}"
PARTICLE = r"(?:de|da|do|dos|das|del|della|di|du|la|le|van|von|der|den|bin|bint|ibn|al|el|ten|ter|y|e)"
_SYLLABLE = r"(?:[bpmfdtnlgkhjqxrzcsyw]|[zcs]h)?(?:iang|uang|iong|ang|eng|ing|ong|uai|iao|ian|uan|van|ai|ei|ao|ou|an|en|in|un|ia|ie|iu|ua|uo|ui|ue|ve|er|a|o|e|i|u|v)"
_PINYIN = re.compile(rf"(?:{_SYLLABLE}){{1,2}}(?:-?{_SYLLABLE})?", re.IGNORECASE)
_ENDINGS = re.compile(
    r"(?:[oe]v[aá]|ová|ev|ski|ska|sky|wicz|czyk|enko|shvili|opoulos|idis|akis|sson|ssen|quist|qvist|ström|strom|escu|eanu|ovi[cć]|evi[cć]|i[ćč]|oğlu|dóttir|gaard|sen|mann|stein|berg|baum|inen|ainen)$",
    re.IGNORECASE,
)


@lru_cache(maxsize=1)
def lists() -> dict[str, frozenset[str]]:
    """names_en.yaml, by its keys."""
    raw = yaml.safe_load(resources.files(__package__).joinpath("names_en.yaml").read_text("utf-8"))
    found = {key: frozenset(str(value).split()) for key, value in raw.items()}
    found["not_names"] |= found["firms"] - found["given"] - found["surnames"]
    found["things"] |= found["firms"]
    return found


def family(lower: list[str]) -> bool:
    """A given name that means nothing else before a surname that may be a thing: Angela Green, Melissa Hall."""
    known = lists()
    return len(lower) > 1 and lower[0] in known["given"] and lower[0] not in known["ambiguous"] and lower[-1] in known["surnames"]


def name_like(words: list[str]) -> bool:
    """Could these capitalised words be a name? None of them rules it out, and the pair is no brand."""
    known = lists()
    lower = [word.strip(".").casefold() for word in words]
    whole = family(lower)
    return (
        not any(word in known["not_names"] or (n and word in known["things"] and not (whole and n + 1 == len(lower))) for n, word in enumerate(lower))
        and "-".join(lower[:2]) not in known["brands"]
    )


def pair(words: list[str]) -> bool:
    """A given name and a surname (or the Chinese way round), neither of them doubtful together."""
    known = lists()
    lower = [word.strip(".").casefold() for word in words if not re.fullmatch(rf"[{UPPER}]\.?|{PARTICLE}", word)]
    if len(lower) < 2 or "-".join(lower[:2]) in known["brands"]:
        return False
    first, last = lower[0], lower[-1]
    if family(lower):
        return True
    if last in known["things"] or first in known["things"] or last in known["not_names"] - known["surnames"] - known["given"]:
        return False
    if first in known["given"] and first not in known["ambiguous"]:
        return True
    if first in known["given"] and (last in known["surnames"] or _ENDINGS.search(words[-1])):
        return True
    if first in known["pinyin_surnames"] and len(lower) == 2 and _PINYIN.fullmatch(last) and last not in known["not_names"]:
        return True
    if last in known["pinyin_surnames"] and _PINYIN.fullmatch(first) and first not in known["not_names"] | known["ambiguous"] and len(first) > 3:
        return True
    if first in known["surnames"] and first not in known["wordy"] and last in known["given"] and first not in known["not_names"]:
        return True
    unknown = first not in known["not_names"] and len(first) > 2
    return unknown and ((last in known["surnames"] and last not in known["wordy"]) or bool(_ENDINGS.search(words[-1]) and len(last) > 5))


def with_surname(words: list[str]) -> bool:
    """Two or three words of which the last is a surname, though it is a thing as well: Tanisha Brooks."""
    known, lower = lists(), [word.strip(".").casefold() for word in words]
    return (
        2 <= len(lower) <= 3
        and lower[-1] in known["surnames"]
        and not any(word in known["not_names"] or word in known["things"] for word in lower[:-1])
    )


def distinctive(word: str) -> bool:
    """A part of a name that means nothing else, so that it is the person wherever it stands again."""
    known, lower = lists(), word.strip(".").casefold()
    return (
        len(lower) > 3
        and word[0].isupper()
        and not any(lower in known[key] for key in ("ambiguous", "not_names", "things"))
        and lower not in known["wordy"]
    )


def thing(word: str) -> bool:
    """A word that makes a name something else than a person."""
    return word.casefold() in lists()["things"]


def given(word: str) -> bool:
    """A given name of the lists, be it a word as well or not."""
    return word.casefold() in lists()["given"]
