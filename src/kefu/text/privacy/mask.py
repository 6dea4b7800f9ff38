"""Replace personal data by placeholders that stay the same through a conversation."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from kefu.text.language import detect
from kefu.text.privacy.find import Span, find, labels

_SIGNS = re.compile(r"[\s()（）+·•.-]")


@dataclass
class Memory:
    """What was masked so far in one conversation. `language` chooses the placeholder words; empty: told by the first text."""

    language: str = ""
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    names: dict[str, None] = field(default_factory=dict)

    def placeholder(self, span: Span) -> str:
        """`[手机号_1]`, `[PHONE_1]`: the same value gets the same number."""
        label = labels(span.type)["zh" if self.language == "zh" else "en"]
        value = _SIGNS.sub("", span.text).casefold()
        if span.type == "mobile":
            value = value[-11:]
        number = self.numbers.get((label, value))
        if number is None:
            number = self.numbers[(label, value)] = 1 + sum(known == label for known, _ in self.numbers)
        if span.type == "person" and len(span.text) > 1:
            self.names[span.text] = None
        self.counts[span.type] = self.counts.get(span.type, 0) + 1
        return f"[{label}_{number}]"


def mask(text: str, memory: Memory | None = None, keep: Collection[str] = ()) -> str:
    """The text with personal data replaced. `keep`: types left as they are (a company's own public contact data)."""
    parts, last = [], 0
    for span, placeholder in replacements(text, memory or Memory(), keep):
        parts += [text[last : span.start], placeholder]
        last = span.end
    return "".join(parts) + text[last:]


def replacements(text: str, memory: Memory, keep: Collection[str] = ()) -> list[tuple[Span, str]]:
    """What `mask` replaces, in order, and by what: for those who must know where everything else has gone."""
    if not memory.language:
        memory.language = detect(text, "")
    spans = [span for span in find(text) if span.type not in keep]
    return [(span, memory.placeholder(span)) for span in _known_names(text, spans, memory)]


def _known_names(text: str, spans: list[Span], memory: Memory) -> list[Span]:
    """Names told earlier in the conversation, wherever they stand now: 「我叫王小明」 … 「王小明的订单」."""
    more: list[Span] = []
    for name in memory.names:
        boundary = "(?<![A-Za-z])", "(?![A-Za-z])"
        for match in re.finditer(re.escape(name).join(boundary), text):
            if all(match.end() <= span.start or match.start() >= span.end for span in (*spans, *more)):
                more.append(Span(match.start(), match.end(), "person", name))
    return sorted((*spans, *more), key=lambda span: span.start) if more else spans
