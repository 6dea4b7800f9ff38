"""A small company with a scripted assistant that follows the assistant's contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kefu.assistant.reply import Reply
from kefu.conversation import Conversation
from kefu.evals.answers import Entry, load_entries
from kefu.project import Loaded, load

FAQ: list[dict[str, Any]] = [
    {"id": "Z1", "language": "zh", "category": "价格", "answer": "团队版每位成员每月29元，3人起购。", "questions": ["团队版多少钱", "团队版价格"]},
    {"id": "Z2", "language": "zh", "category": "退款", "answer": "首次购买7天内可以全额退款。", "questions": ["怎么退款", "能退钱吗"]},
    {
        "id": "E1",
        "language": "en",
        "category": "price",
        "answer": "Team costs ¥29 per member per month.",
        "questions": ["team price", "how much is team"],
    },
    {
        "id": "E2",
        "language": "en",
        "category": "refund",
        "answer": "A first purchase is refundable within 7 days.",
        "questions": ["refund", "money back"],
    },
]
TEST = [
    {"id": "t1", "text": "团队版什么价", "language": "zh", "answer_id": "Z1"},
    {"id": "t2", "text": "how do i get my money back", "language": "en", "answer_id": "E2"},
]
SCENARIOS = """
- id: own-zh
  kind: new_customer
  language: zh
  turns:
    - say: 团队版多少钱
      expect: [{check: answer_id, is: Z1}, {check: contains, all: ["29 元"]}]
    - say: 转人工
      expect: [{check: handoff, is: true}]
    - say: 喂
      expect: [{check: answered, is: true}]
  takeover: {at: 1}
- id: own-en
  kind: out_of_scope
  language: en
  turns:
    - say: what is the weather
      expect: [{check: refused_or_handoff, is: true}]
  takeover: null
"""
QUESTIONS = [
    {"id": "q1", "text": "团队版要多少钱", "language": "zh", "answer_id": "Z1", "pattern": "plain"},
    {"id": "q2", "text": "refund please", "language": "en", "answer_id": "E2", "accept": ["E1"]},
    {"id": "q3", "text": "团队建设去哪里好", "language": "zh", "answer_id": None},
    {"id": "q4", "text": "who won the match", "language": "en", "answer_id": None},
]


class Scripted:
    """Answers by key words, as an assistant would: FAQ, person, refusal."""

    engine = None
    style = None

    async def answer(self, conversation: Conversation) -> Reply:
        asked = conversation.last_customer_turn().lower()
        zh = any("\u4e00" <= char <= "\u9fff" for char in asked)
        if "人工" in asked or "human" in asked:
            return Reply("正在为您转接人工客服。" if zh else "Connecting you to a colleague.", "person", handoff=True)
        for row in FAQ:
            words = {"Z1": "团队版", "Z2": "退", "E1": "team", "E2": "refund"}[str(row["id"])]
            if words in asked:
                return Reply(str(row["answer"]), "faq", sources=[str(row["id"])], confidence=0.97)
        return Reply("抱歉，这个问题我暂时无法回答。" if zh else "Sorry, I cannot answer that.", "guard", refused=True)


@pytest.fixture(scope="session")
def scripted() -> type[Scripted]:
    return Scripted


@pytest.fixture(scope="session")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real knowledge base over the small company."""
    from kefu.knowledge import build
    from kefu.project.schema import Knowledge

    folder = tmp_path_factory.mktemp("knowledge")
    build(rows(folder / "faq.jsonl", FAQ), [], Knowledge(), folder, 7)
    return folder


@pytest.fixture
def entries(project: Loaded) -> dict[str, Entry]:
    return load_entries(project.root / "data")


@pytest.fixture
def project(tmp_path: Path) -> Loaded:
    return small_company(tmp_path)


@pytest.fixture(scope="module")
def shared_project(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """For tests that only read."""
    return small_company(tmp_path_factory.mktemp("company"))


def small_company(tmp_path: Path) -> Loaded:
    data = tmp_path / "data"
    data.mkdir()
    rows(data / "faq.jsonl", FAQ)
    rows(data / "questions.test.jsonl", TEST)
    rows(tmp_path / "questions.jsonl", QUESTIONS)
    (tmp_path / "own.yaml").write_text(SCENARIOS, "utf-8")
    (tmp_path / "faq.csv").write_text("question,answer\n", "utf-8")
    settings = "name: small\ndata: {sources: [{name: faq, shape: faq, path: faq.csv}]}\neval: {scenarios: [own.yaml], questions: questions.jsonl}\n"
    (tmp_path / "kefu.yaml").write_text(settings, "utf-8")
    return load(tmp_path)


def rows(path: Path, values: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values), "utf-8")
    return path
