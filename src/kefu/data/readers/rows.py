"""What every reader yields: a row, or a row that could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Row:
    """`where`: file and line (or table and row), as shown to the user."""

    where: str
    values: dict[str, Any]


@dataclass(slots=True)
class Broken:
    """A row that could not be read; `text` is its beginning, unmasked: never write it as it is."""

    where: str
    reason: str
    text: str = ""


@dataclass
class Reading:
    """An opened source. `facts` (files, encodings, delimiters, table) is filled while `rows` is consumed."""

    name: str
    rows: Callable[[], Iterator[Row | Broken]]
    facts: dict[str, Any] = field(default_factory=dict)
