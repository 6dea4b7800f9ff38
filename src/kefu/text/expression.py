"""The parsed form of a regular expression: the one place that reads what `re` keeps to itself.

The form is that of `re._parser` and not promised to stay. So it is tried on expressions whose form is known, once, before any is read: a
Python release that writes one of them otherwise makes every expression unreadable, and whoever asks goes on without (`gate`: all patterns are
tried on every text, slower and with the same result). A form that only then turns out to be another raises one of `UNREADABLE`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from typing import Any

#: What reading may raise: no such module, another form, other names.
UNREADABLE = (ImportError, AttributeError, TypeError, ValueError, LookupError, re.error)
_KNOWN = {
    r"a[b-d\d\s]": "[(LITERAL, 97), (IN, [(RANGE, (98, 100)), (CATEGORY, CATEGORY_DIGIT), (CATEGORY, CATEGORY_SPACE)])]",
    r"(?:ax|by)?": "[(MAX_REPEAT, (0, 1, [(BRANCH, (None, [[(LITERAL, 97), (LITERAL, 120)], [(LITERAL, 98), (LITERAL, 121)]]))]))]",
    r"(?i:a)(b){2,3}?": "[(SUBPATTERN, (None, 2, 0, [(LITERAL, 97)])), (MIN_REPEAT, (2, 3, [(SUBPATTERN, (1, 0, 0, [(LITERAL, 98)]))]))]",
    r"(?=a)(?<!b)\b^.": "[(ASSERT, (1, [(LITERAL, 97)])), (ASSERT_NOT, (-1, [(LITERAL, 98)])), (AT, AT_BOUNDARY), (AT, AT_BEGINNING), (ANY, None)]",
    r"[^a](?>b)c*+": "[(NOT_LITERAL, 97), (ATOMIC_GROUP, [(LITERAL, 98)]), (POSSESSIVE_REPEAT, (0, MAXREPEAT, [(LITERAL, 99)]))]",
}


def parsed(pattern: re.Pattern[str]) -> Iterable[tuple[Any, Any]]:
    """(operation, what it is given), in order; the names of operations are their `str`. Raises one of UNREADABLE."""
    if not _readable():
        raise ValueError("re writes parsed expressions in another form than this program reads")
    return _parse(pattern.pattern, pattern.flags)


@lru_cache(maxsize=1)
def _readable() -> bool:
    try:
        return all(repr(_parse(text, 0)) == form for text, form in _KNOWN.items())
    except UNREADABLE:
        return False


def _parse(text: str, flags: int) -> Any:
    return import_module("re._parser").parse(text, flags)
