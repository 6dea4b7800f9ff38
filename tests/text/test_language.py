"""The language of short, mixed support texts."""

from __future__ import annotations

import pytest
from short_turns import TURNS

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


@pytest.mark.parametrize("text", TURNS["en"].splitlines())
def test_no_english_turn_is_called_another_language(text: str) -> None:
    assert detect(text) in ("en", "und")


@pytest.mark.parametrize("text", TURNS["zh"].splitlines())
def test_no_chinese_turn_is_called_another_language(text: str) -> None:
    assert detect(text) == "zh"


@pytest.mark.parametrize("language", [name for name in TURNS if name not in ("en", "zh")])
def test_turns_in_other_languages_are_known_and_none_taken_for_a_third(language: str) -> None:
    told = [detect(text) for text in TURNS[language].splitlines()]
    assert set(told) <= {language, "en", "und"}
    assert told.count(language) >= 0.8 * len(told)


@pytest.mark.parametrize(
    ("text", "language"), [("Де моє замовлення", "uk"), ("أين طلبي", "ar"), ("मेरा ऑर्डर कहाँ है", "hi"), ("Πού είναι η παραγγελία μου", "el")]
)
def test_scripts_tell_their_language(text: str, language: str) -> None:
    assert detect(text) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("KFR-35GW E1 F3", "und"),
        ("AB12-9 / XR 550", "und"),
        ("https://shop.example/faq?id=3", "und"),
        ("anna@shop.example", "und"),
        ("[ORDER_1]", "und"),
        ("E4 on the display", "en"),
        ("OK 2", "en"),
        ("err 500", "en"),
        ("空调 KFR-35GW E1", "zh"),
    ],
)
def test_codes_alone_are_no_english(text: str, language: str) -> None:
    assert detect(text) == language
