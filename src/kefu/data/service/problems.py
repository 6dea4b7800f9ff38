"""Every fault as JSON in one form (RFC 9457), whoever noticed it: a route, Flask, or gunicorn before Flask saw the request."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus

from flask import Flask, Response, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from kefu.errors import KefuError

MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger("kefu.data.service")


class Fault(Exception):
    """A request that cannot be answered; `status` is 4xx."""

    def __init__(self, status: int, detail: str, faults: list[str] | None = None) -> None:
        self.status, self.detail, self.faults = status, detail, faults or []
        super().__init__(detail)


def body(status: int, detail: str = "", faults: list[str] | None = None) -> bytes:
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, "faults": faults or []}
    return json.dumps(document, ensure_ascii=False).encode()


def answer(status: int, detail: str = "", faults: list[str] | None = None, headers: dict[str, str] | None = None) -> Response:
    return Response(body(status, detail, faults), status, {**(headers or {}), "cache-control": "no-store"}, content_type=MEDIA_TYPE)


def invalid(error: ValidationError, where: str) -> Fault:
    """The faults of a query or body in words, without the values that were given."""
    faults = [f"{'.'.join(str(part) for part in fault['loc']) or where}: {fault['msg']}" for fault in error.errors(include_input=False)]
    return Fault(400, f"the {where} is not as documented", faults)


def install(app: Flask) -> None:
    @app.errorhandler(Fault)
    def _fault(error: Fault) -> Response:
        headers = {"www-authenticate": "Bearer"} if error.status == 401 else {}
        return answer(error.status, error.detail, error.faults, headers)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        status = error.code or 500
        if status < 400:  # a redirect to the same path without a slash and the like: there is none of it here
            status = 404
        allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or []))
        return answer(status, _WORDS.get(status, error.description or ""), headers={"allow": allowed} if allowed else None)

    @app.errorhandler(KefuError)
    def _ours(error: KefuError) -> Response:
        return answer(400, error.line())

    @app.errorhandler(Exception)
    def _defect(error: Exception) -> Response:
        # The rule, not the query: what somebody searched for may be personal.
        _log.error("%s %s failed: %s", request.method, request.url_rule or "", type(error).__name__, exc_info=error)
        return answer(500, "a defect of this service; its log says more")


_WORDS: dict[int, str] = {
    404: "there is nothing at this address; /docs lists what there is",
    405: "this address does not take that method",
    413: "the body is too large",
}
