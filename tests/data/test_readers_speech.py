"""Spoken conversations: subtitles and results of speech recognition become turns of an agent and a customer, whoever is called SPEAKER_00."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kefu import data
from kefu.data import readers
from kefu.data.check import check_source
from kefu.data.guess import append, propose
from kefu.errors import InputError
from kefu.project import load

EN = [
    ("agent", "Thank you for calling Acme, how can I help you?"), ("customer", "My parcel has not arrived yet."),
    ("agent", "Let me check that for you. It leaves our depot today."), ("customer", "Great, thanks a lot."),
]  # fmt: skip
ZH = [
    ("customer", "喂，你好，我想问一下发票的事情"), ("agent", "您好，很高兴为您服务，请您提供一下订单号"),
    ("customer", "订单是上个月的那个，发票一直没收到"), ("agent", "好的，这边帮您查到了，发票今天重新寄出"),
]  # fmt: skip
Say = list[tuple[str, str]]


def label(role: str, talk: Say, pattern: str = "{}") -> str:
    """Voices are numbered by who speaks first."""
    return pattern.format(0 if role == talk[0][0] else 1)


def stamp(second: float, sign: str = ".") -> str:
    return f"00:{int(second) // 60:02}:{int(second) % 60:02}{sign}{int(second % 1 * 1000):03}"


def halves(text: str) -> list[str]:
    """A turn as captions cut it: in the middle."""
    if " " in text:
        words = text.split()
        return [" ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])]
    return [text[: len(text) // 2], text[len(text) // 2 :]]


def srt(talk: Say) -> str:
    pieces = [(role, n, part) for role, text in talk for n, part in enumerate(halves(text))]
    return "\n".join(
        f"{i + 1}\n{stamp(i * 3, ',')} --> {stamp(i * 3 + 2.5, ',')}\n{'' if n else label(role, talk, '[SPEAKER_0{}]: ')}{part}\n"
        for i, (role, n, part) in enumerate(pieces)
    )


def vtt(talk: Say) -> str:
    names = {"agent": "Lisa (Acme Support)", "customer": "Anna &amp; Co"}
    cues = [f"{i}-1\n{stamp(i * 3)} --> {stamp(i * 3 + 2)} align:start\n<v {names[role]}>{text}</v>\n" for i, (role, text) in enumerate(talk)]
    return "WEBVTT\n\nNOTE made by a meeting\n\nSTYLE\n::cue {}\n\n" + "\n".join(cues)


def zoom(talk: Say) -> str:
    cues = [
        f"{i + 1}\n{stamp(i * 3)} --> {stamp(i * 3 + 2)}\n{'客服' if role == 'agent' else '客户'}：{text}\n" for i, (role, text) in enumerate(talk)
    ]
    return "WEBVTT\n\n" + "\n".join(cues)


def lines(talk: Say) -> str:
    names = {"agent": "客服", "customer": "客户"} if talk is ZH else {"agent": "Agent", "customer": "Customer"}
    sign = "：" if talk is ZH else ": "
    return "\n".join(f"{names[role]}{sign}{part}" if not n else part for role, text in talk for n, part in enumerate(halves(text)))


def whisper(talk: Say) -> Any:
    return {
        "segments": [
            {"start": i * 3.1, "end": i * 3.1 + 2, "text": f" {text}", "speaker": label(role, talk, "SPEAKER_0{}"), "words": []}
            for i, (role, text) in enumerate(talk)
        ],
        "language": "en",
    }


def aws(talk: Say) -> Any:
    items: list[dict[str, Any]] = []
    for i, (role, text) in enumerate(talk):
        for n, word in enumerate(text.replace("?", " ?").replace(".", " .").split()):
            sign = word in ("?", ".")
            at = {} if sign else {"start_time": f"{i * 10 + n * 0.3:.2f}", "end_time": f"{i * 10 + n * 0.3 + 0.2:.2f}"}
            items.append(
                {
                    "type": "punctuation" if sign else "pronunciation",
                    "alternatives": [{"confidence": "0.9", "content": word}],
                    "speaker_label": label(role, talk, "spk_{}"),
                    **at,
                }
            )
    return {"jobName": "j", "accountId": "1", "results": {"transcripts": [{"transcript": "x"}], "items": items}, "status": "COMPLETED"}


def analytics(talk: Say) -> Any:
    return {
        "Transcript": [
            {"Id": "1", "ParticipantRole": role.upper(), "Content": text, "BeginOffsetMillis": i * 3000, "EndOffsetMillis": i * 3000 + 2}
            for i, (role, text) in enumerate(talk)
        ]
    }


def aliyun(talk: Say) -> Any:
    return {
        "TaskId": "t",
        "StatusText": "SUCCESS",
        "Result": {
            "Sentences": [
                {"ChannelId": int(label(role, talk)), "BeginTime": i * 3000, "EndTime": i * 3000 + 900, "Text": text, "SpeechRate": 200}
                for i, (role, text) in enumerate(talk)
            ]
        },
    }


def bailian(talk: Say) -> Any:
    channels: list[dict[str, Any]] = [{"channel_id": n, "text": "x", "sentences": []} for n in (0, 1)]
    for i, (role, text) in enumerate(talk):
        channels[int(label(role, talk))]["sentences"].append({"begin_time": i * 3000, "end_time": i * 3000 + 900, "text": text})
    return {"file_url": "https://x.example/a.wav", "transcripts": channels}


def xunfei(talk: Say) -> Any:
    lattice = [
        {
            "json_1best": json.dumps(
                {
                    "st": {
                        "bg": str(i * 3000),
                        "ed": str(i * 3000 + 900),
                        "rl": label(role, talk),
                        "rt": [{"ws": [{"cw": [{"w": char, "wp": "n"}]} for char in text]}],
                    }
                },
                ensure_ascii=False,
            )
        }
        for i, (role, text) in enumerate(talk)
    ]
    return {"code": "000000", "content": {"orderInfo": {"status": 4}, "orderResult": json.dumps({"lattice": lattice}, ensure_ascii=False)}}


def xunfei_old(talk: Say) -> Any:
    pieces = [{"bg": str(i * 3000), "ed": str(i * 3000 + 900), "onebest": text, "speaker": label(role, talk)} for i, (role, text) in enumerate(talk)]
    return {"ok": 0, "data": json.dumps(pieces, ensure_ascii=False)}


def tencent(talk: Say) -> Any:
    return {
        "Response": {
            "Data": {
                "ResultDetail": [
                    {"FinalSentence": text, "StartMs": i * 3000, "EndMs": 9, "SpeakerId": int(label(role, talk))}
                    for i, (role, text) in enumerate(talk)
                ]
            }
        }
    }


def azure(talk: Say) -> Any:
    return {
        "recognizedPhrases": [
            {"channel": 0, "speaker": int(label(role, talk)) + 1, "offsetInTicks": i * 3e7, "nBest": [{"display": text}]}
            for i, (role, text) in enumerate(talk)
        ]
    }


MADE: dict[str, tuple[str, Say, Callable[[Say], Any]]] = {
    "srt": ("srt", EN, srt), "srt zh": ("srt", ZH, srt), "vtt": ("vtt", EN, vtt), "zoom": ("vtt", ZH, zoom), "whisper": ("json", EN, whisper),
    "lines": ("txt", ZH, lines),
    "lines en": ("txt", EN, lines),
    "aws": ("json", EN, aws), "analytics": ("json", EN, analytics), "aliyun": ("json", ZH, aliyun), "bailian": ("json", ZH, bailian),
    "xunfei": ("json", ZH, xunfei), "xunfei old": ("json", ZH, xunfei_old), "tencent": ("json", ZH, tencent), "azure": ("json", EN, azure),
}  # fmt: skip


def plain(turns: Any) -> list[tuple[str, str]]:
    return [(role, text.replace(" ?", "?").replace(" .", ".")) for role, text in turns]


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("many", [False, True], ids=["file", "folder"])
def test_a_call_becomes_a_conversation(tmp_path: Path, kind: str, many: bool) -> None:
    ending, talk, make = MADE[kind]
    made = make(talk)
    text = made if isinstance(made, str) else json.dumps(made, ensure_ascii=False)
    path = tmp_path / (f"call.{ending}" if not many else "calls")
    if many:
        path.mkdir()
        for n in range(4):
            (path / f"call-{n}.{ending}").write_text(text, "utf-8-sig" if ending != "json" else "utf-8")
    else:
        path.write_bytes(text.encode("gb18030" if kind == "srt zh" else "utf-8"))
    best = propose(path)[0]
    assert (best.block["shape"], best.block["format"]) == ("messages", "speech"), best.yaml()
    append(best, tmp_path / "shop") if best.confidence >= 0.4 else pytest.fail(best.yaml())
    loaded = load(tmp_path / "shop")
    source = loaded.settings.data.sources[0]
    check_source(source, loaded)
    seen = data.preview(loaded, source.name, 9, mask=False)
    assert len(seen) == (4 if many else 1)
    assert all(plain((turn.role, turn.text) for turn in one.turns) == talk for one in seen)


def test_voices_are_told_apart_in_each_call(tmp_path: Path) -> None:
    """SPEAKER_00 is the agent in one call and the customer in the other."""
    (tmp_path / "calls").mkdir()
    for name, talk in (("a", EN), ("b", ZH)):
        (tmp_path / "calls" / f"{name}.json").write_text(json.dumps(whisper(talk)), "utf-8")
    best = propose(tmp_path / "calls")[0]
    assert best.confidence > 0.7 and any("in 2 of 2 calls what is said tells" in one for one in best.reasons)
    assert [turn["role"] for one in best.first for turn in one["turns"][:1]] == ["agent", "customer"]


def test_a_text_in_which_nobody_is_named_is_refused_with_the_reason(tmp_path: Path) -> None:
    text = "\n".join(f"{i}\n{stamp(i, ',')} --> {stamp(i + 0.9, ',')}\nwords of somebody {i}\n" for i in range(30))
    (tmp_path / "film.srt").write_text(text, "utf-8")
    with pytest.raises(InputError, match="nothing says who speaks"):
        propose(tmp_path / "film.srt")
    (tmp_path / "kefu.yaml").write_text("name: t\ndata: {sources: [{name: s, shape: messages, path: film.srt}]}\n")
    loaded = load(tmp_path)
    found = list(readers.open_source(loaded.settings.data.sources[0], loaded, lambda tables: next(iter(tables))).rows())
    assert len(found) == 30 and all(isinstance(one, readers.Broken) for one in found)


@pytest.mark.parametrize(
    "text", ["", "WEBVTT\n", '{"segments": [', '{"segments": [{"start": 1, "end": 2, "text": 5}, 7], "x": 1}', "1\n00:00:99 -> x\nAnna: hm\n"]
)
def test_what_is_damaged_is_one_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / ("x.json" if "{" in text else "x.srt")
    path.write_text(text, "utf-8")
    with pytest.raises(InputError):
        propose(path)


@pytest.mark.parametrize(
    "line", ["Total: 30 euros are due", "It is 10:30 now", "See https://x.example/a", "(music)", "The only thing I would like to say: no"]
)
def test_a_colon_is_no_speaker(line: str) -> None:
    from kefu.data.readers.speech.cues import spoken

    said = spoken(line)
    assert said[0][0] == "" or line.startswith("Total")


def test_several_transcripts_in_one_file(tmp_path: Path) -> None:
    (tmp_path / "calls.txt").write_text(f"通话编号：A1\n{lines(ZH)}\n--------\n{lines(ZH[:2])}\n通话编号：A3\n{lines(ZH)}\n", "utf-8")
    best = propose(tmp_path / "calls.txt")[0]
    assert [len(one["turns"]) for one in best.first] == [4, 2] and best.formed == 3, best.yaml()
