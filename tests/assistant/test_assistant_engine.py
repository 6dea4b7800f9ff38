"""The model tier on a real engine: a small model trained in seconds, opened as serving opens one."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from kefu.assistant import Assistant, Reply
from kefu.knowledge import KnowledgeBase, Thresholds
from kefu.project.schema import Assistant as Settings
from tiny_engine import PAIRS, train_tiny

from .support_desk import dialogue, make_kb


class Unsure:
    """The knowledge base with a direct-answer threshold that nothing reaches, so that the model decides."""

    def __init__(self, kb: KnowledgeBase) -> None:
        self.kb, self.digest, self.entries, self.entry = kb, kb.digest, kb.entries, kb.entry

    def search(self, query: str, **options: Any) -> Any:
        result = self.kb.search(query, **options)
        hits = [dataclasses.replace(hit, confidence=min(hit.confidence, 0.75)) for hit in result.hits]
        return dataclasses.replace(result, hits=hits, confidence=0.65, scope=0.9, thresholds=Thresholds(0.95, 0.5))


def test_a_real_small_model_chooses_and_the_receipt_counts_its_tokens(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from kefu import engines

    model = tmp_path / "model"
    train_tiny(model)
    entries = [
        {"id": f"P{i}", "language": language, "answer": answer, "questions": [question]} for i, (question, answer, language) in enumerate(PAIRS)
    ]
    assistant = Assistant(Unsure(make_kb(tmp_path, entries)), engines.open(model), Settings())

    async def talk() -> list[Reply]:
        try:
            return [await assistant.answer(dialogue(question)) for question, *_ in PAIRS[:6]]
        finally:
            await assistant.close()

    replies = asyncio.run(talk())
    assert assistant.style.kind == "compact"
    chosen = [reply for reply in replies if reply.tier == "model"]
    assert len(chosen) >= 4
    for reply in chosen:
        assert reply.sources == [entry["id"] for entry in entries if entry["answer"] == reply.text]
        assert reply.receipt.tokens["completion"] > 3
        assert reply.receipt.model["logprob"] < 0
        assert reply.receipt.timings_ms["model"] > 0
