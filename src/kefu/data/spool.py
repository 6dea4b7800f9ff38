"""Conversations and labelled rows on their way through a build, on the disk instead of in memory.

`Shelf` keeps anything for the same process; `Spool` keeps what is cleaned in order; `Column` keeps a few bytes about each. All
lie in the folder of the draft, so a full disk is found where the result would be written.
"""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, TypeVar, overload

import numpy as np
import orjson

from kefu.conversation import Context, Conversation, Turn
from kefu.errors import InputError

FOLDER = ".spool"
_LINES = "lines.jsonl"
T = TypeVar("T")


def pack(conversation: Conversation) -> bytes:
    return pack_row(conversation.as_dict())


def pack_row(row: dict[str, Any]) -> bytes:
    """A row as JSON. Half a surrogate pair, which no file can hold, becomes a question mark."""
    try:
        return orjson.dumps(row, default=str)
    except TypeError:
        return orjson.dumps(_writable(row), default=str)


def unpack(line: bytes) -> Conversation:
    return restored(orjson.loads(line))


def restored(row: dict[str, Any]) -> Conversation:
    """What `pack` was given: quicker than `Conversation.from_dict`, because it trusts the row, and with the role `bot`."""
    turns = [Turn(turn["role"], turn["text"], turn.get("at", ""), turn.get("bot", False)) for turn in row.pop("turns")]
    return Conversation(turns=turns, context=Context(**row.pop("context")), **row)


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_writable(str(key)): _writable(item) for key, item in value.items()}
    return [_writable(item) for item in value] if isinstance(value, list) else value


def number(text: str) -> int:
    """64 bits of a text; 0 for none."""
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "little") if text else 0


