"""Spoken conversations as rows of messages: subtitles (.srt, .vtt), transcripts (`客服：…`), results of speech recognition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from kefu.data.readers import encoding, structured
from kefu.data.readers.encoding import lines
from kefu.data.readers.packed import chunks, whole
from kefu.data.readers.rows import Broken, Row
from kefu.data.readers.speech import recognised, sides
from kefu.data.readers.speech.cues import RULE, Cue, cues, joined, spoken, spoken_lines
from kefu.errors import InputError

__all__ = ["COLUMNS", "looks", "read"]

COLUMNS = ["conversation", "order", "speaker", "sender", "text"]


def is_transcript(path: Path) -> bool:
    """Does a third of the first lines begin with a speaker known by name (`客服：…`, `Agent: …`), two of them at least?"""
    from kefu.data import mapping  # it imports a reader itself

    try:
        told = [line.text for line in islice(lines(path, encoding.detect(path), 16), 60) if line.text.strip()]
    except InputError:
        return False
    names = [spoken(text)[0][0] for text in told if len(text) < 20_000]
    roles = [mapping.role_of(one, {}) for one in names if one]
    return len(roles) >= 3 and {"customer"} < set(roles) - {""} and sum(map(bool, roles)) * 3 >= len(told)


def looks(path: Path) -> bool:
    """Does a JSON file name the fields of a known recogniser's result?"""
    try:
        start = next(iter(chunks(path)), b"")[: 1 << 18]
    except InputError:
        return False
    return recognised.tool(start.decode("utf-8", "replace")) is not None


def read(path: Path, name: str, code: str, format: str, limit_mb: float, facts: dict[str, Any]) -> Iterator[Row | Broken]:
    """Rows with COLUMNS. speaker: as the file has it; sender: agent or customer where the file's labels are anonymous (SPEAKER_00, 0, ch_1) and
    what is said tells who is who, else the speaker. Neighbouring pieces of one speaker are one row; order: milliseconds.

    Raises InputError where nothing says who speaks: such a text is no conversation."""
    facts |= {"format": "speech", "encoding": code, "columns": COLUMNS}
    if format == "json":
        found: Iterable[Cue | Broken] = _recognised(path, code, limit_mb, facts)
    elif format == "txt":
        found = spoken_lines(lines(path, code, limit_mb))
    else:
        found = cues(lines(path, code, limit_mb), vtt=format == "vtt")
    held: list[tuple[int, Cue]] = []
    stem, calls = path.name.split(".")[0], 1
    for number, one in enumerate(found, 1):
        facts["pieces"] = number
        if isinstance(one, Broken):
            yield Broken(f"{name}#{number}", one.reason, one.text)
        elif one.text == RULE:
            yield from _call(held, name, f"{stem}-{calls}", facts)
            held, calls = [], calls + bool(held)
        else:
            held.append((number, one))
    yield from _call(held, name, f"{stem}-{calls}", facts)


def _call(held: list[tuple[int, Cue]], name: str, conversation: str, facts: dict[str, Any]) -> Iterator[Row | Broken]:
    named = [one for _, one in held if one.speaker]
    if held and (len({one.speaker for one in named}) < 2 or len(named) * 4 < len(held)):
        for number, one in held:
            yield Broken(f"{name}#{number}", "nothing says who speaks", one.text[:200])
        return
    speaker, turns = "", []
    for number, one in held:
        speaker = one.speaker or speaker  # a piece without a name goes on
        turns.append((speaker, number, one))
    talk = [(who, members) for who, group in groupby(turns, key=lambda turn: turn[0]) for members in [list(group)]]
    told = sides.told([(who, joined([one.text for _, _, one in members])) for who, members in talk])
    if told.by:
        facts["sides_told_by"] = told.by
    facts["turns"] = facts.get("turns", 0) + len(talk)
    for who, members in talk:
        text = joined([one.text for _, _, one in members])
        yield Row(
            f"{name}#{members[0][1]}",
            {"conversation": conversation, "order": round(members[0][2].at * 1000), "speaker": who, "sender": told.roles.get(who, who), "text": text},
        )


def _recognised(path: Path, code: str, limit_mb: float, facts: dict[str, Any]) -> Iterator[Cue | Broken]:
    try:
        text = whole(path, limit_mb).decode(code)
        value = structured.parse(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name} is not JSON", str(error)[:200], "export it again") from None
    tool = recognised.tool(text[: 1 << 20])
    if tool is None:
        raise InputError(
            f"{path.name} is no result of a recogniser that is known", f"known are {', '.join(one.name for one in recognised.TOOLS)}",
            "leave `format` at auto, and map its columns",
        )  # fmt: skip
    facts["tool"] = tool.name
    yield from tool.cues(value)


def detect(path: Path, given: str) -> str:
    """The character encoding: as the source says, else found out."""
    if given != "auto":
        encoding.check(path, given)
        return given
    return encoding.detect(path)
