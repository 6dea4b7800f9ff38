"""What a regular expression cannot match without: told from the expression itself, and looked for in one pass over the text for many of them.

Most patterns of this project are long lists of words of which a text has none. From the parsed expression follow clauses, each a few pieces
of which a matching text must hold at least one (Cox, "Regular expression matching with a trigram index", 2012). All pieces of all patterns
stand in one automaton (Aho, Corasick 1975), so that a text is read once, and a pattern is tried only where all its clauses are met.
What is said to be impossible is impossible; what is said to be possible may still not match. Where an expression cannot be read (`expression`),
its pattern has no clause and is tried on every text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import Any

from ahocorasick_rs import AhoCorasick

from kefu.text import expression

_MOST = 400  # pieces of one clause
_LONGEST = 16  # characters of a piece: more tell nothing new
_CLAUSES = 2  # of one pattern
_USELESS, _SECOND = 0.6, 0.2  # a clause that about so many texts meet is not worth asking, the second not beside the first
# Classes of characters, each a piece by itself.
_DIGIT, _UPPER, _OTHER = "\x00digit", "\x00upper", "\x00beyond ascii"
#: Lower case of these is an ASCII letter, or an ASCII letter and a mark, for `re` without regard to case.
_ODD = {"ſ": "s", "ı": "i", "i\u0307": "i", "\u212a": "k"}
#: Whatever `\s` matches is one blank.
_BLANKS = dict.fromkeys((*range(9, 14), *range(28, 33), 133, 160, 5760, *range(8192, 8203), 8232, 8233, 8239, 8287, 12288), " ")
_CASELESS = 0x2E80, 0x9FFF  # Han, kana and their signs
_UNSURE = frozenset("ſı\u0307\u212a")
_KINDS = frozenset([_DIGIT, _UPPER, _OTHER])
_ANY_DIGIT = re.compile(r"\d")

Clause = frozenset[str]


def lowered(text: str) -> str:
    """Lower case with plain blanks, in which every piece of a matching text stands."""
    text = text.lower()
    if not text.isprintable():
        text = text.translate(_BLANKS)
    if text.isascii():
        return text
    for odd, letter in _ODD.items():
        if odd in text:
            text = text.replace(odd, letter)
    return text


class Gate:
    """A pattern and what a text must have for it, as bits of its `Gates`."""

    __slots__ = ("a", "b", "finditer", "needs", "pattern", "search")

    def __init__(self, pattern: re.Pattern[str], needs: Clause) -> None:
        self.pattern, self.needs = pattern, needs
        self.search, self.finditer = pattern.search, pattern.finditer
        self.a = self.b = 1

    def open(self, bits: int) -> bool:
        """May the pattern match a text of these bits?"""
        return bool(bits & self.a and bits & self.b)

    def found(self, bits: int, text: str) -> Iterable[re.Match[str]]:
        """`finditer`, of nothing where it would find nothing."""
        return self.finditer(text) if bits & self.a and bits & self.b else ()


class Gates:
    """Patterns that are tried on the same texts. What they need is worked out when the first text is read."""

    def __init__(self) -> None:
        self._gates: list[Gate] = []
        self._automaton: AhoCorasick | None = None
        self._bits: list[int] = []
        self._digit = self._upper = self._other = 0

    def add(self, pattern: re.Pattern[str], needs: Iterable[str] = ()) -> Gate:
        """needs: pieces without any of which the pattern is not to be asked, whatever it could match."""
        gate = Gate(pattern, frozenset(map(lowered, needs)))
        self._gates.append(gate)
        self._automaton = None
        return gate

    def __call__(self, text: str) -> int:
        """The clauses that the text meets, one bit each; bit 0 is always set."""
        automaton = self._automaton or self._build()
        low, bits = lowered(text), 1
        if not text.isascii():
            bits |= self._other
        if low != text:
            bits |= self._upper
        if self._digit and _ANY_DIGIT.search(text):
            bits |= self._digit
        try:
            for piece, _, _ in automaton.find_matches_as_indexes(low, overlapping=True):
                bits |= self._bits[piece]
        except UnicodeEncodeError:  # half a surrogate pair: everything is tried
            return -1
        return bits

    def _build(self) -> AhoCorasick:
        numbers: dict[Clause, int] = {}
        for gate in self._gates:
            told = [*([gate.needs] if gate.needs else []), *clauses(gate.pattern)][:_CLAUSES]
            gate.a, gate.b = [*(1 << numbers.setdefault(clause, len(numbers) + 1) for clause in told), 1, 1][:2]
        pieces: dict[str, int] = {}
        for clause, number in numbers.items():
            for piece in clause:
                pieces[piece] = pieces.get(piece, 0) | 1 << number
        self._digit, self._upper, self._other = (pieces.pop(kind, 0) for kind in (_DIGIT, _UPPER, _OTHER))
        self._bits = list(pieces.values())
        self._automaton = AhoCorasick(list(pieces))
        return self._automaton


def clauses(pattern: re.Pattern[str]) -> list[Clause]:
    """At most two clauses that every text meets in which the pattern is found, the most telling first."""
    try:
        exact, found = _of_sequence(expression.parsed(pattern), pattern.flags)
    except expression.UNREADABLE:
        return []
    if exact is not None and "" not in exact:
        found = [*found, exact]
    told = sorted({_least(clause) for clause in found}, key=lambda clause: (_share(clause), sorted(clause)))
    told = [clause for clause in told if _share(clause) < _USELESS]
    return [clause for clause in told if clause is told[0] or _share(clause) < _SECOND or clause <= _KINDS][:_CLAUSES]


# Of a part of an expression: all the texts it can match, when they are few, else None; and the clauses that its matches meet.
_Told = tuple[Clause | None, list[Clause]]
_NOTHING: Clause = frozenset([""])


def _of_sequence(parts: Iterable[tuple[Any, Any]], flags: int) -> _Told:
    held, whole, found = _NOTHING, True, []
    for code, given in parts:
        exact, more = _of(code, given, flags)
        found += more
        joined = frozenset(a + b for a in held for b in exact) if exact is not None and len(held) * len(exact) <= _MOST else None
        if joined is not None and max(map(len, joined)) <= _LONGEST:
            held = joined
            continue
        whole = False
        found.append(held)
        held = exact if exact is not None else _NOTHING
    if whole:
        return held, found
    return None, [clause for clause in (*found, held) if "" not in clause]


def _of(code: Any, given: Any, flags: int) -> _Told:
    name = str(code)
    if name == "LITERAL":
        return _of_characters([given], flags)
    if name == "IN":
        return _of_set(given, flags)
    if name == "CATEGORY":
        if str(given) == "CATEGORY_SPACE":
            return frozenset([" "]), []
        return None, [frozenset([_DIGIT])] if str(given) == "CATEGORY_DIGIT" else []
    if name == "SUBPATTERN":
        _, more, less, parts = given
        return _of_sequence(parts, (flags | more) & ~less)
    if name == "ATOMIC_GROUP":
        return _of_sequence(given, flags)
    if name == "BRANCH":
        return _of_branches([_of_sequence(parts, flags) for parts in given[1]])
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, most, parts = given
        exact, found = _of_sequence(parts, flags)
        if least == 0:
            return (exact | _NOTHING, []) if exact is not None and most == 1 else (None, [])
        if least == most == 1:
            return exact, found
        return None, [*found, *([exact] if exact is not None and "" not in exact else [])]
    if name == "ASSERT":
        exact, found = _of_sequence(given[1], flags)
        return _NOTHING, [*found, *([exact] if exact is not None and "" not in exact else [])]
    if name in ("AT", "ASSERT_NOT"):
        return _NOTHING, []
    return None, []


def _of_branches(told: list[_Told]) -> _Told:
    if all(exact is not None and not found for exact, found in told):
        every = frozenset(chain.from_iterable(exact or () for exact, _ in told))
        if len(every) <= _MOST:
            return every, []
    union: set[str] = set()
    for exact, found in told:
        choices = [*found, *([exact] if exact is not None else [])]
        choices = [clause for clause in choices if "" not in clause]
        if not choices:
            return None, []
        union |= min(choices, key=_share)
    return None, [frozenset(union)] if len(union) <= _MOST else []


def _of_set(items: list[tuple[Any, Any]], flags: int) -> _Told:
    characters: list[int] = []
    kinds: set[str] = set()
    for code, given in items:
        name = str(code)
        if name == "LITERAL":
            characters.append(given)
        elif name == "RANGE":
            low, high = given
            if low > 127 and (not flags & re.IGNORECASE or _CASELESS[0] <= low <= high <= _CASELESS[1]):
                kinds.add(_OTHER)
            elif high <= 127:
                characters += range(low, high + 1)
            else:
                return None, []
        elif name == "CATEGORY" and str(given) == "CATEGORY_DIGIT":
            kinds.add(_DIGIT)
        elif name == "CATEGORY" and str(given) == "CATEGORY_SPACE":
            characters.append(32)
        else:  # all but these, or words, or blanks
            return None, []
    digits = {one for one in characters if chr(one) in "0123456789"}
    if len(digits) > 3:
        kinds.add(_DIGIT)
        characters = [one for one in characters if one not in digits]
    letters = [one for one in characters if chr(one).isascii() and chr(one).isalpha()]
    if len(letters) > 8:
        if flags & re.IGNORECASE or not all(chr(one).isupper() for one in letters):
            return None, []
        kinds.add(_UPPER)
        characters = [one for one in characters if one not in set(letters)]
    if not kinds:
        return _of_characters(characters, flags)
    exact, _ = _of_characters(characters, flags) if characters else (frozenset(), [])
    return None, [] if exact is None else [frozenset(kinds) | exact]


def _of_characters(codes: Iterable[int], flags: int) -> _Told:
    """One of these characters."""
    found: set[str] = set()
    for char in map(chr, codes):
        if char in _UNSURE or (not char.isascii() and (char.lower() != char or char.upper() != char)):
            return None, [frozenset([_OTHER])] if all(code > 127 for code in codes) and not flags & re.IGNORECASE else []
        found.add(" " if char.isspace() else char.lower())
    return (frozenset(found), []) if len(found) <= _MOST else (None, [])


def _least(clause: AbstractSet[str]) -> Clause:
    """Without pieces that hold another one."""
    kept: list[str] = []
    for piece in sorted(clause, key=lambda piece: (len(piece), piece)):
        if piece[:1] == "\x00" or not any(other in piece for other in kept if other[:1] != "\x00"):
            kept.append(piece)
    return frozenset(kept)


def _share(clause: AbstractSet[str]) -> float:
    """About how many texts meet it; only the order matters, and whether it is worth asking."""
    return sum(_odds(piece) for piece in _least(clause))


def _odds(piece: str) -> float:
    if piece[:1] == "\x00":
        return {_DIGIT: 0.4, _OTHER: 0.45, _UPPER: 0.7}.get(piece, 1.0)
    if not piece.isascii():
        return (0.03, 0.003, 0.001)[min(sum(not char.isascii() for char in piece), 3) - 1]
    if len(piece) == 1:
        return 0.7 if piece.isalpha() or piece in " .," else 0.08
    if len(piece) == 2:
        return 0.15
    return (0.04, 0.012, 0.004, 0.002)[min(len(piece), 6) - 3]