class Seen:
    """A set of such numbers that grows to millions: 8 bytes each, beside the newest."""

    _NEWEST = 1 << 16

    def __init__(self) -> None:
        self._newest: set[int] = set()
        self._sorted = array("Q")

    def __len__(self) -> int:
        return len(self._sorted) + len(self._newest)

    def add(self, value: int) -> bool:
        """False when it was there."""
        if value in self._newest:
            return False
        place = bisect_left(self._sorted, value)
        if place < len(self._sorted) and self._sorted[place] == value:
            return False
        self._newest.add(value)
        if len(self._newest) >= max(self._NEWEST, len(self._sorted) // 4):
            merged = np.concatenate([np.frombuffer(self._sorted, np.uint64), np.fromiter(self._newest, np.uint64, len(self._newest))])
            merged.sort()
            self._sorted = array("Q", merged.tobytes())
            self._newest = set()
        return True


class Shelf:
    """Things of this process in a file without a name: nobody else can open it, and it is gone with the process."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, thing: Any) -> int:
        """Returns the place to `get` it from."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed with the shelf
        place = self._file.tell()
        self._file.write(pickle.dumps(thing, pickle.HIGHEST_PROTOCOL))
        self._count += 1
        return place

    def get(self, place: int) -> Any:
        if self._file is None:
            raise IndexError(place)
        self._file.seek(place)
        return pickle.load(self._file)  # noqa: S301 - written by this process into a file without a name

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def __iter__(self) -> Iterator[Any]:
        """Everything in the order it was put; nothing may be put after."""
        if self._file is not None:
            self._file.seek(0)
            for _ in range(self._count):
                yield pickle.load(self._file)  # noqa: S301 - as above


class Column:
    """Numbers about what is cleaned, grown batch by batch: one each in memory, or `width` each on the disk."""

    def __init__(self, dtype: Any, width: int = 1, folder: Path | None = None) -> None:
        self._dtype, self.width = np.dtype(dtype), width
        self._file = tempfile.TemporaryFile(dir=folder) if width > 1 else None  # noqa: SIM115 - gone with the column
        self._held = bytearray()
        self._blocks: list[int] = []

    def extend(self, data: bytes) -> None:
        """Bytes of an array (n,), or (width, n) for a wide column."""
        if self._file is None:
            self._held += data
        else:
            self._file.write(data)
            self._blocks.append(len(data) // (self.width * self._dtype.itemsize))

    def numbers(self) -> np.ndarray:
        """(n,)"""
        return np.frombuffer(self._held, self._dtype)

    def part(self, which: int) -> np.ndarray:
        """One of the `width` numbers of everything, (n,), read from the disk."""
        if self._file is None:
            raise TypeError("only a wide column has parts")
        self._file.flush()
        found, before, size = [np.zeros(0, self._dtype)], 0, self._dtype.itemsize
        for rows in self._blocks:
            place = (before * self.width + which * rows) * size
            found.append(np.frombuffer(os.pread(self._file.fileno(), rows * size, place), self._dtype))
            before += rows
        return np.concatenate(found)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class Spool(Sequence[T]):
    """What is cleaned, in order. Every access reads the disk and gives a new object, made of its line by `unpack`."""

    def __init__(self, out: Path, unpack: Callable[[bytes], T]) -> None:
        self.folder, self._unpack = out / FOLDER, unpack
        shutil.rmtree(self.folder, ignore_errors=True)  # what a killed build left
        self.folder.mkdir(parents=True)
        self._file = os.open(self.folder / _LINES, os.O_RDWR | os.O_CREAT, 0o600)
        self._starts, self._sizes = array("Q"), array("I")
        self._at = 0
        self._sealed: Kept | None = None

    def __len__(self) -> int:
        return len(self._starts)

    def extend(self, blob: bytes, sizes: bytes) -> None:
        """Lines one after the other, and how many bytes each has (uint32)."""
        self._write(blob)
        for size in array("I", sizes):
            self._starts.append(self._at)
            self._sizes.append(size)
            self._at += size

    def replace(self, index: int, line: bytes) -> None:
        self._write(line)
        self._starts[index], self._sizes[index] = self._at, len(line)
        self._at += len(line)

    def _write(self, data: bytes) -> None:
        view, at = memoryview(data), self._at
        while view:
            done = os.pwrite(self._file, view, at)
            view, at = view[done:], at + done

    def line(self, index: int) -> bytes:
        return os.pread(self._file, self._sizes[index], self._starts[index])

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self._unpack(self.line(index))

    def seal(self, indices: np.ndarray) -> Kept:
        """The conversations that stay, as any process on this machine can read them."""
        place = self.folder / "kept.npy"
        np.save(place, np.stack([np.array(self._starts)[indices], np.array(self._sizes, np.uint64)[indices]]))
        self._sealed = Kept(self.folder / _LINES, place)
        return self._sealed

    def close(self) -> None:
        os.close(self._file)
        if self._sealed is not None:
            self._sealed.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Kept(Sequence[Conversation]):
    """The conversations a dataset class may look at while it labels one; opened when first touched."""

    def __init__(self, path: Path, places: Path) -> None:
        self._path, self._places = path, places
        self._opened: tuple[int, np.ndarray] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Kept, (self._path, self._places)

    def _open(self) -> tuple[int, np.ndarray]:
        if self._opened is None:
            try:
                self._opened = os.open(self._path, os.O_RDONLY), np.load(self._places, mmap_mode="r")
            except OSError as error:
                way_out = "put the project into a folder that all machines share, or let the class look at one conversation at a time"
                raise InputError("the dataset class asks for other conversations", f"{self._path}: {error.strerror}", way_out) from None
        return self._opened

    def close(self) -> None:
        if self._opened is not None:
            os.close(self._opened[0])
            self._opened = None

    def __len__(self) -> int:
        return int(self._open()[1].shape[1])

    @overload
    def __getitem__(self, index: int) -> Conversation: ...
    @overload
    def __getitem__(self, index: slice) -> list[Conversation]: ...
    def __getitem__(self, index: int | slice) -> Conversation | list[Conversation]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        file, places = self._open()
        start, size = places[:, index]
        return unpack(os.pread(file, int(size), int(start)))
