"""A JSONL file of conversations read row by row from the disk: only the place of each line is held in memory."""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from kefu.conversation import Conversation
from kefu.errors import InputError

_CHUNK = 1 << 20


class Lines(Sequence[bytes]):
    """The lines of a file by number, without their line ends: 8 bytes of memory a line, whatever the file's size.

    Reads with `pread`, so threads and forked processes share one open file without moving each other's place.
    """

    def __init__(self, path: Path, ends: Sequence[int] | None = None) -> None:
        self.path = path
        try:
            self._file = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise InputError(f"cannot read {path}", error.strerror or "", "run `kefu data build` first") from None
        self.ends: Sequence[int] = self._scan() if ends is None else ends

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(f"line {index} of {len(self)}")
        start = int(self.ends[index - 1]) if index else 0
        return os.pread(self._file, int(self.ends[index]) - start, start).rstrip(b"\r\n")

    def __reduce__(self) -> tuple[Any, ...]:
        return Lines, (self.path, self.ends)  # another process opens the file itself

    def json(self, index: int) -> dict[str, Any]:
        """Row `index` as an object. Raises InputError when the line is damaged."""
        line = self[index]
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(f"{self.path.name}, line {index + 1}", f"not JSON ({error})", "rebuild the artefact") from None
        if not isinstance(row, dict):
            raise InputError(f"{self.path.name}, line {index + 1}", "not a JSON object", "rebuild the artefact")
        return row

    def _scan(self) -> array[int]:
        ends = array("Q")
        at = last = 0
        while block := os.pread(self._file, _CHUNK, at):
            found = block.find(b"\n")
            while found >= 0:
                last = at + found + 1
                ends.append(last)
                found = block.find(b"\n", found + 1)
            at += len(block)
        if at > last:  # no line end after the last row
            ends.append(at)
        return ends


class ConversationFile(Sequence[Conversation]):
    """conversations.jsonl as a sequence; every access reads the file and gives a new object."""

    def __init__(self, path: Path) -> None:
        self.lines = Lines(path)

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, index: int) -> Conversation: ...
    @overload
    def __getitem__(self, index: slice) -> list[Conversation]: ...
    def __getitem__(self, index: int | slice) -> Conversation | list[Conversation]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return Conversation.from_dict(self.lines.json(range(len(self))[index]))

    def __iter__(self) -> Iterator[Conversation]:
        for i in range(len(self)):
            yield self[i]
