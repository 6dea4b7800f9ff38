"""Which encoding a file has, by proof where possible (BOM, valid UTF-8) and by the commonness of its characters otherwise."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kefu.data.readers import mixed
from kefu.data.readers.packed import CHUNK as _CHUNK
from kefu.data.readers.packed import chunks
from kefu.data.readers.plausible import COMMON, score
from kefu.errors import InputError

_SAMPLE = 1 << 18
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LEGACY = ("gb18030", "big5", "cp1252")
#: Codecs of Python for names of hosts and for literals in programs; rot13, hex, zlib and their kind are no text encodings by themselves.
_NO_FILES = frozenset({"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "unicode_escape", "raw_unicode_escape"})


@dataclass
class Line:
    """One line without its end. `fault` is empty, or says why the text cannot be used."""

    number: int
    text: str
    fault: str = ""


def detect(path: Path) -> str:
    """`utf-8`, `utf-8-sig`, `utf-16`, `gb18030`, `big5`, `cp1252` … Raises InputError naming what was tried."""
    sample = b""
    for chunk in chunks(path):
        sample += chunk
        if len(sample) >= _SAMPLE:
            break
    for bom, name in _BOMS:
        if sample.startswith(bom):
            return name
    if wide := _utf16(sample):
        return wide
    if (nuls := sample.count(0)) * 10 > len(sample):
        raise InputError(
            f"{path.name} is no text", f"{nuls} of its first {len(sample)} bytes are NUL", "the file is damaged or of another format: export it again"
        )
    wrong, lines = _utf8_faults(path)
    if not wrong:
        return "utf-8"
    if mixed.found(path):
        return mixed.NAME
    scores = {name: score(_high_lines(sample, path), name) for name in LEGACY}
    best = max(scores, key=lambda name: scores[name])
    # A UTF-8 file with a few damaged lines stays UTF-8; the lines are reported one by one. Legacy text is almost
    # never valid UTF-8 by chance, so one good line in two is proof enough.
    if lines and wrong * 2 < lines:
        return "utf-8"
    if scores[best] >= 0.35:
        return best
    tried = ", ".join(f"{name} {score:.0%} plausible" for name, score in scores.items())
    raise InputError(f"cannot tell the encoding of {path}", f"not UTF-8, and {tried}", "save it as UTF-8, or name it: `encoding: gb18030`")


def check(path: Path, encoding: str) -> None:
    """Refuse a named encoding that does not fit the file, saying which would. Raises InputError."""
    way_out = "use utf-8, gb18030, big5, utf-16, cp1252 or `auto`"
    try:
        codec = codecs.lookup(encoding)
        decoder = codecs.getincrementaldecoder(encoding)()
    except (LookupError, ValueError):
        raise InputError(f"{encoding!r} is not an encoding", "", way_out) from None
    if not codec._is_text_encoding or codec.name in _NO_FILES:
        raise InputError(f"{encoding!r} is not an encoding of text files", "it is made for other things", way_out)
    if codecs.lookup(encoding).name in ("gb18030", "gbk", "gb2312") and mixed.found(path):  # it would decode, to mojibake
        told = ", ".join(f"{n} lines in {name}" for name, n in mixed.census(path).items())
        raise InputError(f"{path.name} is not {encoding}", told, f"write `encoding: {mixed.NAME}`, or leave it at auto")
    position, line = 0, 1
    try:
        for chunk in chunks(path):
            line += decoder.decode(chunk).count("\n")
            position += len(chunk)
        decoder.decode(b"", True)
    except UnicodeError as error:
        line += decoder_line(error)
        found = detect(path)
        if found.replace("-sig", "") == encoding.lower().replace("-sig", ""):
            return  # a few damaged lines; the reader reports each
        raise InputError(
            f"{path.name} is not {encoding}", f"line {line} cannot be decoded; it reads as {found}", f"write `encoding: {found}`, or leave it at auto"
        ) from None


def decoder_line(error: UnicodeError) -> int:
    """Line ends before the fault inside the block that failed."""
    if not isinstance(error, UnicodeDecodeError):
        return 0
    return bytes(error.object[: error.start]).count(b"\n")


def lines(path: Path, encoding: str, limit_mb: float) -> Iterator[Line]:
    """Lines of a text file, streamed: a line beyond the limit is reported, not held in memory."""
    limit = int(limit_mb * (1 << 20))
    decoder = codecs.getincrementaldecoder(encoding)(errors="kefu-mark")
    number, size, held = 1, 0, []  # type: int, int, list[str]

    def finish() -> Line:
        text = "".join(held).removesuffix("\r")
        if size > limit:
            return Line(number, text[:2000], f"line longer than max_line_mb ({limit_mb:g} MB)")
        if "\x00" in text:
            return Line(number, text.replace("\x00", "�"), _NUL)
        if _MARK in text:
            return Line(number, text.replace(_MARK, "�"), mixed.FAULT if encoding == mixed.NAME else f"not {encoding.replace('-sig', '')}")
        return Line(number, text)

    for chunk in _decoded(path, decoder):
        start = 0
        while True:
            end = chunk.find("\n", start)
            piece = chunk[start : end if end >= 0 else len(chunk)]
            if piece:
                size += len(piece) if piece.isascii() else len(piece.encode("utf-8", "surrogatepass"))
                if size <= limit or not held:
                    held.append(piece if size <= limit else piece[:2000])
            if end < 0:
                break
            yield finish()
            number, size, held = number + 1, 0, []
            start = end + 1
    if held or size:
        yield finish()


_MARK = "\udc80"
_NUL = "NUL bytes in the line: it is damaged; export it again, or take them out (tr -d '\\000')"


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _MARK, error.end


codecs.register_error("kefu-mark", _mark)


def _decoded(path: Path, decoder: codecs.IncrementalDecoder) -> Iterator[str]:
    first, old_mac = True, False
    for chunk in chunks(path):
        text = decoder.decode(chunk)
        if first and text:
            text, first = text.removeprefix("\ufeff"), False
            old_mac = "\n" not in text and "\r" in text[:-1]  # lines end in CR alone, as spreadsheets on old Macs write them
        yield text.replace("\r", "\n") if old_mac else text
    yield decoder.decode(b"", True)


def _utf16(sample: bytes) -> str:
    """UTF-16 without a BOM: ASCII signs (line ends, commas) leave a zero byte on one side."""
    sample = sample[: len(sample) // 2 * 2]
    if len(sample) < 4 or b"\x00" not in sample:
        return ""
    if sample.count(0) * 5 < len(sample) and _is_utf8(sample):
        return ""  # a few NULs among UTF-8: the text is damaged, not wide (wide text of few zeros is Chinese, which is never valid UTF-8)
    scores = {name: _plain_share(sample.decode(name, errors="replace")) for name in ("utf-16-le", "utf-16-be")}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] > 0.5 and min(scores.values()) < scores[best] / 2 else ""


def _plain_share(text: str) -> float:
    """Share of characters that are printable ASCII or common Chinese ones: nearly all of a right reading, few of one with its bytes swapped."""
    return sum("\x20" <= char <= "\x7e" or char in "\r\n\t" or char in COMMON for char in text) / max(1, len(text))


def _is_utf8(sample: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def _utf8_faults(path: Path) -> tuple[int, int]:
    """(lines with non-ASCII bytes that are not UTF-8, lines with non-ASCII bytes)."""
    wrong = total = 0
    rest = b""
    for chunk in chunks(path):
        block = rest + chunk
        cut = block.rfind(b"\n") + 1
        if not cut and len(block) < 4 * _CHUNK:
            rest = block
            continue
        cut = cut or _whole_characters(block)
        a, b = _count_faults(block[:cut])
        wrong, total, rest = wrong + a, total + b, block[cut:]
    a, b = _count_faults(rest)
    return wrong + a, total + b


def _whole_characters(block: bytes) -> int:
    """Where to cut a line that is longer than a block: not inside a UTF-8 character."""
    cut = len(block)
    while cut > len(block) - 3 and block[cut - 1] & 0xC0 == 0x80:
        cut -= 1
    return cut - 1 if block[cut - 1] >= 0xC0 else len(block)


def _count_faults(block: bytes) -> tuple[int, int]:
    if block.isascii():
        return 0, 0
    high = [line for line in block.split(b"\n") if not line.isascii()]
    try:
        block.decode("utf-8")
        return 0, len(high)
    except UnicodeDecodeError:
        pass
    wrong = 0
    for line in high:
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            wrong += 1
    return wrong, len(high)


def _high_lines(sample: bytes, path: Path) -> bytes:
    """Lines with non-ASCII bytes: from the sample, or from further on when the beginning has none."""
    found = b"\n".join(line for line in sample.split(b"\n") if not line.isascii())
    if found:
        return found
    for chunk in chunks(path):
        found = b"\n".join(line for line in chunk.split(b"\n") if not line.isascii())
        if found:
            return found
    return b""
