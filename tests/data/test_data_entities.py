"""Another thing of the same kind, in Chinese and English; another deed is another question."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kefu.data.augment import negatives
from kefu.data.augment.entities import Asked, kind, rivals

PAIRS = [
    ("zh", "顺丰快递几天到？", "中通快递几天到？", "顺丰", "中通"),
    ("zh", "可以用微信付款吗？", "可以用花呗付款吗？", "微信", "花呗"),
    ("zh", "周一几点开门？", "请问周六几点开门", "周一", "周六"),
    ("zh", "团队版怎么收费？", "协作版怎么收费？", "团队版", "协作版"),
    ("zh", "房贷可以提前还款吗？", "车贷可以提前还款吗？", "房贷", "车贷"),
    ("zh", "X200怎么恢复出厂设置？", "X300怎么恢复出厂设置？", "x200", "x300"),
    ("zh", "安卓怎么升级客户端？", "苹果怎么升级客户端？", "安卓", "苹果"),
    ("zh", "怎么开电子发票？", "怎么开纸质发票？", "电子发票", "纸质发票"),
    ("en", "Do you ship to Canada?", "Do you ship to Mexico?", "canada", "mexico"),
    ("en", "Can I pay with PayPal?", "Can I pay with a gift card?", "paypal", "gift card"),
    ("en", "Are you open on Sunday?", "Are you open on public holidays?", "sunday", "public holidays"),
    ("en", "How do I block my debit card?", "How do I block my credit card?", "debit card", "credit card"),
    ("en", "What is the fee for a rewards account?", "What is the fee for a salary account?", "rewards account", "salary account"),
    ("en", "How do I reset Zephyr?", "How do I reset Mistral?", "zephyr", "mistral"),
]
NONE = [
    ("zh", "怎么取消订单？", "怎么修改订单？"),
    ("zh", "怎么开通手机银行？", "怎么关闭手机银行？"),
    ("zh", "鞋子可以退货吗？", "鞋子可以换货吗？"),
    ("zh", "火车票怎么退？", "火车票怎么改签？"),
    ("zh", "大床房能加床吗？", "大床房含早餐吗？"),
    ("zh", "微信怎么付款？", "微信支付怎么付款？"),
    ("zh", "周末上班吗？", "儿科上班吗？"),
    ("zh", "满99元包邮吗？", "满199元包邮吗？"),
    ("zh", "水费怎么交？", "水费怎么查？"),
    ("en", "How do I upgrade my plan?", "How do I cancel my plan?"),
    ("en", "How do I open a savings account?", "How do I close a savings account?"),
    ("en", "How do I change my email?", "How do I change my password?"),
    ("en", "Can I insure the X20?", "Can I unlock the X20?"),
    ("en", "Can I return a used item?", "Can I return a damaged item?"),
    ("en", "Does the suite have a balcony?", "Does the suite have a bathtub?"),
    ("en", "Is it open on Monday?", "Is it open on Mondays?"),
]


def found(*rows: tuple[str, str], language: str, category: str = "c") -> set[tuple[str, str, str, str]]:
    asked = [Asked(entry, language, category, text) for entry, text in rows]
    return {(entry, one.entry, one.mine, one.theirs) for entry, of in rivals(asked).items() for one in of}


@pytest.mark.parametrize(("language", "one", "other", "mine", "theirs"), PAIRS)
def test_two_things_of_one_kind(language: str, one: str, other: str, mine: str, theirs: str) -> None:
    assert found(("a", one), ("b", other), language=language) == {("a", "b", mine, theirs), ("b", "a", theirs, mine)}


@pytest.mark.parametrize(("language", "one", "other"), NONE)
def test_another_deed_or_number_or_name_of_the_same_is_no_other_thing(language: str, one: str, other: str) -> None:
    assert found(("a", one), ("b", other), language=language) == set()


def test_things_nobody_lists_are_learned_from_two_places() -> None:
    once = [("a", "海豚支持多语言吗？"), ("b", "蓝鲸支持多语言吗？")]
    assert found(*once, language="zh") == set()
    twice = [*once, ("c", "海豚能私有部署吗？"), ("d", "蓝鲸能私有部署吗？")]
    assert found(*twice, language="zh") == {
        ("a", "b", "海豚", "蓝鲸"), ("b", "a", "蓝鲸", "海豚"), ("c", "d", "海豚", "蓝鲸"), ("d", "c", "蓝鲸", "海豚"),
    }  # fmt: skip
    deeds = [("a", "话费怎么充值？"), ("b", "话费怎么转让？"), ("c", "流量怎么充值？"), ("d", "流量怎么转让？")]
    assert {pair[2:] for pair in found(*deeds, language="zh")} == {("话费", "流量"), ("流量", "话费")}


def test_another_category_is_another_intent() -> None:
    asked = [Asked("a", "en", "shipping", "Do you ship to Canada?"), Asked("b", "en", "jobs", "Do you ship to Mexico?")]
    assert rivals(asked) == {}
    assert rivals([]) == {}
    assert rivals([Asked("a", "zh", "", "发北京几天到"), Asked("a", "zh", "", "发上海几天到")]) == {}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text("北京上海怎么退款周一三 Xab12card?", max_size=14)), max_size=8))
def test_any_questions_can_be_compared(rows: list[tuple[str, str]]) -> None:
    for language in ("zh", "en"):
        pairs = found(*rows, language=language)
        assert {(b, a) for a, b, _, _ in pairs} == {(a, b) for a, b, _, _ in pairs} and not any(a == b for a, b, _, _ in pairs)


def test_kinds() -> None:
    assert kind("credit cards", "en") == ("payment", "credit card") and kind("微信", "zh") == kind("微信支付", "zh")
    assert kind("星享会员", "zh") == ("…会员", "星享") and kind("退", "zh") == kind("123", "zh") == kind("", "en") == ("", "")


def test_the_wrong_answer_says_which_thing_it_took_for_which() -> None:
    answers = {"a": ["顺丰1到2天到。"], "b": ["中通3到4天到。"]}
    told = rivals([Asked("a", "zh", "", "顺丰几天到？"), Asked("b", "zh", "", "中通几天到？")])
    rows, _ = negatives.make([("q", "a", "zh", "顺丰几天到？", "")], answers, told, ["other_entity"], 1, 7)
    assert [(row.rejected, row.note, row.as_dict()["augmented"]["note"]) for row in rows] == [("中通3到4天到。", "顺丰 -> 中通", "顺丰 -> 中通")]
    assert negatives.wrong("other_entity", "x", "zh", [], random.Random(1)) == ("", "")
