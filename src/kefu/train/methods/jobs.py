"""Files and fine-tuning jobs of an OpenAI-compatible API (https://platform.openai.com/docs/api-reference/fine-tuning), through faults.

What only reads is asked again until `patience_s` is over. What makes something is not blindly repeated: after an answer that was lost
the list of jobs is looked through for one of the same training file, so that no job is paid for twice.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from typing import Any, Self

from kefu.errors import ConfigError, EngineError, InputError, MissingExtra

_AGAIN = {408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529}
_MOST = 64 << 20
_LONGEST_PAUSE_S = 30.0


class Lost(EngineError):
    """The request may have been carried out, but its answer did not come."""


class Client:
    """Use as `async with`. say: told once when the server makes us wait."""

    def __init__(self, url: str, key: str, *, timeout_s: float, patience_s: float, say: Callable[[str], None]) -> None:
        self.url, self.timeout_s, self.patience_s, self.say = url, timeout_s, patience_s, say
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._session: Any = None

    async def __aenter__(self) -> Self:
        try:
            import aiohttp
        except ImportError:
            raise MissingExtra("fine-tuning at a provider", "serve") from None
        self._aiohttp = aiohttp
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=aiohttp.ClientTimeout(total=self.timeout_s))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def upload(self, name: str, content: bytes) -> str:
        """Its id. A file uploaded twice after a lost answer is harmless."""

        def form() -> Any:
            made = self._aiohttp.FormData()
            made.add_field("purpose", "fine-tune")
            made.add_field("file", content, filename=name, content_type="application/jsonl")
            return made

        found = await self._patiently("POST", "/files", lambda: {"data": form()})
        return self._id(found, "/files")

    async def create(self, body: dict[str, Any]) -> str:
        """The job's id; that of a job which an earlier, lost request had made already."""
        started, pause = time.monotonic(), 1.0
        while True:
            try:
                return self._id(await self._once("POST", "/fine_tuning/jobs", {"json": body}), "/fine_tuning/jobs")
            except Lost as error:
                made = await self._made_from(str(body["training_file"]))
                if made:
                    return made
                pause = await self._pause(error, started, pause)

    async def job(self, number: str) -> dict[str, Any]:
        return await self._patiently("GET", f"/fine_tuning/jobs/{number}")

    async def content(self, number: str) -> str:
        """The text of a result file."""
        found = await self._patiently("GET", f"/files/{number}/content", text=True)
        return str(found.get("text", ""))

    async def _made_from(self, training_file: str) -> str:
        found = await self._patiently("GET", "/fine_tuning/jobs?limit=50")
        rows = found.get("data")
        for row in rows if isinstance(rows, list) else []:
            ended = str(row.get("status")) in ("failed", "cancelled") if isinstance(row, dict) else True
            if not ended and row.get("training_file") == training_file:
                return str(row.get("id"))
        return ""

    async def _patiently(self, method: str, path: str, options: Callable[[], dict[str, Any]] = dict, text: bool = False) -> dict[str, Any]:
        started, pause = time.monotonic(), 1.0
        while True:
            try:
                return await self._once(method, path, options(), text)
            except Lost as error:
                pause = await self._pause(error, started, pause)

    async def _pause(self, error: Lost, started: float, pause: float) -> float:
        """Wait, longer each time or as long as the server asks; raises the error when patience is over."""
        asked = getattr(error, "retry_after", None)
        wait = min(_LONGEST_PAUSE_S, asked if asked is not None else pause * (0.5 + random.random()))
        if time.monotonic() - started + wait > self.patience_s:
            raise EngineError(error.what, error.why, "nothing is lost: run it again, with --resume where a job is under way") from None
        self.say(f"the provider makes us wait: {error.why}")
        await asyncio.sleep(wait)
        return min(pause * 2, _LONGEST_PAUSE_S)

    async def _once(self, method: str, path: str, options: dict[str, Any], text: bool = False) -> dict[str, Any]:
        what = f"{self.url}{path.partition('?')[0]}"
        try:
            async with self._session.request(method, self.url + path, **options) as answer:
                body = await answer.content.read(_MOST)
                if answer.status in _AGAIN:
                    lost = Lost(what, f"it answered {answer.status}: {_said(body)}")
                    lost.retry_after = _seconds(answer.headers.get("Retry-After"))  # type: ignore[attr-defined]
                    raise lost
                self._refused(answer.status, what, body)
                if text:
                    return {"text": body.decode("utf-8", "replace")}
                found = json.loads(body)
        except (TimeoutError, self._aiohttp.ClientError, ConnectionError) as error:
            raise Lost(what, f"no answer ({type(error).__name__}: {error})"[:200]) from None
        except ValueError:
            raise Lost(what, "its answer is not JSON") from None
        if not isinstance(found, dict):
            raise Lost(what, "its answer is no JSON object")
        return found

    def _refused(self, status: int, what: str, body: bytes) -> None:
        if status < 400:
            return
        said = _said(body)
        if status in (401, 403):
            raise ConfigError(f"{what} refused the key ({status})", said, "check api_key (env:NAME or file:PATH)")
        if status == 404:
            raise ConfigError(f"{what} is not there (404)", said, "check url and base; not every OpenAI-compatible server tunes models")
        raise InputError(f"{what} refused the request ({status})", said, "correct the recipe or its rows")

    def _id(self, found: dict[str, Any], path: str) -> str:
        if not found.get("id"):
            raise EngineError(f"{self.url}{path} gave no id", "its answer is not that of the API", "check the address")
        return str(found["id"])


def _said(body: bytes) -> str:
    text = body[:4096].decode("utf-8", "replace")
    try:
        error = json.loads(text)["error"]
        text = str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, LookupError, TypeError):
        pass
    return " ".join(text.split())[:300]


def _seconds(value: str | None) -> float | None:
    try:
        return max(0.0, float(value)) if value else None
    except ValueError:
        return None
