"""YAML, JSON and XML that somebody else wrote: a plain value, or one fault with its line. Nothing written can hang or crash the reader.

Bounded before anything is built: the depth, and what aliases stand for when written out (ten lines of them can mean gigabytes).
"""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

import yaml

#: No settings, scenario or export nests deeper; what does would exhaust the stack of whoever walks over it.
DEEPEST = 100
#: Values that aliases may add to those written in the file.
MOST_ADDED = 100_000
_DEEPEST_XML = 200  # tables in tables in text boxes come to about sixty
_MOST_XML = 2_000_000  # elements; a manual of a thousand pages has a tenth of that, and each takes about a hundred bytes
_CHUNK = 1 << 16
_HALF = re.compile("[\ud800-\udfff]")
_FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where PyYAML was built with it


class Fault(ValueError):
    """Why a text cannot be read. line: from 1; 0 when it is not known."""

    def __init__(self, said: str, line: int = 0) -> None:
        self.said, self.line = " ".join(said.split())[:300], line
        super().__init__(f"{self.said} (line {line})" if line else self.said)

    def place(self, file: object) -> str:
        """`file:line`, or the file alone."""
        return f"{file}:{self.line}" if self.line else str(file)


class _Loader(_FAST):  # type: ignore[misc]
    """The safe loader; a value that its tag cannot hold (`!!int abc`, 2026-13-45) is an error of its line like every other."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except yaml.YAMLError:
            raise
        except (ValueError, LookupError, AttributeError, TypeError, ArithmeticError) as error:
            kind = str(node.tag).removeprefix("tag:yaml.org,2002:")
            shown = repr(node.value[:40]) if isinstance(node.value, str) else "this"
            why = f" ({str(error).partition(';')[0]})" if isinstance(error, ValueError) else ""
            raise yaml.constructor.ConstructorError(None, None, f"{shown} is no {kind}{why}", node.start_mark) from None


class _Dateless(_Loader):
    """Dates stay texts: 2026-03 and 2026-03-03 are both one."""


_Dateless.yaml_implicit_resolvers = {
    key: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for key, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(text: str, *, dates: bool = True) -> Any:
    """The value of a YAML text; None for an empty one. dates: whether 2026-03-03 becomes a date. Raises Fault."""
    return _read(text, True, dates, nodes=False)[1]


def parse_yaml(text: str, *, aliases: bool = True) -> tuple[Any, Any]:
    """The node tree, whose marks tell the lines, and the value; both None for an empty text. aliases: whether `*name` is allowed.

    Raises Fault.
    """
    return _read(text, aliases, True, nodes=True)


def _read(text: str, aliases: bool, dates: bool, nodes: bool) -> tuple[Any, Any]:
    kind = _Loader if dates else _Dateless
    try:
        _measure(text, aliases)
        value = yaml.load(text, Loader=kind)
        return yaml.compose(text, Loader=kind) if nodes else None, value  # apart: constructing writes `<<` out in the nodes
    except Fault:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        said = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        raise Fault(str(said), mark.line + 1 if mark else 0) from None
    except RecursionError:
        raise Fault("nested too deeply") from None
    except (ValueError, LookupError, AttributeError, TypeError, ArithmeticError) as error:
        raise Fault(str(error) or type(error).__name__) from None


def _measure(text: str, aliases: bool) -> None:
    """Refuse what is nested too deep, refers to itself, or grows too large when its aliases are written out; nothing is built for it."""
    known: dict[str, tuple[int, int]] = {}  # anchor -> (values, levels) below it
    open_: list[list[Any]] = []  # [anchor, values, levels] of each block that is not closed
    added = 0

    def close(anchor: str | None, size: int, height: int) -> None:
        if anchor is not None:
            known[anchor] = (size, height)
        if open_:
            open_[-1][1] += size
            open_[-1][2] = max(open_[-1][2], height + 1)

    for event in yaml.parse(text, Loader=_FAST):
        line = event.start_mark.line + 1 if event.start_mark else 0
        height = 0
        if isinstance(event, yaml.AliasEvent):
            if not aliases:
                raise Fault(f"aliases (*{event.anchor}) are not used here; write the value out", line)
            if any(one[0] == event.anchor for one in open_):
                raise Fault(f"*{event.anchor} refers to itself; write the value out", line)
            size, height = known.get(str(event.anchor), (1, 0))
            added += size
            if added > MOST_ADDED:
                raise Fault(f"aliases (*{event.anchor}) stand for more than {MOST_ADDED:,} values; write the value out", line)
            close(None, size, height)
        elif isinstance(event, yaml.ScalarEvent):
            close(event.anchor, 1, 0)
        elif isinstance(event, yaml.CollectionStartEvent):
            open_.append([event.anchor, 1, 0])
        elif isinstance(event, yaml.CollectionEndEvent):
            close(*open_.pop())
        if len(open_) + height > DEEPEST:
            raise Fault(f"nested deeper than {DEEPEST} levels", line)


def read_json(text: str) -> Any:
    """The value of a JSON text. Raises Fault, also for what nests too deep or holds half of a surrogate pair (it is no character)."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise Fault(f"{error.msg} at column {error.colno}", error.lineno if "\n" in text.strip() else 0) from None
    except RecursionError:
        raise Fault(f"nested deeper than {DEEPEST} levels") from None
    except ValueError as error:  # an integer of thousands of digits
        raise Fault(str(error).partition(";")[0]) from None
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [inner for item in level if isinstance(item, dict | list) for inner in (item.values() if isinstance(item, dict) else item)]
        if not level:
            break
    else:
        raise Fault(f"nested deeper than {DEEPEST} levels")
    if ("\\ud" in text or "\\uD" in text) and _HALF.search(json.dumps(value, ensure_ascii=False)):
        raise Fault("half of a surrogate pair (\\ud800 to \\udfff) is no character")
    return value


def office_xml(text: bytes) -> ElementTree.Element:
    """The root element of a part of an office file. Raises ValueError for what no office program writes: a DOCTYPE, wherever it stands and in
    whatever encoding, elements too deep or too many; ElementTree.ParseError for what is no XML.
    """
    depth = count = 0

    def start(*_: Any) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > _DEEPEST_XML:
            raise ValueError(f"its XML is nested deeper than {_DEEPEST_XML} levels, which no office program writes")
        if count > _MOST_XML:
            raise ValueError(f"its XML has more than {_MOST_XML} elements in one part")

    def end(*_: Any) -> None:
        nonlocal depth
        depth -= 1

    reader = expat.ParserCreate()
    reader.StartDoctypeDeclHandler = _doctype
    reader.StartElementHandler, reader.EndElementHandler = start, end
    try:
        for at in range(0, len(text), _CHUNK):
            reader.Parse(text[at : at + _CHUNK], False)
        reader.Parse(b"", True)
    except expat.ExpatError as error:
        raise ElementTree.ParseError(str(error)) from None
    return ElementTree.fromstring(text)


def _doctype(*_: Any) -> None:
    raise ValueError("its XML declares a document type, which no office program writes")
