"""The model tier: what it may say, what becomes of faults, and that it is stopped when nobody listens."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from kefu.assistant import Assistant
from kefu.assistant.grounding import choose, supported
from kefu.errors import EngineError
from kefu.knowledge import Hit, KnowledgeBase, Result, Thresholds
from kefu.project.schema import Assistant as Settings

from .support_desk import COMPACT, COMPANY, FULL, Scripted, ask, dialogue

ANSWER = {row["id"]: row["answer"] for row in COMPANY}
QUESTION = "团队版的费用标准"


class Unsure:
    """The real knowledge base, made less sure of itself, so that the model is asked."""

    def __init__(self, kb: KnowledgeBase, confidence: float, scope: float = 0.99) -> None:
        self.kb, self.confidence, self.scope, self.digest, self.entries = kb, confidence, scope, kb.digest, kb.entries

    def entry(self, id: str) -> Any:
        return self.kb.entry(id)

    def search(self, query: str, **options: Any) -> Result:
        result = self.kb.search(query, **options)
        hits = [dataclasses.replace(hit, confidence=self.confidence * (1 if i == 0 else 0.2)) for i, hit in enumerate(result.hits)]
        return dataclasses.replace(result, hits=hits, confidence=self.confidence, scope=self.scope, thresholds=Thresholds(0.9, 0.5))


def with_model(kb: Any, engine: Scripted, style: Any = COMPACT, confidence: float = 0.65, **options: Any) -> Assistant:
    settings = options.pop("settings", Settings())
    return Assistant(Unsure(kb, confidence), engine, settings, style=style, **options)


def fell_back(reply: Any) -> bool:
    """The model's words were not spoken: the approved answer is offered as a guess, or the question is declined."""
    guess = reply.receipt.kind == "perhaps" and reply.tier == "faq" and any(ANSWER[source] in reply.text for source in reply.sources)
    return bool(guess or (reply.refused and not reply.sources))


def test_a_small_model_that_names_a_known_answer_is_believed(kb: KnowledgeBase) -> None:
    engine = Scripted(lambda messages: ANSWER["Z03"])
    reply = ask(with_model(kb, engine), QUESTION)
    assert (reply.text, reply.tier, reply.sources) == (ANSWER["Z03"], "model", ["Z03"])
    assert 0.7 <= reply.confidence < 1
    receipt = reply.receipt.as_dict()
    assert receipt["model"]["entry"] == "Z03"
    assert receipt["model"]["agreement"] == 1.0
    assert receipt["tokens"] == {"prompt": 12, "completion": 7}
    assert engine.asked[0][-1]["content"] == QUESTION


def test_slips_of_a_small_model_are_not_spoken(kb: KnowledgeBase) -> None:
    engine = Scripted(lambda messages: ANSWER["Z03"].replace("按年付费", "按年支付"))
    assert ask(with_model(kb, engine), QUESTION).text == ANSWER["Z03"]
    wrong_number = Scripted(lambda messages: ANSWER["Z03"].replace("30", "80"))
    assert fell_back(ask(with_model(kb, wrong_number), QUESTION))


@pytest.mark.parametrize(
    ("said", "why"),
    [("我们有很多优惠活动欢迎选购。", "not one of the answers"), ("", "not one of the answers"), ("保本保收益，放心。", "not one of the answers")],
)
def test_what_is_not_a_known_answer_is_not_said(kb: KnowledgeBase, said: str, why: str) -> None:
    reply = ask(with_model(kb, Scripted(lambda messages: said)), QUESTION)
    assert fell_back(reply)
    assert why in reply.receipt.model["why"]


def test_an_answer_cut_at_the_limit_is_not_said(kb: KnowledgeBase) -> None:
    reply = ask(with_model(kb, Scripted(lambda messages: ANSWER["Z03"], finish="length")), QUESTION)
    assert fell_back(reply)


def test_an_unlikely_entry_needs_more_than_the_model_saying_so(kb: KnowledgeBase) -> None:
    assert ask(with_model(kb, Scripted(lambda messages: ANSWER["Z03"]), confidence=0.1), QUESTION).refused


