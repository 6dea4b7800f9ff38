"""Exports of messengers in the forms their tools write: conversations, who is the company, nothing said by nobody, nothing lost."""

from __future__ import annotations

import json
import zipfile
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

TALKS = [
    [
        ("Anna Berg", "Where is my parcel?"),
        ("Lisa", "It left our depot this morning."),
        ("Anna Berg", "Thanks, and the invoice?"),
        ("Lisa", "It is in it."),
    ],
    [("王磊", "发票什么时候开"), ("小美", "三天内开出，发到您的邮箱"), ("王磊", "好的，谢谢你们")],
    [("Tom Ray", "My app crashes on start"), ("Lisa", "Please update to version four")],
    [("李雷", "可以换货吗"), ("小美", "七天内可以换货，运费我们出")],
    [("Eva", "Can I pay later?"), ("小美", "Yes, within thirty days.")],
    [("Kim", "How do I cancel my plan?"), ("Lisa", "Under Settings, Plan.")],
]
DESK = {"Lisa", "小美"}
NAMES = list(dict.fromkeys(who for talk in TALKS for who, _ in talk))
EXPECTED = sorted([("agent" if who in DESK else "customer", text) for who, text in talk] for talk in TALKS)


def uid(name: str) -> str:
    return f"U0{NAMES.index(name)}ABC"


def said(make: Callable[[int, int, str, str], Any]) -> list[Any]:
    return [make(i, n, who, text) for i, talk in enumerate(TALKS) for n, (who, text) in enumerate(talk)]


def slack_day() -> list[dict[str, Any]]:
    def one(i: int, n: int, who: str, text: str) -> dict[str, Any]:
        root = f"{1700000000 + i * 600}.000100"
        ts = root if not n else f"{1700000000 + i * 600 + n * 60}.000200"
        mention = f"<@{uid('Lisa')}> " if not n else ""
        return {"type": "message", "user": uid(who), "ts": ts, "thread_ts": root, "text": mention + text, "team": "T1", "blocks": []}

    join = {"type": "message", "subtype": "channel_join", "user": "U9", "ts": "1700000000.000001", "text": "<@U9> has joined the channel"}
    bot = {"type": "message", "subtype": "bot_message", "bot_id": "B1", "username": "Deploys", "ts": "1700050000.1", "text": "Build done"}
    return [join, *said(one), bot]


def slack(folder: Path) -> Path:
    root = folder / "slack"
    (root / "support-anna-berg").mkdir(parents=True)
    (root / "support-anna-berg" / "2023-11-14.json").write_text(json.dumps(slack_day(), ensure_ascii=False), "utf-8")
    people = [{"id": uid(name), "name": name.lower(), "is_bot": False, "profile": {"display_name": name, "real_name": name}} for name in NAMES]
    (root / "users.json").write_text(json.dumps(people, ensure_ascii=False), "utf-8")
    (root / "channels.json").write_text('[{"id": "C1", "name": "support-anna-berg"}]')
    return root


def slack_zip(folder: Path) -> Path:
    root = slack(folder)
    with zipfile.ZipFile(folder / "slack.zip", "w") as archive:
        for file in root.rglob("*.json"):
            archive.write(file, file.relative_to(root).as_posix())
    return folder / "slack.zip"


def telegram(i: int, talk: list[tuple[str, str]]) -> dict[str, Any]:
    call = {
        "id": 1,
        "type": "service",
        "date": "2024-01-01T10:00:00",
        "date_unixtime": "1704103200",
        "actor": "x",
        "action": "phone_call",
        "text": "",
    }
    messages = [
        {"id": n + 2, "type": "message", "date": "2024-01-01T10:00:00", "date_unixtime": str(1704103200 + n * 60), "from": who, "from_id": uid(who),
         "text": [{"type": "mention", "text": "@lisa"}, text] if not n else text}
        for n, (who, text) in enumerate(talk)
    ]  # fmt: skip
    return {"name": talk[0][0], "type": "personal_chat", "id": 100 + i, "messages": [call, *messages]}


