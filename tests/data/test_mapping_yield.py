"""Sources that become nothing, speakers without names, notes among colleagues, customers, joins, label sets: told, never lost in silence."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kefu import data
from kefu.conversation import Conversation, Turn
from kefu.data import findings, plots, writers
from kefu.data.guess import propose
from kefu.data.ledger import Step
from kefu.data.tasks import labelsets
from kefu.errors import GateError, InputError
from kefu.pipeline.check import check
from kefu.project import Loaded
from kefu.project.schema import Messages
from kefu.text.normalise import clean

from .desk import jsonl, rows_of, table

Make = Callable[..., Loaded]
THINGS = ["空调", "冰箱", "洗衣机", "热水器", "净水器", "电视", "烤箱", "风扇", "灯带", "门锁", "音箱", "扫地机"]
SAID = [
    ("{0}一直响，怎么办呀", "您好，请先把{0}断电五分钟再打开"),
    ("我家{0}什么时候能来修", "已为您登记{0}的上门维修，请留意电话"),
    ("请问{0}保修多久", "感谢您的咨询，{0}整机保修一年"),
]


def talks(count: int = 24) -> list[list[tuple[str, str]]]:
    found = []
    for i in range(count):
        thing = f"{THINGS[i % 12]}{'甲乙丙丁'[i // 12]}型"
        ask, tell = SAID[i % 3]
        found.append([("customer", ask.format(thing)), ("agent", tell.format(thing)), ("customer", f"好的，{thing}我再看看")])
    return found


def wrapped(path: Path) -> None:
    """An answer of an interface: the sessions stand inside, with names of colleagues and times beside the messages."""
    sessions = [
        {
            "session_id": f"S{i}",
            "external_userid": f"wm_{i % 7}", "staff_userid": ["lin", "zhou"][i % 2], "start": f"2026-01-{1 + i % 28:02} 08:00:00",
            "msgs": [{"from": f"wm_{i % 7}" if who == "customer" else ["lin", "zhou"][i % 2], "content": text} for who, text in talk],
        }
        for i, talk in enumerate(talks())
    ]  # fmt: skip
    path.write_text(json.dumps({"errcode": 0, "data": {"has_more": 0, "sessions": sessions}}, ensure_ascii=False), "utf-8")


WRONG = {"name": "w", "shape": "dialogues", "path": "w.json", "map": {"turns": "data.sessions", "role": "staff_userid", "text": "start"}}


def test_of_two_readings_the_one_that_gives_conversations_is_proposed(tmp_path: Path) -> None:
    wrapped(tmp_path / "w.json")
    first = propose(tmp_path / "w.json")[0]
    assert first.block["rows_at"] == "data.sessions" and first.block["map"]["turns"] == "msgs" and first.usable == 24
    assert first.block["map"]["customer"] == "external_userid" and first.confidence > 0.6


def test_a_source_of_which_nothing_becomes_anything_is_refused_by_check_and_build(tmp_path: Path, project: Make, out: Path) -> None:
    wrapped(tmp_path / "w.json")
    (tmp_path / "faq.csv").write_bytes(table([["问题", "答案"], ["怎么开票", "在订单页申请"], ["能退吗", "七天内可以退"]]))
    faq = {"name": "faq", "shape": "faq", "path": "faq.csv"}
    loaded = project(faq, WRONG)
    assert any("have senders that nobody knows" in fault for fault in check(loaded))
    loaded = project(faq, {**WRONG, "roles": {"lin": "customer", "zhou": "agent"}})
    assert any("none of the 1 conversation of its first 1 rows can be used" in fault and "--guess" in fault for fault in check(loaded))
    with pytest.raises(GateError, match=r"clean would drop 1 of 1 conversations of source w, 100% .*max_drop_share=1$"):
        data.build(loaded, out)
    assert check(project(faq, {**WRONG, "roles": {"lin": "customer", "zhou": "agent"}}, clean={"max_drop_share": 1})) == []


@pytest.mark.parametrize(("into", "dropped", "stops"), [(1, 1, True), (5, 5, True), (5, 4, False), (19, 18, True), (20, 11, True), (20, 10, False)])
def test_small_numbers_stop_when_nearly_all_goes(into: int, dropped: int, stops: bool) -> None:
    step = Step("clean", "conversations", into=into, kept=into - dropped)
    step.dropped["no agent answer"] = dropped
    assert bool(step.loss(0.5, few=True)) is stops
    assert bool(step.loss(0.5)) is (stops and into >= 20)
    assert not step.loss(1, few=True)


def coded(path: Path, notes: bool = False) -> None:
    rows: list[list[Any]] = [["session", "who", "text", "at", "kind"]]
    for i, talk in enumerate(talks()):
        if i % 3 == 0:
            rows.append([f"S{i}", 3, "回复数字：1 维修 2 安装 0 转人工", f"2026-01-01 08:{i:02}:00", "msg"])
        rows += [[f"S{i}", 1 if who == "customer" else 2, text, f"2026-01-01 08:{i:02}:{10 + n}", "msg"] for n, (who, text) in enumerate(talk)]
        if notes:
            rows.append([f"S{i}", 2, "这位客户很急，仓库先发", f"2026-01-01 08:{i:02}:30", "内部备注"])
    path.write_bytes(table(rows))


CODES = {"name": "c", "shape": "messages", "path": "c.csv", "map": {"conversation": "session", "role": "who", "text": "text", "time": "at"}}
ROLES = {"1": "customer", "2": "agent", "3": "bot"}


def test_codes_of_speakers_are_proposed_and_else_stop_check_and_build(tmp_path: Path, project: Make, out: Path) -> None:
    coded(tmp_path / "c.csv")
    first = propose(tmp_path / "c.csv")[0]
    assert first.block["roles"] == ROLES and any("roles by what they say: " in why for why in first.reasons)
    loaded = project(CODES)
    faults = check(loaded)
    assert len(faults) == 1 and "roles: {'1': customer, '2': agent, '3': bot}" in faults[0] and "turns, such as" in faults[0]
    with pytest.raises(InputError, match="have senders that nobody knows"):
        data.build(loaded, out)
    assert check(project({**CODES, "roles": ROLES})) == []


def test_bot_turns_are_told_apart_everywhere(tmp_path: Path, project: Make, out: Path) -> None:
    coded(tmp_path / "c.csv")
    data.build(project({**CODES, "roles": ROLES}), out)
    rows = rows_of(out / "conversations.jsonl")
    bots = [turn for row in rows for turn in row["turns"] if turn.get("bot")]
    assert bots and {turn["role"] for turn in bots} == {"agent"} and all("转人工" in turn["text"] for turn in bots)
    assert all("转人工" not in turn["text"] for row in rows for turn in row["turns"] if not turn.get("bot"))
    assert "转人工" not in (out / "messages.train.jsonl").read_text("utf-8")
    again = Conversation.from_dict(rows[0])
    assert [turn.as_dict() for turn in again.turns] == rows[0]["turns"]


def test_a_bots_turn_is_the_companys_and_not_learned() -> None:
    talk = Conversation("a", [Turn("bot", "选一项"), Turn("customer", "怎么退"), Turn("bot", "我是机器人"), Turn("agent", "点订单里的退款")])
    writers.settle_bots(talk)
    assert [(turn.role, turn.bot) for turn in talk.turns] == [("agent", True), ("customer", False), ("agent", True), ("agent", False)]
    row = writers.messages_row(talk, Step("turns", "turns"), Messages())
    assert row is not None and [message["content"] for message in row["messages"]] == ["怎么退", "点订单里的退款"]


@pytest.mark.parametrize("roles", [{}, ROLES])
def test_notes_by_kind_of_message_are_left_out_and_counted(tmp_path: Path, project: Make, out: Path, roles: dict[str, str]) -> None:
    coded(tmp_path / "c.csv", notes=True)
    if not roles:  # the same with names that everybody knows
        text = (tmp_path / "c.csv").read_text("utf-8").replace(",1,", ",客户,").replace(",2,", ",客服,").replace(",3,", ",机器人,")
        (tmp_path / "c.csv").write_text(text, "utf-8")
    loaded = project({**CODES, **({"roles": roles} if roles else {})})
    facts = data.build(loaded, out)
    assert facts["turns_left_out"]["internal note"] == 24 and any("24 internal notes" in note for note in facts["notes"])
    for file in out.glob("*.train.jsonl"):
        assert "仓库先发" not in file.read_text("utf-8")
    assert "仓库先发" in (out / "excluded.jsonl").read_text("utf-8")
    assert any("24 internal notes of the first rows are left out" in line for line in findings.lines("c", findings.look(loaded, "c")))


@pytest.mark.parametrize("roles", [{}, {"客户": "customer", "客服": "agent"}])
def test_notes_by_their_sender_and_in_lists_of_comments(tmp_path: Path, project: Make, out: Path, roles: dict[str, str]) -> None:
    rows = []
    for i, talk in enumerate(talks()):
        comments = [{"author": {"customer": "客户", "agent": "客服"}[who], "body": text} for who, text in talk]
        comments += [{"author": "工单备注", "body": f"内部情况{i}"}, {"author": "客服", "body": f"只给同事看{i}", "internal": True}]
        rows.append({"id": f"T{i}", "requester": {"email": f"u{i % 9}@shop.example"}, "comments": comments})
    (tmp_path / "t.jsonl").write_text(jsonl(rows), "utf-8")
    source = {"name": "t", "shape": "dialogues", "path": "t.jsonl", "map": {"turns": "comments", "id": "id", "role": "author", "text": "body"}}
    facts = data.build(project({**source, **({"roles": roles} if roles else {})}), out)
    assert facts["turns_left_out"]["internal note"] == 48
    written = "".join(file.read_text("utf-8") for file in out.glob("*.train.jsonl"))
    assert "内部情况" not in written and "只给同事看" not in written
    assert any("no column names the customer" in note for note in facts["notes"]) and "no column names the customer" in (out / "card.md").read_text(
        "utf-8"
    )
    best = propose(tmp_path / "t.jsonl")[0]
    assert best.block["map"]["customer"] == "requester.email"


def test_whoever_asks_is_the_customer_of_the_split(tmp_path: Path, project: Make, out: Path) -> None:
    wrapped(tmp_path / "w.json")
    chosen = {"turns": "msgs", "asker": "external_userid", "role": "from", "text": "content", "id": "session_id"}
    facts = data.build(project({**WRONG, "rows_at": "data.sessions", "map": chosen}), out)
    rows = rows_of(out / "conversations.jsonl")
    assert {row["context"]["customer"]["id"] for row in rows} == {f"wm_{i}" for i in range(7)}
    sides: dict[str, set[str]] = {}
    for row in rows:
        sides.setdefault(row["context"]["customer"]["id"], set()).add(row["split"])
    assert all(len(one) == 1 for one in sides.values()) and not any("names the customer" in note for note in facts["notes"])


@pytest.mark.parametrize("declared", [True, False])
def test_tables_that_belong_together_are_proposed_joined(tmp_path: Path, project: Make, declared: bool) -> None:
    with closing(sqlite3.connect(tmp_path / "crm.db")) as db:
        ties = (", FOREIGN KEY(customer_id) REFERENCES t_customer(id)", ", FOREIGN KEY(ticket_id) REFERENCES t_ticket(id)") if declared else ("", "")
        db.execute("CREATE TABLE t_customer (id INTEGER PRIMARY KEY, nick TEXT)")
        db.execute(f"CREATE TABLE t_ticket (id INTEGER PRIMARY KEY, ticket_no TEXT, customer_id INT, product_line TEXT{ties[0]})")
        db.execute(f"CREATE TABLE t_message (id INTEGER PRIMARY KEY, ticket_id INT, sender TEXT, content TEXT, sent_at TEXT{ties[1]})")
        for i, talk in enumerate(talks()):
            db.execute("INSERT OR IGNORE INTO t_customer VALUES (?, ?)", (i % 9, f"n{i % 9}"))
            db.execute("INSERT INTO t_ticket VALUES (?, ?, ?, ?)", (i, f"GD{i:05}", i % 9, THINGS[i % 12]))
            for n, (who, text) in enumerate(talk):
                db.execute(
                    "INSERT INTO t_message (ticket_id, sender, content, sent_at) VALUES (?, ?, ?, ?)",
                    (i, who, text, f"2026-01-01 08:{i:02}:{10 + n}"),
                )
        db.commit()
    block = propose(tmp_path / "crm.db")[0].block
    assert block["query"].count(" LEFT JOIN ") == 1 and "nick" not in block["query"]  # what nothing is read from is not selected
    assert block["map"]["customer"] == "customer_id" and block["map"]["category"] == "product_line" and block["map"]["text"] == "content"
    assert check(project({**block, "path": "crm.db"})) == []


def test_columns_that_only_look_like_keys_are_not_joined(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as db:
        db.execute("CREATE TABLE ticket (id INTEGER PRIMARY KEY, subject TEXT)")
        db.execute("CREATE TABLE message (id INTEGER PRIMARY KEY, ticket_id INT, sender TEXT, content TEXT, sent_at TEXT)")
        db.executemany("INSERT INTO ticket VALUES (?, ?)", [(1000 + i, f"s{i}") for i in range(5)])
        for i, talk in enumerate(talks()):
            rows = [(i, who, text, f"2026-01-01 08:{i:02}:{10 + n}") for n, (who, text) in enumerate(talk)]
            db.executemany("INSERT INTO message (ticket_id, sender, content, sent_at) VALUES (?, ?, ?, ?)", rows)
        db.commit()
    assert "JOIN" not in propose(tmp_path / "x.db")[0].block["query"]


def test_sources_of_one_label_set_are_one_and_others_are_kept_apart() -> None:
    sets = {"old": {"a", "b", "c"}, "new": {"a", "b", "d", "e"}, "nps": {"0", "1"}, "评分 2": {"1", "0", "3"}}
    assert labelsets.groups(sets) == {"old": "old", "new": "old", "nps": "nps", "评分 2": "nps"}
    assert labelsets.groups({"old": {"a"}, "new": {"a", "b"}}) == {"old": "", "new": ""} and labelsets.groups({}) == {}


def test_intents_and_scores_stand_in_files_of_their_own(tmp_path: Path, project: Make, out: Path) -> None:
    asked = [
        [f"{thing}{'甲乙丙'[i]}{ask[:6].format(thing)}", label]
        for thing in THINGS
        for i, (ask, label) in enumerate((("坏了怎么修", "维修"), ("在哪买", "销售"), ("能退吗", "退货")))
    ]
    scored = [[f"{thing}{how}，第{i}次买", str(i)] for thing in THINGS for i, how in enumerate(("很差", "一般", "很好"))]
    (tmp_path / "i.csv").write_bytes(table([["说法", "意图"], *asked]))
    (tmp_path / "n.csv").write_bytes(table([["评论", "评分"], *scored]))
    intents = {"name": "intents", "shape": "classification", "path": "i.csv", "map": {"text": "说法", "label": "意图"}}
    nps = {"name": "nps", "shape": "classification", "path": "n.csv", "map": {"text": "评论", "label": "评分"}}
    facts = data.build(project(intents, nps), out)
    rows = rows_of(out / "classification.intents.train.jsonl")
    assert {row["label"] for row in rows} == {"维修", "销售", "退货"} and {row["task"] for row in rows} == {"intents"}
    assert {row["label"] for row in rows_of(out / "classification.nps.train.jsonl")} == {"0", "1", "2"}
    assert not (out / "classification.train.jsonl").exists()
    assert any("2 sets of labels" in note and "classification.nps.*.jsonl (nps)" in note for note in facts["split_faults"])
    data.build(project(intents), out.with_name("one"))
    assert "task" not in rows_of(out.with_name("one") / "classification.train.jsonl")[0]


def test_the_picture_of_the_rows_says_conversations_and_examples() -> None:
    steps = [("read a", "rows", 50, 50), ("form a", "rows", 50, 40), ("clean", "conversations", 25, 20), ("clean examples", "examples", 15, 12)]
    ledger = {"steps": [{"step": name, "unit": unit, "in": into, "kept": kept} for name, unit, into, kept in steps]}
    picture = plots.svg("ledger", plots.waterfall, ledger)
    assert (
        "conversations kept" in picture and "labelled examples kept" in picture and "32" not in picture.partition("labelled examples kept")[2][:200]
    )


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("@客服 外机不转", "@客服 外机不转"), ("用户：张三 手机：138", "用户：张三 手机：138"), ("今 天 天 气", "今天天气"),
        ("型号：空调 不制冷", "型号：空调 不制冷"),
        ("请问 怎么 退款", "请问怎么退款"), ("用户: 好 的", "用户: 好的"), ("收货人 电话：1 地址：无", "收货人 电话：1 地址：无"),
    ],
)  # fmt: skip
def test_a_blank_between_fields_and_after_a_mention_stays(text: str, kept: str) -> None:
    assert clean(text) == kept and clean(kept) == kept
