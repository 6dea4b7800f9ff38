"""Exports in the forms of known help desks: the proposal, written into a project, must give back who said what, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kefu import data
from kefu.data.guess import Proposal, append, propose
from kefu.errors import InputError, KefuError
from kefu.project import load

from .guess_case import EN, Case, talk

Talks = list[list[tuple[str, str]]]
NOTE = "Only for colleagues: ask finance first"


def expected(language: str = "en", talks: int = 6) -> Talks:
    return [[("customer" if c else "agent", text) for c, text in talk(language, i)] for i in range(talks)]


def read(path: Path) -> tuple[Proposal, Talks]:
    """The best proposal and the turns that a project made of it reads."""
    best = propose(path)[0]
    root = path.parent
    block = best.yaml().replace(str(path), path.name)
    (root / "kefu.yaml").write_text("name: t\ndata:\n  sources:\n" + "".join(f"    {line}\n" for line in block.splitlines()), "utf-8")
    seen = data.preview(load(root), best.block["name"], 50)
    return best, [[(turn.role, turn.text) for turn in one.turns] for one in seen]


def write(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), "utf-8")
    return path


def intercom(i: int) -> dict[str, Any]:
    said = talk("en", i)
    people = {True: {"type": ["user", "lead", "contact"][i % 3], "id": f"u{i}", "name": "N"}, False: {"type": "admin", "id": "a1", "name": "M"}}
    parts: list[dict[str, Any]] = [
        {
            "type": "conversation_part",
            "id": "1",
            "part_type": "assignment",
            "body": None,
            "created_at": 1700000001,
            "author": {"type": "bot", "id": "b"},
        },
        *[
            {
                "type": "conversation_part",
                "id": f"{n}",
                "part_type": "comment",
                "body": f"<p>{text}</p>",
                "created_at": 1700000000 + n,
                "author": people[c],
            }
            for n, (c, text) in enumerate(said[1:], 2)
        ],
        {"type": "conversation_part", "id": "n", "part_type": "note", "body": f"<p>{NOTE}</p>", "created_at": 1700000090, "author": people[False]},
    ]
    return {
        "type": "conversation", "id": f"{140 + i}", "created_at": 1700000000,
        "source": {"type": "conversation", "id": "s", "subject": "", "body": f"<p>{said[0][1]}</p>", "author": people[True]},
        "conversation_parts": {"type": "conversation_part.list", "conversation_parts": parts},
    }  # fmt: skip


def zendesk(i: int) -> dict[str, Any]:
    comments = [{"id": n, "author_id": 500 + i if c else 9001, "public": True, "body": text} for n, (c, text) in enumerate(talk("en", i))]
    comments.insert(2, {"id": 77, "author_id": 9001, "public": False, "body": NOTE})
    first = comments[0]["body"]
    return {
        "id": 1000 + i,
        "subject": "S",
        "description": first,
        "requester_id": 500 + i,
        "assignee_id": 9001,
        "status": "solved",
        "comments": comments,
    }


def freshdesk(i: int) -> dict[str, Any]:
    said = talk("en", i)
    later = [
        {"id": n, "user_id": 70 + i if c else 3, "incoming": c, "private": False, "body_text": text, "created_at": f"2024-02-01T10:{n:02}:00Z"}
        for n, (c, text) in enumerate(said[1:])
    ]
    return {
        "id": i, "subject": "S", "description_text": said[0][1], "requester_id": 70 + i, "status": 5,
        "conversations": [*later, {"id": 9, "user_id": 3, "incoming": False, "private": True, "body_text": NOTE, "created_at": "2024-02-02"}],
    }  # fmt: skip


def help_scout(i: int) -> dict[str, Any]:
    kinds = {True: ("customer", {"id": 5, "type": "customer"}), False: ("message", {"id": 6, "type": "user"})}
    threads = [
        {"id": n, "type": kinds[c][0], "createdBy": kinds[c][1], "body": text, "createdAt": f"2024-02-01T10:{n:02}:00Z"}
        for n, (c, text) in enumerate(talk("en", i))
    ]
    threads.append({"id": 99, "type": "note", "createdBy": {"id": 6, "type": "user"}, "body": NOTE, "createdAt": "2024-02-01T12:00:00Z"})
    return {"id": i, "number": i, "status": "closed", "_embedded": {"threads": threads[::-1]}}  # the newest first


def gorgias(i: int) -> dict[str, Any]:
    messages = [
        {"id": n, "from_agent": not c, "public": True, "body_text": text, "sender": {"id": n % 2, "name": "A"}, "created_datetime": "2024-01-01"}
        for n, (c, text) in enumerate(talk("en", i))
    ]
    return {"id": i, "channel": "email", "messages": [*messages, {**messages[1], "id": 50, "public": False, "body_text": NOTE}]}


def crisp(i: int) -> dict[str, Any]:
    said = [
        {"type": "text", "from": "user" if c else "operator", "content": text, "timestamp": 1700000000000 + n}
        for n, (c, text) in enumerate(talk("en", i))
    ]
    return {"session_id": f"session_{i}", "messages": [*said, {"type": "note", "from": "operator", "content": NOTE, "timestamp": 1700000900000}]}


def jira(i: int) -> dict[str, Any]:
    said = talk("en", i)
    people = {True: {"accountId": f"c{i}", "displayName": "C"}, False: {"accountId": "d1", "displayName": "D"}}
    comments = [{"id": str(n), "author": people[c], "body": text, "jsdPublic": True} for n, (c, text) in enumerate(said[1:])]
    comments.append({"id": "9", "author": people[False], "body": NOTE, "jsdPublic": False})
    fields = {"summary": "S", "description": said[0][1], "reporter": people[True], "assignee": people[False], "comment": {"comments": comments}}
    return {"key": f"SD-{i}", "fields": fields}


NESTED = {
    "intercom": lambda: {"type": "conversation.list", "conversations": [intercom(i) for i in range(6)]},
    "zendesk": lambda: {"tickets": [zendesk(i) for i in range(6)], "users": [{"id": 9001, "name": "K", "role": "agent"}], "count": 6},
    "freshdesk": lambda: [freshdesk(i) for i in range(6)],
    "help scout": lambda: [help_scout(i) for i in range(6)],
    "gorgias": lambda: {"data": [gorgias(i) for i in range(6)]},
    "crisp": lambda: [crisp(i) for i in range(6)],
    "jira": lambda: {"issues": [jira(i) for i in range(6)]},
}


@pytest.mark.parametrize("desk", NESTED)
def test_a_ticket_with_its_comments(tmp_path: Path, desk: str) -> None:
    """Who opens, who answers; no note among colleagues is learned from."""
    best, talks = read(write(tmp_path, "export.json", NESTED[desk]()))
    assert talks == expected(), best.yaml()
    assert best.confidence >= 0.6


@pytest.mark.parametrize("rows", [3, 20])
def test_what_is_the_same_in_every_row_names_no_conversation(tmp_path: Path, rows: int) -> None:
    """The kind of an object stands in each; as an id it would make one conversation of the whole file."""
    given = [
        {"type": "chat.item", "conversation": {"type": "talk.list"}, "author": {"type": "user"}, "body": f"Where is my parcel {i}"}
        for i in range(rows)
    ]
    for one in propose(write(tmp_path, "t.json", given)):
        assert one.block["shape"] != "messages" or one.confidence < 0.2, one.yaml()


def test_the_opening_message_is_not_said_twice(tmp_path: Path) -> None:
    """A ticket's description is its first comment, once as text and once as HTML; a row without comments keeps the question."""
    given = [{**zendesk(i), "comments": [{**c, "body": f"<p>{c['body']}</p>"} for c in zendesk(i)["comments"]]} for i in range(4)]
    given[3]["comments"] = []
    _, talks = read(write(tmp_path, "t.json", given))
    assert talks[:3] == expected()[:3]


