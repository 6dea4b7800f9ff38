"""The official client against a running gateway, unchanged."""

from __future__ import annotations

import openai
import pytest
from served import MODEL, body

from kefu.serve import wire


def client_of(desk, key: str = "unused", **options) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{desk.url}/v1", api_key=key, max_retries=0, timeout=20, **options)


@pytest.mark.parametrize(
    ("asked", "answer"), [("怎么申请退款？", "您好，退款在三个工作日内到账。"), ("refund please", "您好，refunds take three working days.")]
)
def test_whole_and_streamed_answers_are_the_same(shared, asked: str, answer: str) -> None:
    with client_of(shared) as client:
        messages = [{"role": "user", "content": asked}]
        whole = client.chat.completions.create(model=MODEL, messages=messages, temperature=0.2, user="u-1")
        assert whole.choices[0].message.content == answer
        assert whole.choices[0].finish_reason == "stop"
        assert whole.kefu["tier"] == "faq"
        assert whole.kefu["sources"] == ["Z001"]
        assert sorted(whole.kefu["ignored"]) == ["temperature", "user"]
        chunks = list(client.chat.completions.create(model=MODEL, messages=messages, stream=True))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == answer
        assert chunks[0].choices[0].delta.role == "assistant"
        assert [chunk.choices[0].finish_reason for chunk in chunks][-2:] == [None, "stop"]
        assert chunks[-1].kefu["receipt"]["hits"] == [{"id": "Z001", "similarity": 0.91}]
        assert {chunk.id for chunk in chunks} == {chunks[0].id}


def test_usage_is_reported_whole_and_streamed(shared) -> None:
    with client_of(shared) as client:
        messages = [{"role": "user", "content": "ask the model"}]
        whole = client.chat.completions.create(model=MODEL, messages=messages)
        assert (whole.usage.prompt_tokens, whole.usage.completion_tokens, whole.usage.total_tokens) == (40, 7, 47)
        chunks = list(client.chat.completions.create(model=MODEL, messages=messages, stream=True, stream_options={"include_usage": True}))
        assert chunks[-1].choices == []
        assert chunks[-1].usage.total_tokens == 47
        assert all(chunk.usage is None for chunk in chunks[:-1])


def test_models(shared) -> None:
    with client_of(shared) as client:
        assert [model.id for model in client.models.list()] == [MODEL]
        assert client.models.retrieve(MODEL).object == "model"
        with pytest.raises(openai.NotFoundError) as caught:
            client.models.retrieve("gpt-9")
        assert caught.value.code == "model_not_found"


def test_text_parts_and_earlier_turns_arrive(shared) -> None:
    with client_of(shared) as client:
        client.chat.completions.create(
            model=MODEL,
            messages=[
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "一"},
                {"role": "assistant", "content": "答一"},
                {"role": "user", "content": [{"type": "text", "text": "那企业版"}, {"type": "text", "text": "呢？"}]},
            ],
        )
    turns = shared.peer.seen[-1].turns
    assert [(turn.role, turn.text) for turn in turns] == [("system", "be brief"), ("customer", "一"), ("agent", "答一"), ("customer", "那企业版呢？")]


@pytest.mark.parametrize(
    ("change", "param", "says"),
    [
        ({"n": 3}, "n", "one answer"),
        ({"tools": [{"type": "function", "function": {"name": "x"}}]}, "tools", "not offered"),
        ({"response_format": {"type": "json_object"}}, "response_format", "plain text"),
        ({"logprobs": True}, "logprobs", "not given"),
        ({"stop": ["。"]}, "stop", "cut"),
        ({"temperature": 7}, "temperature", "less than or equal to 2"),
        ({"messages": []}, "messages", "at least 1"),
        ({"messages": [{"role": "user", "content": "   "}]}, "messages", "hold text"),
        ({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]}, "messages", "must be the customer's"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, None, "text"),
        ({"extra_body": {"temprature": 1}}, "temprature", "unknown parameter"),
        ({"extra_body": {"conversation_id": "a b"}}, "conversation_id", "pattern"),
        ({"extra_body": {"conversation_id": "a"}, "extra_headers": {"x-conversation-id": "b"}}, "conversation_id", "differ"),
    ],
)
def test_what_cannot_be_done_is_a_clear_400(shared, change, param, says: str) -> None:
    begun = shared.peer.begun
    with client_of(shared) as client, pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**{"model": MODEL, "messages": [{"role": "user", "content": "x"}], **change})
    assert says in caught.value.message
    assert caught.value.type == "invalid_request_error"
    assert param is None or caught.value.param == param
    assert shared.peer.begun == begun


