"""Subtitles: cues with their times, and who speaks in them (`<v Anna>`, `Anna: …`, `[SPEAKER_00] …`, `>> ANNA: …`)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kefu.data.readers.encoding import Line
from kefu.data.readers.rows import Broken

_TIMING = re.compile(r"^\s*(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})\s*-->\s*(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}")
_VOICE = re.compile(r"<v(?:\.[\w.-]*)?\s+([^<>]{1,80})>")
_TAG = re.compile(r"</?(?:[cibuv]|ruby|rt|lang|font|\d{1,2}:\d{2}[\d:.]*)\b[^<>]{0,80}>|\{\\[^{}]{0,40}\}", re.IGNORECASE)
_NAMED = re.compile(
    r"^\s*(?:>>+\s*|-\s+)?(?:[\[(（【]\s*(?P<a>[^\[\]()（）【】:：\n]{1,40})\s*[\])）】]\s*[:：]?\s*|(?P<b>[^\s:：,，。.?？!！<>\[\]\"'](?:[^:：,，。?？!！<>\[\]\"'\n]{0,38}[^\s:：,，。?？!！])?)\s*[:：](?!\d|//)\s*)(?P<text>.*)$"
)
_SOUND = re.compile(r"^(?:music|applause|laughter|laughs|silence|noise|inaudible|crosstalk|音乐|掌声|笑声|静音|噪音|听不清)", re.IGNORECASE)
_MANY_WORDS = 5  # before a colon: a sentence, no name


@dataclass(slots=True)
class Cue:
    """A piece of speech. at: seconds since the beginning."""

    at: float
    speaker: str
    text: str


def cues(lines: Iterable[Line], *, vtt: bool) -> Iterator[Cue | Broken]:
    """The cues of a subtitle file in their order. A block without a time is no cue: numbers, notes and styles of WebVTT."""
    at: float | None = None
    speaker, said, waiting = "", [], ""  # type: str, list[str], str

    def block() -> Iterator[Cue | Broken]:
        if at is not None and (text := " ".join(said).strip()):
            yield Cue(at, speaker, text)

    for line in lines:
        if line.fault:
            yield Broken("", line.fault, line.text[:200])
            continue
        text = line.text.strip()
        timing = _TIMING.match(text)
        if timing:
            yield from block()
            hours, minutes, seconds, thousandths = timing.groups()
            at, speaker, said = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int(thousandths.ljust(3, "0")) / 1000, "", []
            waiting = ""
        elif not text:
            yield from block()
            at, said = None, []
        elif at is not None:
            for name, words in spoken(text):
                if name and said:
                    yield from block()
                    said = []
                speaker = name or speaker
                said.append(words)
        elif not text.isdigit() and not waiting and not vtt and not text.startswith("WEBVTT"):
            waiting = text
            yield Broken("", "no cue: a line without a time", text[:200])
    yield from block()


RULE = "\x00"  # the text of what parts two transcripts in one file
_RULED = re.compile(
    r"^\s*(?:[-=*_—#]{4,}|(?:通话|会话|对话|录音|工单)\s?(?:ID|编号|号)?\s?[:：]\s?[\w-]{1,40}|(?:call|session|conversation)\s?(?:id|no\.?)?\s?[:#]\s?[\w-]{1,40})\s*$",
    re.IGNORECASE,
)


def spoken_lines(lines: Iterable[Line]) -> Iterator[Cue | Broken]:
    """A transcript: a line a turn, `客服：…`; a line without a speaker goes on. A ruled line or the number of a call begins another."""
    for number, line in enumerate(lines):
        if line.fault:
            yield Broken("", line.fault, line.text[:200])
        elif _RULED.match(line.text):
            yield Cue(number, "", RULE)
        elif line.text.strip():
            yield from (Cue(number, name, words) for name, words in spoken(line.text.strip()))


def spoken(text: str) -> list[tuple[str, str]]:
    """(speaker or nothing, words) of a line; several voices may stand in one."""
    parts = _VOICE.split(text)
    if len(parts) > 1:
        voices = [(html.unescape(name.strip()), _plain(words)) for name, words in zip(parts[1::2], parts[2::2], strict=True)]
        return [("", _plain(parts[0])), *voices] if parts[0].strip() else voices
    plain = _plain(text)
    found = _NAMED.match(plain)
    name = ((found["a"] or found["b"]) if found else "") or ""
    if not found or len(name.split()) > _MANY_WORDS or _SOUND.match(name) or (found["a"] and not found["text"].strip()):
        return [("", plain)]
    return [(name.strip(), found["text"])]


def _plain(text: str) -> str:
    return html.unescape(_TAG.sub("", text)).strip()


_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff，。！？、；：]")


def joined(pieces: Iterable[str]) -> str:
    """Pieces of one turn as one text: with a blank between words, with none between Chinese characters."""
    text = ""
    for piece in (one.strip() for one in pieces):
        if piece:
            glue = "" if not text or (_HAN.match(text[-1]) and _HAN.match(piece[0])) else " "
            text += glue + piece
    return text
