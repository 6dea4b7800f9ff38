"""Where a span goes when its text is cleaned or masked."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from kefu.text.privacy import Span

_LONGEST = 20_000  # characters; aligning is quadratic at worst


class Moved:
    """From positions in `before` to positions in `after`, where `after` is a cleaned `before`."""

    def __init__(self, before: str, after: str) -> None:
        self.before, self.after = before, after
        head = 0
        while head < min(len(before), len(after)) and before[head] == after[head]:
            head += 1
        tail = 0
        while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
            tail += 1
        left, right = before[head : len(before) - tail], after[head : len(after) - tail]
        self._blocks = [("equal", 0, head, 0, head)]
        if left or right:
            matcher = SequenceMatcher(None, left, right, autojunk=False) if len(left) <= _LONGEST else None
            codes = matcher.get_opcodes() if matcher else [("replace", 0, len(left), 0, len(right))]
            self._blocks += [(tag, a + head, b + head, c + head, d + head) for tag, a, b, c, d in codes]
        self._blocks.append(("equal", len(before) - tail, len(before), len(after) - tail, len(after)))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span's new ends, blanks at its edges left out; (0, 0) when nothing is left of it."""
        new_start, new_end = len(self.after), 0
        for tag, a, b, c, d in self._blocks:
            low, high = max(a, start), min(b, end)
            if low >= high:
                continue
            inside = (c + low - a, c + high - a) if tag == "equal" else (c, d)
            if inside[0] < inside[1]:
                new_start, new_end = min(new_start, inside[0]), max(new_end, inside[1])
        if new_start >= new_end:
            return 0, 0
        text = self.after[new_start:new_end]
        return new_start + len(text) - len(text.lstrip()), new_end - (len(text) - len(text.rstrip()))


def replaced(text: str, found: Sequence[tuple[Span, str]]) -> str:
    """The text with every found span replaced."""
    parts, last = [], 0
    for span, placeholder in found:
        parts += [text[last : span.start], placeholder]
        last = span.end
    return "".join(parts) + text[last:]


def shifted(start: int, end: int, found: Sequence[tuple[Span, str]]) -> tuple[int, int]:
    """The span's new ends after `replaced`; a replaced piece that it touches belongs to it as a whole."""
    moved = 0
    new_start, new_end = start, end
    for span, placeholder in found:
        grown = len(placeholder) - (span.end - span.start)
        if span.end <= start:
            new_start, new_end = new_start + grown, new_end + grown
        elif span.start < end:
            if span.start < start:
                new_start = span.start + moved
            new_end = span.start + moved + len(placeholder) if span.end >= end else new_end + grown
        moved += grown
    return new_start, new_end