def test_an_unknown_model_is_a_404(shared) -> None:
    with client_of(shared) as client, pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x"}])
    assert MODEL in caught.value.message


def test_a_dead_engine_is_a_503_and_mid_stream_an_error_event(shared) -> None:
    with client_of(shared) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "break"}])
        assert (caught.value.status_code, caught.value.code) == (503, "engine_unavailable")
        got = []
        with pytest.raises(openai.APIError, match="does not answer"):
            for chunk in client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "half"}], stream=True):
                got.append(chunk.choices[0].delta.content)
        assert "您好，" in got


def test_a_defect_is_a_500_without_the_customers_words(desk) -> None:
    with client_of(desk) as client, pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "defect 秘密"}])
    assert caught.value.status_code == 500
    assert "秘密" not in str(caught.value.body)
    defects = [line for line in desk.lines() if line["event"] == "defect"]
    assert [line["error"] for line in defects] == ["ValueError"]
    assert any("scripted.py" in place for place in defects[0]["at"])
    assert "秘密" not in desk.log.getvalue()


def test_keys(serving) -> None:
    desk = serving(keys="sk-one,sk-two")
    for key in ("sk-one", "sk-two"):
        with client_of(desk, key) as client:
            assert client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}]).choices
    for key in ("sk-three", "sk-on", "sk-one,sk-two"):
        with client_of(desk, key) as client, pytest.raises(openai.AuthenticationError) as caught:
            client.models.list()
        assert caught.value.code == "invalid_api_key"


def test_the_rate_limit_is_per_key(serving) -> None:
    desk = serving(keys="sk-one,sk-two", rate_per_minute=3)
    with client_of(desk, "sk-one") as one, client_of(desk, "sk-two") as two:
        ask = {"model": MODEL, "messages": [{"role": "user", "content": "x"}]}
        for _ in range(3):
            one.chat.completions.create(**ask)
        with pytest.raises(openai.RateLimitError) as caught:
            one.chat.completions.create(**ask)
        assert 1 <= int(caught.value.response.headers["retry-after"]) <= 61
        assert two.chat.completions.create(**ask).choices
        assert one.models.list().data  # cheap reads have room of their own


def test_the_documented_shapes_are_the_real_ones(shared) -> None:
    with shared.client() as client:
        answer = client.post("/v1/chat/completions", json=body(conversation_id="c-1")).json()
        wire.ChatCompletion.model_validate(answer)
        assert set(answer) == set(wire.ChatCompletion.model_fields)
        assert set(answer["kefu"]) == set(wire.Extra.model_fields)
        wire.ErrorBody.model_validate(client.post("/v1/chat/completions", json={}).json())
        assert set(client.get("/readyz").json()) == set(wire.Readiness.model_fields)


async def test_many_at_once_with_the_async_client(shared) -> None:
    async with openai.AsyncOpenAI(base_url=f"{shared.url}/v1", api_key="x", max_retries=0) as client:
        import asyncio

        ask = {"model": MODEL, "messages": [{"role": "user", "content": "退款"}]}
        answers = await asyncio.gather(*(client.chat.completions.create(**ask) for _ in range(24)))
    assert len({answer.id for answer in answers}) == 24
    assert {answer.choices[0].message.content for answer in answers} == {"您好，退款在三个工作日内到账。"}
