from typing import Any

import pytest

from kefu.conversation import Conversation, Turn
from kefu.evals import checks
from kefu.evals.answers import Entry
from kefu.evals.said import Said

ENTRIES = {
    "Z1": Entry("Z1", ("团队版每月29元。",)),
    "Z2": Entry("Z2", ("首次购买7天内可以全额退款，到账后通知您。",)),
    "E1": Entry("E1", ("Costs 29.",)),
}


def moment(text: str = "", **fields: Any) -> checks.Moment:
    return checks.Moment(Said(text, **fields), Conversation("c", [Turn("customer", "?")]), ENTRIES, "zh")


CASES = [
    ("answer_id", {"is": "Z1"}, moment("团队版每月29元。", tier="faq", sources=("Z1",)), moment("团队版", tier="faq", sources=("Z2",))),
    ("answer_id", {"is": "Z2", "accept": ["Z1"]}, moment("x", tier="faq", sources=("Z1",)), moment("x", tier="faq", sources=("E1", "Z1"))),
    ("answer_id", {"is": "Z1"}, moment("团队版每月29元。", tier="faq", sources=("faq:Z1",)), moment("", tier="faq", sources=("Z1",))),
    ("answer_id", {"is": "Z1"}, moment("团队版每月29元", tier="document"), moment("团队版每月29元。", handoff=True, sources=("Z1",))),
    ("answer_id", {"is": "Z2"}, moment("首次购买7天内能全额退款，到账后通知您", tier="model"), moment("首次购买7天内不能退款", tier="model")),
    ("answer_id", {"is": "Z1"}, moment("每月29元", tier="model", sources=("Z1",)), moment(ENTRIES["Z2"].answer, tier="model", sources=("Z1",))),
    ("answered", {"is": True}, moment("好"), moment("抱歉", refused=True)),
    ("answered", {"is": False}, moment("抱歉", refused=True), moment("好")),
    ("contains", {"any": ["14天", "两周"]}, moment("试用 14 天"), moment("试用114天")),
    ("contains", {"all": ["2,199", "Box 4"]}, moment("Box 4 costs ¥2199"), moment("Box 4 costs ¥1299")),
    ("contains", {"any": ["5-7"]}, moment("5～7个工作日"), moment("5个工作日")),
    ("not_contains", {"any": ["保本"]}, moment("投资有风险"), moment("承诺 保 本")),
    ("not_contains", {"any": ["2.9"]}, moment("每月29元，12.9%"), moment("每月2.9元")),
    ("regex", {"pattern": r"\d+\s*元"}, moment("29 元"), moment("免费")),
    ("similar", {"to": "团队版每月29元", "at_least": 0.8}, moment("团队版，每月29元"), moment("企业版一年590")),
    ("handoff", {"is": True}, moment("转接", handoff=True), moment("好")),
    ("handoff", {"is": False}, moment("好"), moment("转接", handoff=True)),
    ("refused", {"is": True}, moment("抱歉", refused=True), moment("好", handoff=True)),
    ("refused_or_handoff", {"is": True}, moment("转接", handoff=True), moment("好")),
    ("refused_or_handoff", {"is": False}, moment("好"), moment("抱歉", refused=True)),
    ("tier", {"in": ["rule", "faq"]}, moment("好", tier="faq"), moment("好", tier="model")),
    ("language", {"is": "zh"}, moment("请在控制台创建 API key"), moment("Create an API key")),
    ("language", {"is": "en"}, moment("Go to 控制台 in the console page"), moment("请登录")),
    ("max_chars", {"is": 3}, moment("三个字"), moment("四个字。")),
]


@pytest.mark.parametrize(("name", "given", "good", "bad"), CASES)
def test_each_check_passes_and_fails(name: str, given: dict[str, Any], good: checks.Moment, bad: checks.Moment) -> None:
    made = checks.make(name, given)
    passed, failed = checks.run(made, good), checks.run(made, bad)
    assert passed.passed, passed.explanation
    assert not failed.passed, failed.explanation
    assert passed.explanation
    assert failed.explanation


def test_every_check_is_covered() -> None:
    assert {case[0] for case in CASES} == set(checks.FACTORIES)


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("contains", {}, "needs 'any' or 'all'"),
        ("contains", {"any": "14天"}, "'any' must be a list of texts, got '14天'"),
        ("contains", {"any": []}, "must be a list of texts"),
        ("handoff", {"is": "yes"}, "'is' must be true or false"),
        ("handoff", {}, "handoff needs 'is'"),
        ("regex", {"pattern": "(["}, "no regular expression"),
        ("regex", {"pattern": "a", "example": "b"}, "does not match"),
        ("similar", {"to": "x", "at_least": 2}, "at most 1"),
        ("max_chars", {"is": 0}, "at least 1"),
        ("max_chars", {"is": True}, "whole number"),
        ("answer_id", {"is": 7}, "must be a text"),
    ],
)
def test_a_check_says_what_is_wrong_with_its_parameters(name: str, given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        checks.make(name, given)


def test_a_failed_check_carries_the_behaviour_it_names() -> None:
    made = checks.make("not_contains", {"any": ["保本"]}, undesired="broke_compliance")
    assert checks.run(made, moment("保本")).undesired == "broke_compliance"
    assert checks.run(made, moment("好")).undesired == ""
