"""Where each recogniser's JSON has its pieces, their speaker, beginning and words. `marks`: keys that only its result has together."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kefu.data.readers.rows import Broken
from kefu.data.readers.speech.cues import Cue, joined

Cues = Iterator[Cue | Broken]


@dataclass(frozen=True)
class Tool:
    name: str
    marks: tuple[frozenset[str], ...]
    cues: Callable[[Any], Cues]


def tool(text: str) -> Tool | None:
    keys = set(re.findall(r'\\*"([\w@.]{1,40})\\*"\s*:', text))
    return next((one for one in TOOLS if any(mark <= keys for mark in one.marks)), None)


def _in(node: Any, *path: str) -> Any:
    for key in path:
        node = node.get(key) if isinstance(node, dict) else None
    return node


def _first(node: Any, *names: str) -> Any:
    return next((node[name] for name in names if isinstance(node, dict) and node.get(name) not in (None, "")), None)


def _seconds(value: Any, unit: float = 1.0) -> float:
    try:
        return float(value) * unit
    except (TypeError, ValueError):
        return 0.0


def _cue(one: Any, at: Any, speaker: Any, text: Any, unit: float = 1.0) -> Cue | Broken:
    if not isinstance(one, dict) or not isinstance(text, str):
        return Broken("", "a piece without words", str(one)[:200])
    return Cue(_seconds(at, unit), "" if speaker is None else str(speaker), text)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _segments(value: Any) -> Cues:
    """Whisper with speakers (WhisperX and others): segments with start, text, speaker."""
    for one in _list(value if isinstance(value, list) else _first(value, "segments", "utterances") or _in(value, "results", "utterances")):
        yield _cue(
            one,
            _first(one, "start", "start_time", "offset"),
            _first(one, "speaker", "speaker_label", "speaker_id"),
            _first(one, "text", "transcript"),
        )


def _aws(value: Any) -> Cues:
    """AWS Transcribe: words with a speaker label (or a channel each), else its audio segments; Call Analytics: turns with roles."""
    if turns := _in(value, "Transcript"):
        for one in _list(turns):
            yield _cue(one, _first(one, "BeginOffsetMillis"), _first(one, "ParticipantRole", "ParticipantId"), _in(one, "Content"), 0.001)
        return
    results = _in(value, "results")
    if segments := _list(_in(results, "audio_segments")):
        for one in segments:
            yield _cue(one, _first(one, "start_time"), _first(one, "speaker_label", "channel_label"), _in(one, "transcript"))
        return
    items = [item for channel in _list(_in(results, "channel_labels", "channels")) for item in _channel(channel)] or _list(_in(results, "items"))
    spoken = {
        _in(item, "start_time"): _in(item, "speaker_label")
        for part in _list(_in(results, "speaker_labels", "segments"))
        for item in _list(_in(part, "items"))
    }
    last = 0.0
    words: list[tuple[float, str, str, bool]] = []
    for item in items:
        content = _in((_list(_in(item, "alternatives")) or [None])[0], "content")
        at = _in(item, "start_time")
        last = _seconds(at) if at is not None else last
        who = _in(item, "speaker_label") or spoken.get(at) or (words[-1][1] if words and at is None else "")
        if isinstance(content, str):
            words.append((last, str(who or ""), content, _in(item, "type") == "punctuation"))
    words.sort(key=lambda word: word[0])
    held: list[tuple[float, str, str]] = []
    for at_, who_, content, sign in words:
        if held and held[-1][1] == who_:
            held[-1] = (held[-1][0], who_, held[-1][2] + content if sign else joined([held[-1][2], content]))
        else:
            held.append((at_, who_, content))
    for at_, who_, content in held:
        yield Cue(at_, who_, content)


def _channel(channel: Any) -> list[Any]:
    return [{**item, "speaker_label": _in(channel, "channel_label")} for item in _list(_in(channel, "items")) if isinstance(item, dict)]


def _aliyun(value: Any) -> Cues:
    """阿里云: Sentences with a channel or a speaker, times in ms; 百炼: transcripts with sentences."""
    for one in _list(_in(value, "Result", "Sentences") or _in(value, "Sentences")):
        yield _cue(one, _in(one, "BeginTime"), _first(one, "SpeakerId", "ChannelId"), _in(one, "Text"), 0.001)
    held = []
    for part in _list(_in(value, "transcripts")):
        for one in _list(_in(part, "sentences")):
            held.append(
                _cue(
                    one,
                    _in(one, "begin_time"),
                    _first(one, "speaker_id") if _in(one, "speaker_id") is not None else _in(part, "channel_id"),
                    _in(one, "text"),
                    0.001,
                )
            )
    yield from sorted(held, key=lambda one: one.at if isinstance(one, Cue) else 0.0)


def _xunfei(value: Any) -> Cues:
    """讯飞: orderResult with a lattice whose pieces are JSON once more; the older interface: a list with onebest."""
    for name in ("content", "orderResult", "data"):
        inner = _in(value, name)
        if inner is not None:
            value = _loaded(inner)
    if isinstance(value, list):
        for one in value:
            yield _cue(one, _in(one, "bg"), _in(one, "speaker"), _in(one, "onebest"), 0.001)
        return
    for one in _list(_in(value, "lattice")) or _list(_in(value, "lattice2")):
        best = _in(_loaded(_in(one, "json_1best")), "st")
        words = [
            str(_in((_list(_in(word, "cw")) or [None])[0], "w") or "") for part in _list(_in(best, "rt")) for word in _list(_in(part, "ws"))
        ]  # fmt: skip
        yield _cue(best, _in(best, "bg"), _in(best, "rl"), "".join(words) if words else None, 0.001)


def _loaded(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None


def _tencent(value: Any) -> Cues:
    for one in _list(_in(value, "Response", "Data", "ResultDetail") or _in(value, "Data", "ResultDetail")):
        yield _cue(one, _in(one, "StartMs"), _in(one, "SpeakerId"), _in(one, "FinalSentence"), 0.001)


def _azure(value: Any) -> Cues:
    pieces = _list(_in(value, "recognizedPhrases"))
    held = [
        _cue(one, _in(one, "offsetInTicks"), one.get("speaker", one.get("channel")) if isinstance(one, dict) else None,
             _in((_list(_in(one, "nBest")) or [None])[0], "display"), 1e-7)
        for one in pieces
    ]  # fmt: skip
    yield from sorted(held, key=lambda one: one.at if isinstance(one, Cue) else 0.0)


def _keys(*names: str) -> frozenset[str]:
    return frozenset(names)


TOOLS = (
    Tool("aws", (_keys("results", "transcripts", "items", "alternatives"), _keys("Transcript", "ParticipantRole", "Content")), _aws),
    Tool("aliyun", (_keys("Sentences", "BeginTime", "Text"), _keys("transcripts", "sentences", "begin_time")), _aliyun),
    Tool("xunfei", (_keys("lattice", "json_1best"), _keys("onebest", "bg", "ed")), _xunfei),
    Tool("tencent", (_keys("ResultDetail", "FinalSentence"),), _tencent),
    Tool("azure", (_keys("recognizedPhrases", "nBest"),), _azure),
    Tool(
        "segments",
        (
            _keys("segments", "start", "end", "text"),
            _keys("utterances", "speaker", "start", "end", "text"),
            _keys("utterances", "speaker", "start", "end", "transcript"),
        ),
        _segments,
    ),
)
