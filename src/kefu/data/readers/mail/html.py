"""HTML of a mail as text, with quoted parts marked by `> ` as plain mail marks them, so that cleaning knows them."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import groupby

_SILENT = {"script", "style", "head", "title", "template"}
_LINES = {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "blockquote", "ul", "ol", "hr", "pre", "section", "article"}
_VOID = {"br", "hr", "img", "meta", "input", "link", "col", "wbr", "area", "base"}
_QUOTES = ("gmail_quote", "yahoo_quoted", "moz-cite", "protonmail_quote", "zmail_extra", "qqmail_quote")
_DEEPEST = 2000


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[tuple[bool, str]] = [(False, "")]
        self._open: list[tuple[str, bool, bool]] = []  # (tag, silent, quoted) from outside in

    @property
    def _state(self) -> tuple[bool, bool]:
        return self._open[-1][1:] if self._open else (False, False)

    def _line(self) -> None:
        if self.lines[-1][1].strip():
            self.lines.append((self._state[1], ""))
        else:
            self.lines[-1] = (self._state[1], "")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID and len(self._open) < _DEEPEST:
            silent, quoted = self._state
            named = " ".join(value or "" for key, value in attrs if key in ("class", "id")).casefold()
            self._open.append((tag, silent or tag in _SILENT, quoted or tag == "blockquote" or any(one in named for one in _QUOTES)))
        if tag in _LINES:
            self._line()
        elif tag in ("td", "th"):
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        at = next((n for n in range(len(self._open) - 1, -1, -1) if self._open[n][0] == tag), None)
        if at is not None:
            del self._open[at:]
        if tag in _LINES:
            self._line()

    def handle_data(self, data: str) -> None:
        silent, quoted = self._state
        if not silent:
            self.lines[-1] = (quoted, self.lines[-1][1] + " ".join(f"|{data}|".split())[1:-1])


def words_of(html: str) -> str:
    """The words of an HTML document, a line a block, quoted blocks after `> `."""
    reader = _Reader()
    try:
        reader.feed(html)
        reader.close()
    except (AssertionError, RecursionError):  # html.parser on declarations that end nowhere
        pass
    lines: list[str] = []
    for quoted, block in groupby(((quoted, text.strip()) for quoted, text in reader.lines if text.strip()), key=lambda one: one[0]):
        told = [text for _, text in block]
        lines += [f"> {text}" for text in [*told, *([""] if len(told) == 1 else [])]] if quoted else told  # one line alone may be meant
    return "\n".join(lines)
