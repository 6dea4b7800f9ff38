"""Question noise: deterministic, by character in Chinese and by word in English, never on an answer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kefu.train.noise import join, noisy, units
from kefu.train.rows import Row, copies


def test_units_are_characters_in_chinese_and_words_in_english():
    assert units("团队版 29元 per month") == ["团", "队", "版", "29", "元", "per", "month"]
    assert join(units("How do I cancel 团队版 plan")) == "How do I cancel团队版plan"


@given(st.text(alphabet="团队版怎么退款？ abc 29", min_size=1, max_size=30), st.integers(0, 50))
def test_noise_is_deterministic_and_adds_nothing(text, seed):
    made = noisy(text, seed)
    assert made == noisy(text, seed)
    assert bool(made.strip()) == bool(text.strip())
    assert not set(made) - set(text) - set(text.lower()) - {" "}


@given(st.integers(0, 200))
def test_digits_stay(seed):
    for text in ("团队版每月29元吗", "does error 502 mean the server is down"):
        assert [u for u in units(text) if any(c.isdigit() for c in u)] == [u for u in units(noisy(text, seed)) if any(c.isdigit() for c in u)]


def test_noise_does_all_it_says():
    text = "How do I cancel the Team plan?"
    made = {noisy(text, seed) for seed in range(300)}
    assert len(made) > 100
    assert any(len(units(m)) < 7 for m in made)  # dropped
    assert any(sorted(m.split()) == sorted(text.split()) and m != text for m in made)  # swapped or rotated
    assert any(m.islower() for m in made)
    assert any(not m.endswith("?") for m in made)


def test_copies_touch_the_question_only():
    rows = [Row("a", "faq", ({"role": "user", "content": "怎么退款？我要退款"},), "七天内可以退款。")]
    made = list(copies(rows, 6, seed=3))
    assert made == list(copies(rows, 6, seed=3))
    assert made != list(copies(rows, 6, seed=4))
    assert {row.answer for row in made} == {"七天内可以退款。"}
    assert len({row.question for row in made}) == len(made) >= 3
    assert "怎么退款？我要退款" not in {row.question for row in made}
    assert list(copies([Row("b", "faq", ({"role": "user", "content": "退"},), "好")], 5, seed=1)) == []
