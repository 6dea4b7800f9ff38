"""Numbers and addresses of mail in disguise: what people read as a number is one, and its place in the text is right."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kefu.text import privacy
from kefu.text.normalise import clean

NUMBER = "13912345678"
RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
DISGUISES = {
    "tags between": "".join(c + "\U000e0031" for c in NUMBER),
    "marks on digits": "".join(c + "\u0301" for c in NUMBER),
    "shown from the right": "\u202e" + NUMBER[::-1] + "\u202c",
    "raised": "".join(RAISED[int(c)] for c in NUMBER),
    "pictures between": "139📞1234📞5678",
    "brackets": "(139)(1234)(5678)",
    "Chinese brackets": "（139）（1234）（5678）",
    "digits of terminals": "".join(chr(0x1FBF0 + int(c)) for c in NUMBER),
    "Bengali digits": "".join(chr(0x9E6 + int(c)) for c in NUMBER),
    "small at sign": "anna﹫example.com",
    "Cyrillic letters": "аnnа@ехаmрlе.com",
    "mathematical letters": "𝐚𝐧𝐧𝐚@example.com",
    "quoted local part": '"anna b"@example.com',
    "escaped at sign": "anna%40example.com",
    "tag in mail": "anna\U000e0041.b@example.com",
}


@pytest.mark.parametrize("name", DISGUISES)
@pytest.mark.parametrize("before", ["", "请联系 ", "😀 é "])
def test_found_at_its_place(name: str, before: str) -> None:
    text = f"{before}我的联系方式是 {DISGUISES[name]} ，第1个订单什么时候发货"
    spans = privacy.find(text)
    assert len(spans) == 1 and spans[0].type in ("cn_mobile", "email")
    span = spans[0]
    assert text[span.start : span.end] == span.text
    assert text.index(DISGUISES[name][1]) <= span.start + 1 and len(span.text) >= len(DISGUISES[name]) - 2
    assert privacy.find(privacy.mask(clean(text))) == []


@pytest.mark.parametrize(
    "text",
    ["面积 100m² 共 10³ 个", "尺寸 139×1234×5678 mm", "E=mc² 与 x₁₂", "价格打 5%40 折", "路径 139→1234→5678", "注¹²：见附录", "ratio 139÷1234÷5678"],
)
def test_what_is_no_number_of_a_person_stays(text: str) -> None:
    assert privacy.mask(text) == text


def test_hidden_characters_are_removed_and_flags_stay() -> None:
    flag = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    assert clean(f"去英格兰{flag}吗 a\U000e0041b\u2066c\u2069\u00ad") == f"去英格兰{flag}吗 abc"
    assert clean("".join(chr(0xE0000 + ord(c)) for c in NUMBER) + "好") == "好"
    assert clean(flag) == flag


@given(st.text(st.sampled_from("13589 -\u202e\u202c\u0301²³⁹\U0001fbf1\U000e0031@%40aа.𝐚﹫📞()好"), max_size=40))
def test_places_are_places_of_the_text(text: str) -> None:
    end = 0
    for span in privacy.find(text):
        assert end <= span.start < span.end <= len(text) and text[span.start : span.end] == span.text
        end = span.end


@given(st.text(max_size=60))
def test_cleaning_again_changes_nothing(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
