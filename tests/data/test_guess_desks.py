"""Exports in the forms of known help desks: the proposal, written into a project, must give back who said what, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kefu import data
from kefu.data.guess import Proposal, propose
from kefu.errors import InputError
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
