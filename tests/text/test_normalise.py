"""Cleaning keeps meaning; folding is for comparing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kefu.text.normalise import clean, fold, strip_html


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("<p>您好，请点击<b>设置</b></p><br/>再重启", "您好，请点击设置\n再重启"),
        ("Costs &lt; ¥30 &amp; up&nbsp;to 5", "Costs < ¥30 & up to 5"),
        ("<script>alert(1)</script>Hello<!-- x -->", "Hello"),
        ("a < b and c > d", "a < b and c > d"),
        ("请填写<订单号>", "请填写<订单号>"),
    ],
)
def test_html_goes_and_what_only_looks_like_it_stays(given_text: str, expected: str) -> None:
    assert clean(strip_html(given_text)) == expected


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("价格为２９元／月，５％优惠", "价格为29元/月，5%优惠"),
        ("我 的 账号　登不上\u200b了 ！", "我的账号登不上了！"),
        ("Don't pay ¥99.5,  it is -3% off\r\n\r\n now", "Don't pay ¥99.5, it is -3% off\nnow"),
        ("团队版 Team 不能用", "团队版 Team 不能用"),
    ],
)
def test_clean_keeps_prices_negation_and_punctuation(given_text: str, expected: str) -> None:
    assert clean(given_text) == expected


def test_fold_tells_numbers_apart_and_forgets_case_and_signs() -> None:
    assert fold("How MUCH is it?") == fold("how much is it")
    assert fold("怎么 退款？") == fold("怎么退款")
    assert fold("99.5 元") != fold("995元")
    assert fold("涨了5%") != fold("涨了5")
    assert fold("-3 度") != fold("3度")
    assert fold("能退") != fold("不能退")


@given(st.text(max_size=80))
def test_clean_and_fold_are_stable(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert fold(fold(text)) == fold(text)
