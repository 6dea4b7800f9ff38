"""What our Flask applications share: who may ask, bodies that are checked, fixed pages, the headers of every answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Flask, Response, request
from pydantic import BaseModel, ValidationError

from kefu import pages
from kefu.access import Keys, local_name
from kefu.data.service import problems
from kefu.data.service.problems import Fault

MOST_BODY = 64 * 1024
_READ_AWAY = 1 << 20
Model = TypeVar("Model", bound=BaseModel)


def application(name: str, keys: Keys, public: Callable[[str], bool]) -> Flask:
    """An application without routes. public: the paths that need no key."""
    app = Flask(name, static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MOST_BODY, PROPAGATE_EXCEPTIONS=False)
    app.url_map.strict_slashes = True
    app.url_map.merge_slashes = False
    problems.install(app)
    _guard(app, keys, public)
    app.after_request(_dress)
    return app


def _guard(app: Flask, keys: Keys, public: Callable[[str], bool]) -> None:
    """Ask for a key where there are keys; without, answer to this machine's own names alone."""

    @app.before_request
    def _check() -> None:
        if not keys:
            if not local_name(request.headers.get("host", "")):
                raise Fault(403, "without keys this service answers only to localhost; set KEFU_DATA_KEYS to use another name")
            return
        if public(request.path):
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            raise Fault(401, "a key is needed: send it as `Authorization: Bearer …`")
        if not keys.match(given.strip().encode("utf-8", "replace")):
            raise Fault(401, "this key is not known here")


def read_body(model: type[Model]) -> Model:
    """The JSON body of the request, checked. Raises Fault."""
    if request.mimetype != "application/json":
        raise Fault(415, "the body must be JSON, sent as content-type: application/json")
    try:
        return model.model_validate_json(request.get_data(cache=False))
    except ValidationError as error:
        raise problems.invalid(error, "body") from None


def fixed(app: Flask, address: str, content: bytes, kind: str) -> None:
    """A route that always gives the same bytes."""

    def view() -> Response:
        response = Response(content, content_type=kind)
        response.headers["cache-control"] = "no-cache"
        response.add_etag()
        response.make_conditional(request)
        return response

    app.add_url_rule(address, f"static {address}", view, methods=["GET"], provide_automatic_options=False)


def _dress(response: Response) -> Response:
    """Headers of every answer. A body that was refused unread is read away, or gunicorn would end a connection it said it keeps."""
    if response.status_code in (401, 403, 404, 405, 413, 415) and request.content_length:
        request.environ["wsgi.input"].read(_READ_AWAY)
    for name, value in pages.HEADERS.items():
        if name != "cache-control":
            response.headers.setdefault(name, value)
    if response.mimetype == "image/svg+xml":  # labels of the company's own are drawn into it
        response.headers["content-security-policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return response
