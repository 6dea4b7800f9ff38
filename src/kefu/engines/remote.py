"""Any OpenAI-compatible server by its URL, streamed with aiohttp. Closing the stream closes the upstream socket."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

from kefu.engines.protocol import Delta, EngineBusy, Finish, Message, Sampling, Score
from kefu.errors import EngineError, InputError, MissingExtra

_FINISH: dict[str, Finish] = {"stop": "stop", "length": "length"}
_VERSIONED = re.compile(r"/v\d+\w*(/openai)?$")  # https://host/v1, and https://host/v1beta/openai as Google has it
_LINE_LIMIT = 1 << 20  # bytes of one event; a longer one is not an answer


class RemoteEngine:
    """`url` is the API's base, with or without `/v1`. model: its name there (default: the first it lists).

    timeout_s: longest silence between two pieces; connect_s: longest wait for the connection.
    """

    capabilities = frozenset({"stream", "cancel", "batch", "logprobs", "seed"})
    context: int | None = None

    def __init__(
        self, url: str, *, model: str = "", api_key: str = "", timeout_s: float = 60, connect_s: float = 5, logprobs: bool = False, **_: Any
    ) -> None:
        base = url.rstrip("/").removesuffix("/chat/completions")
        self.url = base if _VERSIONED.search(base) else f"{base}/v1"
        self.name = model or self.url
        self._model, self._key, self._logprobs = model, api_key, logprobs
        self._timeout_s, self._connect_s = timeout_s, connect_s
        self._session: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._guard: Any = None
        self._closed = False
        self._open: set[Any] = set()

    async def chat(self, messages: Sequence[Message], params: Sampling = Sampling()) -> AsyncIterator[Delta]:  # noqa: B008 - frozen
        aiohttp = _aiohttp()
        response: Any = None
        try:
            body = await self._body(messages, params)
            response = await (await self._client()).post(f"{self.url}/chat/completions", json=body)
            await self._check(response)
            self._open.add(response)
            finished = False
            async with aclosing(self._deltas(response)) as deltas:
                async for delta in deltas:
                    finished = finished or delta.finish is not None
                    yield delta
            if not finished:
                raise EngineError(f"{self.url} broke off", "the stream ended without a finish reason", "look at that server's log")
        except TimeoutError:
            raise EngineError(
                f"{self.url} does not answer", f"nothing came for {self._timeout_s:g} s", "look at that server's load, or raise timeout_s"
            ) from None
        except (aiohttp.ClientError, ConnectionError) as error:
            why = "the engine was closed" if self._closed else str(error) or type(error).__name__
            raise EngineError(f"{self.url} cannot be used", why, "check that the server runs and the URL is right") from None
        finally:
            if response is not None:
                self._open.discard(response)
                response.close()  # not release(): the socket must go, so that the server stops working

    async def score(self, messages: Sequence[Message]) -> Score:
        raise EngineError(f"{self.url} cannot score", "the chat API gives no log-probabilities of a given answer", "use a model folder")

    def encode(self, messages: Sequence[Message]) -> list[int]:
        raise EngineError(f"{self.url} has no tokenizer here", "the chat API takes text", "use a model folder")

    async def close(self) -> None:
        self._closed = True
        for response in list(self._open):
            response.close()
        if self._guard is not None and self._loop is asyncio.get_running_loop():
            await self._guard.aclose()
        self._session = self._guard = None

    async def _client(self) -> Any:
        """The session of the running loop. One made in another loop was closed with it."""
        if self._closed:
            raise EngineError(f"engine {self.name} was closed", "no request is taken any more", "open it again")
        aiohttp, loop = _aiohttp(), asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._connect_s, connect=None, sock_read=self._timeout_s)
            headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
            self._session, self._loop = aiohttp.ClientSession(timeout=timeout, headers=headers, connector=aiohttp.TCPConnector(limit=0)), loop
            self._guard = _closed_with_loop(self._session)
            await anext(self._guard)
        return self._session

    async def _body(self, messages: Sequence[Message], params: Sampling) -> dict[str, Any]:
        if not self._model:
            async with (await self._client()).get(f"{self.url}/models") as response:
                await self._check(response)
                try:
                    self._model = str((await response.json(content_type=None))["data"][0]["id"])
                except (ValueError, LookupError, TypeError):
                    raise EngineError(f"{self.url} lists no model", "its /models answer holds none", "name the model") from None
        body: dict[str, Any] = {
            "model": self._model, "messages": [dict(message) for message in messages], "max_tokens": params.max_tokens,
            "temperature": params.temperature, "top_p": params.top_p, "seed": params.seed, "stream": True, "stream_options": {"include_usage": True},
        }  # fmt: skip
        if params.stop:
            body["stop"] = list(params.stop)
        if self._logprobs:
            body["logprobs"] = True
        if params.schema:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": json.loads(params.schema)}}
        return body

    async def _check(self, response: Any) -> None:
        if response.status < 400:
            return
        text = (await response.content.read(4096)).decode("utf-8", "replace")
        try:
            error = json.loads(text)["error"]
            text = str(error["message"] if isinstance(error, dict) else error)
        except (ValueError, LookupError, TypeError):
            pass
        what, why = f"{self.url} answered {response.status}", text.strip()[:300] or response.reason
        if response.status in (400, 413, 422):
            raise InputError(what, why, "send less text, or other parameters")
        if response.status in (429, 503):
            raise EngineBusy(what, why, "try again in a moment")
        raise EngineError(what, why, "check the key and the model's name" if response.status in (401, 403, 404) else "look at that server's log")

    async def _deltas(self, response: Any) -> AsyncGenerator[Delta, None]:
        finish: Finish | None = None
        usage: dict[str, int] | None = None
        async for data in _events(response, self.url):
            if data == "[DONE]":
                break
            try:
                event = json.loads(data)
                choice = (event.get("choices") or [{}])[0]
                text = (choice.get("delta") or {}).get("content") or ""
            except (ValueError, AttributeError, LookupError, TypeError):
                raise EngineError(f"{self.url} sent something that is no chat chunk", data[:200], "look at that server's log") from None
            if event.get("error"):
                raise EngineError(f"{self.url} failed while answering", str(event["error"]), "look at that server's log")
            usage = event.get("usage") or usage
            if choice.get("finish_reason"):
                finish = _FINISH.get(choice["finish_reason"], "stop")
            given = ((choice.get("logprobs") or {}).get("content")) or []
            if text:
                yield Delta(text, (), sum(float(token["logprob"]) for token in given) if given else None)
        if finish:
            yield Delta("", (), None, finish, usage)


async def _closed_with_loop(session: Any) -> AsyncIterator[None]:
    """Left open on purpose: a loop that ends (`asyncio.run`) closes its open async generators, and so the session."""
    try:
        yield
    finally:
        await session.close()


async def _events(response: Any, url: str) -> AsyncIterator[str]:
    """The data of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), however the bytes are cut."""
    buffer = b""
    async for chunk in response.content.iter_any():
        buffer += chunk
        *lines, buffer = buffer.split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip().decode("utf-8", "replace")
        if len(buffer) > _LINE_LIMIT:
            raise EngineError(f"{url} sent a line without end", f"more than {_LINE_LIMIT} bytes", "look at that server's log")


def _aiohttp() -> Any:
    try:
        import aiohttp
    except ImportError:
        raise MissingExtra("an engine behind a URL", "serve") from None
    return aiohttp
