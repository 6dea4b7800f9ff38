"""Times as exports write them, to seconds and to ISO 8601. Without a zone they are taken as they stand."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

_CHINESE = re.compile(
    r"(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日?\s*(?:星期.\s*)?(上午|下午|晚上|凌晨|中午)?\s*(?:(\d{1,2})\s*[:时点]\s*(\d{1,2})?\s*[:分]?\s*(\d{1,2})?)?"
)
_YEAR_FIRST = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T\s]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,]\d+)?)?)?\s*(Z|[+-]\d{2}:?\d{2})?(?:\s*(AM|PM))?",
    re.IGNORECASE,
)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})[-/.](\d{4})(?:[,T\s]+(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?\s*(AM|PM)?)?", re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMED = re.compile(  # 01/Mar/24 10:22 AM, 1 Mar 2024 10:22
    rf"(\d{{1,2}})[-/. ]({'|'.join(_MONTHS)})[a-z]*[-/., ]+(\d{{4}}|\d{{2}})(?:[,T\s]+(\d{{1,2}}):(\d{{1,2}})(?::(\d{{1,2}}))?\s*(AM|PM)?)?",
    re.IGNORECASE,
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T?(\d{2})(\d{2})(\d{2})?)?")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


def seconds(value: Any) -> float | None:
    """Seconds since 1970 (or since midnight for a bare clock time), or None when it is no time.

    Numbers are epoch seconds, milliseconds or microseconds by their size; small ones are order numbers as they are.
    `03/05/2026` is month first unless the first number is above 12; with dots the day is first.
    """
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).timestamp()
    if isinstance(value, float):
        return _epoch(value) if math.isfinite(value) else None
    text = "" if value is None else str(value).strip()  # 0 is the first message of many exports
    if re.fullmatch(r"\d{1,8}(\.\d+)?|\d{10}(\.\d+)?|\d{13}|\d{16}", text) and not (
        len(text) == 8 and _COMPACT.fullmatch(text) and text[:2] in ("19", "20")
    ):
        return _epoch(float(text))
    try:
        return _written(text)
    except ValueError:
        return None


def iso(value: Any) -> str:
    """ISO 8601 to the second, or an empty string."""
    if value is None or value == "":
        return ""
    found = seconds(value)
    if found is None or found < 86_400 * 366:
        return ""
    try:
        return datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, OverflowError, OSError):  # a year beyond 9999
        return ""


def _epoch(number: float) -> float:
    for limit, unit in ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3)):
        if number >= limit:
            return number / unit
    return number


def _written(text: str) -> float | None:
    if match := _CHINESE.match(text):
        year, month, day, half, hour, minute, second = match.groups()
        return _stamp(year, month, day, hour, minute, second, "PM" if half in ("下午", "晚上") else "")
    if match := _YEAR_FIRST.match(text):
        year, month, day, hour, minute, second, zone, half = match.groups()
        found = _stamp(year, month, day, hour, minute, second, half or "")
        if zone and zone.upper() != "Z":
            sign = 1 if zone[0] == "+" else -1
            found -= sign * (int(zone[1:3]) * 3600 + int(zone[-2:]) * 60)
        return found
    if match := _YEAR_LAST.match(text):
        first, sign_, second_, year, hour, minute, second, half = match.groups()
        day_first = sign_ == "." or int(first) > 12
        day, month = (first, second_) if day_first else (second_, first)
        return _stamp(year, month, day, hour, minute, second, half or "")
    if match := _MONTH_NAMED.match(text):
        day, month, year, hour, minute, second, half = match.groups()
        year = year if len(year) == 4 else f"20{year}"
        return _stamp(year, str(_MONTHS.index(month[:3].casefold()) + 1), day, hour, minute, second, half or "")
    if match := _COMPACT.fullmatch(text):
        year, month, day, hour, minute, second = match.groups()
        return _stamp(year, month, day, hour, minute, second, "")
    if match := _CLOCK.fullmatch(text):
        hour, minute, second = (int(part or 0) for part in match.groups())
        return hour * 3600.0 + minute * 60 + second
    return None


def _stamp(year: str, month: str, day: str, hour: str | None, minute: str | None, second: str | None, half: str) -> float:
    clock = int(hour or 0)
    if half.upper() == "PM" and clock < 12:
        clock += 12
    if half.upper() == "AM" and clock == 12:
        clock = 0
    return datetime(int(year), int(month), int(day), clock, int(minute or 0), int(second or 0), tzinfo=UTC).timestamp()
