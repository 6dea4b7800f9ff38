"""Pure ASGI middleware, outermost first in the list that `create_app` writes out."""

from __future__ import annotations

import asyncio
import random
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kefu.access import local_name
from kefu.serve import faults, logs
from kefu.serve.faults import Fault
from kefu.serve.gateway import Gateway

CHAT = "/v1/chat/completions"
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


class Observe:
    """A request id, one log line, the metrics; and the last net: a defect becomes a 500 in OpenAI's form."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app, self._gateway = app, gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = f"{random.getrandbits(128):032x}"
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - the outermost net; the place is logged, the message is not (it can hold a customer's words)
            self._gateway.log.error("defect", request_id=request_id, error=type(error).__name__, at=logs.places(error))
            if not status:
                await faults.of(error).send(scope, receive, watched)
        finally:
            seconds = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", "unmatched")
            self._gateway.metrics.request(route, scope["method"], status or 499, seconds)
            if scope["path"] not in _QUIET:
                facts = scope.get("kefu.facts") or {}
                self._gateway.log.info(
                    "request", request_id=request_id, method=scope["method"], route=route, status=status or 499, ms=round(seconds * 1000, 1), **facts
                )


class Authenticate:
    """Every path under /v1/ needs a key when keys are set; the operators' paths need an operator's key."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app, self._access = app, gateway.access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            fault = self._check(scope)
            if fault:
                await fault.send(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> Fault | None:
        operator = scope["path"].startswith("/v1/operator/")
        keys = self._access.operators if operator else self._access.customers
        if operator and not keys and self._access.customers:
            return Fault(
                403, "operators_closed", "the operators' routes are closed: this server has API keys but no operator keys (KEFU_OPERATOR_KEYS)"
            )
        headers = dict(scope["headers"])
        if not keys:
            # An open server answers only to its own names, so that a web page elsewhere cannot reach it through a name of its own (DNS rebinding).
            if not local_name(headers.get(b"host", b"").decode("latin-1")):
                return Fault(403, "foreign_host", "without API keys this server answers only to localhost; set KEFU_API_KEYS to use another name")
            client = scope.get("client")
            scope["kefu.key"], scope["kefu.caller"] = "", client[0] if client else ""
            return None
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not given.strip():
            return Fault(401, "missing_api_key", "an API key is needed: send it as `Authorization: Bearer …`")
        key = keys.match(given.strip())
        if not key:
            return Fault(401, "invalid_api_key", "this API key is not known here")
        scope["kefu.key"] = scope["kefu.caller"] = key
        return None


class _Window(MemoryStorage):
    """Forgets old requests on the calls themselves; the library's own way starts a thread for that every 10 ms of traffic,
    which took a seventh of the time of a request.
    """

    _sweep_at = 0.0

    def _MemoryStorage__schedule_expiry(self) -> None:
        now = time.monotonic()
        if now >= self._sweep_at:
            self._sweep_at = now + 5
            self._MemoryStorage__expire_events()  # type: ignore[attr-defined]


class RateLimit:
    """At most `rate_per_minute` POST requests a key in any minute; ten times as many cheap reads."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app, self._metrics = app, gateway.metrics
        self._limiter = MovingWindowRateLimiter(_Window())
        rate = gateway.settings.rate_per_minute
        self._writes, self._reads = RateLimitItemPerMinute(rate), RateLimitItemPerMinute(rate * 10)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "kefu.caller" in scope:
            item = self._reads if scope["method"] in ("GET", "HEAD") else self._writes
            kind = "r" if item is self._reads else "w"
            if not self._limiter.hit(item, kind, scope["kefu.caller"]):
                self._metrics.limited.inc()
                wait = self._limiter.get_window_stats(item, kind, scope["kefu.caller"]).reset_time - time.time()
                fault = Fault(429, "rate_limit_exceeded", f"more than {item.amount} requests in a minute; wait and try again", retry_s=max(1.0, wait))
                await fault.send(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Body:
    """Read the whole body first, bounded in size and time: a slow sender holds no place among the requests being answered."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app, self._settings = app, gateway.settings
        self._most = gateway.settings.max_body_kb * 1024

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        too_large = Fault(413, "body_too_large", f"the body is larger than {self._settings.max_body_kb} KB (serve.max_body_kb)")
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._most:
            await too_large.send(scope, receive, send)
            return
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return
                    part = message.get("body", b"")
                    size += len(part)
                    if size > self._most:
                        await too_large.send(scope, receive, send)
                        return
                    parts.append(part)
                    more = message.get("more_body", False)
        except TimeoutError:
            await Fault(408, "slow_body", "the body did not arrive in time").send(scope, receive, send)
            return
        body: bytes | None = b"".join(parts)

        async def replay() -> Message:
            nonlocal body
            if body is not None:
                message, body = {"type": "http.request", "body": body, "more_body": False}, None
                return message
            return await receive()

        await self._app(scope, replay, send)


class Shed:
    """Answer at most `max_concurrent` chats at once; turn the rest away at once rather than let all of them wait."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app, self._gateway = app, gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != CHAT or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        gateway = self._gateway
        if gateway.in_flight >= gateway.settings.max_concurrent:
            gateway.metrics.shed.inc()
            await Fault(503, "overloaded", "too many requests are being answered; try again", retry_s=1).send(scope, receive, send)
            return
        gateway.in_flight += 1
        gateway.metrics.in_flight.set(gateway.in_flight)
        try:
            await self._app(scope, receive, send)
        finally:
            gateway.in_flight -= 1
            gateway.metrics.in_flight.set(gateway.in_flight)