@pytest.mark.parametrize("answer", ["Agent reply", "Comments", ""])
def test_what_the_customer_wrote_is_no_answer(tmp_path: Path, answer: str) -> None:
    """A table of tickets: subject and description ask, a reply answers; without a column of replies nothing is proposed as an answer."""
    rows = [
        {
            "CaseNumber": f"000{i}",
            "Subject": f"Case {i}",
            "Description": f"{q}\nI need it soon",
            "Status": "Closed",
            "Origin": "Web",
            "Email": f"a{i}@x.com",
        }
        | ({answer: a} if answer else {})
        for i, (q, a) in enumerate(EN)
    ]
    path = Case("t", "cases.csv", rows, ()).write(tmp_path)
    if answer:
        best, talks = read(path)
        assert talks[0] == [("customer", f"Case 0\n{EN[0][0]}\nI need it soon"), ("agent", EN[0][1])], best.yaml()
    else:
        with pytest.raises(InputError, match="tickets, and no column holds a reply"):
            propose(path)


SHOP = "旗舰店:小美"
SAID = [("customer", "这款充电宝包邮吗"), ("agent", "满一百元包邮的哦"), ("customer", "那怎么申请退款"), ("agent", "在订单详情里点申请退款就可以")]
MORE = [("customer", "默认发什么快递呢"), ("agent", "默认发顺丰，当天发出")]


