"""The bytes of a file, unpacked on the way (.gz, .zst, .zip), and never more of them than an honest archive holds."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from kefu.errors import InputError, MissingExtra

CHUNK = 1 << 20
PACKED = (".gz", ".zst", ".zip")
#: Text of support desks packs 3 to 30 times; an archive that grows beyond this is made to fill a machine.
_RATIO = 300
_FREE = 256 << 20
#: What zipfile raises for a damaged archive, and for one of a kind it does not know.
ZIP_FAULTS = (zipfile.BadZipFile, zlib.error, struct.error, OSError, ValueError, EOFError, RuntimeError, OverflowError)


def suffixes(path: Path) -> list[str]:
    """Endings without the dot, lower case, those of packers left out: `logs.2026.jsonl.gz` -> ["2026", "jsonl"].

    Of a .zip that has no other ending they are those of the one file in it. Raises InputError for one that cannot be opened."""
    found = [suffix.lstrip(".").lower() for suffix in path.suffixes if suffix.lower() not in PACKED]
    if not found and path.suffix.lower() == ".zip" and path.is_file():
        return suffixes(Path(_member(path)))
    return found


def open_bytes(path: Path) -> IO[bytes]:
    """A file for reading, unpacked when it is .gz, .zst or .zip (of one file). Raises InputError, MissingExtra."""
    suffix = path.suffix.lower()
    try:
        if suffix == ".gz":
            return io.BufferedReader(gzip.open(path, "rb"), CHUNK)  # type: ignore[arg-type]
        if suffix == ".zip":
            return _only_member(path)
        handle = open(path, "rb")  # noqa: SIM115 - the caller closes it
    except OSError as error:
        raise InputError(f"cannot read {path}", error.strerror or type(error).__name__, "give a readable file") from None
    if suffix != ".zst":
        return handle
    try:
        import zstandard
    except ImportError:
        handle.close()
        raise MissingExtra(f"reading {path.name} (zstandard)", "data") from None
    unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    return io.BufferedReader(unpacker.stream_reader(handle, closefd=True, read_across_frames=True), CHUNK)


def _member(path: Path) -> str:
    """The name of the file in an archive of one."""
    with _only_member(path) as inside:
        return str(getattr(inside, "name", ""))


def _only_member(path: Path) -> IO[bytes]:
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise
    except ZIP_FAULTS as error:
        raise InputError(f"cannot unpack {path}", str(error) or type(error).__name__, "the file is damaged; export it again") from None
    with archive:
        members = [one for one in archive.infolist() if one.filename and not one.is_dir() and not one.filename.startswith("__MACOSX/")]
        if len(members) != 1:
            raise InputError(
                f"{path.name} holds {len(members)} files", "an archive is read when it holds one", "unpack it into a folder, and name that"
            )
        try:
            return archive.open(members[0])
        except ZIP_FAULTS as error:
            raise InputError(f"cannot unpack {path}", str(error) or type(error).__name__, "unpack it yourself, without a password") from None


def chunks(path: Path) -> Iterator[bytes]:
    """The unpacked bytes of a file. A damaged archive, and one that swells without end, is an InputError."""
    packed = path.suffix.lower() in PACKED
    with open_bytes(path) as handle:
        size = path.stat().st_size
        total = 0
        while True:
            try:
                chunk = handle.read(CHUNK)
            except (OSError, EOFError) as error:
                raise InputError(f"cannot read {path}", str(error) or type(error).__name__, "the file is damaged; export it again") from None
            except Exception as error:  # noqa: BLE001 - zstandard's and zlib's own error classes
                raise InputError(f"cannot unpack {path}", str(error), "the file is damaged; export it again") from None
            if not chunk:
                return
            total += len(chunk)
            if packed and total > _FREE and total > size * _RATIO:
                raise _swollen(path)
            yield chunk


def whole(path: Path, limit_mb: float) -> bytes:
    """All bytes of a document that must be held in memory. Raises InputError beyond the limit."""
    held: list[bytes] = []
    total = 0
    for chunk in chunks(path):
        total += len(chunk)
        if total > limit_mb * (1 << 20):
            raise too_big(path, limit_mb)
        held.append(chunk)
    return b"".join(held)


def too_big(path: Path, limit_mb: float) -> InputError:
    return InputError(
        f"{path.name} is larger than max_document_mb ({limit_mb:g} MB)", "it would be held in memory as a whole",
        "export JSONL, CSV or Parquet, which are read row by row, or raise the limit",
    )  # fmt: skip


def check_workbook(path: Path, limit_mb: float) -> None:
    """Refuse a workbook (a zip of XML files) that unpacks to more than the limit. Sizes are counted, not believed."""
    if not _is_zip(path):
        return  # .xls, or no workbook at all: the reader says so
    size, total = path.stat().st_size, 0
    try:
        with zipfile.ZipFile(path) as archive, open(path, "rb") as raw:
            for member in archive.infolist():
                for piece in _inflate(raw, member):
                    total += piece
                    if total > limit_mb * (1 << 20):
                        raise too_big(path, limit_mb)
                    if total > _FREE and total > size * _RATIO:
                        raise _swollen(path)
    except ZIP_FAULTS as error:
        raise InputError(f"{path.name} is not a workbook", str(error) or type(error).__name__, "the file is damaged; export it again") from None


def _is_zip(path: Path) -> bool:
    try:
        return zipfile.is_zipfile(path)
    except ZIP_FAULTS:
        return False


def _inflate(raw: IO[bytes], member: zipfile.ZipInfo) -> Iterator[int]:
    """Sizes of the unpacked pieces, from the packed bytes themselves: the size in the directory may be a lie."""
    raw.seek(member.header_offset)
    head = raw.read(30)
    if len(head) < 30:
        raise EOFError("cut off")
    raw.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), io.SEEK_CUR)
    if member.compress_type != zipfile.ZIP_DEFLATED:
        yield member.compress_size
        return
    unpack, left = zlib.decompressobj(-15), member.compress_size
    while left > 0 and not unpack.eof:
        packed = raw.read(min(left, CHUNK))
        if not packed:
            return
        left -= len(packed)
        while packed and not unpack.eof:
            yield len(unpack.decompress(packed, CHUNK))
            packed = unpack.unconsumed_tail


def _swollen(path: Path) -> InputError:
    return InputError(
        f"{path.name} unpacks to more than {_RATIO} times its size",
        "no export does that, an attack does",
        "look at it; unpack it yourself if you trust it",
    )
