"""A phrase automaton for streams (Aho and Corasick 1975): no listed phrase leaves, whatever the chunking.

Characters are compared in their undisguised form (`disguise.fold_char`): case, full-width and
look-alike letters and traditional characters do not matter, and up to `max_gap` blanks, signs or
invisible characters may stand between two characters of a phrase. Two rules keep plain text plain:

* a phrase that begins with a Latin letter or digit must begin a word;
* a phrase broken by exactly one pause mark is two clauses, not a phrase (`风险自担保。本产品` holds no
  保本); broken by several it is a disguise and counts. So is one that falls into single characters, of which one
  makes a clause of its own (`稳。赚。不。赔` holds 稳赚).

A longer phrase listed as an exception clears the phrases inside it (`risk-free trial`).
What is held back is at most the longest phrase with its gaps and the gap behind it: `Automaton.hold_back` characters.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from kefu.text.disguise import fold_char

# Blank lines, and the beginning of a list item or a table row, part clauses as well.
_PAUSE = re.compile(r"[。！？；，、：｡]|[.!?;,:](?=\s)|\n\s*\n|\n[ \t]*[|*•+>#–-]")
#: What may stand before or behind a clause of one character.
_EDGE = re.compile(r"[。！？；，、：｡.!?;,:\n]")


@dataclass(frozen=True, slots=True, order=True)
class Match:
    """A phrase of the rule `id` stands at `start:end` of the raw text (half open, characters)."""

    start: int
    end: int
    id: str
    phrase: str


@dataclass(frozen=True, slots=True)
class _Pattern:
    id: str
    phrase: str
    folded: str
    exception: bool


class Automaton:
    """phrases: rule id -> phrases; exceptions: longer phrases that clear the ones inside them.

    Raises ValueError for a phrase without a letter or digit.
    """

    def __init__(self, phrases: Mapping[str, Iterable[str]], exceptions: Iterable[str] = (), max_gap: int = 24) -> None:
        self.max_gap = max_gap
        self._next: list[dict[str, int]] = [{}]
        self._fail: list[int] = [0]
        self._depth: list[int] = [0]
        self._out: list[tuple[_Pattern, ...]] = [()]
        given = [(name, phrase, False) for name, group in phrases.items() for phrase in group]
        for name, phrase, exception in [*given, *(("", phrase, True) for phrase in exceptions)]:
            folded = "".join(map(fold_char, phrase))
            if not folded:
                raise ValueError(f"phrase {phrase!r} has no letter or digit")
            self._add(_Pattern(name, phrase, folded, exception))
        self._link()
        self.hold_back = (max(self._depth) + 1) * (max_gap + 1)  # the one more: until a doubtful phrase is decided

    def _add(self, pattern: _Pattern) -> None:
        node = 0
        for char in pattern.folded:
            child = self._next[node].get(char)
            if child is None:
                child = len(self._next)
                self._next[node][char] = child
                self._next.append({})
                self._fail.append(0)
                self._depth.append(self._depth[node] + 1)
                self._out.append(())
            node = child
        self._out[node] += (pattern,)

    def _link(self) -> None:
        queue = deque(self._next[0].values())
        while queue:
            node = queue.popleft()
            for char, child in self._next[node].items():
                self._fail[child] = self.step(self._fail[node], char)
                self._out[child] += self._out[self._fail[child]]
                queue.append(child)

    def step(self, node: int, char: str) -> int:
        while node and char not in self._next[node]:
            node = self._fail[node]
        return self._next[node].get(char, 0)

    def depth(self, node: int) -> int:
        """Length, in folded characters, of the longest phrase beginning that ends here."""
        return self._depth[node]

    def ending(self, node: int) -> tuple[_Pattern, ...]:
        return self._out[node]

    def find(self, text: str) -> list[Match]:
        """Every phrase in a whole text that no exception covers, by place."""
        scan = _Scan(self)
        found = [match for i, char in enumerate(text) for match in scan.push(i, char)]
        return sorted(found + scan.finish())


class _Scan:
    """Reads one character at a time; gives back matches once no exception can clear them any more."""

    def __init__(self, automaton: Automaton) -> None:
        self._a = automaton
        self._node = 0
        # One entry per folded character: raw index, the gap before it, whether it begins a word, and whether it begins a clause.
        self._kept: deque[tuple[int, str, bool, bool]] = deque(maxlen=max(1, automaton.hold_back))
        self._gap = ""
        self._word = False
        self._edge = True
        self._pending: list[Match] = []
        self._doubtful: list[Match] = []  # phrases or two clauses: told by whether a pause mark follows
        self.safe = 0  # characters before this raw index can no longer be part of a match

    def push(self, index: int, char: str) -> list[Match]:
        folded = fold_char(char)
        if folded:
            latin = folded[0].isascii() and folded[0] != "%"
            edge = self._edge or (self._gap != "" and _EDGE.search(self._gap) is not None)
            self._settle(edge)
            for part in folded:
                self._kept.append((index, self._gap, not (latin and self._word and not self._gap), edge))
                self._gap, self._edge, edge = "", False, False
                self._node = self._a.step(self._node, part)
                self._collect(index)
            self._word = latin
        else:
            self._gap += char
            self._word = False
            if len(self._gap) > self._a.max_gap:
                self._edge = self._edge or bool(_EDGE.search(self._gap))
                self._settle(self._edge)
                self._node, self._gap = 0, ""
                self._kept.clear()
        depth = self._a.depth(self._node)
        live = self._kept[-depth][0] if depth else index + 1
        if self._doubtful:  # nothing is told before the doubt is, or the order of matches would hang on it
            self.safe = min([live, *(match.start for match in (*self._pending, *self._doubtful))])
            return []
        ready = sorted(match for match in self._pending if match.start < live)
        self._pending = [match for match in self._pending if match.start >= live]
        self.safe = min([live, *(match.start for match in self._pending)])
        return ready

    def finish(self) -> list[Match]:
        ready, self._pending = sorted(self._pending), []
        return ready

    def _settle(self, pause: bool) -> None:
        if pause:
            self._pending += self._doubtful
        self._doubtful = []

    def _collect(self, index: int) -> None:
        for pattern in sorted(self._a.ending(self._node), key=lambda one: one.exception):
            size = len(pattern.folded)
            span = [self._kept[i] for i in range(len(self._kept) - size, len(self._kept))]
            if not span[0][2] and pattern.folded[0].isascii():
                continue
            broken = sum(1 for _, gap, _, _ in span[1:] if _PAUSE.search(gap)) == 1
            if broken and size > 2:
                continue
            start, end = span[0][0], index + 1
            if pattern.exception:
                self._pending = [match for match in self._pending if not start <= match.start < match.end <= end]
                self._doubtful = [match for match in self._doubtful if not start <= match.start < match.end <= end]
            elif broken and not span[0][3]:
                self._doubtful.append(Match(start, end, pattern.id, pattern.phrase))
            else:
                self._pending.append(Match(start, end, pattern.id, pattern.phrase))


class Stream:
    """Passes text through and stops for good before the first listed phrase.

    accept(match, left): False lets a match through; `left` is up to `context` characters of raw text
    before it (a negation, for example). After a stop `hit` is set and nothing more comes out.
    """

    def __init__(self, automaton: Automaton, accept: Callable[[Match, str], bool] | None = None, context: int = 40) -> None:
        self._scan = _Scan(automaton)
        self._accept, self._context = accept, context
        self._text = ""  # raw text from index `_base` on: what is held back, and the context before it
        self._base = self._sent = self._read = 0
        self.hit: Match | None = None

    @property
    def held(self) -> int:
        """Characters read and neither sent nor dropped."""
        return 0 if self.hit else self._read - self._sent

    def feed(self, chunk: str) -> str:
        """The text that may leave now (possibly empty)."""
        if self.hit:
            return ""
        self._text += chunk
        for char in chunk:
            matches = self._scan.push(self._read, char)
            self._read += 1
            if matches and self._stopped(matches):
                return self._send(self.hit.start if self.hit else self._sent)
        return self._send(self._scan.safe)

    def finish(self) -> str:
        """The rest, once the text is complete."""
        if self.hit or self._stopped(self._scan.finish()):
            return self._send(self.hit.start) if self.hit and self.hit.start > self._sent else ""
        return self._send(self._read)

    def _stopped(self, matches: list[Match]) -> bool:
        for match in matches:
            left = self._text[max(0, match.start - self._base - self._context) : match.start - self._base]
            if self._accept is None or self._accept(match, left):
                self.hit = match
                return True
        return False

    def _send(self, until: int) -> str:
        out = self._text[self._sent - self._base : max(until, self._sent) - self._base]
        self._sent = max(until, self._sent)
        drop = max(0, self._sent - self._context - self._base)
        self._text, self._base = self._text[drop:], self._base + drop
        return out
