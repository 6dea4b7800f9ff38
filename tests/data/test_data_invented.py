"""Tagged rows keep their tokens and tags: what was personal is invented, of the same type and number of tokens."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kefu.data.tasks import tags
from kefu.text import privacy


def made_of(tokens: list[str], language: str = "zh") -> list[str]:
    return tags.mask(tokens, privacy.Memory(language=language))


@given(st.integers(0, 10**8 - 1), st.sampled_from(["小明", "芳", "建国", "丽娜"]), st.lists(st.integers(1, 4), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_as_many_tokens_and_nothing_personal_left(number: int, name: str, cuts: list[int]) -> None:
    mobile, parts, at = f"138{number:08}", [], 0
    for cut in cuts:
        parts.append(mobile[at : at + cut])
        at += cut
    tokens = ["我", "叫", "王", *name, "，", "手机", *[part for part in (*parts, mobile[at:]) if part]]
    assume(any(span.type == "cn_mobile" for span in privacy.find(f"我叫王{name}，手机{mobile}")))  # 13800000000 is nobody's
    made = made_of(tokens)
    size = 1 + len(name)
    assert len(made) == len(tokens) and [len(a) for a in made] == [len(b) for b in tokens]
    assert made == made_of(tokens) and made[:2] == ["我", "叫"] and made[2 + size] == "，"
    assert made[2 : 2 + size] != tokens[2 : 2 + size] and mobile not in "".join(made)


def test_one_value_gets_one_stand_in_and_the_value_decides_nothing() -> None:
    """Who knows the rule and the seed cannot try out telephone numbers; sentences that were equal when masked stay equal."""
    made = made_of(["我", "叫", "王", "小", "明", "，", "查", "王", "小", "明", "的", "订单"])
    assert made[2:5] == made[7:10] != ["王", "小", "明"]
    assert made_of(["我的手机是", "13800138000"]) == made_of(["我的手机是", "13912345678"]) != made_of(["他的手机是", "13800138000"])


def test_mail_addresses_and_names_in_latin_letters() -> None:
    made = made_of(["My", "name", "is", "John", "Smith", ",", "mail", "j.smith@acme-bank.com"], "en")
    assert made[:3] == ["My", "name", "is"] and made[3:5] != ["John", "Smith"] and made[3].istitle() and made[-1].endswith("@example.com")
    street = made_of(["住", "在", "上海市", "浦东新区", "世纪大道", "100", "号"])
    assert street[:2] == ["住", "在"] and street[2].endswith("市") and street[-1] == "号" and "浦东" not in "".join(street)
    assert made_of(["没有", "个人", "信息", "2024", "年"]) == ["没有", "个人", "信息", "2024", "年"]
