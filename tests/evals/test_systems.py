"""The systems one by one: knowledge alone, the model alone, a service behind a URL."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from kefu import evals
from kefu.conversation import Conversation, Turn
from kefu.engines.prompt import PromptStyle
from kefu.engines.protocol import Delta, Sampling, Score
from kefu.errors import EngineError
from kefu.evals import systems
from kefu.evals.answers import Entry
from kefu.evals.bm25 import BM25
from kefu.evals.remote import RemoteAssistant
from kefu.knowledge import KnowledgeBase
from kefu.project import Loaded


def talk(*texts: str, language: str = "zh") -> Conversation:
    return Conversation("c", [Turn("customer" if i % 2 == 0 else "agent", text) for i, text in enumerate(texts)], language=language)


def test_knowledge_alone_answers_or_refuses_and_never_hands_over(knowledge: Path) -> None:
    system = systems.FaqAlone(KnowledgeBase.load(knowledge))
    sure = asyncio.run(system.answer(talk("团队版多少钱"), None))
    assert (sure.sources, sure.refused) == (("Z1",), False)
    unsure = asyncio.run(system.answer(talk("明天上海天气如何"), None))
    assert (unsure.text, unsure.refused, unsure.handoff) == ("抱歉，没有找到相关答案。", True, False)


class Echo:
    """An engine that says what it was asked; its scores are one half a token."""

    name, context = "echo", None
    capabilities = frozenset({"stream", "score"})

    def __init__(self) -> None:
        self.asked: list[list[dict[str, Any]]] = []

    async def chat(self, messages: Any, params: Sampling = Sampling()) -> AsyncIterator[Delta]:  # noqa: B008
        self.asked.append(list(messages))
        yield Delta("团队版每位成员")
        yield Delta("每月29元，3人起购。", finish="stop")

    async def score(self, messages: Any) -> Score:
        return Score([-0.6931471805599453] * 5, [1] * 5)


def test_the_model_alone_sees_the_conversation_and_no_context(project: Loaded, entries: dict[str, Entry], knowledge: Path, scripted: type) -> None:
    assistant = scripted()
    assistant.engine, assistant.style = Echo(), PromptStyle()
    made, absent = systems.assemble(["lm"], project, assistant, None, entries, {})
    said = asyncio.run(made[0].answer(talk("你好", "您好", "多少钱"), None))
    assert (said.text, said.tier, said.sources, absent) == ("团队版每位成员每月29元，3人起购。", "model", (), {})
    assert [message["role"] for message in assistant.engine.asked[0]] == ["user", "assistant", "user"]
    report = evals.run(project, assistant, knowledge=knowledge, data=project.root / "data", systems=("assistant", "lm"))
    assert report["systems"]["lm"]["questions"]["all"]["turned_away"]["value"] == 0  # it answers everything
    assert report["model"]["perplexity"]["value"] == pytest.approx(2)


def test_bm25_ranks_by_rare_words_and_breaks_ties_by_order(entries: dict[str, Entry]) -> None:
    index = BM25(entries)
    assert index.best("我想退款")[0] == "Z2"
    assert index.best("price of the team plan")[0] == "E1"
    assert index.best("zzz") == ("", 0.0)
    twins = BM25({"b": Entry("b", ("same words",)), "a": Entry("a", ("same words",))})
    assert twins.best("same")[0] == "b"


async def _served(handler: Any, work: Any) -> Any:
    async def models(request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "kefu-1"}]})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", handler)
    app.router.add_get("/v1/models", models)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    assistant = RemoteAssistant(f"http://127.0.0.1:{port}", key="secret")
    try:
        return await work(assistant)
    finally:
        await assistant.close()
        await runner.cleanup()


def test_a_service_by_its_url() -> None:
    seen: list[Any] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.headers["Authorization"], await request.json()))
        extra = {"tier": "faq", "handoff": False, "refused": False, "sources": ["Z1"], "confidence": 0.9}
        return web.json_response({"choices": [{"message": {"content": "29元"}}], "kefu": extra})

    said = asyncio.run(_served(handler, lambda assistant: assistant.answer(talk("多少钱"))))
    assert (said.text, said.tier, said.sources, said.confidence) == ("29元", "faq", ("Z1",), 0.9)
    assert seen == [("Bearer secret", {"model": "kefu-1", "messages": [{"role": "user", "content": "多少钱"}]})]


def test_a_service_that_is_not_kefu_is_judged_by_its_words() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"choices": [{"message": {"content": None}}]})

    assert asyncio.run(_served(handler, lambda assistant: assistant.answer(talk("?")))).text == ""


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (503, "busy", "answered 503: busy"),
        (200, "<html>", "cannot be used"),
        (200, "[]", "no JSON object"),
        (200, json.dumps({"x": 1}), "no choices"),
    ],
)
def test_a_service_that_misbehaves(status: int, body: str, words: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, text=body)

    with pytest.raises(EngineError, match=words):
        asyncio.run(_served(handler, lambda assistant: assistant.answer(talk("?"))))


def test_a_service_that_is_not_there() -> None:
    async def main() -> None:
        assistant = RemoteAssistant("http://127.0.0.1:1")
        try:
            await assistant.answer(talk("?"))
        finally:
            await assistant.close()

    with pytest.raises(EngineError, match="cannot be used"):
        asyncio.run(main())
