"""Times as exports write them, to seconds and to ISO 8601. Without a zone they are taken as they stand."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

_CHINESE = re.compile(r"(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日?\s*(?:星期.\s*)?(?:(\d{1,2})\s*[:时点]\s*(\d{1,2})?\s*[:分]?\s*(\d{1,2})?)?")
#: A part of the day before the hour, as Chinese telephones write it whatever stands before: 2026/5/1 下午3:05.
_HALF = re.compile(r"(上午|早上|早晨|清晨|凌晨|中午|下午|傍晚|晚上)\s*(?=(\d{1,2})\s*[:：时点])")
_MORNING, _NOON = ("上午", "早上", "早晨", "清晨", "凌晨"), "中午"
_YEAR_FIRST = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T\s]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,]\d+)?)?)?\s*(Z|[+-]\d{2}:?\d{2})?(?:\s*(AM|PM))?",
    re.IGNORECASE,
)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})[-/.](\d{4})(?:[,T\s]+(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?\s*(AM|PM)?)?", re.IGNORECASE)
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
    text, part = _part_of_day(text)
    if match := _CHINESE.match(text):
        year, month, day, hour, minute, second = match.groups()
        return _stamp(year, month, day, hour, minute, second, part)
    if match := _YEAR_FIRST.match(text):
        year, month, day, hour, minute, second, zone, half = match.groups()
        found = _stamp(year, month, day, hour, minute, second, half or part)
        if zone and zone.upper() != "Z":
            sign = 1 if zone[0] == "+" else -1
            found -= sign * (int(zone[1:3]) * 3600 + int(zone[-2:]) * 60)
        return found
    if match := _YEAR_LAST.match(text):
        first, sign_, second_, year, hour, minute, second, half = match.groups()
        day_first = sign_ == "." or int(first) > 12
        day, month = (first, second_) if day_first else (second_, first)
        return _stamp(year, month, day, hour, minute, second, half or part)
    if match := _COMPACT.fullmatch(text):
        year, month, day, hour, minute, second = match.groups()
        return _stamp(year, month, day, hour, minute, second, "")
    if match := _CLOCK.fullmatch(text):
        hour, minute, second = (int(part or 0) for part in match.groups())
        return hour * 3600.0 + minute * 60 + second
    return None


def _part_of_day(text: str) -> tuple[str, str]:
    """The text without 上午, 下午 …, and the half of the day they stand for; 中午 is before noon up to twelve o'clock, and after it from one."""
    match = _HALF.search(text)
    if match is None:
        return text, ""
    word, hour = match[1], int(match[2])
    half = "AM" if word in _MORNING else "" if word == _NOON and hour > 10 else "PM"
    return f"{text[: match.start()].rstrip()} {text[match.end() :].replace('：', ':')}".strip(), half


def _stamp(year: str, month: str, day: str, hour: str | None, minute: str | None, second: str | None, half: str) -> float:
    clock = int(hour or 0)
    if half.upper() == "PM" and clock < 12:
        clock += 12
    if half.upper() == "AM" and clock == 12:
        clock = 0
    return datetime(int(year), int(month), int(day), clock, int(minute or 0), int(second or 0), tzinfo=UTC).timestamp()
