"""Spoken conversations as rows of messages: subtitles (.srt, .vtt) and results of speech recognition in JSON. A file a call, a row a turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from kefu.data.readers import encoding, structured
from kefu.data.readers.encoding import lines
from kefu.data.readers.packed import chunks, whole
from kefu.data.readers.rows import Broken, Row
from kefu.data.readers.speech import recognised, sides
from kefu.data.readers.speech.cues import Cue, cues, joined
from kefu.errors import InputError

__all__ = ["COLUMNS", "looks", "read"]

COLUMNS = ["conversation", "order", "speaker", "sender", "text"]


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
    else:
        found = cues(lines(path, code, limit_mb), vtt=format == "vtt")
    held: list[tuple[int, Cue]] = []
    pieces = 0
    for number, one in enumerate(found, 1):
        pieces += 1
        if isinstance(one, Broken):
            yield Broken(f"{name}#{number}", one.reason, one.text)
        else:
            held.append((number, one))
    named = [one for _, one in held if one.speaker]
    if held and (len({one.speaker for one in named}) < 2 or len(named) * 2 < len(held)):
        who = f"{len({one.speaker for one in named})} speakers are named in {len(named)} of {len(held)} pieces"
        yield Broken(f"{name}#1", "nothing says who speaks", who)
        for number, one in held[1:]:
            yield Broken(f"{name}#{number}", "nothing says who speaks", one.text[:200])
        facts |= {"pieces": pieces}
        return
    speaker, turns = "", []
    for number, one in held:
        speaker = one.speaker or speaker  # a piece without a name goes on
        turns.append((speaker, number, one))
    talk = [(who, members) for who, group in groupby(turns, key=lambda turn: turn[0]) for members in [list(group)]]
    told = sides.told([(who, joined([one.text for _, _, one in members])) for who, members in talk])
    if told.by:
        facts["sides_told_by"] = told.by
    facts |= {"pieces": pieces, "turns": len(talk)}
    conversation = f"{path.name.split('.')[0]}-1"
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
