from typing import Any

import pytest

from kefu.conversation import Conversation, Turn
from kefu.evals import undesired
from kefu.evals.answers import Entry
from kefu.evals.checks import Finding
from kefu.evals.said import Said

LONG = "，".join(f"第{i}步请打开设置页面" for i in range(80)) + "。"
WATCH = undesired.Watch(
    {"Z1": Entry("Z1", ("服务热线13800138000，随时拨打。",)), "E1": Entry("E1", ("Write to help@small.example any time.",)), "L": Entry("L", (LONG,))}
)


def talk(*texts: str) -> Conversation:
    return Conversation("c", [Turn("customer" if i % 2 == 0 else "agent", text) for i, text in enumerate(texts)])


@pytest.mark.parametrize(
    ("said", "conversation", "language", "named"),
    [
        (Said("  "), talk("你好"), "zh", ["empty_reply"]),
        (Said("Hello there"), talk("你好"), "zh", ["wrong_language"]),
        (Said("您好"), talk("hello"), "en", ["wrong_language"]),
        (Said("您好"), talk("你好"), "zh", []),
        (Said("好" + "的一二三四五六七八九十" * 60), talk("你好"), "zh", ["too_long", "repeated_itself"]),
        (Said(LONG), talk("怎么设置"), "zh", []),
        (Said("请联系张经理，手机13912345678。", "model"), talk("找谁"), "zh", ["leaked_pii"]),
        (Said("您登记的手机号是13912345678。", "model"), talk("我的手机13912345678"), "zh", []),
        (Said("请拨打13800138000。", "model"), talk("电话多少"), "zh", []),
        (Said("Mail anna.smith@private.example", "model"), talk("who"), "en", ["leaked_pii"]),
        (Said("每月29元。", "faq"), talk("多少钱", "每月29元。", "怎么退款"), "zh", ["repeated_itself"]),
        (Said("每月29元。", "faq"), talk("多少钱", "每月29元。", "多少钱？"), "zh", []),
        (Said("抱歉。", "guard", refused=True), talk("天气", "抱歉。", "股票"), "zh", []),
    ],
)
def test_seen_in_every_reply(said: Said, conversation: Conversation, language: str, named: list[str]) -> None:
    assert WATCH.see(said, conversation, language) == named


@pytest.mark.parametrize(
    ("text", "looping"),
    [
        ("请稍等。请稍等。请稍等。请稍等。", True),
        ("Open the settings. Open the settings. Open the settings.", True),
        ("the file the file the file the file ", True),
        ("请稍等。谢谢。", False),
        ("步骤1、步骤2、步骤3、步骤4", False),
        ("哈哈哈哈哈哈", False),
        ("1000000000000", False),
        ("----------------", False),
    ],
)
def test_loops(text: str, looping: bool) -> None:
    assert undesired.loops(text) is looping


@pytest.mark.parametrize(
    ("check", "given", "said", "kind", "name"),
    [
        ("answer_id", {}, Said("x"), "new_customer", "wrong_answer"),
        ("answer_id", {}, Said("x", handoff=True), "new_customer", "needless_handoff"),
        ("answer_id", {}, Said("x", refused=True), "new_customer", "no_answer"),
        ("contains", {}, Said(""), "new_customer", "no_answer"),
        ("answered", {"is": False}, Said("x"), "out_of_scope", "answered_out_of_scope"),
        ("handoff", {"is": True}, Said("x"), "complaint", "missed_handoff"),
        ("handoff", {"is": False}, Said("x", handoff=True), "small_talk", "needless_handoff"),
        ("refused_or_handoff", {"is": True}, Said("x"), "out_of_scope", "answered_out_of_scope"),
        ("refused_or_handoff", {"is": True}, Said("x"), "compliance", "broke_compliance"),
        ("not_contains", {}, Said("x"), "break", "broke_compliance"),
        ("not_contains", {}, Said("x"), "new_customer", "wrong_answer"),
        ("language", {}, Said("x"), "new_customer", "wrong_language"),
        ("max_chars", {}, Said("x"), "new_customer", "too_long"),
        ("tier", {}, Said("x"), "new_customer", "other_check"),
    ],
)
def test_a_failed_check_is_named(check: str, given: dict[str, Any], said: Said, kind: str, name: str) -> None:
    assert undesired.of_check(Finding(check, False, ""), said, kind, True, given) == name
    assert name in undesired.BEHAVIOURS


def test_a_check_that_names_its_behaviour_is_believed() -> None:
    assert undesired.of_check(Finding("tier", False, "", "leaked_pii"), Said("x"), "break", False, {}) == "leaked_pii"


def test_count_lists_every_behaviour() -> None:
    found = undesired.count([["too_long"], ["too_long", "error"], []])
    assert set(found) == set(undesired.BEHAVIOURS)
    assert list(found)[:2] == ["too_long", "error"]
    assert found["leaked_pii"] == 0
