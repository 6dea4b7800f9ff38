"""Answers that contradict each other: what is told, what is kept apart, and what must not be called a contradiction."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kefu import data
from kefu.data import facts, replies
from kefu.data.conflicts import POSSIBLE, meaning
from kefu.project import Loaded

from .desk import dialogue, jsonl, rows_of, table

Make = Callable[..., Loaded]
FAQ = {"name": "faq", "shape": "faq", "path": "faq.csv"}
LOGS = {"name": "logs", "shape": "dialogues", "path": "logs.jsonl", "roles": {"customer": "customer", "staff": "agent", "bot": "bot"}}

AGAINST = [
    ("团队版多少钱", "团队版每月29元", "每月25元"),
    ("退款多久到账", "退款3到5个工作日到账。", "退款一般在7个工作日到账。"),
    ("支持七天无理由吗", "支持，签收后7天内可退。", "不支持七天无理由退货。"),
    ("可以改地址吗", "可以的，在订单页修改。", "抱歉，不可以，请取消后重拍。"),
    ("几点上班", "客服时间是9:00-18:00", "客服时间是9:00到21:00"),
    ("活动到什么时候", "活动截止6月30日。", "活动截止7月15日。"),
    ("能登录几台设备", "最多可同时登录5台设备", "最多可同时登录十台设备"),
    ("要押金吗", "租用不需要押金。", "租用需要押金。"),
    ("保修多久", "整机保修一年。", "整机保修两年。"),
    ("会员打几折", "会员享受9折优惠。", "会员享受8.5折优惠。"),
    ("How long do refunds take?", "Refunds take 3-5 business days.", "Refunds take 10 business days."),
    ("Can I cancel my order?", "Yes, you can cancel within 24 hours.", "No, orders cannot be cancelled."),
    ("What does the Team plan cost?", "The Team plan costs $29 per month.", "The Team plan is $25 per month."),
    ("How many devices can I use?", "You can use up to five devices.", "You can use up to 3 devices."),
    ("When are you open?", "We are open from 9 am to 6 pm.", "We are open from 9 am to 8 pm."),
    ("How long is the warranty?", "The warranty lasts two years.", "The warranty lasts 12 months."),
]
AT_ONE = [
    ("几天能退", "一周内可以退。", "7天内可以退。"),
    ("多久发货", "付款后24小时内发货。", "付款后1天内发货。"),
    ("保修多久", "主机保修一年", "主机保修12个月，电源也是12个月"),
    ("运费", "满99元包邮。", "满99元包邮，偏远地区另加10元。"),
    ("保修", "主机保修一年", "主机保修两年，电源保修一年"),  # the one says more; which part is meant cannot be told
    ("几点上班", "早上九点到下午六点", "9:00到18:00"),
    ("发票", "付款后三个工作日内开具", "付款后3天内开具"),
    ("快递多久到", "您的快递预计3天到。", "您的快递预计5天到。"),  # one customer's case
    ("能退吗", "已为您申请退款，3天内到账。", "已为您申请退款，7天内到账。"),
    ("怎么退款", "在订单页申请，7天内到账。", "请问您的订单是哪一天下的？"),
    ("有问题找谁", "没问题，随时找我们。", "随时找我们。"),
    ("能开发票吗", "可以开电子发票。", "可以的，电子发票和纸质发票都行。"),
    ("How long do refunds take?", "Refunds take five days.", "It takes 5 days to refund."),
    ("Do you ship abroad?", "Yes, we ship to 30 countries.", "Yes, certainly."),
    ("When does it arrive?", "Your parcel is 2 days away.", "Your parcel is 5 days away."),
    ("How long is the warranty?", "The warranty lasts one year.", "The warranty lasts 365 days."),
    ("Price?", "It costs $29 per month.", "It costs $29 per month, or $290 per year."),
]


@pytest.mark.parametrize(("question", "one", "other"), AGAINST)
def test_facts_that_contradict(question: str, one: str, other: str) -> None:
    assert facts.against(one, other, question) and facts.against(other, one, question)
    assert facts.deniable(one) and facts.deniable(other)


@pytest.mark.parametrize(("question", "one", "other"), AT_ONE)
def test_facts_that_do_not(question: str, one: str, other: str) -> None:
    assert facts.against(one, other, question) == "" == facts.against(other, one, question)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_be_compared_and_never_contradicts_itself(one: str, other: str) -> None:
    assert facts.against(one, one, other) == ""
    assert bool(facts.against(one, other)) == bool(facts.against(other, one))


@pytest.mark.parametrize(
    ("one", "other", "language", "same"),
    [
        ("退款多久到账？", "一般退款要多长时间到账", "zh", True),
        ("怎么取消订单", "请问如何取消订单呢", "zh", True),
        ("How long does a refund take?", "How long do refunds usually take", "en", True),
        ("What is the price of the Team plan?", "What does the team plan cost?", "en", True),
        ("团队版怎么收费", "企业版怎么收费", "zh", False),
        ("从团队版换到企业版要多久", "从企业版换到团队版要多久", "zh", False),
        ("订单可以取消吗", "订单不可以取消吗", "zh", False),
        ("满99元包邮吗", "满199元包邮吗", "zh", False),
        ("Do you ship to Canada?", "Do you ship to Mexico?", "en", False),
        ("How long is the delivery?", "How much is the delivery?", "en", False),
        ("怎么注册账号", "怎么注销账号", "zh", False),
        ("过户要收费吗", "过户收不收费", "zh", True),
        ("理赔款多久到账", "理赔的钱多久到账", "zh", True),
        ("办卡后几天内可以全额退", "办卡之后几天内可以全额退款", "zh", True),
        ("老客户过户收不收费", "老客户停机收不收费", "zh", False),
        ("赔款多久到账", "理赔材料多久到账", "zh", False),
    ],
)
def test_the_same_question_in_other_words(one: str, other: str, language: str, same: bool) -> None:
    assert meaning(one, language)
    assert (meaning(one, language) == meaning(other, language)) is same


def test_possible_contradictions_of_the_faq_are_told_and_both_rows_kept(tmp_path: Path, project: Make, out: Path) -> None:
    rows = [
        ["question", "answer", "category"],
        ["退款多久到账？", "原路退回，3个工作日到账。", "退款"],
        ["一般退款要多长时间到账？", "原路退回，15个工作日到账。", "退款"],
        ["团队版每月多少钱？", "团队版每月29元。", "价格"],
        ["企业版每月多少钱？", "企业版每月59元。", "价格"],
        ["How long does a refund take?", "A refund takes 5 days.", "refund"],
        ["How long do refunds usually take?", "A refund takes five days to arrive.", "refund"],
    ]
    (tmp_path / "faq.csv").write_bytes(table(rows))
    facts_ = data.build(project(FAQ), out)
    assert facts_["contradictions"] == {POSSIBLE: 1} and facts_["conflicting_rows"] == 0
    told = rows_of(out / "contradictions.jsonl")[0]
    assert told["possible"] and told["why"] == "time: 3 days against 15 days"
    assert (told["question"], told["others"][0]["question"]) == ("退款多久到账？", "一般退款要多长时间到账？")
    assert len(rows_of(out / "conversations.jsonl")) == 6
    assert "1 of them are possible ones" in (out / "card.md").read_text("utf-8")


def test_no_row_of_a_contradictory_faq_is_lost(tmp_path: Path, project: Make, out: Path) -> None:
    """Three answers to one question, other phrasings that move to the answer in use, one of them a question it has already."""
    rows = [
        ["id", "question", "similar", "answer", "updated"],
        ["1", "团队版多少钱？", "团队版报价|团队版月费", "每月29元", "2026-01-01"],
        ["2", "团队版多少钱", "团队版报价单", "每月25元", "2024-01-01"],
        ["3", "团队版多少钱 ", "团队版月费", "每月19元", "2023-01-01"],
    ]
    (tmp_path / "faq.csv").write_bytes(table(rows))
    facts_ = data.build(project(FAQ), out)
    told = rows_of(out / "contradictions.jsonl")
    assert (told[0]["answers"], told[0]["rows"], {side["answer"] for side in told[0]["others"]}) == (3, 3, {"每月25元", "每月19元"})
    apart = rows_of(out / "conflicting.jsonl")
    assert {(row["question"], row["answer"]) for row in apart} >= {
        ("团队版多少钱", "每月25元"),
        ("团队版多少钱", "每月19元"),
        ("团队版月费", "每月19元"),
    }
    ledger = json.loads((out / "ledger.json").read_text("utf-8"))
    step = next(step for step in ledger["steps"] if step["step"] == "answers and contradictions")
    assert step["apart"] == {"in conflict: reported": len(apart)} and not step["dropped"]
    assert step["in"] == step["kept"] + len(apart)
    assert facts_["dropped_reasons"] == {}
    entry = rows_of(out / "faq.jsonl")
    assert [row["answer"] for row in entry] == ["每月29元"] and "25" not in json.dumps(entry, ensure_ascii=False)


def talk(number: int, asked: str, said: str, sender: str = "staff") -> dict[str, Any]:
    own = "".join(chr(0x4E00 + (number * 37 + k * 11) % 3000) for k in range(30))
    return dialogue(number, ("customer", asked), (sender, said), ("customer", f"好的，{own}"), ("staff", f"嗯嗯，{own[::-1]}"))


def test_conversations_are_compared_with_each_other_and_with_the_faq(tmp_path: Path, project: Make, out: Path) -> None:
    rows = [["question", "answer"], ["企业版支持几个管理员？", "企业版支持10个管理员，每人一个账号。"], ["怎么开发票", "在订单页开具。"]]
    talks = [
        talk(0, "你好，退款一般多久到账呢？", "退款3个工作日内到账哦。"),
        talk(1, "退款一般多久到账", "退款三天内到账。"),
        talk(2, "请问退款一般多久到账？", "退款15个工作日内到账。"),
        talk(3, "企业版支持几个管理员？", "企业版支持20位管理员。"),
        talk(4, "企业版支持几个管理员", "可以加10位管理员的，亲。"),
        talk(5, "订单12345678什么时候到", "3天内到。"),
        talk(6, "订单12345678什么时候到", "5天内到。"),
        talk(7, "可以送货上门吗，几楼都行吗", "您的订单预计3天送到。"),
        talk(8, "可以送货上门吗，几楼都行吗", "您的订单预计9天送到。"),
        talk(9, "How long does shipping take?", "Shipping takes 3 days."),
        talk(10, "How long does shipping take?", "Shipping takes 10 days."),
        talk(11, "How long does shipping take?", "Shipping takes 30 days.", "bot"),
    ]
    (tmp_path / "faq.csv").write_bytes(table(rows))
    (tmp_path / "logs.jsonl").write_text(jsonl(talks), "utf-8")
    found = data.build(project(FAQ, LOGS, workers=1), out)
    assert found["contradictions"] == {replies.AMONG: 2, replies.AGAINST_FAQ: 1}
    told = {row["question"]: row for row in rows_of(out / "contradictions.jsonl")}
    refund = told["你好，退款一般多久到账呢？"]
    assert refund["chosen"]["rows"] == 2 and refund["chosen"]["all"] == ["logs:T0#1", "logs:T1#1"]
    assert [(side["answer"], side["rows"], side["where"]) for side in refund["others"]] == [("退款15个工作日内到账。", 1, "logs:T2#1")]
    admins = told["企业版支持几个管理员？"]
    assert admins["chosen"]["where"] == "faq.csv#2" and [side["answer"] for side in admins["others"]] == ["企业版支持20位管理员。"]
    assert sorted(admins["sources"]) == ["faq", "logs"]
    assert told["How long does shipping take?"]["rows"] == 2
    assert len(rows_of(out / "conversations.jsonl")) == 14


@pytest.mark.parametrize(
    ("asked", "one", "other", "told"),
    [
        ("功率多大", "额定功率40W，待机2W。", "额定功率40W。", "agree"),
        ("电话是多少", "请拨 400-820-1188 转2", "客服电话4008201188", "agree"),
        ("保修几年", "保修八年，自购买日算", "8年，看发票", "agree"),
        ("how long is the warranty", "The warranty is 2 years.", "2 years from delivery.", "agree"),
        ("电话是多少", "请拨400-820-1188", "请拨400-820-1189", "conflict"),
        ("送货收费吗", "送货免费。", "送货收费30元。", "conflict"),
        ("能带宠物吗", "可以带宠物。", "不可以带宠物。", "conflict"),
        ("续费多少钱", "专业版续费每年800元。", "基础版续费每年300元。", "unsure"),
        ("发票怎么开", "在订单页申请。", "请联系客服。", "unsure"),
    ],
)
def test_certain_is_only_what_differs_in_one_thing(asked: str, one: str, other: str, told: str) -> None:
    assert facts.compared_as(one, other, asked) == facts.compared_as(other, one, asked) == told


@pytest.mark.parametrize(
    ("one", "other", "answers"),
    [
        ("旧家具回收要钱吗", "旧家具回收收不收钱", ("旧家具回收免费。", "旧家具回收收费80元。")),
        ("钢琴搬运服务费用", "搬运要多少钱", ("搬运每次300元。", "搬运每次450元。")),
    ],
)
def test_the_price_asked_in_other_words(
    one: str, other: str, answers: tuple[str, str], tmp_path: Path, project: Callable[..., Loaded], out: Path
) -> None:
    rows = [["question", "answer"], [one, answers[0]], [other, answers[1]], ["几点开门", "九点开门。"], ["在哪里取件", "在东门取件。"]]
    (tmp_path / "faq.csv").write_bytes(table(rows))
    augment = {"negatives": ["negated", "other_number"]}
    data.build(project({"name": "faq", "shape": "faq", "path": "faq.csv"}, split={"validation": 0, "test": 0}, augment=augment), out)
    found = rows_of(out / "contradictions.jsonl")
    assert [row["possible"] for row in found] == [True] and {found[0]["question"], found[0]["others"][0]["question"]} == {one, other}
    assert not {one, other} & {row["prompt"] for row in rows_of(out / "preference.made.jsonl")}


def test_answers_that_agree_are_one_entry_and_nobody_is_set_apart(tmp_path: Path, project: Callable[..., Loaded], out: Path) -> None:
    rows = [["question", "answer"], ["功率多大", "额定功率40W，待机2W。"], ["功率多大", "额定功率40W。"], ["几点开门", "九点开门。"]]
    (tmp_path / "faq.csv").write_bytes(table(rows))
    data.build(project({"name": "faq", "shape": "faq", "path": "faq.csv"}, split={"validation": 0, "test": 0}), out)
    assert not rows_of(out / "contradictions.jsonl") and not rows_of(out / "conflicting.jsonl")
    assert {row["answer"] for row in rows_of(out / "faq.jsonl")} == {"额定功率40W，待机2W。", "九点开门。"}