def test_out_of_scope_questions_never_reach_a_model(kb: KnowledgeBase) -> None:
    engine = Scripted(lambda messages: ANSWER["Z03"])
    assistant = Assistant(Unsure(kb, 0.5, scope=0.1), engine, Settings(), style=COMPACT)
    assert ask(assistant, "公司的创始人是谁").refused
    assert engine.asked == []


def test_a_project_may_switch_the_model_off(kb: KnowledgeBase) -> None:
    engine = Scripted(lambda messages: ANSWER["Z03"])
    assert fell_back(ask(with_model(kb, engine, settings=Settings(model=False)), QUESTION))
    assert engine.asked == []


# ---- a big model that words things itself -------------------------------------------------------------------------


def test_supported_sentences_are_streamed(kb: KnowledgeBase) -> None:
    said = "团队版每人每月 30 元。按年付费有九折。"

    async def pieces(step: int) -> list:
        assistant = with_model(kb, Scripted(lambda messages: said, step=step), FULL)
        return [piece async for piece in assistant.reply(dialogue(QUESTION))]

    for step in (1, 2, 5, 100):
        found = asyncio.run(pieces(step))
        reply = found[-1].reply
        assert "".join(piece.text for piece in found) == reply.text == said
        assert (reply.tier, reply.sources) == ("model", ["Z03"])
    assert len(asyncio.run(pieces(1))) == 3


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("团队版每人每月 30 元。现在购买还送大礼包和免费培训课程。", "团队版每人每月 30 元。"),
        ("团队版每人每月 30 元。个人版每月 99 元。", "团队版每人每月 30 元。"),
        ("团队版每人每月 30 元。我保证收益稳定。", "团队版每人每月 30 元。"),
        ("公司成立于很久以前的一个夏天。", ""),
    ],
)
@pytest.mark.parametrize("step", [1, 4, 100])
def test_the_first_sentence_that_is_not_borne_out_ends_the_answer(kb: KnowledgeBase, said: str, left: str, step: int) -> None:
    reply = ask(with_model(kb, Scripted(lambda messages: said, step=step), FULL), QUESTION)
    if left:
        assert (reply.text, reply.tier) == (left, "model")
        assert reply.receipt.model["why"]
    else:
        assert fell_back(reply)


@pytest.mark.parametrize("step", [1, 3, 50])
@pytest.mark.parametrize("said", ["个人版保-本，每月 12 元。", "个人版每月 12 元，稳 赚 不 賠。", "The Team plan is risk-free."])
def test_a_banned_phrase_never_leaves_the_stream(kb: KnowledgeBase, said: str, step: int) -> None:
    engine = Scripted(lambda messages: said, step=step)
    reply = ask(with_model(kb, engine, FULL), QUESTION)
    assert fell_back(reply)
    assert reply.receipt.guard[-1]["where"] == "output"
    assert not any(word in reply.text for word in ("保", "賠", "risk"))


def test_personal_data_in_a_models_words_is_masked_but_the_companys_own_is_not(kb: KnowledgeBase) -> None:
    said = "客服热线 400-820-5511，工作日 9:00 到 18:00 有人接听。"
    reply = ask(with_model(kb, Scripted(lambda messages: said), FULL), "客服电话呢")
    assert reply.text == said
    leak = "客服热线 400-820-5511，工作日有人接听，客服 13912345678。"
    question = "我的手机是 13912345678，客服热线是多少"
    masked = ask(with_model(kb, Scripted(lambda messages: leak), FULL), question)
    assert "13912345678" not in masked.text
    assert "400-820-5511" in masked.text
    assert masked.receipt.masked == {"cn_mobile": 1}


# ---- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", [COMPACT, FULL], ids=["compact", "full"])
@pytest.mark.parametrize(
    "fault", [EngineError("the engine died"), RuntimeError("boom"), ConnectionResetError("reset")], ids=lambda e: type(e).__name__
)
@pytest.mark.parametrize("after", [0, 1])
def test_a_fault_of_the_engine_degrades_with_its_reason(kb: KnowledgeBase, style: Any, fault: Exception, after: int) -> None:
    reply = ask(with_model(kb, Scripted(lambda messages: ANSWER["Z03"], fault=fault, after=after), style), QUESTION)
    assert fell_back(reply)
    assert reply.receipt.degraded
    assert type(fault).__name__ in reply.receipt.degraded[0]


