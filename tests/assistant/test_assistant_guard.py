"""The output guard in both languages, small talk, and the built-in rule files themselves."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kefu.assistant.guard import OutputGuard, negated
from kefu.assistant.rules import RuleBook, builtin
from kefu.assistant.smalltalk import question, smalltalk
from kefu.assistant.texts import Texts
from kefu.project.schema import Assistant as Settings
from kefu.text.disguise import traditional, unmask

BOOK = RuleBook()
GUARD = OutputGuard(BOOK.output)


@pytest.mark.parametrize(
    "text",
    [
        "本产品保本保息", "年化收益穩賺不賠", "這是無風險的", "零 风 险", "我们向您保证三天内到账", "数据永远不会丢失",
        "稳。赚。不。赔", "稳，赚，不，赔", "产品稳、赚、不、赔", "保\u3164本\u1160保\uffa0息", "保..........本", "保\t\t\t\t\t\t\t本",
        "保夲", "穏赚不赔", "保證本金", "百分百收益",
        "100% 收益", "一定赚钱",
        "不会亏损", "这款产品不是不保本", "我们没有不保本的产品", "谁说不保本", "哪里会不保本", "不会不保本的", "Who says it is not risk-free",
        "不仅保本，还有收益", "不用担心保本问题",
        "This plan offers guaranteed returns.", "It is risk-free!", "You cannot lose money", "100% guarantee", "No doubt: guaranteed profit",
        "Not only guaranteed income", "nothing can go wrong", "I promise you a refund",
    ],
)  # fmt: skip
def test_promises_are_caught(text: str) -> None:
    assert GUARD.check(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "风险自担保。本产品", "不承诺保本", "我们不能也不会承诺保本", "本产品不承诺保本、不保证收益", "没有任何机构可以承诺保本",
        "我们不会亏待老客户", "- 手续费：无\n- 风险自担", "| 担保 | 无 |\n| 风险 | 低 |", "投资不一定赚钱", "谁也不能保证不会亏损",
        "未经许可不得承诺保本", "没有产品能保证本金", "为什么不保本", "We cannot and will not promise guaranteed returns",
        "本产品不保本，也不承诺收益", "我们无法保证收益", "任何理财产品都不是零风险", "投资有风险，入市需谨慎", "7 天无风险试用", "并非绝对安全",
        "We do not offer guaranteed returns.", "Investments are never risk-free", "Start your risk-free trial", "We cannot give a 100% guarantee",
        "There is no such thing as a guaranteed profit", "数据会备份两份", "保证金将在三天内退回", "Your data is backed up daily",
    ],
)  # fmt: skip
def test_negations_and_ordinary_words_pass(text: str) -> None:
    assert GUARD.check(text) is None


def test_a_negation_counts_in_its_own_clause_only() -> None:
    assert negated("本产品不承诺")
    assert negated("we do not offer ")
    assert not negated("不行，")
    assert not negated("not now, but ")
    assert not negated("不得不说")


WORDS = st.sampled_from([phrase for rule in BOOK.output for phrase in rule.phrases])


@settings(max_examples=200, deadline=None)
@given(WORDS, st.lists(st.integers(0, 80), max_size=8), st.sampled_from(["", "您好，", "Dear customer: ", "产品"]))
def test_no_built_in_phrase_leaves_however_the_text_is_cut(phrase: str, cuts: list[int], before: str) -> None:
    text = before + phrase + "。谢谢"
    stream = GUARD.stream()
    edges = sorted({0, len(text), *(cut % len(text) for cut in cuts)})
    out = "".join(stream.feed(text[a:b]) for a, b in pairwise(edges)) + stream.finish()
    assert stream.hit is not None
    assert text.startswith(out)
    assert phrase not in out
    assert out in before + phrase


def test_built_in_rules_are_sound() -> None:
    rules = builtin()
    assert len({rule.id for rule in rules}) == len(rules)
    assert [fault for rule in rules for fault in rule.faults()] == []
    for rule in rules:
        assert rule.language in ("zh", "en")
        assert (rule.where == "output") == (rule.action == "block")
    # Patterns meet undisguised text: one with capitals or full-width letters could never match.
    for rule in rules:
        for pattern in [*rule.regex, *rule.unless]:
            plain = pattern.replace("\\W", "").replace("\\S", "").replace("\\D", "").replace("\\B", "")
            assert plain == plain.lower(), (rule.id, pattern)


def test_traditional_wordings_of_the_lexicons_are_known() -> None:
    """Every character of the rules that has a traditional form is in the table of variants."""
    opencc = pytest.importorskip("opencc")
    convert = opencc.OpenCC("s2t").convert
    used = {char for rule in builtin() for pattern in [*rule.regex, *rule.phrases] for char in pattern if "\u4e00" <= char <= "\u9fff"}
    table = traditional()
    missing = {convert(char) for char in used if convert(char) != char and unmask(convert(char)) != char and convert(char) not in table}
    assert missing == set()


def test_no_text_of_ours_promises_or_is_missing() -> None:
    texts = Texts(Settings())
    for key in texts:
        for language in ("zh", "en"):
            said = texts(key, language)
            assert GUARD.check(said) is None, (key, said)
            assert said
            assert texts.known(said) == key
            assert any("\u4e00" <= c <= "\u9fff" for c in said) == (language == "zh"), (key, language)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("你好", "greeting"), ("好的，谢谢你", "thanks"), ("再见👋", "bye"), ("您好，请问", "greeting"), ("嗯嗯", "ok"), ("你是真人吗？", "who"),
        ("Hi!", "greeting"), ("ok thanks", "thanks"), ("Thanks a lot, bye!", "bye"), ("who are you?", "who"), ("how are you", "how"),
        ("你好，怎么退款", ""), ("hi, my invoice is wrong", ""), ("谢谢，但是还是不行", ""), ("", ""), ("好的那我的发票呢", ""),
    ],
)  # fmt: skip
def test_small_talk(text: str, key: str) -> None:
    assert smalltalk(text) == key


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("你好，我忘记密码了", "我忘记密码了"),
        ("Hello, where is my invoice? Thanks!", "where is my invoice?"),
        ("怎么退款，谢谢", "怎么退款，"),
        ("好的", "好的"),
        ("price 3.5 or 4.5?", "price 3.5 or 4.5?"),
    ],
)
def test_the_question_without_courtesies(text: str, rest: str) -> None:
    assert question(text) == rest


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_no_text_breaks_the_rules(text: str) -> None:
    BOOK.match(text)
    smalltalk(text)
    question(text)


def test_long_hostile_texts_are_read_in_bounded_time() -> None:
    """Patterns have bounded gaps: 8,000 characters of near misses take well under a second."""
    import time

    for text in (
        "忽略之前" * 2000,
        "talk to a " * 800,
        "a" * 8000,
        "不" * 8000,
        "请问怎么" * 2000,
        "show me other " * 570,
        "1" * 8000,
        "i g n o r e " * 660,
    ):
        began = time.perf_counter()
        BOOK.match(text)
        smalltalk(text)
        question(text)
        assert time.perf_counter() - began < 3, text[:20]
