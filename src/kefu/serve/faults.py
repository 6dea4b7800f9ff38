"""Errors over HTTP, all in the one form that OpenAI's clients read: `{"error": {message, type, param, code}}`."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kefu.errors import EngineError, InputError, KefuError, StorageError

_TYPE = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 409: "conflict_error", 429: "rate_limit_error"}
#: Parameters of the protocol that kefu refuses, and why. Refused, because ignoring them would change what the caller gets.
REFUSED = {
    "n": "kefu gives one answer to each request; ask n times for n answers",
    "tools": "tools are not offered; answers come from the company's knowledge",
    "functions": "tools are not offered; answers come from the company's knowledge",
    "tool_choice": "tools are not offered; answers come from the company's knowledge",
    "function_call": "tools are not offered; answers come from the company's knowledge",
    "response_format": "answers are plain text",
    "logprobs": "log probabilities are not given; see `kefu.confidence`",
    "modalities": "answers are plain text",
    "stop": "a stop sequence would cut approved answers short",
}


class Fault(Exception):
    """An HTTP answer that is an error. `retry_s`: seconds to wait, sent as Retry-After."""

    def __init__(self, status: int, code: str, message: str, *, param: str | None = None, retry_s: float | None = None) -> None:
        self.status, self.code, self.message, self.param, self.retry_s = status, code, message, param, retry_s
        super().__init__(message)

    def body(self) -> dict[str, Any]:
        kind = _TYPE.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> Response:
        headers = {} if self.retry_s is None else {"retry-after": str(max(1, round(self.retry_s + 0.499)))}
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        if self.status in (408, 413):  # the body was not read to its end, so the connection cannot serve another request
            headers["connection"] = "close"
        return Response(orjson.dumps(self.body()), self.status, headers, "application/json")

    async def send(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.response()(scope, receive, send)


def of(error: Exception) -> Fault:
    """The HTTP form of any error. A defect of kefu shows no detail: its message could hold a customer's words."""
    if isinstance(error, Fault):
        return error
    if isinstance(error, TimeoutError):
        return Fault(504, "timeout", "the answer took too long; try again", retry_s=1)
    if isinstance(error, StorageError):
        return Fault(503, "records_unavailable", "the records database does not answer; try again", retry_s=2)
    if isinstance(error, EngineError):
        return Fault(503, "engine_unavailable", "the model does not answer; try again", retry_s=2)
    if isinstance(error, InputError):
        return Fault(400, "invalid_input", error.line())
    if isinstance(error, KefuError):
        return Fault(503, "unavailable", "the assistant cannot answer now", retry_s=5)
    return Fault(500, "internal_error", "kefu failed to answer; the log names the place")


def install(app: FastAPI) -> None:
    """Make every error of the framework and of ours leave in this form."""

    @app.exception_handler(Fault)
    async def fault(request: Request, error: Fault) -> Response:
        return error.response()

    @app.exception_handler(KefuError)
    async def known(request: Request, error: KefuError) -> Response:
        return of(error).response()

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        message = {404: f"there is no {request.method} {_shown(request)}; see /docs", 405: f"{request.method} is not served here; see /docs"}
        code = {404: "not_found", 405: "method_not_allowed", 400: "invalid_body"}.get(error.status_code, "http_error")
        what = _unread(error) if error.status_code == 400 else ""
        response = Fault(error.status_code, code, what or message.get(error.status_code, str(error.detail))).response()
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        kind = request.headers.get("content-type", "")
        return _invalid(error, kind).response()


def _unread(error: HTTPException) -> str:
    """Why a body could not be read as JSON; the framework keeps the cause and does not say it."""
    if isinstance(error.__cause__, UnicodeError):
        return "the body is not JSON in UTF-8"
    if isinstance(error.__cause__, RecursionError):
        return "the body is nested too deeply"
    return ""


def _invalid(error: RequestValidationError, kind: str = "") -> Fault:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"] if part != "body"]
    if first["type"] == "json_invalid":
        return Fault(400, "invalid_json", f"the body is not JSON: {first.get('ctx', {}).get('error', 'broken')}")
    name = ".".join(place) or None
    if place and place[0] in REFUSED and first["type"] not in ("extra_forbidden",):
        return Fault(400, "unsupported_value", f"{place[0]}: {REFUSED[place[0]]}", param=place[0])
    if first["type"] == "extra_forbidden":
        return Fault(400, "unknown_parameter", f"unknown parameter {place[-1]!r}; /docs lists those that are read", param=name)
    if len(place) > 2 and place[0] == "messages" and place[2] == "content":
        name = ".".join(place[:3])
        if half := next((str(one["msg"]) for one in error.errors() if "surrogate" in str(one["msg"])), ""):
            return Fault(400, "invalid_value", f"{name}: {half.removeprefix('Value error, ')}", param=name)
        return Fault(400, "invalid_value", f"{name}: must be text, or a list of parts of type text; pictures and sound are not read", param=name)
    what = str(first["msg"]).removeprefix("Value error, ")
    if not place:
        what = _no_object(first.get("input"), kind)
    more = len(error.errors()) - 1
    return Fault(400, "invalid_value", f"{name or 'body'}: {what}" + (f" (and {more} more)" if more else ""), param=name)


def _no_object(given: Any, kind: str) -> str:
    media = kind.partition(";")[0].strip().lower()
    if media != "application/json" and not media.endswith("+json"):
        return f"the content-type is {media[:60] or 'missing'}; send a JSON object with content-type application/json"
    if given is None:
        return "is empty or null; send a JSON object"
    name = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}.get(type(given), "no object")
    return f"is {name}; send a JSON object"


def _shown(request: Request) -> str:
    path = request.url.path
    return path if len(path) <= 80 else path[:80] + "…"
