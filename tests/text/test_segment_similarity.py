"""Words, shingles, sentences and likeness in both languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kefu.text.segment import char_ngrams, sentences, shingles, units, words
from kefu.text.similarity import jaccard, token_f1


def test_units_are_han_characters_and_latin_words() -> None:
    assert units("团队版Team每月29元") == ["团", "队", "版", "team", "每", "月", "29", "元"]
    assert units("I can't log in.") == ["i", "can", "t", "log", "in"]


def test_words_lose_no_character() -> None:
    text = "企业版每位成员每月59元，Enterprise plan"
    assert "".join(words(text)) == "".join(units(text))


def test_sentences_end_at_marks_of_both_languages_and_not_inside_numbers() -> None:
    assert sentences("您好！请稍等。 价格是29.5元") == ["您好！", "请稍等。", "价格是29.5元"]
    assert sentences("It costs $29.5. Is that all? Yes!") == ["It costs $29.5.", "Is that all?", "Yes!"]


def test_ngrams_pad_latin_words_but_not_chinese() -> None:
    assert list(char_ngrams("退款", 2, 2)) == ["退款"]
    assert list(char_ngrams("ab", 2, 2)) == [" a", "ab", "b "]


def test_a_text_shorter_than_a_shingle_is_one() -> None:
    assert shingles("退款", 4) == {"退款"}
    assert shingles("", 4) == set()


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("怎么退款", "怎么退款？", 1.0),
        ("能退款", "不能退款", 6 / 7),
        ("refund please", "please refund", 1.0),
        ("退款", "发货", 0.0),
        ("", "", 1.0),
        ("退款", "", 0.0),
    ],
)
def test_token_f1(left: str, right: str, expected: float) -> None:
    assert token_f1(left, right) == pytest.approx(expected)


@given(st.text(alphabet="退款发票团队版 abc12", max_size=20), st.text(alphabet="退款发票团队版 abc12", max_size=20))
def test_likeness_is_symmetric_and_bounded(left: str, right: str) -> None:
    for measure in (token_f1, jaccard):
        assert measure(left, right) == pytest.approx(measure(right, left))
        assert 0 <= measure(left, right) <= 1
        assert measure(left, left) == 1
