"""Slack: a folder or .zip with users.json and a folder a channel, one JSON file a day; also one such file alone."""

from __future__ import annotations

import html
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kefu.data.readers import structured
from kefu.data.readers.messenger.message import Message
from kefu.data.readers.packed import too_big, whole
from kefu.data.readers.rows import Broken
from kefu.errors import InputError

_DAY = re.compile(r"(?:^|/)([^/]+)/\d{4}-\d{2}-\d{2}\.json$")
_TALK = {"", "bot_message", "me_message", "thread_broadcast", "file_share", "file_comment", "slackbot_response"}
_MENTION = re.compile(r"<[@!][^<>]{1,80}>\s?")
_LINK = re.compile(r"<((?:https?|mailto|tel):[^<>|\s]{1,2000})(?:\|([^<>]{0,500}))?>|<#\w+\|?([^<>]{0,80})>")
_FAULTS = (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, ValueError, EOFError, RuntimeError, NotImplementedError)


def is_export(path: Path) -> bool:
    """A folder or archive with a folder a channel and a file a day."""
    if path.is_dir():
        return (path / "users.json").is_file() and any(_DAY.search(one.as_posix()) for one in path.glob("*/????-??-??.json"))
    if path.suffix.lower() != ".zip":
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except _FAULTS:
        return False
    return any(one.endswith("users.json") for one in names) and any(_DAY.search(one) for one in names)


def messages(path: Path, limit_mb: float, facts: dict[str, Any]) -> Iterator[Message | Broken]:
    people: dict[str, str] = {}
    days = 0
    for channel, value in _documents(path, limit_mb):
        if isinstance(value, Broken):
            yield value
        elif channel == "":
            people = _people(value)
        else:
            days += 1
            yield from _day(channel, value, people)
    facts["day_files"] = days


def _documents(path: Path, limit_mb: float) -> Iterator[tuple[str, Any]]:
    """("" for users.json, which comes first, else the channel; the document, or why it cannot be read)."""
    if path.is_dir():
        files = [path / "users.json", *sorted(path.glob("*/????-??-??.json"))]
        for file in files:
            yield ("" if file.name == "users.json" else file.parent.name), _parsed(file.name, whole(file, limit_mb))
        return
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted(one.filename for one in archive.infolist() if one.filename.endswith("users.json") or _DAY.search(one.filename))
            for name in sorted(members, key=lambda one: not one.endswith("users.json")):
                with archive.open(name) as handle:  # the size in the directory may be a lie
                    data = handle.read(int(limit_mb * (1 << 20)) + 1)
                if len(data) > limit_mb * (1 << 20):
                    raise too_big(path, limit_mb)
                day = _DAY.search(name)
                yield (day[1] if day else ""), _parsed(Path(name).name, data)
    except _FAULTS as error:
        raise InputError(f"cannot unpack {path.name}", str(error) or type(error).__name__, "the file is damaged; export it again") from None


def _parsed(name: str, data: bytes) -> Any:
    try:
        return structured.parse(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return Broken("", f"broken JSON in {name}", str(error)[:200])


def _object(item: Any) -> dict[str, Any]:
    return item if isinstance(item, dict) else {}


def _people(value: Any) -> dict[str, str]:
    """Names by id. Who has none is called by the id."""
    found = {}
    for one in value if isinstance(value, list) else []:
        if isinstance(one, dict) and one.get("id"):
            profile = _object(one.get("profile"))
            name = profile.get("display_name") or one.get("real_name") or profile.get("real_name") or one.get("name") or one["id"]
            found[str(one["id"])] = f"{name} (bot)" if one.get("is_bot") else str(name)
    return found


def _day(channel: str, value: Any, people: dict[str, str]) -> Iterator[Message | Broken]:
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, dict) or one.get("type") != "message" or "ts" not in one:
            yield Broken("", "no message of Slack", str(one)[:500])
            continue
        yield message(channel, one, people)


def message(channel: str, one: dict[str, Any], people: dict[str, str]) -> Message:
    kind = str(one.get("subtype") or "")
    profile = _object(one.get("user_profile"))
    called = profile.get("display_name") or profile.get("real_name") or one.get("username") or one.get("user") or one.get("bot_id") or ""
    name = people.get(str(one.get("user")), str(called))
    raw = str(one.get("text") or "")
    text = html.unescape(_LINK.sub(lambda found: found[2] or found[3] or found[1] or "", _MENTION.sub("", raw)))
    bot = kind == "bot_message" or bool(one.get("bot_id")) or name.endswith(" (bot)")
    files = one["files"] if isinstance(one.get("files"), list) else []
    return Message(
        channel, str(one["ts"]), name.removesuffix(" (bot)"), text, str(one.get("thread_ts") or ""), bot, kind not in _TALK, len(files),
        len(_MENTION.findall(raw)),
    )  # fmt: skip