def discord(i: int, talk: list[tuple[str, str]]) -> dict[str, Any]:
    messages = [
        {"id": str(n), "type": "Default", "timestamp": f"2024-01-01T10:0{n}:00+00:00", "content": text, "attachments": [],
         "author": {"id": uid(who), "name": who.lower(), "nickname": who, "isBot": False}}
        for n, (who, text) in enumerate(talk)
    ]  # fmt: skip
    messages.append(
        {
            "id": "9",
            "type": "ChannelPinnedMessage",
            "timestamp": "2024-01-01T11:00:00+00:00",
            "content": "Pinned a message.",
            "attachments": [],
            "author": messages[0]["author"],
        }
    )
    return {"guild": {"id": "1", "name": "G"}, "channel": {"id": str(i), "type": "GuildPublicThread", "name": talk[0][0]}, "messages": messages}


def teams(i: int, n: int, who: str, text: str) -> dict[str, Any]:
    return {
        "id": f"{i}{n}",
        "replyToId": f"{i}0" if n else None,
        "messageType": "message",
        "createdDateTime": f"2024-01-0{i + 1}T10:0{n}:00Z",
        "from": {"application": None, "user": {"id": uid(who), "displayName": who}},
        "body": {"contentType": "html", "content": f"<div><p>{text}</p></div>"},
        "channelIdentity": {"teamId": "t", "channelId": "19:x"},
        "attachments": [],
    }


def own_data() -> dict[str, Any]:
    def one(n: int, who: str, text: str) -> dict[str, Any]:
        return {
            "id": str(n),
            "displayName": who,
            "originalarrivaltime": f"2024-01-01T10:0{n}:00.1Z",
            "messagetype": "RichText/Html",
            "content": f"<p>{text}</p>",
        }

    event = {
        "id": "7",
        "displayName": None,
        "originalarrivaltime": "2024-01-01T10:09:00Z",
        "messagetype": "ThreadActivity/AddMember",
        "content": "<addmember/>",
    }
    talks = [{"id": f"19:{i}", "MessageList": [event, *reversed([one(n, *each) for n, each in enumerate(talk)])]} for i, talk in enumerate(TALKS)]
    return {"userId": "8:live:me", "exportDate": "2024-01-02", "conversations": talks}


def lark(i: int, n: int, who: str, text: str) -> dict[str, Any]:
    content = {"text": f"@_user_1 {text}"} if not n else {"title": "", "content": [[{"tag": "at", "user_id": "x"}, {"tag": "text", "text": text}]]}
    return {
        "message_id": f"om_{i}{n}", "chat_id": f"oc_{i}", "msg_type": "post" if n else "text", "create_time": str(1704103200000 + n * 60000),
        "sender": {"id": f"ou_{uid(who)}", "id_type": "open_id", "sender_type": "user"}, "body": {"content": json.dumps(content, ensure_ascii=False)},
        "mentions": [] if n else [{"key": "@_user_1", "name": "Lisa"}],
    }  # fmt: skip


def ding(i: int, n: int, who: str, text: str) -> dict[str, Any]:
    return {"conversationId": f"cid{i}", "senderNick": who, "createAt": 1704103200000 + n * 60000, "msgtype": "text", "text": {"content": text}}


DOCUMENTS: dict[str, Callable[[], Any]] = {
    "result.json": lambda: {"about": "x", "chats": {"about": "", "list": [telegram(i, talk) for i, talk in enumerate(TALKS)]}},
    "teams.json": lambda: {"@odata.context": "x", "value": said(teams)},
    "messages.json": own_data,
    "lark.json": lambda: {"code": 0, "msg": "success", "data": {"has_more": False, "items": said(lark)}},
    "ding.json": lambda: said(ding),
    "day.json": slack_day,
}


def written(folder: Path, name: str) -> Path:
    if name in ("slack", "slack.zip"):
        return slack(folder) if name == "slack" else slack_zip(folder)
    if name == "discord":
        (folder / name).mkdir()
        for i, talk in enumerate(TALKS):
            (folder / name / f"{i}.json").write_text(json.dumps(discord(i, talk), ensure_ascii=False), "utf-8")
        return folder / name
    path = folder / name
    made = DOCUMENTS[name.replace(".jsonl", ".json")]()
    path.write_text("\n".join(json.dumps(one) for one in made) if name.endswith("l") else json.dumps(made, ensure_ascii=False), "utf-8")
    return path


