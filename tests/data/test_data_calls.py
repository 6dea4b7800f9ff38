"""System messages, tool calls and their results: kept in the files for tuning as a chat template reads them, masked, and never judged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kefu import data
from kefu.conversation import Conversation, Turn
from kefu.data import calls, writers
from kefu.data.ledger import Step
from kefu.project import Loaded
from kefu.project.schema import Messages
from kefu.text import privacy
from kefu.train.methods import dialogue
from kefu.train.rows import from_messages

from .desk import jsonl, rows_of

Make = Callable[..., Loaded]


def call(name: str, id: str = "", /, **arguments: Any) -> dict[str, Any]:
    made = {"type": "function", "function": {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}}
    return {"id": id, **made} if id else made


def talk(*said: tuple[str, Any]) -> dict[str, Any]:
    made: list[dict[str, Any]] = []
    for role, content in said:
        made.append({"role": role, "content": None, "tool_calls": content} if isinstance(content, list) else {"role": role, "content": content})
    return {"messages": made}


def built(make: Make, out: Path, rows: list[dict[str, Any]], shape: str = "openai", **more: Any) -> dict[str, Any]:
    project = make({"name": "s", "shape": shape, "path": "x.jsonl"}, split={"validation": 0, "test": 0}, **more)
    (project.root / "x.jsonl").write_text(jsonl(rows), "utf-8")
    return data.build(project, out)


ORDER = talk(
    ("system", "你是一家书店的客服。"),
    ("user", "订单 A-17 到哪了？"),
    ("assistant", [call("track", "c1", order="A-17")]),
    ("tool", '{"state": "已到上海"}'),
    ("assistant", "您的订单已到上海，明天送达。"),
)


def test_system_and_calls_come_through_and_may_be_left_out(project: Make, out: Path) -> None:
    facts = built(project, out, [ORDER])
    row = rows_of(out / "messages.train.jsonl")[0]
    assert [message["role"] for message in row["messages"]] == ["system", "user", "assistant", "tool", "assistant"]
    assert row["messages"][0]["content"] == "你是一家书店的客服。"
    assert row["messages"][2]["tool_calls"] == [call("track", "c1", order="A-17")] and row["messages"][3]["tool_call_id"] == "c1"
    assert facts["balanced"]
    other = built(project, out.with_name("other"), [ORDER], messages={"system": False, "tools": False})
    row = rows_of(out.with_name("other") / "messages.train.jsonl")[0]
    assert [message["role"] for message in row["messages"]] == ["user", "assistant"] and other["balanced"]


def test_personal_data_in_system_messages_and_calls_is_masked_and_json_stays_json(project: Make, out: Path) -> None:
    row = talk(
        ("system", "当前客户：姓名：王小明，手机 13800138000。<rules>不许承诺</rules>"),
        ("user", "我叫王小明，查一下我的订单"),
        ("assistant", [call("find", "c1", phone=13800138000, name="王小明")]),
        ("tool", json.dumps({"phone": "13800138000", "orders": [{"id": 5, "name": "Wireless mouse"}]})),
        ("assistant", "您有一笔订单。"),
    )
    built(project, out, [row])
    for file in sorted(out.rglob("*.jsonl")):
        assert "13800138000" not in file.read_text("utf-8") and "王小明" not in file.read_text("utf-8"), file.name
    said = rows_of(out / "messages.train.jsonl")[0]["messages"]
    assert "<rules>不许承诺</rules>" in said[0]["content"]  # an instruction is no web page
    arguments = json.loads(said[2]["tool_calls"][0]["function"]["arguments"])
    result = json.loads(said[3]["content"])
    assert arguments["phone"] == result["phone"] == "[手机号_1]" and arguments["name"] == "[姓名_1]"
    assert result["orders"] == [{"id": 5, "name": "Wireless mouse"}]


def test_one_system_message_does_not_make_duplicates(project: Make, out: Path) -> None:
    system = "You are the support agent of a book shop. Be polite, be brief, never promise a date that the tracking does not show. " * 20
    asked = ["Where is my parcel?", "Can I pay by invoice?", "How do I return a book?"]
    rows = [talk(("system", system), ("user", text), ("assistant", "About that: ask the shop.")) for text in asked]
    assert built(project, out, rows)["conversations"] == 3


def test_notices_of_a_log_are_no_system_message(project: Make, out: Path) -> None:
    turns = [("system", "客户进入会话"), ("customer", "发票怎么开？"), ("agent", "下单时勾选。")]
    facts = built(project, out, [{"log": [{"role": role, "text": text} for role, text in turns]}], "dialogues")
    assert [message["role"] for message in rows_of(out / "messages.train.jsonl")[0]["messages"]] == ["user", "assistant"]
    assert facts["balanced"]


def test_results_of_two_calls_go_to_their_own_call(project: Make, out: Path) -> None:
    row = talk(
        ("user", "Compare A and B"),
        ("assistant", [call("price", "a", of="A"), call("price", "b", of="B")]),
        ("tool", "seven"),
        ("tool", "nine"),
        ("assistant", "A costs 9, B costs 7."),
    )
    row["messages"][2]["tool_call_id"], row["messages"][3]["tool_call_id"] = "b", "a"
    built(project, out, [row])
    said = rows_of(out / "messages.train.jsonl")[0]["messages"]
    assert {one["tool_call_id"]: one["content"] for one in said if one["role"] == "tool"} == {"a": "nine", "b": "seven"}


TURNS = st.lists(
    st.one_of(
        st.sampled_from([("customer", "a"), ("agent", "b"), ("system", "s"), ("tool", "result"), ("tool", '{"x": 1}')]),
        st.integers(1, 3).map(lambda n: ("tool", json.dumps([call(f"f{i}") for i in range(n)]))),
    ),
    max_size=12,
)


@given(TURNS, st.booleans(), st.booleans())
def test_what_is_written_is_a_chat_and_every_turn_is_counted(turns: list[tuple[str, str]], system: bool, tools: bool) -> None:
    """System first; every call answered at once, by its id; an answer at the end; in = kept + merged + dropped."""
    step = Step("turns for training", "turns")
    conversation = Conversation("c", [Turn(*turn) for turn in turns], meta={calls.PROMPTED: True})
    row = writers.messages_row(conversation, step, Messages(system=system, tools=tools))
    assert step.balance == 0 and step.into == len(turns)
    if row is None:
        assert not step.kept
        return
    waiting: list[str] = []
    for i, message in enumerate(row["messages"]):
        assert message["role"] != "system" or (i == 0 and system)
        if message["role"] == "tool":
            assert tools and message["tool_call_id"] == waiting.pop(0)
        else:
            assert not waiting
            assert message["content"] or message["tool_calls"]
        waiting += [one["id"] for one in message.get("tool_calls", [])]
    assert row["messages"][-1]["role"] == "assistant" and row["messages"][-1]["content"] and not waiting
    assert {one["role"] for one in dialogue.messages(row["messages"], "row")} <= {"system", "user", "assistant"}
    assert dialogue.tool_messages(row) == sum(m["role"] == "tool" or "tool_calls" in m for m in row["messages"])


def test_training_reads_the_answer_behind_a_call_as_the_answer_to_the_customer() -> None:
    row = {"id": "r", "messages": ORDER["messages"]}
    (learnt,) = dialogue.turns(row)
    assert learnt.answer == "您的订单已到上海，明天送达。" and learnt.history[0]["role"] == "system" and learnt.question == "订单 A-17 到哪了？"
    (own,) = from_messages(row)
    assert own.answer == learnt.answer and [message["role"] for message in own.history] == ["user"]


@pytest.mark.parametrize(
    "text", ['{"phone": 13800138000}', '[{"a": [true, null, 1.5, "13800138000"]}]', "13800138000", '{"broken": 13800138000', '"13800138000"']
)
def test_masking_a_result_leaves_no_number_and_breaks_no_json(text: str) -> None:
    masked = calls.mask(text, privacy.Memory(language="zh"))
    assert "13800138000" not in masked and "[手机号_1]" in masked
    assert calls.parsed(text) is None or calls.parsed(masked) is not None
