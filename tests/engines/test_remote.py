"""The URL engine against a real HTTP server that misbehaves on request."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from aiohttp import web

from kefu import engines
from kefu.engines import EngineBusy, Sampling, complete
from kefu.errors import EngineError, InputError

ASK = [{"role": "user", "content": "你好"}]


def chunk(text: str = "", finish: str | None = None, **more: object) -> bytes:
    body = {"choices": [{"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}], **more}
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


class Upstream:
    """What the server does next (`mode`), and what it saw."""

    def __init__(self) -> None:
        self.mode = "good"
        self.seen: list[dict] = []
        self.keys: list[str | None] = []
        self.left = asyncio.Event()
        self.url = ""

    async def models(self, request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "first-model"}]} if self.mode != "no models" else {"data": []})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(await request.json())
        self.keys.append(request.headers.get("Authorization"))
        if self.mode.isdigit():
            return web.json_response({"error": {"message": "said why"}}, status=int(self.mode))
        if self.mode == "html":
            return web.Response(status=502, text="<h1>bad gateway</h1>")
        if self.mode == "silent":
            await self.until_gone()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            if self.mode == "good":
                whole = b": a comment\n\n" + chunk("您好，") + chunk("在的。") + chunk(finish="stop")
                usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
                whole += f"data: {json.dumps({'choices': [], 'usage': usage})}\r\n\r\n".encode() + b"data: [DONE]\n\n"
                for i in range(0, len(whole), 7):  # cut inside lines and characters
                    await response.write(whole[i : i + 7])
                    await asyncio.sleep(0)
            elif self.mode == "endless":
                while True:
                    await response.write(chunk("喂"))
                    await asyncio.sleep(0.01)
            elif self.mode == "stalls":
                await response.write(chunk("您"))
                await self.until_gone()
            elif self.mode == "cut":
                await response.write(chunk("您"))
            elif self.mode == "reset":
                await response.write(chunk("您"))
                request.transport.abort()
            elif self.mode == "junk":
                await response.write(b"data: {not json\n\n")
            elif self.mode == "error event":
                await response.write(chunk("您") + b'data: {"error": {"message": "out of memory"}}\n\n')
            elif self.mode == "long line":
                await response.write(b"data: " + b"x" * (2 << 20))
        except (ConnectionError, asyncio.CancelledError):
            self.left.set()
            raise
        return response

    async def until_gone(self) -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            self.left.set()
            raise


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    server = Upstream()
    app = web.Application()
    app.add_routes([web.get("/v1/models", server.models), web.post("/v1/chat/completions", server.chat)])
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def engine(upstream: Upstream) -> AsyncIterator[engines.Engine]:
    opened = engines.open(upstream.url, timeout_s=0.5, api_key="k-1")
    yield opened
    await opened.close()


async def test_answer_with_usage_and_parameters(engine: engines.Engine, upstream: Upstream) -> None:
    done = await complete(engine, ASK, Sampling(max_tokens=9, temperature=0.3, stop=("。",), seed=5))
    assert done.text == "您好，在的。"
    assert (done.finish, done.usage) == ("stop", {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7})
    sent = upstream.seen[0]
    assert sent["model"] == "first-model"
    assert {key: sent[key] for key in ("max_tokens", "temperature", "stop", "seed", "stream")} == {
        "max_tokens": 9, "temperature": 0.3, "stop": ["。"], "seed": 5, "stream": True,
    }  # fmt: skip
    assert sent["messages"] == ASK
    assert upstream.keys == ["Bearer k-1"]


@pytest.mark.parametrize("form", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
async def test_forms_of_the_url(upstream: Upstream, form: str) -> None:
    opened = engines.open(upstream.url + form, model="m")
    assert (await complete(opened, ASK)).text == "您好，在的。"
    assert upstream.seen[0]["model"] == "m"
    await opened.close()


@pytest.mark.parametrize(
    ("mode", "kind", "words"),
    [
        ("500", EngineError, "answered 500: said why"), ("404", EngineError, "model's name"), ("401", EngineError, "key"),
        ("429", EngineBusy, "said why"), ("503", EngineBusy, "try again"), ("400", InputError, "said why"), ("html", EngineError, "bad gateway"),
        ("silent", EngineError, "nothing came for 0.5 s"), ("stalls", EngineError, "nothing came for 0.5 s"),
        ("cut", EngineError, "without a finish reason"), ("reset", EngineError, "cannot be used"), ("junk", EngineError, "no chat chunk"),
        ("error event", EngineError, "out of memory"), ("long line", EngineError, "without end"), ("no models", EngineError, "lists no model"),
    ],
)  # fmt: skip
async def test_every_fault_is_one_clear_error_in_time(engine: engines.Engine, upstream: Upstream, mode: str, kind: type, words: str) -> None:
    upstream.mode = mode
    with pytest.raises(kind) as caught:
        await asyncio.wait_for(complete(engine, ASK), 5)
    assert type(caught.value) is kind
    assert words in caught.value.line()
    upstream.mode = "good"
    assert (await complete(engine, ASK)).text == "您好，在的。", "the engine works again afterwards"


def test_one_engine_in_several_event_loops() -> None:
    """`kefu` verbs that are plain code use `engines.run` more than once on one engine."""
    ready, stop = threading.Event(), threading.Event()
    servers = []

    async def serve() -> None:
        server = Upstream()
        app = web.Application()
        app.add_routes([web.get("/v1/models", server.models), web.post("/v1/chat/completions", server.chat)])
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        servers.append(server)
        ready.set()
        await asyncio.to_thread(stop.wait)
        await runner.cleanup()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(5)
        opened = engines.open(servers[0].url)
        for _ in range(3):
            assert engines.run(complete(opened, ASK)).text == "您好，在的。"
        engines.run(opened.close())
        del opened
        gc.collect()
    finally:
        stop.set()
        thread.join()


async def test_nobody_listens(unused_tcp_port: int) -> None:
    opened = engines.open(f"http://127.0.0.1:{unused_tcp_port}", model="m")
    with pytest.raises(EngineError, match="cannot be used"):
        await complete(opened, ASK)
    await opened.close()


@pytest.mark.parametrize("mode", ["endless", "stalls"])
async def test_leaving_mid_stream_closes_the_upstream_socket(engine: engines.Engine, upstream: Upstream, mode: str) -> None:
    upstream.mode = mode
    async with aclosing(engine.chat(ASK)) as deltas:
        await anext(deltas)
    await asyncio.wait_for(upstream.left.wait(), 2)


async def test_leaving_before_the_first_token_closes_the_upstream_socket(engine: engines.Engine, upstream: Upstream) -> None:
    upstream.mode = "silent"
    task = asyncio.create_task(complete(engine, ASK))
    while not upstream.seen:
        await asyncio.sleep(0.005)
    task.cancel()
    started = time.monotonic()
    await asyncio.wait_for(upstream.left.wait(), 2)
    assert time.monotonic() - started < 0.4, "the upstream noticed by our closing, not by our time-out"
    assert task.cancelled() or (await asyncio.gather(task, return_exceptions=True))


async def test_close_while_streaming(engine: engines.Engine, upstream: Upstream) -> None:
    upstream.mode = "endless"
    task = asyncio.create_task(complete(engine, ASK))
    while not upstream.seen:
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    await engine.close()
    with pytest.raises(EngineError):
        await asyncio.wait_for(task, 2)
    with pytest.raises(EngineError, match="closed"):
        await complete(engine, ASK)


async def test_what_a_url_cannot_do(engine: engines.Engine) -> None:
    assert not {"score", "encode"} & engine.capabilities
    with pytest.raises(EngineError, match="cannot score"):
        await engine.score(ASK)
    with pytest.raises(EngineError, match="no tokenizer"):
        engine.encode(ASK)
