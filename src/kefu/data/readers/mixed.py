"""Files put together from two exports: some lines are UTF-8, the others GB18030. A codec decides line by line.

Read in one encoding, the other's lines become mojibake (怎么 -> 鎬庝箞) that no decoder reports.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from kefu.data.readers.packed import chunks
from kefu.data.readers.plausible import COMMON, score

NAME = "mixed-gb18030"
FAULT = "neither UTF-8 nor GB18030"
_PLAUSIBLE = 0.35
_SAMPLE = 1 << 16
_HAN = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
#: What the bytes of Chinese UTF-8 look like when they are read as GB18030; hardly any of them stands in an ordinary text.
_MOJIBAKE = frozenset(
    "鍙鍚鍜鍦鍥鍏鍒鍐鍑鍔鎴鎵鎬鎮鎺鎻鎿鏄鏈鏃鏂鏉鏁鏍鏌鏋浣浠浜涓涔銆锛鈥鐨鐢鐐鐧鐜鐞璇璁璐璧璺缁缂缃绛绗闂闄闇闀鑳鑰鑷瀹瀛濂濡濉澶庝箞瑰嚮"
)


def kind(line: bytes) -> str:
    """`ascii`, `utf-8`, `gb18030` or `neither`."""
    if line.isascii():
        return "ascii"
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if text and (_HAN.search(text) or score(line, "gb18030") < _PLAUSIBLE):
        return "utf-8"  # two bytes of GB18030 may be a letter of UTF-8 by chance, never a Chinese character
    try:
        other = line.decode("gb18030")
    except UnicodeDecodeError:
        return "neither"
    foreign = [char for char in other if not char.isascii()]
    return "neither" if sum(char in _MOJIBAKE for char in foreign) * 5 > len(foreign) else "gb18030"


def census(path: Path) -> dict[str, int]:
    """How many lines are in which encoding; lines of ASCII alone are in both and not counted."""
    told = Counter(kind(line) for line in _lines(path))
    return {name: told[name] for name in ("utf-8", "gb18030", "neither") if told[name]}


def found(path: Path) -> bool:
    """Are there lines that can only be UTF-8 and lines that can only be GB18030, both of them ordinary Chinese?"""
    sample: dict[str, bytes] = {"utf-8": b"", "gb18030": b""}
    for line in _lines(path):
        name = kind(line)
        if name in sample and len(sample[name]) < _SAMPLE:
            sample[name] += line + b"\n"
    return all(
        text and score(text, name) >= _PLAUSIBLE and any(char in COMMON and not char.isascii() for char in text.decode(name, "replace"))
        for name, text in sample.items()
    )


def _lines(path: Path) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks(path):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    yield rest


def _decode(line: bytes, errors: str) -> str:
    name = kind(line)
    if name == "neither":
        if errors == "strict":
            raise UnicodeDecodeError(NAME, line, 0, len(line), FAULT)
        return line.decode("utf-8", errors)
    return line.decode("utf-8" if name == "ascii" else name)


class _Decoder(codecs.IncrementalDecoder):
    def __init__(self, errors: str = "strict") -> None:
        super().__init__(errors)
        self._held = b""

    def decode(self, input: bytes, final: bool = False) -> str:  # type: ignore[override]
        *whole, self._held = (self._held + input).split(b"\n")
        told = "".join(_decode(line, self.errors) + "\n" for line in whole)
        if final:
            told, self._held = told + _decode(self._held, self.errors), b""
        return told


def _whole(input: bytes, errors: str = "strict") -> tuple[str, int]:
    return "\n".join(_decode(line, errors) for line in bytes(input).split(b"\n")), len(input)


def _search(name: str) -> codecs.CodecInfo | None:
    if name.replace("_", "-") != NAME:
        return None
    return codecs.CodecInfo(codecs.lookup("utf-8").encode, _whole, incrementaldecoder=_Decoder, name=NAME)  # type: ignore[arg-type]


codecs.register(_search)
