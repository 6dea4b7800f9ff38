"""Manuals cut into passages: by heading, then by paragraph, never through a sentence unless one is longer than the limit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from kefu.errors import InputError
from kefu.knowledge.result import Entry
from kefu.knowledge.word import is_word, named, sections
from kefu.text.language import detect
from kefu.text.normalise import clean, strip_html
from kefu.text.segment import sentences

_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.+?)\s*#*\s*$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-+)\s*$")
_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_MARKS = re.compile(r"!?\[([^\]]{0,1000})\]\([^)]{0,2000}\)|[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}")
_ENCODINGS = ("utf-8-sig", "gb18030", "utf-16")
MOST_SENTENCES = 12
_ROW = re.compile(r"^\s*\|.*\|\s*$")
_LINE = re.compile(r"^\s{0,3}([-*_])(?:\s*\1){2,}\s*$")  # a thematic break (CommonMark 4.1)
_RULE = re.compile(r"^\s*(?:\|\s*)?:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*(?:\|\s*)?$")


def names(paths: Sequence[Path]) -> dict[Path, str]:
    """A short name for each file: its own, with as many folders before it as tell it from the others."""
    found: dict[Path, str] = {}
    for path in paths:
        for depth in range(1, len(path.parts) + 1):
            if not any(other != path and other.parts[-depth:] == path.parts[-depth:] for other in paths):
                break
        found[path] = "/".join(path.parts[-depth:])
    return found


def passages(path: Path, chunk_chars: int, name: str = "") -> list[Entry]:
    """Entries of kind "document", `source` = `name#heading`. Raises InputError for a file that cannot be read as text."""
    file = name or path.name
    found: list[Entry] = []
    word, text = _open(path)
    for heading, body in sections(path) if word else _sections(text):
        for part in _chunks(body, chunk_chars, clean if word else _plain):
            title = heading or path.stem
            asked = [title, *[one for one in sentences(part) if len(one) > 3][:MOST_SENTENCES]]
            source = f"{file}#{title}" if heading else file
            found.append(Entry(f"{file}:{len(found) + 1}", "document", part, tuple(dict.fromkeys(asked)), (), source, title, detect(part)))
    return found


def look(path: Path) -> None:
    """Raises InputError, with the way out, for a document of which no passages can be made."""
    word, text = _open(path)
    if not (any(True for _ in sections(path)) if word else text.strip()):
        raise InputError(f"document {path}", "holds no text", "if it is a scan, its text must be recognised first; save that as .docx, .md or .txt")


def _open(path: Path) -> tuple[bool, str]:
    """(is it Word, else its text). Raises InputError for what is neither."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"document {path}", error.strerror or "cannot be read", "check knowledge.documents") from None
    for magic, kind, fix in _OTHERS:
        if raw.startswith(magic):
            raise InputError(f"document {path}", f"is {kind}", fix)
    return (True, "") if is_word(raw[:4], path) else (False, _decoded(path, raw))


_OTHERS = (
    (
        b"%PDF",
        "a PDF, which is made for printing",
        "give what it was made from (.docx, .md), or its text: pdftotext -layout FILE.pdf FILE.txt",
    ),
    (b"\xd0\xcf\x11\xe0", "in the old format of Word (.doc)", "save it as .docx in Word or WPS, or: soffice --headless --convert-to docx FILE"),
    (b"{\\rtf", "rich text (.rtf)", "save it as .docx in Word or WPS, or: soffice --headless --convert-to docx FILE"),
)


def _decoded(path: Path, raw: bytes) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace")
    for encoding in _ENCODINGS[:2]:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise InputError(f"document {path}", "is not text in UTF-8, UTF-16 or GB18030", "save it as .docx, or as UTF-8 .md or .txt")


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """(path of headings joined by " > ", body) in reading order."""
    path: list[str] = []
    body: list[str] = []
    fenced = False
    for line in text.replace("\r\n", "\n").split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
            continue
        found = None if fenced else _HEADING.match(line)
        under = None if fenced or not body or not body[-1].strip() or (len(body) > 1 and body[-2].strip()) else _UNDERLINE.match(line)
        if found or under:
            title = found.group(2) if found else body.pop()
            level = len(found.group(1)) if found else 1 if line.strip()[0] == "=" else 2
            if "".join(body).strip():
                yield " > ".join(part for part in path if part), "\n".join(body)
            body = []
            path = [*path[: level - 1], *[""] * (level - 1 - len(path)), _plain(title)]
        else:
            body.append(line)
    if "".join(body).strip():
        yield " > ".join(part for part in path if part), "\n".join(body)


def _chunks(body: str, most: int, plain: Callable[[str], str]) -> Iterator[str]:
    """Paragraphs joined up to `most` characters; longer ones are cut between sentences."""
    held = ""
    for paragraph in re.split(r"\n\s*\n", body):
        text = plain(paragraph)
        for piece in [text] if len(text) <= most else _split(text, most):
            if held and len(held) + len(piece) + 1 > most:
                yield held
                held = ""
            held = f"{held}\n{piece}" if held else piece
    if held.strip():
        yield held


def _split(text: str, most: int) -> Iterator[str]:
    held = ""
    for sentence in sentences(text):
        for start in range(0, len(sentence), most):
            piece = sentence[start : start + most]
            if held and len(held) + len(piece) + 1 > most:
                yield held
                held = ""
            blank = " " if held and held[-1].isascii() else ""
            held = held + blank + piece
    if held:
        yield held


def _tables(text: str) -> str:
    """Rows of a Markdown table as sentences a customer can read: `column: cell; column: cell`."""
    lines: list[str] = []
    header: list[str] = []
    rows = text.split("\n")
    for i, line in enumerate(rows):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if _ROW.match(line) else []
        if not cells:
            header = []
            lines.append(line)
        elif _RULE.match(line):
            continue
        elif i + 1 < len(rows) and _RULE.match(rows[i + 1]):
            header = cells
        else:
            lines.append(named(header, cells))
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Without Markdown's marks."""
    text = _tables(text)
    lines = [re.sub(r"^\s*(?:[-*+]|>|\d+[.)])\s+", "", line) for line in text.split("\n") if not _LINE.match(line)]
    return clean(strip_html(_MARKS.sub(lambda found: found.group(1) or "", "\n".join(lines))))
