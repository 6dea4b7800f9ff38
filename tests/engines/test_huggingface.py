"""The transformers engine on a real folder: the same answers as the embedded one, cancellation, closing."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from kefu import engines
from kefu.engines import EngineBusy, Sampling, complete
from kefu.engines.huggingface import TransformersEngine
from kefu.errors import EngineError, InputError
from tiny_engine import PAIRS


@pytest.fixture
async def engine(tiny: Path) -> AsyncIterator[TransformersEngine]:
    opened = engines.open(tiny / "model", max_waiting=2)
    assert isinstance(opened, TransformersEngine)
    yield opened
    await opened.close()


async def test_same_ids_answers_and_scores_as_the_embedded_engine(engine: TransformersEngine, tiny: Path) -> None:
    embedded = engines.open(tiny / "engine", threads=1)
    try:
        for question, answer, _ in (PAIRS[0], PAIRS[7]):
            messages = [{"role": "user", "content": question}]
            assert engine.encode(messages) == embedded.encode(messages)
            ours, theirs = await complete(embedded, messages), await complete(engine, messages)
            assert theirs.text == ours.text == answer
            assert theirs.finish == "stop"
            assert theirs.usage == ours.usage
            assert theirs.logprob == pytest.approx(ours.logprob, abs=0.05)
            scored = [*messages, {"role": "assistant", "content": answer}]
            assert (await engine.score(scored)).mean == pytest.approx((await embedded.score(scored)).mean, abs=0.05)
    finally:
        await embedded.close()


async def test_length_stop_strings_and_seed(engine: TransformersEngine) -> None:
    messages = [{"role": "user", "content": PAIRS[6][0]}]
    short = await complete(engine, messages, Sampling(max_tokens=3))
    assert (short.finish, len(short.token_ids)) == ("length", 3)
    assert (await complete(engine, messages, Sampling(stop=("Security",)))).text == "Open Settings, choose "
    draws = [(await complete(engine, messages, Sampling(max_tokens=16, temperature=2.0, seed=seed))).text for seed in (1, 1, 2, 3)]
    assert draws[0] == draws[1]
    assert len(set(draws)) > 1


async def test_closing_the_iterator_stops_the_model(engine: TransformersEngine) -> None:
    engine.end_ids = [2]  # never said: the answer would go on for 240 tokens
    messages = [{"role": "user", "content": "hello"}]
    async with aclosing(engine.chat(messages, Sampling(max_tokens=240))) as deltas:
        await anext(deltas)
    started = time.monotonic()
    await complete(engine, messages, Sampling(max_tokens=1))  # waits for the one worker
    whole = time.monotonic()
    await complete(engine, messages, Sampling(max_tokens=240))
    assert whole - started < 0.5 * (time.monotonic() - whole)


async def test_full_and_closed(engine: TransformersEngine) -> None:
    engine.end_ids = [2]
    messages = [{"role": "user", "content": "hello"}]
    tasks = [asyncio.create_task(complete(engine, messages, Sampling(max_tokens=240))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(EngineBusy):
        await complete(engine, messages)
    await asyncio.wait_for(engine.close(), 10)
    for result in await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5):
        assert isinstance(result, EngineError)
    with pytest.raises(EngineError, match="closed"):
        await complete(engine, messages)


async def test_too_long(engine: TransformersEngine) -> None:
    with pytest.raises(InputError, match="does not fit"):
        await complete(engine, [{"role": "user", "content": "密码" * 400}])


def test_broken_weights(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny / "model", tmp_path / "m")
    (folder / "model.safetensors").write_bytes(b"no")
    with pytest.raises(EngineError, match="cannot load"):
        engines.open(folder)