def shop_chat(parts: list[tuple[str, list[tuple[str, str]], int]]) -> str:
    """Headings of a shop's chat window: nick, time in brackets, colon. parts: (customer, what was said, minute)."""
    lines = ["2024-03-01 星期五"]
    for customer, said, minute in parts:
        for n, (role, text) in enumerate(said):
            lines += [f"{customer if role == 'customer' else SHOP} (2024-03-01 10:{minute + n:02}:01):", text]
        lines.append("")
    return "\n".join(lines)


def stated_chat() -> str:
    """Who is who stands above each chat; the desk's nick looks like the customer's."""
    lines = []
    for i, (customer, said) in enumerate([("jd_5a8f***", SAID), ("jd_77", MORE)]):
        lines += [f"会话ID：10{i}", "客服：jd_王王", f"顾客：{customer}"]
        for n, (role, text) in enumerate(said):
            lines += [f"{customer if role == 'customer' else 'jd_王王'} 2024-05-0{i + 1} 09:{n:02}:11", text]
        lines.append("*" * 20)
    return "\n".join(lines)


def headed_cell(said: list[tuple[str, str]], customer: str, glue: str = "\n") -> str:
    return glue.join(f"{customer if role == 'customer' else '小李'} 2024-06-01 10:0{n}:00{glue}{text}" for n, (role, text) in enumerate(said))


def wecom() -> str:
    rows = ["seq,from,tolist,roomid,msgtime,msgtype,content"]
    for c, said in (("wm001", SAID), ("wm002", MORE)):
        for n, (role, text) in enumerate(said):
            people = (c, "LiLei") if role == "customer" else ("LiLei", c)
            rows.append(f'{len(rows)},{people[0]},{people[1]},,{1709287200000 + n * 60000},text,"{{""content"":""{text}""}}"')
    rows.append(f'{len(rows)},wm001,LiLei,,1709287900000,image,"{{""md5sum"":""ab12""}}"')
    return "\n".join(rows)


CHATS = {
    "shop.txt": shop_chat([("tb123_44", SAID, 0), ("张三丰88", MORE, 20)]),
    "stated.txt": stated_chat(),
    "cells.csv": "会话ID,接待客服,聊天记录\n" + "".join(f'{c},小李,"{headed_cell(said, c)}"\n' for c, said in (("访客1", SAID), ("访客2", MORE))),
    "written.tsv": "会话id\t会话内容\n" + "".join(
        f"{i}\t" + "\\n".join(f"[2024-01-01 10:00:{n:02}] {'用户' if r == 'customer' else '客服(小张)'}：{t}" for n, (r, t) in enumerate(said)) + "\n"
        for i, said in enumerate((SAID, MORE))
    ),
    "wecom.csv": wecom(),
}  # fmt: skip


