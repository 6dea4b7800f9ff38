"""The price file: strict, sourced row by row, compared with another one and rewritten only when asked."""

from __future__ import annotations

import math
import re
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any, Literal
from urllib.error import URLError
from urllib.request import Request, urlopen

import yaml
from pydantic import Field, ValidationError, field_validator

from kefu.artifacts import write_text
from kefu.errors import EngineError, InputError
from kefu.markup import Fault, read_yaml
from kefu.project.schema import Block

NAME = "prices.yaml"
_DATE = re.compile(r"^(\d{4})(-\d{2})?(-\d{2})?$")
_MOST = 4 << 20
_HEAD = "# Prices for 1 M tokens, each with the page and date it was read. What no source gave is left out. Rewritten by `kefu prices refresh`.\n"


class Row(Block):
    """A price. input, output, training: for 1 M tokens, None where the source says nothing. date: the source's own, YYYY, YYYY-MM or YYYY-MM-DD."""

    use: Literal["inference", "fine-tuning"]
    provider: str = Field(min_length=1)
    model: str = Field(min_length=1)
    input: float | None = Field(default=None, ge=0)
    output: float | None = Field(default=None, ge=0)
    training: float | None = Field(default=None, ge=0)
    currency: str = Field(min_length=3, max_length=3)
    source: str = Field(pattern=r"^https?://\S+$")
    date: str = ""
    note: str = ""

    @field_validator("date", mode="before")
    @classmethod
    def _dated(cls, value: Any) -> str:
        text = "" if value is None else str(value)
        if text and not _DATE.match(text):
            raise ValueError("a date is YYYY, YYYY-MM or YYYY-MM-DD, or left out")
        if text[:10] > date.today().isoformat():
            raise ValueError("the source's date lies in the future")
        return text

    @field_validator("input", "output", "training")
    @classmethod
    def _finite(cls, value: float | None) -> float | None:
        if value is not None and not math.isfinite(value):
            raise ValueError("a price is a number")
        return value

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.use, self.provider.lower(), self.model.lower())


class Board(Block):
    name: str
    url: str = Field(pattern=r"^https?://\S+$")


class Table(Block):
    """All rows, and leaderboards for the footnotes."""

    rows: list[Row]
    leaderboards: list[Board] = Field(default=[])

    @field_validator("rows")
    @classmethod
    def _once(cls, rows: list[Row]) -> list[Row]:
        seen: set[tuple[str, str, str]] = set()
        for row in rows:
            if row.key in seen:
                raise ValueError(f"{row.provider} {row.model} stands twice for {row.use}")
            seen.add(row.key)
        return rows


def find(folder: Path) -> Path:
    """The price file of a folder, else the one that comes with kefu."""
    own = folder / NAME
    return own if own.is_file() else Path(str(resources.files(__package__).joinpath(NAME)))


def load(place: str | Path) -> Table:
    """A table from a file or an http(s) URL, YAML or JSON. Raises InputError (with the first fault), EngineError (the URL is dead)."""
    text = _fetch(str(place)) if str(place).startswith(("http://", "https://")) else _read(Path(place))
    try:
        return Table.model_validate(read_yaml(text, dates=False))
    except Fault as error:
        raise InputError(f"{place} is no price file", str(error), _FIX) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        why = (f"{where}: " if where else "") + first["msg"].removeprefix("Value error, ")
        raise InputError(
            f"{place} is no price file", why + (f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""), _FIX
        ) from None


_FIX = "it needs `rows:` with use, provider, model, currency and source; copy one from `kefu prices --json`"


def compare(old: Table, new: Table) -> list[dict[str, Any]]:
    """What `new` would change: {"change": "added" | "changed" | "kept", "row": key, "fields": {name: [old, new]}}. `kept`: not in the new one."""
    before, after = {row.key: row for row in old.rows}, {row.key: row for row in new.rows}
    found: list[dict[str, Any]] = []
    for key in [*before, *(k for k in after if k not in before)]:
        was, now = before.get(key), after.get(key)
        row = was or now
        if row is None:
            continue
        name = f"{row.use}: {row.provider} {row.model}"
        if was is None or now is None:
            found.append({"change": "added" if was is None else "kept", "row": name, "fields": {}})
        elif was != now:
            a, b = was.model_dump(), now.model_dump()
            found.append({"change": "changed", "row": name, "fields": {k: [a[k], b[k]] for k in a if a[k] != b[k]}})
    return found


def merged(old: Table, new: Table) -> Table:
    """Rows of the new one where it has them, the others as they were."""
    after = {row.key: row for row in new.rows}
    kept = [after.pop(row.key, row) for row in old.rows]
    return Table(rows=[*kept, *after.values()], leaderboards=new.leaderboards or old.leaderboards)


def write(table: Table, path: Path) -> None:
    """The file, whole or not at all."""
    rows = [{k: v for k, v in row.model_dump().items() if v not in (None, "")} for row in table.rows]
    boards = [board.model_dump() for board in table.leaderboards]
    write_text(path, _HEAD + yaml.safe_dump({"leaderboards": boards, "rows": rows}, allow_unicode=True, sort_keys=False, width=200))


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}", getattr(error, "strerror", "") or "not UTF-8", "name a price file or a URL") from None


def _fetch(url: str) -> str:
    try:
        with urlopen(Request(url, headers={"User-Agent": "kefu"}), timeout=20) as answer:
            body = answer.read(_MOST + 1)
    except (URLError, TimeoutError, OSError, ValueError) as error:
        raise EngineError(
            f"{url} cannot be read", str(getattr(error, "reason", error)), "check the address, or download the file and name it"
        ) from None
    if len(body) > _MOST:
        raise InputError(f"{url} is no price file", f"it is larger than {_MOST >> 20} MiB", "name a price file")
    try:
        return str(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise InputError(f"{url} is no price file", "it is not UTF-8", "name a price file") from None
