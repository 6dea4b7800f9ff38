"""A model by prompt: role, examples, structured output, presets; registered and served like any other."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kefu import engines
from kefu.engines.prompted import PRESETS, Example, Prompted, checker
from kefu.engines.protocol import complete
from kefu.errors import ConfigError, EngineError, InputError
from kefu.registry import Registry
from kefu.train.factory import train
from kefu.train.predict import predict_file

from .cloud import cloud
from .recipes import questions, recipe
from .tiny import FAQ

SCHEMA = {"type": "object", "required": ["intent"], "properties": {"intent": {"enum": ["退款", "发票", "other"]}}, "additionalProperties": False}


def copies(given):
    """A model that repeats the answer of the nearest example, which stands last; without examples it knows nothing."""
    answers = [m["content"] for m in given["messages"] if m["role"] == "assistant"]
    return answers[-1] if answers else "?"


@pytest.fixture
def sky():
    with cloud() as here:
        here.reply = copies
        yield here


def ask(folder, text, **sampling):
    async def one():
        engine = engines.open(folder)
        try:
            return await complete(engine, [{"role": "user", "content": text}], engines.Sampling(**sampling) if sampling else None)
        finally:
            await engine.close()

    return asyncio.run(one())


def test_a_prompt_is_measured_registered_and_served(tmp_path, sky):
    settings = {"model": "base", "role": "你是客服。", "preset": "chat", "shown": 2, "max_tokens": 77}
    path = recipe(tmp_path, "prompt", sky.url, questions(3), prompt=settings, data={"validation_share": 0})
    result = train(str(path))
    facts = result.artifact.facts
    assert facts["metrics_before"]["exact"]["value"] == 0 < facts["metrics"]["exact"]["value"]
    sent = sky.asked[-1]
    assert sent["messages"][0] == {"role": "system", "content": "你是客服。"} and len(sent["messages"]) == 1 + 2 * 2 + 1
    assert (sent["temperature"], sent["top_p"], sent["max_tokens"]) == (0.7, 0.9, 77)
    entry = Registry(tmp_path).resolve()
    assert (entry.method, entry.training) == ("prompt", "prompt, no weights changed; from base") and entry.hashes["weights"]
    assert ask(result.artifact.path, FAQ[0][4][3], max_tokens=5).text in [row[3] for row in FAQ]
    assert sky.asked[-1]["max_tokens"] == 5
    page = (result.artifact.path / "report.html").read_text("utf-8")
    assert "prompt, no weights changed" in page and "你是客服。" in page
    assert train(str(path)).fresh


def test_a_local_model_answers_through_a_prompt(tmp_path, base):
    path = recipe(tmp_path, "prompt", str(base), questions(3), prompt={"shown": 1, "max_tokens": 24}, train={"measure_rows": 2})
    folder = train(str(path)).artifact.path
    assert json.loads((folder / "prompted.json").read_text("utf-8"))["access_point"].startswith("..")
    assert ask(folder, "怎么退款？").finish in ("stop", "length")


def test_structured_answers_fit_or_are_asked_for_again(tmp_path, sky):
    rows = [
        {"question": q, "answer": json.dumps({"intent": row[2] if row[1] == "zh" and row[2] != "价格" else "other"})} for row in FAQ for q in row[4]
    ]
    rows.append({"question": "坏的", "answer": "没有 JSON"})
    sky.reply = lambda given: '{"intent": "other"}' if "不符合要求" in given["messages"][-1]["content"] else "嗯……"
    settings = {"answer_schema": SCHEMA, "structured": "response_format", "shown": 2}
    result = train(str(recipe(tmp_path, "prompt", sky.url, rows, prompt=settings, data={"validation_share": 0}, train={"measure_rows": 6})))
    facts = result.artifact.facts
    assert facts["dropped"] == {"the answer does not fit the schema": 1}
    assert sky.asked[-1]["response_format"]["json_schema"]["schema"] == SCHEMA
    assert facts["metrics_before"]["fits"]["value"] == 0 and facts["metrics"]["fits"]["value"] == 1
    sky.reply = lambda given: '```json\n{"intent": "退款"}\n```'
    assert json.loads(ask(result.artifact.path, "我要退钱").text) == {"intent": "退款"}
    sky.reply = lambda given: '{"intent": "天气"}'
    with pytest.raises(EngineError, match="gives no answer of its schema"):
        ask(result.artifact.path, "我要退钱")


def test_faults_of_a_prompt_are_said_together(tmp_path, sky):
    path = recipe(tmp_path, "prompt", "", questions(), prompt={"preset": "poetry", "provider": "nobody"})
    with pytest.raises(ConfigError) as caught:
        train(str(path))
    assert len(caught.value.faults) == 3
    for settings, kind, said in (
        ({"answer_schema": {"type": "banana"}}, InputError, "no JSON schema"), ({"api_key": "sk-1"}, ConfigError, "env:NAME"),
        ({"provider": "gemini"}, ConfigError, "GEMINI_API_KEY is not set"),
    ):  # fmt: skip
        with pytest.raises(kind, match=said):
            train(str(recipe(tmp_path, "prompt", sky.url if "provider" not in settings else "gemini-x", questions(), prompt=settings)))
    sky.faults = {"POST /chat/completions": [500] * 99}
    with pytest.raises(EngineError, match="500"):
        train(str(recipe(tmp_path, "prompt", sky.url, questions(), prompt={"model": "base"})))


def test_damaged_and_poisoned_prompts(tmp_path):
    for text in ("{", "[]", '{"access_point": ""}', '{"access_point": "x", "api_key": "sk-1"}', '{"access_point": "x", "colour": 1}', "[" * 5000):
        (tmp_path / "prompted.json").write_text(text)
        with pytest.raises(InputError, match=r"prompted\.json cannot be used"):
            engines.open(tmp_path)
    (tmp_path / "prompted.json").write_text('{"access_point": "."}')
    with pytest.raises(InputError, match="speaks through another prompt"):
        engines.open(tmp_path)


@given(st.lists(st.tuples(st.text(min_size=1, max_size=9), st.text(min_size=1, max_size=9)), max_size=8), st.integers(0, 5), st.text(max_size=9))
def test_examples_are_bounded_and_never_give_the_answer_away(pairs, shown, question):
    examples = [Example(asked=a, answer=b) for a, b in pairs if a.strip() and b.strip()]
    prompted = Prompted(access_point="x", examples=examples, shown=shown, role="r")
    made = prompted.messages([{"role": "system", "content": "s"}, {"role": "user", "content": question}])
    assert made[0]["content"] == "r\n\ns" and made[-1]["content"] == question
    shown_now = prompted.nearest(question)
    assert all(one.asked.strip() != question.strip() for one in shown_now)
    assert len(made) == 2 + 2 * len(shown_now) and (not shown or len(shown_now) <= shown)


def test_presets_and_checker():
    assert all(preset.max_tokens > 0 for preset in PRESETS.values()) and PRESETS["classify"].temperature == 0
    fits = checker(SCHEMA)
    assert fits('{"intent": "other"}') == ('{"intent": "other"}', "")
    assert fits("x")[0] is None and fits("[" * 9999)[0] is None and fits('{"intent": 3}')[0] is None


def test_a_prompt_at_a_url_shows_and_asks_masked_rows(tmp_path, sky):
    personal = {"id": "p", "question": "我的手机13812345678，查订单", "answer": "13812345678 名下有一单。"}
    path = recipe(tmp_path, "prompt", sky.url, [*questions(3), personal], prompt={"model": "base"}, data={"validation_share": 0})
    result = train(str(path))
    assert sky.asked and "13812345678" not in json.dumps(sky.asked)
    assert "13812345678" not in (result.artifact.path / "prompted.json").read_text("utf-8")
    rows = tmp_path / "ask.jsonl"
    rows.write_text(json.dumps({"question": "我的手机13987654321，查订单"}), "utf-8")
    sky.reply = lambda given: "号码 " + given["messages"][-1]["content"]
    predict_file(str(result.artifact.path), rows, tmp_path / "out.jsonl")
    assert "13987654321" not in json.dumps(sky.asked)  # what is asked is masked, what is answered has the value again
    assert "13987654321" in json.loads((tmp_path / "out.jsonl").read_text("utf-8"))["text"]
