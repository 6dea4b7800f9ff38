"""Columns, senders and times, guessed by name and content, and refused with the nearest right name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kefu.data import mapping, senders, times
from kefu.errors import ConfigError, InputError
from kefu.project.schema import Source


def source(shape: str = "faq", **more: Any) -> Source:
    return Source(name="s", **{"shape": shape, "path": "x", **more})


ROW = {"Scenario": {"Domains": ["bank", "ride"], "Happy": True}, "a.b": 1, "n": 3.0, "none": None, "flag": False, "nan": float("nan")}


@pytest.mark.parametrize(
    ("path", "expected"),
    [("Scenario.Domains.0", "bank"), ("Scenario.Domains.-1", "ride"), ("Scenario.Domains.7", ""), ("Scenario.Happy", "true"), ("a.b", "1"),
     ("n", "3"), ("none", ""),
     ("nan", ""), ("flag", "false"), ("Scenario.Domains", "bank|ride"), ("nowhere.at.all", "")],
)  # fmt: skip
def test_dotted_paths_and_plain_text(path: str, expected: str) -> None:
    assert mapping.text(ROW, path) == expected


@pytest.mark.parametrize(
    ("shape", "row", "expected"),
    [
        ("faq", {"编号": "Z1", "分类": "套餐", "标准问题": "怎么退款", "相似问法": "退钱|退货", "答案": "好", "更新时间": "2026-01-01"},
         {"id": "编号", "category": "分类", "question": "标准问题", "similar": "相似问法", "answer": "答案", "updated": "更新时间"}),
        ("faq", {"Question Title": "how", "Answer Text": "so", "Topic": "x", "Last Updated": "2026-01-01"},
         {"question": "Question Title", "answer": "Answer Text", "category": "Topic", "updated": "Last Updated"}),
        ("faq", {"context": "support", "instruction": "how to", "intent": "cancel", "category": "ORDER", "response": "so"},
         {"question": "instruction", "answer": "response", "category": "category"}),
        ("faq", {"问题分类": "套餐", "用户问题": "怎么退", "客服回复": "好的"},
         {"category": "问题分类", "question": "用户问题", "answer": "客服回复"}),
        ("faq", {"c1": "怎么退款？", "c2": "请在订单页面申请，三天内原路退回"}, {"question": "c1", "answer": "c2"}),
        ("messages", {"id": 1, "ticket_no": "T1", "seq": 1, "sender": "用户", "body": "你好", "sent_at": "2026-01-01"},
         {"id": "id", "conversation": "ticket_no", "order": "seq", "role": "sender", "text": "body", "time": "sent_at"}),
        ("messages", {"会话编号": "H1", "发送人": "客服小李", "消息内容": "您好", "发送时间": "2026年1月1日"},
         {"conversation": "会话编号", "role": "发送人", "text": "消息内容", "time": "发送时间"}),
        ("messages", {"sessionId": "H1", "senderName": "Tom", "direction": "inbound", "content": "hi there", "createdAt": 1},
         {"conversation": "sessionId", "role": "direction", "text": "content", "time": "createdAt"}),
        ("dialogues", {"ticket_id": "T1", "lang": "zh", "status": "done", "messages": [{"from": "x", "text": "y"}]},
         {"id": "ticket_id", "language": "lang", "outcome": "status", "turns": "messages"}),
        ("dialogues", {"k": "T1", "whatever": [{"speaker": "客户", "utterance": "y"}]}, {"turns": "whatever"}),
    ],
)  # fmt: skip
def test_columns_are_guessed(shape: str, row: dict[str, Any], expected: dict[str, str]) -> None:
    found, guessed = mapping.resolve(source(shape), [row, row])
    assert found == expected
    assert guessed == sorted(expected)


def test_a_given_map_is_completed_only_where_it_must_be() -> None:
    found, guessed = mapping.resolve(source(map={"question": "问法"}), [{"问法": "怎么退", "答案": "好", "分类": "x"}])
    assert found == {"question": "问法", "answer": "答案"}
    assert guessed == ["answer"]


def test_a_missing_column_names_those_that_are_there_and_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        mapping.resolve(source(map={"question": "问题", "answer": "答案"}), [{"标准问题": "a", "答案": "b"}])
    assert caught.value.line() == "source s has no column '问题' (mapped to question): it has '标准问题', '答案'; did you mean '标准问题'?"


@pytest.mark.parametrize(("field", "path", "meant"), [("text", "content.bdy", "content.body"), ("role", "form", "from"), ("at", "tss", "ts")])
def test_a_key_that_no_turn_has_names_the_nearest(field: str, path: str, meant: str) -> None:
    turns = [{"from": who, "content": {"type": "text", "body": "水表不转了"}, "ts": 1757000000} for who in ("U", "A")]
    given = {"turns": "detail.msgs", "role": "from", "text": "content.body"}
    rows = [{"id": 1, "detail": {"msgs": turns}}, {"id": 2, "detail": {"msgs": json.dumps(turns)}}]
    assert mapping.resolve(source("dialogues", map=given), rows)[0] == given
    with pytest.raises(InputError, match=rf"no turn in 'detail.msgs' has '{path}' \(mapped to {field}\).*did you mean '{meant}'"):
        mapping.resolve(source("dialogues", map={**given, field: path}), rows)


def test_no_column_looks_right() -> None:
    with pytest.raises(InputError, match=r"no column looks like question and answer: it has 'x', 'y'; write map: \{question: …, answer: …\}"):
        mapping.resolve(source(), [{"x": 1, "y": 2}])


def test_an_unknown_field_of_map() -> None:
    with pytest.raises(ConfigError, match="map has no field 'anser': did you mean 'answer'"):
        mapping.resolve(source(map={"question": "a", "anser": "b"}), [{"a": "x", "b": "y"}])


def test_facts_to_carry_along_may_be_mapped() -> None:
    found, _ = mapping.resolve(
        source(map={"question": "a", "answer": "b", "meta.channel": "c", "customer.tier": "d"}), [{"a": "x", "b": "y", "c": "web", "d": "gold"}]
    )
    assert found["meta.channel"] == "c"


@pytest.mark.parametrize(
    ("sender", "role"),
    [("用户", "customer"), ("客户", "customer"), ("客服", "agent"), ("客服小李", "agent"), ("坐席008", "agent"),
     ("客户经理王芳", "agent"), ("机器人", "bot"),
     ("智能客服", "bot"),
     ("系统", "system"), ("系统客服", "system"), ("Customer", "customer"), ("support_agent", "agent"), ("ChatBot-2", "bot"), ("staff", "agent"),
     ("inbound", "customer"), ("张三", ""), ("", "")],
)  # fmt: skip
def test_senders_by_what_they_are_called(sender: str, role: str) -> None:
    assert mapping.role_of(sender, {}) == role


def test_the_projects_own_roles_win() -> None:
    assert mapping.role_of("客服", {"客服": "ignore"}) == "ignore"


def test_where_keeps_only_the_wanted() -> None:
    row = {"status": "Complete", "tags": ["a", "b"], "n": 1}
    assert mapping.allowed(row, {"status": ["Complete", "x"], "tags": "b", "n": "1"})
    assert not mapping.allowed(row, {"status": "complete"})
    assert not mapping.allowed(row, {"gone": "x"})


# -- senders -------------------------------------------------------------------------------------------------


def said(*pairs: tuple[str, str]) -> list[senders.Utterance]:
    return [senders.Utterance(sender, text) for sender, text in pairs]


def settled(source: Source, talks: list[list[senders.Utterance]]) -> senders.Roles:
    roles = senders.Roles(source)
    for talk in talks:
        roles.see(talk)
    roles.settle()
    return roles


def test_strangers_are_told_from_the_company_they_keep() -> None:
    talks = [said((name, "?"), ("李娜", "!")) for name in ("张三", "王五", "赵六")] + [said(("钱七", "?"), ("客服", "!"))]
    roles = settled(source("messages"), talks)
    assert [roles.of(u.sender, talks[0]) for u in talks[0]] == ["customer", "agent"]
    assert [roles.of(u.sender, talks[3]) for u in talks[3]] == ["customer", "agent"]
    alone = said(("甲乙", "?"), ("丙丁", "!"))
    roles = settled(source("messages"), [alone])
    assert [roles.of(u.sender, alone) for u in alone] == ["customer", "agent"]
    assert roles.facts["unknown_senders"] == {"senders": 2, "turns": 2, "dropped": False}


def test_a_star_stands_for_everyone_else() -> None:
    talk = said(("王小明", "?"), ("清源水务小王", "!"), ("", "…"), ("系统", "已接入"))
    roles = settled(source("messages", roles={"清源水务小王": "agent", "*": "customer"}), [talk] * 2)
    assert [roles.of(one.sender, talk) for one in talk] == ["customer", "agent", "customer", "system"]


def test_a_masked_name_is_said_with_its_place_and_never_as_it_is() -> None:
    name = "13812345678"
    roles = senders.Roles(source("messages", roles={"客服小王": "agent"}))
    roles.see(said((name, "?"), ("客服小王", "!")), "chat.csv#7")
    with pytest.raises(InputError, match=r"it stands in chat\.csv#7.*'\*': customer") as caught:
        roles.settle()
    assert name not in caught.value.line()


def test_too_many_senders_that_roles_does_not_name() -> None:
    talks = [said(("访客A", "?"), ("甲", "!")), said(("用户", "?"), ("甲", "!"))]
    with pytest.raises(InputError, match=r"source s: 50% of the turns have senders that `roles` does not name: '甲'; add them.*'\*': customer"):
        settled(source("messages", roles={"用户": "customer"}), talks)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "客户：怎么退款\n客服：请提供订单号\n两位数的那种\n客户：12",
            [("客户", "怎么退款"), ("客服", "请提供订单号\n两位数的那种"), ("客户", "12")],
        ),
        ("Customer: hi\nAgent Smith: hello\nCustomer: bye", [("Customer", "hi"), ("Agent Smith", "hello"), ("Customer", "bye")]),
        (
            "张三 2026-03-01 10:00:00\n在吗\n客服小李 2026-03-01 10:01:00\n在的\n张三 2026-03-01 10:02:00\n好",
            [("张三", "在吗"), ("客服小李", "在的"), ("张三", "好")],
        ),
        ("用户：在吗 客服：在的 用户：好", [("用户", "在吗"), ("客服", "在的"), ("用户", "好")]),
        ("见 https://a.example/x\n步骤：先重启", []),
        ("只有一句话", []),
    ],
)
def test_transcripts(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(u.sender, u.text) for u in senders.transcript(text)] == expected


@pytest.mark.parametrize(
    "cell",
    [
        [{"from": "客户", "text": "a"}, {"from": "客服", "text": "b"}],
        '[{"speaker": "客户", "utterance": "a"}, {"speaker": "客服", "utterance": "b"}]',
        {"items": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
        "客户：a\n客服：b",
        ["客户：a", "客服：b"],
        ["a", "b"],
    ],
)
def test_turns_in_one_cell(cell: Any) -> None:
    found = senders.turns_of(cell, {}, {})
    assert found is not None
    assert [(mapping.role_of(u.sender, {}), u.text) for u in found.turns] == [("customer", "a"), ("agent", "b")]


def test_turns_that_cannot_be_read() -> None:
    assert senders.turns_of("just a text", {}, {}) is None
    assert senders.turns_of(7, {}, {}) is None
    assert senders.turns_of(None, {}, {}) == senders.Said([])


# -- times ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "iso"),
    [
        ("2026-03-05T14:02:11Z", "2026-03-05T14:02:11"),
        ("2026-03-05 14:02", "2026-03-05T14:02:00"),
        ("2026/3/5 14:02:11.123", "2026-03-05T14:02:11"),
        ("2026-03-05T14:02:11+08:00", "2026-03-05T06:02:11"),
        ("2026年3月5日 14:02:11", "2026-03-05T14:02:11"),
        ("2026年3月5日 下午2时2分", "2026-03-05T14:02:00"),
        ("2026年3月5日", "2026-03-05T00:00:00"),
        ("2026年3月5日 凌晨12:30", "2026-03-05T00:30:00"),
        ("2026年3月5日 中午11:30", "2026-03-05T11:30:00"),
        ("2026年3月5日 中午1:30", "2026-03-05T13:30:00"),
        ("2026/3/5 下午2:02", "2026-03-05T14:02:00"),
        ("2026-03-05 晚上8：02：11", "2026-03-05T20:02:11"),
        ("03/05/2026 2:02 PM", "2026-03-05T14:02:00"),
        ("25/12/2026 08:00", "2026-12-25T08:00:00"),
        ("05.03.2026 08:00", "2026-03-05T08:00:00"),
        ("20260305140211", "2026-03-05T14:02:11"),
        ("20260305", "2026-03-05T00:00:00"),
        (1772719331, "2026-03-05T14:02:11"),
        ("1772719331000", "2026-03-05T14:02:11"),
        ("3", ""),
        ("31/31/2026", ""),
        ("yesterday", ""),
        (None, ""),
    ],
)
def test_times(given: Any, iso: str) -> None:
    assert times.iso(given) == iso


def test_order_numbers_and_clock_times_compare() -> None:
    assert [times.seconds(value) for value in ("2", "10", 3)] == [2, 10, 3]
    assert times.seconds("10:02") < times.seconds("10:02:01")  # type: ignore[operator]