@pytest.mark.parametrize("style", [COMPACT, FULL], ids=["compact", "full"])
def test_a_model_that_takes_too_long_is_left_out(kb: KnowledgeBase, style: Any) -> None:
    engine = Scripted(lambda messages: ANSWER["Z03"], delay_s=5)
    reply = ask(with_model(kb, engine, style, settings=Settings(model_timeout_s=0.05)), QUESTION)
    assert fell_back(reply)
    assert "within 0.05 s" in reply.receipt.degraded[0]
    assert engine.stopped == 1


def test_the_bigger_model_is_asked_when_the_small_one_fails(kb: KnowledgeBase) -> None:
    small, big = Scripted(lambda messages: "不知道", fault=EngineError("down")), Scripted(lambda messages: "团队版每人每月 30 元。")
    reply = ask(with_model(kb, small, big=big, big_style=FULL), QUESTION)
    assert (reply.text, reply.tier) == ("团队版每人每月 30 元。", "model")
    assert len(reply.receipt.degraded) == 1
    assert len(small.asked) == len(big.asked) == 1


def test_a_listener_who_leaves_stops_the_engine(kb: KnowledgeBase) -> None:
    engine = Scripted(lambda messages: "团队版每人每月 30 元。按年付费有九折。", step=1, delay_s=0.001)

    async def leave() -> None:
        pieces = with_model(kb, engine, FULL).reply(dialogue(QUESTION))
        assert (await anext(pieces)).text
        await pieces.aclose()

    asyncio.run(leave())
    assert engine.stopped == 1


def test_cancelling_the_task_stops_the_engine(kb: KnowledgeBase) -> None:
    engine = Scripted(lambda messages: ANSWER["Z03"], delay_s=10)

    async def cancel() -> None:
        task = asyncio.create_task(with_model(kb, engine).answer(dialogue(QUESTION)))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert engine.stopped == 1


def test_close_closes_the_engines(kb: KnowledgeBase) -> None:
    engine, big = Scripted(lambda messages: ""), Scripted(lambda messages: "")
    asyncio.run(with_model(kb, engine, big=big).close())
    assert engine.closed
    assert big.closed


# ---- grounding --------------------------------------------------------------------------------------------------------


def hit(id: str, answer: str, confidence: float) -> Hit:
    return Hit(id, "faq", "", answer, "", "", "zh", 1.0, confidence)


def test_choose_weighs_the_base_and_the_model() -> None:
    hits = [hit("a", "退款三天到账，请耐心等待。", 0.5), hit("b", "发票在订单页下载，一天内发出。", 0.2)]
    first = choose(hits[0].answer, hits, lambda id: (), None)
    second = choose(hits[1].answer, hits, lambda id: (), None)
    unsure = choose(hits[0].answer, hits, lambda id: (), -2.0)
    assert first
    assert second
    assert unsure
    assert (first.id, second.id) == ("a", "b")
    assert first.confidence > unsure.confidence > hits[0].confidence
    assert second.confidence < first.confidence
    assert choose("完全无关的话语内容", hits, lambda id: (), None) is None
    variant = choose("三天之内就会退到原账户里", hits, lambda id: ("三天之内就会退到原账户里",) if id == "a" else (), None)
    assert variant
    assert variant.id == "a"


def test_supported_wants_every_number_and_most_content() -> None:
    passage = ["退款在 3 到 5 个工作日内原路退回。"]
    assert supported("退款 3 到 5 个工作日退回。", passage) > 0.6
    assert supported("退款 7 个工作日退回。", passage) == 0.0
    assert supported("订单 7788 的退款会原路退回。", passage, known="订单 7788") > 0.3
    assert supported("我们的总部在火星。", passage) < 0.3


def test_a_guess_names_its_question_and_an_unlikely_one_is_not_made(kb: KnowledgeBase) -> None:
    silent = Scripted(lambda messages: "不在答案之中的话")
    guess = ask(with_model(kb, silent, confidence=0.4), QUESTION)
    assert guess.receipt.kind == "perhaps"
    assert not guess.refused
    assert guess.text.startswith("您想问的可能是")
    assert kb.entry(guess.sources[0]).question in guess.text
    assert ask(with_model(kb, silent, confidence=0.1), QUESTION).refused
