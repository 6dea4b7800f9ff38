"""Texts of others in what programs show: no markup in Markdown, no formula in a spreadsheet, no commands to a terminal."""

from __future__ import annotations

import re
from typing import Any

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_ABOVE = re.compile("[\x7f-\x9f]")
_FORMULA = re.compile("^[\\s\x00]*[=+\\-@＝＋－＠]|^[\t\r\n]")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?\s?%?")


def markdown(text: str) -> str:
    """Without tags, which most readers of Markdown run, and without links and pictures."""
    return text.replace("<", "&lt;").replace("](", "]\\(")


def spreadsheet(cell: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, CSV injection); numbers stay numbers."""
    if isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def terminal(text: str) -> str:
    """Without control characters other than the end of a line and a tab: they move the cursor, colour the screen, name the window."""
    return _CONTROLS.sub("", text)


def json_line(text: str) -> str:
    """JSON in which control characters above ASCII are escaped too; those below are so by every writer."""
    return _ABOVE.sub(lambda hit: f"\\u{ord(hit[0]):04x}", text)
