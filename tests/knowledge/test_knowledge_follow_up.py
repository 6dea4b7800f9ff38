"""Follow-ups that exchange one thing of the question before, in both languages."""

from __future__ import annotations

import pytest

from kefu.artifacts import write_jsonl
from kefu.knowledge import KnowledgeBase, build
from kefu.project.schema import Knowledge

ROWS = [
    ("Z1", "zh", ["团队版多少钱一个月", "团队版怎么收费", "团队版价格"], "团队版每人每月29元。"),
    ("Z2", "zh", ["企业版多少钱一个月", "企业版怎么收费", "企业版价格"], "企业版每人每月59元。"),
    ("Z3", "zh", ["团队版怎么升级到企业版", "从团队版换成企业版"], "在控制台变更套餐。"),
    ("Z4", "zh", ["团队版有多大空间", "团队版容量多少"], "团队版每人200GB。"),
    ("Z5", "zh", ["企业版有多大空间", "企业版容量多少"], "企业版每人1TB。"),
    ("Z6", "zh", ["忘记密码怎么办", "密码找回"], "在登录页点忘记密码。"),
    ("E1", "en", ["How much does Team cost?", "Team price", "price of the Team plan"], "Team is 29 a month."),
    ("E2", "en", ["How much does Enterprise cost?", "Enterprise price", "price of the Enterprise plan"], "Enterprise is 59 a month."),
    ("E3", "en", ["How much storage does Team have?", "Team space"], "200 GB each."),
    ("E4", "en", ["How much storage does Enterprise have?", "Enterprise space"], "1 TB each."),
    ("E5", "en", ["I forgot my password", "reset the password"], "Choose Forgot password."),
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    folder = tmp_path_factory.mktemp("follow")
    write_jsonl(folder / "faq.jsonl", ({"id": i, "language": lang, "category": "", "answer": a, "questions": q} for i, lang, q, a in ROWS))
    (folder / "kb").mkdir()
    build(folder / "faq.jsonl", [], Knowledge(), folder / "kb", 7)
    return KnowledgeBase.load(folder / "kb")


@pytest.mark.parametrize(
    ("before", "query", "wanted"),
    [
        (["团队版怎么收费"], "那企业版呢？", "Z2"),
        (["团队版有多大空间"], "企业版呢", "Z5"),
        (["企业版有多大空间"], "那团队版呢", "Z4"),
        (["团队版有多大空间", "那企业版呢"], "那团队版呢", "Z4"),
        (["How much does Team cost?"], "and Enterprise?", "E2"),
        (["How much storage does Enterprise have?"], "what about Team?", "E3"),
    ],
)
def test_one_thing_is_exchanged(base: KnowledgeBase, before: list[str], query: str, wanted: str) -> None:
    result = base.search(query, history=before)
    assert result.hits[0].id == wanted
    assert result.used_history


def test_a_question_of_its_own_is_not_bent_by_what_was_said_before(base: KnowledgeBase) -> None:
    assert base.search("忘记密码怎么办", history=["团队版怎么收费"]).hits[0].id == "Z6"
    assert not base.search("那明天天气呢", history=["团队版怎么收费"]).in_scope


def test_traditional_chinese_is_read_as_simplified(base: KnowledgeBase) -> None:
    assert base.search("團隊版怎麼收費").hits[0].id == "Z1"
    assert base.search("忘記密碼怎麼辦").hits[0].id == "Z6"
