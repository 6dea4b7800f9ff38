"""The language of short, mixed support texts."""

from __future__ import annotations

import pytest

from kefu.text.language import detect


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("怎么退款", "zh"),
        ("我的 API key 不能用", "zh"),
        ("團隊版多少錢", "zh"),
        ("How do I get a refund?", "en"),
        ("What does 企业版 cost per seat and month?", "en"),
        ("パスワードを忘れました", "ja"),
        ("비밀번호를 잊었어요", "ko"),
        ("Как вернуть деньги", "ru"),
        ("12345 !!!", "und"),
        ("", "und"),
    ],
)
def test_detect(text: str, language: str) -> None:
    assert detect(text) == language


def test_the_default_is_the_callers() -> None:
    assert detect("???", default="zh") == "zh"
