"""Reading: stems, concepts, stop words, spelling; and the shipped word lists themselves."""

from __future__ import annotations

import pytest

from kefu.knowledge.analyse import Analyser
from kefu.knowledge.lexicon import Lexicon, read_words, symbols
from kefu.knowledge.spelling import Spelling
from kefu.knowledge.stem import stem


@pytest.fixture(scope="module")
def analyser() -> Analyser:
    return Analyser(Lexicon.load())


@pytest.mark.parametrize(
    "family",
    [
        "cancel cancels cancelled canceled cancelling cancellation", "refund refunds refunded refunding", "ship ships shipped shipping",
        "invoice invoices invoicing", "delivery deliver delivered delivering", "expire expires expired expiry", "reply replies replied",
        "activate activated activating activates", "pay pays paid paying", "buy bought buying", "forget forgot forgotten",
    ],
)  # fmt: skip
def test_inflections_meet(family):
    assert len({stem(word) for word in family.split()}) == 1


def test_different_words_stay_apart():
    assert len({stem(word) for word in ("bill", "billion", "order", "plan", "policy", "access", "status", "bus", "2fa")}) == 9


@pytest.mark.parametrize(
    ("concept", "texts"),
    [
        ("refund", ["我要退款", "把钱退给我", "钱能退吗", "could I get some money back", "please reimburse me", "get my money back"]),
        ("price", ["多少钱", "怎么收费", "价格是多少", "what does it cost", "how much is it", "pricing"]),
        ("invoice", ["开个发票", "要报销", "tax receipt please", "invoices"]),
        ("password", ["密码忘了", "my passcode", "pasword", "passwrod"]),
        ("login_failed", ["登不上", "can't log in", "cannot sign in", "I am locked out"]),
        ("contact_support", ["转人工", "客服电话", "real person please", "talk to an agent"]),
    ],
)
def test_synonyms_meet_in_a_concept(analyser, concept, texts):
    for text in texts:
        assert f"={concept}" in analyser.read(text).units, (text, analyser.read(text).units)


@pytest.mark.parametrize("text", ["请问一下你好", "怎么办呢", "could you please help me with this", "how do I do that?", "？！", ""])
def test_words_without_a_topic_give_no_unit(analyser, text):
    assert analyser.read(text).units == {}


def test_unknown_chinese_becomes_pairs_that_weigh_as_words(analyser):
    units = analyser.read("鸿蒙").units
    assert units == {"鸿蒙": 1.0}
    longer = analyser.read("魑魅魍魉").units
    assert sorted(longer) == ["魅魍", "魍魉", "魑魅"]
    assert sum(longer.values()) == pytest.approx(2.0)  # four characters are two words, not three


def test_numbers_count_but_identifiers_do_not(analyser):
    assert "#30" in analyser.read("30天内").units
    assert not [unit for unit in analyser.read("order 113542617735902").units if unit[0] == "#"]
    assert {"#25", "=storage"} <= set(analyser.read("a 25GB file").units)


def test_a_concept_inside_a_longer_phrase_counts_half(analyser):
    units = analyser.read("team plan").units
    assert units["=team_edition"] == 1.0
    assert units["=member_team"] == units["=plan"] == 0.5


def test_negation_and_contractions():
    assert symbols("I can’t log-in, won't pay") == ["i", "can", "not", "log", "in", stem("will"), "not", "pay"]


def test_a_brand_is_a_unit_of_its_own(analyser):
    assert "=@netflix" in analyser.read("cancel my Netflix subscription").units
    assert "=@抖音" in analyser.read("抖音怎么提现").units


def test_spelling_moves_one_letter_and_no_further():
    spelling = Spelling(["password", "refund", "delivery", "plane"])
    for wrong, right in (("pasword", "password"), ("passwrod", "password"), ("refumd", "refund"), ("deliverey", "delivery")):
        assert spelling.nearest(wrong) == right
    for same in ("password", "passport", "refinance", "plans", "xyzzyx"):
        assert spelling.nearest(same) == same


def test_every_phrase_is_read_as_its_own_concept(analyser):
    lost = []
    for concept, phrases in read_words("concepts").items():
        for phrase in phrases:
            if f"={concept}" not in analyser.read(phrase.replace("*", " ") if phrase.isascii() else phrase.replace("*", "")).units:
                lost.append((concept, phrase))
    assert not lost


def test_word_lists_are_large_enough_and_whole():
    concepts, general = read_words("concepts"), read_words("general")
    assert len(concepts) >= 150
    assert all(isinstance(phrase, str) for phrases in concepts.values() for phrase in phrases)
    assert all(len(set(texts)) == len(texts) >= 200 for texts in general.values())
    assert set(general) == {"zh", "en"}


def test_lexicon_survives_its_saved_form(analyser):
    again = Analyser(Lexicon.from_dict(analyser.lexicon.as_dict()))
    for text in ("钱什么时候能退回来", "a 25GB file on the Team plan", "抖音怎么提现", "pasword"):
        assert again.read(text) == analyser.read(text)
