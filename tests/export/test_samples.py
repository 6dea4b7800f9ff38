"""The prompts of the gates: which questions, in which order, with the hits that service would give."""

from __future__ import annotations

from pathlib import Path

import pytest

from kefu import knowledge
from kefu.artifacts import write_jsonl
from kefu.engines.prompt import PromptStyle
from kefu.export.samples import collect
from kefu.project.schema import Knowledge
from tiny_engine import PAIRS


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rows = []
    for i, (question, answer, language) in enumerate(PAIRS):
        asked = [question, f"请问{question}" if language == "zh" else f"Please tell me: {question}"]
        faq = {"id": f"F{i}", "language": language, "category": "", "answer": answer, "answers": [answer], "questions": asked}
        rows.append({**faq, "source": "faq.csv", "flags": []})
    write_jsonl(folder / "faq.jsonl", rows)
    held = [
        {"id": f"t{i}", "text": q[:-1], "language": lang, "category": "", "answer_id": f"F{i}", "answer": a} for i, (q, a, lang) in enumerate(PAIRS)
    ]
    write_jsonl(folder / "questions.test.jsonl", held[:3])
    write_jsonl(folder / "questions.validation.jsonl", held[3:5])
    turns = [("user", "你好"), ("assistant", "您好"), ("user", "企业版多少钱"), ("assistant", "每月199元")]
    dialogue = {"id": "d1", "kind": "dialogue", "language": "zh", "messages": [{"role": role, "content": text} for role, text in turns]}
    write_jsonl(folder / "messages.validation.jsonl", [dialogue, {**dialogue, "id": "f1", "kind": "faq"}])
    (folder / "kb").mkdir()
    knowledge.build(folder / "faq.jsonl", [], Knowledge(), folder / "kb", 7)
    return folder


def test_held_out_first_then_dialogues_then_known(data: Path) -> None:
    style = PromptStyle(kind="compact", max_hits=2)
    found = collect(data, data / "kb", style, 8, seed=7)
    assert {sample.id for sample in found[:5]} == {"t0", "t1", "t2", "t3", "t4"}
    assert {sample.id for sample in found[5:7]} == {"d1#1", "d1#3"}
    assert [sample.known for sample in found] == [False] * 7 + [True] * 4
    assert {sample.id for sample in found[7:]} <= {f"F{i}" for i in range(len(PAIRS))}
    assert collect(data, data / "kb", style, 8, seed=7) == found
    assert [s.id for s in collect(data, data / "kb", style, 8, seed=8)] != [s.id for s in found]


def test_prompt_holds_the_hits_of_the_whole_conversation(data: Path) -> None:
    found = {sample.id: sample for sample in collect(data, data / "kb", PromptStyle(kind="compact", max_hits=2), 8, seed=7)}
    system, *turns = found["d1#3"].messages
    assert system["role"] == "system"
    assert "企业版多少钱？" in system["content"]
    assert len(system["content"].splitlines()) <= 2
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert found["d1#3"].answer == "每月199元"


def test_count_is_kept_and_no_hits_are_asked_for_when_the_style_wants_none(data: Path, tmp_path: Path) -> None:
    found = collect(data, tmp_path / "no knowledge here", PromptStyle(kind="compact", max_hits=0), 2, seed=7)
    assert len(found) == 3
    assert all(sample.messages[0]["role"] == "user" for sample in found)
