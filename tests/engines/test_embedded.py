"""The embedded engine on a real exported model: answers, concurrency, cancellation, death."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from kefu import engines
from kefu.engines import EngineBusy, Sampling, complete
from kefu.engines.embedded import EmbeddedEngine
from kefu.errors import EngineError, InputError
from tiny_engine import PAIRS

NEVER_ENDS = 200  # tokens; with the end token taken away an answer goes on to the context's end


@pytest.fixture
async def engine(tiny: Path) -> AsyncIterator[EmbeddedEngine]:
    opened = engines.open(tiny / "engine", threads=1)
    assert isinstance(opened, EmbeddedEngine)
    yield opened
    await opened.close()


class Slow:
    """The same pipeline on a machine on which no long answer ends before a test has looked."""

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pipeline, name)

    def step(self) -> None:
        time.sleep(0.005)
        self.pipeline.step()


@pytest.fixture
async def endless(tiny: Path, tmp_path: Path) -> AsyncIterator[EmbeddedEngine]:
    """The same weights, but an end token that never comes: answers as long as one asks for."""
    folder = shutil.copytree(tiny / "engine", tmp_path / "endless")
    edit(folder, end_ids=[2])  # <|user|>, which the model was never taught to say
    opened = EmbeddedEngine(folder, threads=1, max_waiting=4)
    opened._stepper._pipeline = Slow(opened._stepper._pipeline)
    yield opened
    await opened.close()


def edit(folder: Path, **changes: object) -> None:
    path = folder / "engine.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def ask(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize(("question", "answer", "language"), PAIRS)
async def test_says_what_it_was_taught(engine: EmbeddedEngine, question: str, answer: str, language: str) -> None:
    done = await complete(engine, ask(question))
    assert done.text == answer
    assert done.finish == "stop"
    assert done.usage["completion_tokens"] == len(done.token_ids)
    assert done.usage["total_tokens"] == done.usage["prompt_tokens"] + done.usage["completion_tokens"]
    assert done.usage["prompt_tokens"] == len(engine.encode(ask(question)))
    assert done.logprob is not None
    assert -0.5 < done.logprob < 0


async def test_stream_is_whole_characters_and_sums_to_the_answer(engine: EmbeddedEngine) -> None:
    question, answer, _ = PAIRS[1]
    pieces = [delta async for delta in engine.chat(ask(question))]
    assert "".join(piece.text for piece in pieces) == answer
    assert len([piece for piece in pieces if piece.text]) > 3
    assert all("\N{REPLACEMENT CHARACTER}" not in piece.text for piece in pieces)
    assert [piece.finish for piece in pieces[:-1]] == [None] * (len(pieces) - 1)
    assert pieces[-1].finish == "stop"
    assert pieces[-1].usage is not None


async def test_many_at_once_say_the_same_as_one_by_one(engine: EmbeddedEngine) -> None:
    together = await asyncio.gather(*[complete(engine, ask(question)) for question, _, _ in PAIRS * 2])
    assert [done.text for done in together] == [answer for _, answer, _ in PAIRS * 2]
    assert engine.load == 0


async def test_late_request_joins_a_running_batch(endless: EmbeddedEngine) -> None:
    order = []

    async def run(name: str, tokens: int) -> None:
        await complete(endless, ask("怎么修改密码？"), Sampling(max_tokens=tokens))
        order.append(name)

    first = asyncio.create_task(run("long", NEVER_ENDS))
    while endless.load == 0:
        await asyncio.sleep(0)
    await run("short", 3)
    await first
    assert order == ["short", "long"]


async def test_length_limit_and_stop_strings(engine: EmbeddedEngine) -> None:
    question, answer, _ = PAIRS[6]
    short = await complete(engine, ask(question), Sampling(max_tokens=3))
    assert short.finish == "length"
    assert answer.startswith(short.text)
    assert len(short.token_ids) == 3
    stopped = await complete(engine, ask(question), Sampling(stop=("Security",)))
    assert stopped.text == "Open Settings, choose "
    assert stopped.finish == "stop"
    kept = await complete(engine, ask(question), Sampling(stop=("password!",)))
    assert kept.text == answer, "a stop string that only began must not swallow text"
    await settled(engine)


async def test_seed_repeats_a_sampled_answer(endless: EmbeddedEngine) -> None:
    async def draw(seed: int) -> str:
        return (await complete(endless, ask("hello"), Sampling(max_tokens=24, temperature=1.5, seed=seed))).text

    assert await draw(1) == await draw(1)
    assert len({await draw(seed) for seed in (1, 2, 3)}) > 1


async def settled(engine: EmbeddedEngine) -> None:
    """Wait until the engine holds nothing; fails after two seconds."""
    deadline = time.monotonic() + 2
    while engine.load:
        assert time.monotonic() < deadline, f"{engine.load} requests are still held"
        await asyncio.sleep(0.005)


async def test_closing_the_iterator_frees_the_place(endless: EmbeddedEngine) -> None:
    for _ in range(12):  # three times what fits at once
        async with aclosing(endless.chat(ask("企业版多少钱？"), Sampling(max_tokens=NEVER_ENDS))) as deltas:
            await anext(deltas)
            assert endless.load == 1
        await settled(endless)
    pipeline, deadline = endless._stepper._pipeline, time.monotonic() + 2
    while pipeline.has_non_finished_requests():
        assert time.monotonic() < deadline, "the library still holds a request"
        await asyncio.sleep(0.005)
    done = await complete(endless, ask("企业版多少钱？"), Sampling(max_tokens=4))
    assert done.finish == "length"
    used = pipeline.get_metrics().cache_usage / 100 * pipeline.get_metrics().kv_cache_size_in_bytes / (32 * endless.settings["kv_bytes_per_token"])
    assert used < 8, f"{used} blocks of the cache are held after every request has gone"


async def test_cancelled_task_frees_the_place(endless: EmbeddedEngine) -> None:
    tasks = [asyncio.create_task(complete(endless, ask("hello"), Sampling(max_tokens=NEVER_ENDS))) for _ in range(3)]
    await asyncio.sleep(0.02)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert all(task.cancelled() for task in tasks)
    await settled(endless)


async def test_full_queue_is_refused_at_once(endless: EmbeddedEngine) -> None:
    tasks = [asyncio.create_task(complete(endless, ask("hello"), Sampling(max_tokens=NEVER_ENDS))) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(EngineBusy, match="full"):
        await complete(endless, ask("hello"))
    assert {done.finish for done in await asyncio.gather(*tasks)} == {"length"}
    assert (await complete(endless, ask("hello"), Sampling(max_tokens=2))).finish == "length"


async def test_close_while_running_ends_every_wait(endless: EmbeddedEngine) -> None:
    tasks = [asyncio.create_task(complete(endless, ask("hello"), Sampling(max_tokens=NEVER_ENDS))) for _ in range(4)]
    while sum(request.handle is not None for request in endless._stepper._active) < 4:
        await asyncio.sleep(0.001)
    await asyncio.wait_for(endless.close(), 5)
    for result in await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5):
        assert isinstance(result, EngineError)
        assert "closed" in result.line()
    with pytest.raises(EngineError, match="closed"):
        await complete(endless, ask("hello"))
    await endless.close()


async def test_death_reaches_every_waiter_and_later_callers(endless: EmbeddedEngine) -> None:
    tasks = [asyncio.create_task(complete(endless, ask("hello"), Sampling(max_tokens=NEVER_ENDS))) for _ in range(3)]
    while sum(request.handle is not None for request in endless._stepper._active) < 3:
        await asyncio.sleep(0.001)

    class Dead:
        """The pipeline after its library has failed under it."""

        def __getattr__(self, name: str) -> object:
            raise RuntimeError("out of memory in kernel")

    endless._stepper._pipeline = Dead()
    for result in await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5):
        assert isinstance(result, EngineError)
        assert "died: out of memory in kernel" in result.line()
    with pytest.raises(EngineError, match="died"):
        await complete(endless, ask("hello"))


async def test_prompt_that_does_not_fit(engine: EmbeddedEngine) -> None:
    with pytest.raises(InputError, match=r"has \d+ tokens, the model takes 256"):
        await complete(engine, ask("密码" * 400))
    room = await complete(engine, ask("退款" * 80), Sampling(max_tokens=10_000))
    assert room.usage["total_tokens"] <= 256


async def test_small_cache_makes_requests_wait_and_loses_none(tiny: Path) -> None:
    assert json.loads((tiny / "engine" / "engine.json").read_text())["kv_bytes_per_token"] == 2 * 2 * 128 * 4  # K and V, layers, width, float32
    small = EmbeddedEngine(tiny / "engine", threads=1, cache_mb=1)  # 16 blocks for 24 requests
    done = await asyncio.gather(*[complete(small, ask(question)) for question, _, _ in PAIRS * 2])
    await small.close()
    assert [answer.text for answer in done] == [answer for _, answer, _ in PAIRS * 2]


async def test_cache_smaller_than_the_context_lowers_it(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny / "engine", tmp_path / "e")
    edit(folder, kv_bytes_per_token=16_384)  # as if 1 MiB held two blocks only
    small = EmbeddedEngine(folder, threads=1, cache_mb=1)
    assert small.context == 32
    with pytest.raises(InputError, match="the model takes 32"):
        await complete(small, ask("密码" * 40))
    assert (await complete(small, ask("hello"), Sampling(max_tokens=100))).usage["total_tokens"] <= 32
    await small.close()


def test_process_that_never_closes_its_engine_ends_cleanly(tiny: Path) -> None:
    script = (
        "import asyncio, sys\nfrom kefu import engines\nfrom kefu.engines import Sampling\n"
        "async def main():\n    engine = engines.open(sys.argv[1], threads=1)\n"
        "    stream = engine.chat([{'role': 'user', 'content': 'hello'}], Sampling(max_tokens=200))\n"
        "    print((await anext(stream)).text is not None)\n    globals().update(kept=(engine, stream))\nasyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tiny / "engine")], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


async def test_score_prefers_the_right_answer(engine: EmbeddedEngine) -> None:
    question, answer, _ = PAIRS[0]
    right = await engine.score([*ask(question), {"role": "assistant", "content": answer}])
    wrong = await engine.score([*ask(question), {"role": "assistant", "content": PAIRS[1][1]}])
    assert right.mean > -0.2
    assert right.logprob > wrong.logprob + 5
    said = await complete(engine, ask(question))
    assert said.logprob is not None
    assert sum(right.token_logprobs[:-1]) == pytest.approx(said.logprob * len(said.token_ids), abs=0.02)
    with pytest.raises(InputError, match="not the assistant's"):
        await engine.score(ask(question))


def test_one_engine_in_several_event_loops(tiny: Path) -> None:
    opened = engines.open(tiny / "engine", threads=1)
    try:
        for question, answer, _ in PAIRS[:2]:
            assert engines.run(complete(opened, ask(question))).text == answer
    finally:
        engines.run(opened.close())


async def test_run_inside_a_loop_says_so(engine: EmbeddedEngine) -> None:
    with pytest.raises(EngineError, match="await"):
        engines.run(complete(engine, ask("hello")))


def test_bad_folders(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        engines.open(tmp_path / "nowhere")
    with pytest.raises(EngineError, match=r"neither engine\.json nor config\.json"):
        engines.open(tmp_path)
    folder = shutil.copytree(tiny / "engine", tmp_path / "e")
    edit(folder, end_ids=[])
    with pytest.raises(InputError, match="end_ids"):
        engines.open(folder)
    edit(folder, end_ids=[1])
    (folder / "openvino_model.xml").write_text("<not a model>")
    with pytest.raises(EngineError, match="cannot load"):
        engines.open(folder)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match=r"tokenizer\.json"):
        engines.open(folder)


def test_artefact_folder_is_enough(tiny: Path) -> None:
    opened = engines.open(tiny, threads=1)
    assert opened.name == "tiny-int8"
    engines.run(opened.close())
