"""Bad cases and advice from records that the real chain made."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import yaml

from kefu.assistant import Assistant
from kefu.conversation import Conversation, Turn
from kefu.improve import advise, find_cases, write_drafts
from kefu.knowledge import KnowledgeBase, build
from kefu.project.schema import Assistant as Settings
from kefu.project.schema import Improve, Knowledge, Project
from kefu.records import Exchange, Rating, Records, ReplyRecord

FAQ = {
    "运费怎么算": "全国满99元包邮，不满收8元运费。",
    "怎么申请退货": "在订单页点「申请退货」，7天内无理由。",
    "可以开发票吗": "订单完成后可在「我的发票」里开电子发票。",
    "多久能收到货": "下单后48小时内发货，一般3天送到。",
    "怎么修改收货地址": "发货前可以在订单页修改收货地址。",
}


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    folder = tmp_path_factory.mktemp("improve")
    rows = [
        {"id": f"Z{i}", "language": "zh", "category": "", "questions": [q], "answer": a, "answers": [a], "source": "faq.csv", "flags": []}
        for i, (q, a) in enumerate(FAQ.items())
    ]
    (folder / "faq.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    out = folder / "knowledge"
    out.mkdir()
    build(folder / "faq.jsonl", [], Knowledge(), out, 7)
    return Assistant(KnowledgeBase.load(out), None, Settings())


def talk(records: Records, assistant: Assistant, name: str, *said: str) -> str:
    """Talk and keep it as the gateway does; returns the id of the last reply."""
    conversation = Conversation(name, [])
    for i, text in enumerate(said):
        conversation.turns.append(Turn("customer", text))
        reply = asyncio.run(assistant.answer(conversation))
        kept = ReplyRecord(
            f"{name}-{i}", reply.text, reply.tier, reply.handoff, reply.refused, reply.confidence, tuple(reply.sources), reply.receipt.as_dict()
        )
        records.put(Exchange(name, tuple(conversation.turns), kept, "zh"))
        conversation.turns.append(Turn("agent", reply.text))
    return f"{name}-{len(said) - 1}"


@pytest.fixture
def records(tmp_path: Path, assistant: Assistant) -> Records:
    records = Records(f"sqlite:///{tmp_path / 'records.db'}")
    talk(records, assistant, "good", "运费怎么算")
    records.put(Rating(talk(records, assistant, "rated", "怎么申请退货"), "rated", 1, "答非所问"))
    talk(records, assistant, "gap1", "你们支持以旧换新吗")
    talk(records, assistant, "gap2", "你们支持以旧换新吗？")
    talk(records, assistant, "stuck", "会员积分能换礼品吗", "会员积分到底能不能换礼品", "我问的是会员积分换礼品")
    talk(records, assistant, "asked", "转人工")
    talk(records, assistant, "hello", "你好")
    failed = ReplyRecord("f-1", "", "", outcome="timeout")
    records.put(Exchange("broken", (Turn("customer", "发票抬头写错了"),), failed, "zh"))
    assert records.flush()
    records.put(
        Exchange("broken", (Turn("customer", "发票抬头写错了"), Turn("customer", "在吗")), ReplyRecord("f-2", "您好", "rule"), "zh", at="9999")
    )
    assert records.flush()
    return records


def test_gaps_are_found_and_what_a_rule_did_right_is_not(records: Records) -> None:
    found = {(case.kind, case.conversation_id): case for case in find_cases(records, Improve())}
    gaps = {("unanswered", name) for name in ("stuck", "gap1", "gap2")}
    assert set(found) == {("low_rating", "rated"), ("failed", "broken"), ("handed_over", "stuck"), *gaps}
    broken = found["failed", "broken"]
    assert (broken.question, broken.reply) == ("发票抬头写错了", ""), "a failed reply belongs to the question that failed"
    records.close()


def test_drafts_are_scenarios_that_load(records: Records, tmp_path: Path) -> None:
    from kefu.evals.scenarios import load_scenarios

    out = tmp_path / "drafts.yaml"
    assert write_drafts(find_cases(records, Improve()), out) == 6
    assert "答非所问" in yaml.safe_load(out.read_text("utf-8"))[0]["note"]
    assert len(load_scenarios([out])) == 6
    records.close()


def test_advice_groups_alike_open_questions(records: Records, tmp_path: Path) -> None:
    project = Project.model_validate({"name": "shop", "data": {"sources": [{"name": "f", "shape": "faq", "path": "f.csv"}]}})
    advice = advise(records, project)
    assert advice["figures"]["replies"] == 11
    groups = {group["question"]: group["count"] for group in advice["candidates"]}
    assert groups["你们支持以旧换新吗"] == 2
    assert not any("转人工" in question or "运费" in question for question in groups)
    assert any("以旧换新" in line for line in advice["lines"])
    records.close()
    empty = Records("sqlite:///" + str(tmp_path / "empty.db"))
    assert "nothing is recorded" in advise(empty, project)["lines"][0]
    empty.close()


def test_every_reply_is_looked_at_page_by_page(tmp_path: Path) -> None:
    records = Records(f"sqlite:///{tmp_path / 'many.db'}")
    for i in range(1203):
        records.put(Exchange(f"c{i}", (Turn("customer", f"问题{i}"),), ReplyRecord(f"r{i:05d}", "答", "faq"), "zh", at="2026-01-01T00:00:00.000Z"))
    assert records.flush(60)
    assert [case.reply_id for case in records.cases()] == [f"r{i:05d}" for i in range(1203)]
    records.close()
