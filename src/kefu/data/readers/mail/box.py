"""Files of mail cut into messages, streamed: an mbox at its `From ` lines, an .eml as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kefu.data.readers.packed import chunks, open_bytes, suffixes

#: A line that parts the mails of an mbox: who, and a date with its clock. `From here on` in a text has none.
_FROM = re.compile(rb"From (?:\S+|\S+@\S+ .*?)? ?.{0,40}\d{1,2}:\d{2}.{0,60}$")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_HEADER = re.compile(rb"[!-9;-~]{1,76}:")
_TELLING = (b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"received", b"return-path", b"delivered-to")


@dataclass(slots=True)
class Raw:
    """The bytes of a mail; `cut` when it went on behind the limit."""

    data: bytes
    cut: bool = False


def looks(data: bytes) -> bool:
    """Are these the first bytes of an mbox or of a mail: header lines, three of them such as every mail has?"""
    lines = data.removeprefix(b"\xef\xbb\xbf").splitlines()[:200]
    if lines and lines[0].startswith(b"From "):
        lines = lines[1:]
    names = []
    for line in lines:
        if not line.strip():
            break
        if line[:1] in (b" ", b"\t"):
            continue
        if not _HEADER.match(line):
            return False
        names.append(line.split(b":", 1)[0].lower())
    return sum(one in names for one in _TELLING) >= 3 and (b"from" in names or b"received" in names)


def is_maildir_file(path: Path) -> bool:
    """Does it lie in `cur` or `new` of a Maildir?"""
    return path.parent.name in ("cur", "new") and (path.parent.parent / "cur").is_dir() and (path.parent.parent / "new").is_dir()


def messages(path: Path, limit_mb: float) -> Iterator[Raw]:
    """The mails of a file. Raises InputError for one that cannot be read or unpacked."""
    limit = int(limit_mb * (1 << 20))
    with open_bytes(path) as handle:
        first = handle.read(5)
    if first != b"From " or suffixes(path)[-1:] == ["eml"]:
        held = b""
        for chunk in chunks(path):
            held += chunk
            if len(held) > limit:
                break
        yield Raw(held[:limit], len(held) > limit)
        return
    kept: list[bytes] = []
    size, blank, begun = 0, True, False
    for line in _lines(path):
        if blank and line.startswith(b"From ") and _FROM.match(line.rstrip()):
            if begun:
                yield Raw(_unquoted(kept), size > limit)
            kept, size, begun = [], 0, True
        else:
            size += len(line)
            if size <= limit:
                kept.append(line)
        blank = not line.strip(b"\r\n")
    if begun or kept:
        yield Raw(_unquoted(kept), size > limit)


def _unquoted(lines: list[bytes]) -> bytes:
    return _QUOTED.sub(rb"\1", b"".join(lines))


def _lines(path: Path) -> Iterator[bytes]:
    """Lines with their ends; a line without end (a damaged file) comes in pieces of a block."""
    rest = b""
    for chunk in chunks(path):
        parts = (rest + chunk).split(b"\n")
        rest = parts.pop()
        for part in parts:
            yield part + b"\n"
        if len(rest) > len(chunk) and len(rest) > 1 << 20:
            yield rest
            rest = b""
    if rest:
        yield rest