@pytest.mark.parametrize("name", ["slack", "slack.zip", "discord", *DOCUMENTS, "ding.jsonl"])
def test_an_export_becomes_its_conversations(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    best = propose(path)[0]
    assert best.block["format"] == "messenger" and best.confidence > 0.6, best.yaml()
    assert sum(role == "agent" for role in best.block["roles"].values()) == 2 and best.block["roles"]["*"] == "customer"
    assert any("2 of 8 people speak in many conversations" in one for one in best.reasons)
    append(best, tmp_path / "shop")
    loaded = load(tmp_path / "shop")
    source = loaded.settings.data.sources[0]
    check_source(source, loaded)
    seen = [one for one in data.preview(loaded, source.name, 30, mask=False) if len(one.turns) > 1]
    assert sorted([(turn.role, turn.text) for turn in one.turns if turn.role != "system"] for one in seen) == EXPECTED
    assert all(one.turns[0].at.startswith(("2024-01-0", "2023-11-14")) for one in seen)
    told = json.dumps([[one.id, one.group, one.meta, one.context.customer] for one in seen], ensure_ascii=False)
    assert not any(name in told for name in ("Anna", "anna", "王磊", "Lisa"))


def test_every_message_of_a_broken_export_is_a_row_or_told(tmp_path: Path) -> None:
    root = slack(tmp_path)
    (root / "support-anna-berg" / "2023-11-15.json").write_text('[{"type": "message", "ts": "1700100000.1", "user": "U9", "text": "cut', "utf-8")
    (root / "support-anna-berg" / "2023-11-16.json").write_text('["x", {"type": "other"}, {"type": "message", "ts": "1", "user": 5, "text": null}]')
    (tmp_path / "kefu.yaml").write_text("name: t\ndata: {sources: [{name: s, shape: messages, path: slack}]}\n")
    loaded = load(tmp_path)
    found = list(readers.open_source(loaded.settings.data.sources[0], loaded, lambda tables: next(iter(tables))).rows())
    broken = [one.reason for one in found if isinstance(one, readers.Broken)]
    assert broken == ["broken JSON in 2023-11-15.json", "no message of Slack", "no message of Slack"]
    assert len(found) - len(broken) == len(slack_day()) + 1


def test_a_channel_without_threads_is_parted_by_pauses(tmp_path: Path) -> None:
    talk = [("Anna Berg", "Where is my parcel?"), ("Lisa", "On its way."), ("Anna Berg", "A new question"), ("Lisa", "A new answer")]
    chat = telegram(0, talk)
    for message, at in zip(chat["messages"][1:], (0, 60, 30000, 30060), strict=True):
        message["date_unixtime"] = str(1704103200 + at)
    (tmp_path / "result.json").write_text(json.dumps(chat), "utf-8")
    (tmp_path / "kefu.yaml").write_text(
        "name: t\ndata: {sources: [{name: s, shape: messages, path: result.json, roles: {Lisa: agent, '*': customer}}]}\n"
    )
    assert [len([t for t in one.turns if t.role != "system"]) for one in data.preview(load(tmp_path), "s", 9)] == [2, 2]


def test_two_people_who_meet_once_are_no_sure_thing(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(telegram(0, [("Anna Berg", "Where is it?"), ("Kim", "Here it is.")])), "utf-8")
    best = propose(tmp_path / "result.json")[0]
    assert best.confidence < 0.5 and any("write `roles`" in one for one in best.against)


def test_what_is_no_messengers_export_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('[{"a": 1}]')
    (tmp_path / "kefu.yaml").write_text("name: t\ndata: {sources: [{name: s, shape: messages, format: messenger, path: x.json}]}\n")
    loaded = load(tmp_path)
    with pytest.raises(InputError, match="no export of a messenger"):
        check_source(loaded.settings.data.sources[0], loaded)
    (tmp_path / "x.json").write_text('{"guild": {}, "chan')
    with pytest.raises(InputError, match="not JSON"):
        check_source(loaded.settings.data.sources[0], loaded)
