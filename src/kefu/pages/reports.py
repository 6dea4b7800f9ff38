"""What all reports share: their style, the way numbers and long texts are shown, pictures inside the page."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from kefu.statistics import digits_for

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(folder: Path) -> Environment:
    """Templates of a folder; every text is escaped, a name that is not there is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {"figure": figure, "interval": interval, "short": short, "line": line}
    return made


def style() -> Markup:
    """The style sheet, to stand inside the page."""
    return Markup(resources.files(__package__).joinpath("report.css").read_text("utf-8"))


def pictures(folder: Path, captions: Mapping[str, str]) -> list[dict[str, str]]:
    """The PNG files of a folder as data URIs with their captions."""
    found = []
    for path in sorted(folder.glob("*.png")):
        data = base64.b64encode(path.read_bytes()).decode()
        found.append({"name": captions.get(path.stem, path.stem.replace("_", " ")), "uri": f"data:image/png;base64,{data}"})
    return found


def figure(number: Any, digits: int = 2) -> str:
    if not isinstance(number, dict):
        return "–" if number is None else str(number)
    if number.get("value") is None:
        return "–"
    digits = digits_for(number["value"], digits)
    text = f"{number['value']:.{digits}f}"
    if number.get("low") is not None:
        text += f" [{number['low']:.{digits}f}, {number['high']:.{digits}f}]"
    return f"{text} (n={number['n']}{_on(number)})" if "n" in number else text


def _on(number: dict[str, Any]) -> str:
    """What it was measured on, where that takes its worth."""
    return f", on {number['on']}" if number.get("on") else ""


def short(value: Any, length: int = 160) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)
    return text if len(text) <= length else text[: length - 1] + "…"


def interval(number: Any, digits: int = 2) -> Markup:
    """The value, its interval and n below it in small: narrow enough for a table of many columns."""
    if not isinstance(number, dict) or number.get("value") is None:
        return Markup("–")
    digits = digits_for(number["value"], digits)
    low = f"{number['low']:.{digits}f} to {number['high']:.{digits}f}, " if number.get("low") is not None else ""
    return Markup("<b>{}</b> <small>{}n={}{}</small>").format(f"{number['value']:.{digits}f}", low, number.get("n", "?"), _on(number))


def line(value: str, length: int = 60) -> str:
    """One line of what may be gibberish: signs that cannot be printed become a dot, a run of the same thing is cut."""
    text = "".join(char if char.isprintable() and char != "\ufffd" else "·" for char in " ".join(str(value).split()))
    return short(re.sub(r"(.{1,12}?)\1{3,}", r"\1\1\1…", text), length)
