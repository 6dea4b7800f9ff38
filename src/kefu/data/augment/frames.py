"""A question put into another frame: 怎么退款 -> 请问如何退款？, "how do I …" -> "could you tell me how to …" (frames.yaml)."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import yaml

from kefu.data import signals

_END = re.compile(r"(?<![\s。．.！!？?~～…])[\s。．.！!？?~～…]+$")
_GREETING = re.compile(
    r"^(?:你好|您好|哈喽|在吗|亲(?=[，,])|(?:hi|hello|hey|good (?:morning|afternoon|evening))\b)[\s，,！!。.?？、]*", re.IGNORECASE
)


@dataclass(frozen=True)
class Frame:
    """kind: `question` or `statement` where the frame asks for one of them, else empty."""

    match: re.Pattern[str]
    to: tuple[str, ...]
    needs: re.Pattern[str] | None
    refuses: re.Pattern[str] | None
    kind: str = ""


@lru_cache(maxsize=1)
def frames() -> dict[str, tuple[Frame, ...]]:
    raw = yaml.safe_load(resources.files("kefu.data.augment").joinpath("frames.yaml").read_text("utf-8"))

    def compiled(pattern: str) -> re.Pattern[str] | None:
        return re.compile(pattern, re.IGNORECASE) if pattern else None

    return {
        language: tuple(
            Frame(
                re.compile(row["match"], re.IGNORECASE),
                tuple(row["to"]),
                compiled(row.get("needs", "")),
                compiled(row.get("not", "")),
                row.get("kind", ""),
            )
            for row in rows
        )
        for language, rows in raw.items()
    }


def framed(text: str, language: str, rng: random.Random) -> tuple[str, str] | None:
    """`(new text, frame used)`, or None when no frame fits."""
    core = _END.sub("", _GREETING.sub("", text.strip()))
    if not core:
        return None
    asks = signals.is_question(text) or (signals.is_question(core + "?") and text.rstrip().endswith(("?", "？")))
    fitting: list[tuple[str, dict[str, str]]] = []
    for frame in frames().get(language, ()):
        if (frame.kind == "question" and not asks) or (frame.kind == "statement" and asks):
            continue
        if (frame.needs and not frame.needs.search(core)) or (frame.refuses and frame.refuses.search(core)):
            continue
        found = frame.match.fullmatch(core)
        if found:
            fitting += [(template, {key: value.strip() for key, value in found.groupdict().items()}) for template in frame.to]
    if not fitting:
        return None
    template, parts = fitting[rng.randrange(len(fitting))]
    return _tidy(template, parts, language), template


def _tidy(template: str, parts: dict[str, str], language: str) -> str:
    """The filled frame; in English the first letter of a part that is not at the beginning goes small, save I and names."""
    if language == "en":
        parts = {key: _small(value) if not template.startswith("{" + key) else value[:1].upper() + value[1:] for key, value in parts.items()}
    return template.format(**parts)


def _small(text: str) -> str:
    first = text.split(" ", 1)[0]
    keep = first == "I" or first.startswith("I'") or any(char.isupper() or char.isdigit() for char in first[1:])
    return text if keep else text[:1].lower() + text[1:]
