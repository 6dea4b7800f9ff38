"""An assistant behind an OpenAI-compatible URL, evaluated as a customer meets it.

A gateway of kefu sends a `kefu` field with tier, hand-off, refusal and sources. Another service sends none: its replies are then judged by
their words alone, and every check of a hand-off or a refusal sees `false`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from kefu.conversation import Conversation
from kefu.errors import EngineError, MissingExtra
from kefu.evals.said import Said


class RemoteAssistant:
    """`url`: the API's base, with or without `/v1`. `model`: its name there (default: the first it lists)."""

    engine = None
    style = None

    def __init__(self, url: str, *, model: str = "", key: str = "", timeout_s: float = 60.0) -> None:
        base = url.rstrip("/").removesuffix("/chat/completions")
        self.url = base if base.endswith("/v1") else f"{base}/v1"
        self._model, self._key, self._timeout_s = model, key, timeout_s
        self._session: Any = None
        self._named = asyncio.Lock()

    async def answer(self, conversation: Conversation) -> Said:
        """Raises EngineError when the service refuses, answers something else than JSON, or cannot be reached."""
        body = await self._post("chat/completions", {"model": await self._name(), "messages": conversation.messages()})
        try:
            text = body["choices"][0]["message"]["content"] or ""
        except (KeyError, IndexError, TypeError):
            raise EngineError(
                f"{self.url} sent no answer", "the reply has no choices[0].message.content", "is this an OpenAI-compatible chat API?"
            ) from None
        extra = body.get("kefu") or {}
        return Said(
            text, str(extra.get("tier", "")), bool(extra.get("handoff")), bool(extra.get("refused")),
            tuple(map(str, extra.get("sources") or ())), float(extra.get("confidence") or 0.0),
            tuple(str(offer["id"]) for offer in (extra.get("receipt") or {}).get("offered") or ()),
        )  # fmt: skip

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _name(self) -> str:
        async with self._named:
            if not self._model:
                listed = await self._request("GET", "models")
                models = listed.get("data") or []
                if not models:
                    raise EngineError(f"{self.url} lists no model", "GET /v1/models is empty", "name one")
                self._model = str(models[0]["id"])
        return self._model

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._request("POST", path, json=body)

    async def _request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        aiohttp = _aiohttp()
        if self._session is None:
            headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
            self._session = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=self._timeout_s))
        try:
            async with self._session.request(method, f"{self.url}/{path}", **options) as response:
                if response.status != 200:
                    words = (await response.text())[:200]
                    raise EngineError(f"{self.url}/{path} answered {response.status}", words, "check the URL, the key and that service's log")
                found = await response.json(content_type=None)
        except (aiohttp.ClientError, ValueError) as error:
            raise EngineError(
                f"{self.url} cannot be used", str(error) or type(error).__name__, "check that the service runs and the URL is right"
            ) from None
        if not isinstance(found, dict):
            raise EngineError(f"{self.url}/{path} sent no JSON object", "", "is this an OpenAI-compatible chat API?")
        return found


def _aiohttp() -> Any:
    try:
        import aiohttp
    except ImportError:
        raise MissingExtra("evaluating a service by its URL", "serve") from None
    return aiohttp