@pytest.mark.parametrize("name", CHATS)
def test_chats_of_chinese_desks(tmp_path: Path, name: str) -> None:
    """No heading, id or name of a party becomes words; nobody is turned round; customers of one seat stay apart."""
    best, talks = read(write(tmp_path, name, CHATS[name]))
    assert talks == [SAID, MORE], best.yaml()


def test_what_the_messenger_says_is_nobodys_words(tmp_path: Path) -> None:
    lines = ["[01/03/2024, 10:00:01] Messages and calls are end-to-end encrypted. Only people in this chat can read them."]
    lines += [f"[01/03/2024, 10:01:0{n}] {'+44 7700 900123' if r == 'customer' else 'Acme Support'}: {t}" for n, (r, t) in enumerate(expected()[0])]
    lines[3:3] = ["[01/03/2024, 10:01:01] +44 7700 900123: \u200e<Media omitted>", "[01/03/2024, 10:01:01] +44 7700 900123: This message was deleted"]
    lines.insert(4, "[01/03/2024, 10:01:01] Anna changed the subject to Parcels")
    _, talks = read(write(tmp_path, "chat.txt", "\n".join(lines)))
    said = [turn for turn in talks[0] if turn[0] != "system"]
    assert said == expected()[0]


@pytest.mark.parametrize("text", ["<附件已省略>", "image omitted", "video omitted", "IMG-20240301-WA0001.jpg (file attached)", "此消息已被删除"])
def test_a_placeholder_of_the_messenger(text: str) -> None:
    from kefu.data.clean import _PLACEHOLDER_TURN

    assert _PLACEHOLDER_TURN.match(text)
    assert not _PLACEHOLDER_TURN.match(f"Why does it say {text}")


@pytest.mark.parametrize(
    "given", [None, "name: x\n", "name: x\ndata:\n", "name: x\ndata:\n  sources: []\n  clean: {html: false}\n", "name: x\ndata:\n  seed_note: 1\n"]
)
def test_the_first_source_of_a_project(tmp_path: Path, given: str | None) -> None:
    """A folder without kefu.yaml, and one without sources, begin with the export; what else stands there stays, or stops it."""
    path = Case("t", "faq.csv", [{"question": q, "answer": a} for q, a in EN], ()).write(tmp_path)
    folder = tmp_path / "shop"
    if given is not None:
        folder.mkdir()
        (folder / "kefu.yaml").write_text(given, "utf-8")
    if given and "seed_note" in given:
        with pytest.raises(KefuError, match="seed_note"):
            append(propose(path)[0], folder)
        assert (folder / "kefu.yaml").read_text("utf-8") == given
        return
    append(propose(path)[0], folder)
    append(propose(path)[0], folder)
    loaded = load(folder)
    assert [source.name for source in loaded.settings.data.sources] == ["faq", "faq_2"]
    assert loaded.settings.data.clean.html is ("html" not in (given or ""))
    assert len(data.preview(loaded, "faq", 50)) == len(EN)


@pytest.mark.parametrize(("name", "said"), [("a.msg", "Outlook"), ("call.vtt", "nothing says who speaks")])
def test_what_is_not_read_is_said_in_one_sentence(tmp_path: Path, name: str, said: str) -> None:
    text = "From a@x.com Fri Mar  1 10:00:00 2024\nFrom: A <a@x.com>\nSubject: Parcel\n\nWhere is it?\n"
    cues = "WEBVTT\n\n00:01.000 --> 00:04.000\n<v Anna>Where is it?\n"
    with pytest.raises(InputError, match=said):
        propose(write(tmp_path, name, cues if name.endswith("vtt") else text))
