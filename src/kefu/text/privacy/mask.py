"""Replace personal data by placeholders that stay the same through a conversation."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from kefu.text.language import detect
from kefu.text.privacy import finders
from kefu.text.privacy.find import find
from kefu.text.privacy.span import Span, plain
from kefu.text.privacy.table import labels

_SIGNS = re.compile(r"[\s()（）+·•.,，、/_~*|-]")
_NUMBERS = frozenset({"cn_mobile", "cn_resident_id", "cn_landline", "bank_card", "credit_card"})
STRUCK = "███"


@dataclass
class Memory:
    """What was masked so far in one conversation. `language` chooses the placeholder words; empty: told by the first text.

    `values` holds each placeholder's text as it was first written: it never leaves the process except into a vault.
    """

    language: str = ""
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    names: dict[str, None] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)

    def placeholder(self, span: Span) -> str:
        """`[手机号_1]`, `[PHONE_1]`: the same value gets the same number."""
        label = labels(span.type)["zh" if self.language == "zh" else "en"]
        value = _same(span)
        number = self.numbers.get((label, value))
        if number is None:
            number = self.numbers[(label, value)] = 1 + sum(known == label for known, _ in self.numbers)
        if span.type == "person_name" and len(span.text) > 1:
            self.names[span.text] = None
        self.counts[span.type] = self.counts.get(span.type, 0) + 1
        self.values.setdefault(f"[{label}_{number}]", span.text)
        return f"[{label}_{number}]"


def _same(span: Span) -> str:
    """Equal for two ways of writing one value: 138-0000-0000, １３８００００００００, 一三八零零零零零零零零."""
    value = _SIGNS.sub("", plain(span.text)[0]).casefold()
    if span.type in _NUMBERS:
        value = finders.spelt_out(value)
    return value[-11:] if span.type == "cn_mobile" and value.isdigit() else value


def mask(text: str, memory: Memory | None = None, keep: Collection[str] = ()) -> str:
    """The text with personal data replaced. `keep`: types left as they are (a company's own public contact data)."""
    parts, last = [], 0
    for span, placeholder in replacements(text, memory or Memory(), keep):
        parts += [text[last : span.start], placeholder]
        last = span.end
    return "".join(parts) + text[last:]


def strike(text: str, memory: Memory) -> str:
    """The text with personal data blacked out, and with it the names that `memory` knows; nothing is numbered or remembered."""
    parts, last = [], 0
    for span in _known_names(text, find(text), memory):
        parts += [text[last : span.start], STRUCK]
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
                more.append(Span(match.start(), match.end(), "person_name", name))
    return sorted((*spans, *more), key=lambda span: span.start) if more else spans
