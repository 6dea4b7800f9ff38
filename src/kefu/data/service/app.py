"""The Flask application: who may ask, what was asked, how the answer may be kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from pydantic import BaseModel, ValidationError

from kefu import pages
from kefu.access import Keys, local_name
from kefu.data.service import openapi, problems
from kefu.data.service.problems import Fault
from kefu.data.service.routes import Call, Route, every
from kefu.data.service.shelf import Shelf

MOST_BODY = 64 * 1024
_READ_AWAY = 1 << 20
_FOR_GOOD = "private, max-age=31536000, immutable"
_ASK_AGAIN = "private, no-cache"


def create_app(shelf: Shelf, runtime: Path, keys: Keys | None = None) -> Flask:
    """runtime: a folder that all workers of this service share. keys: who may ask; none: only this machine by its own names."""
    keys = keys or Keys()
    app = Flask("kefu.data.service", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MOST_BODY, PROPAGATE_EXCEPTIONS=False)
    app.url_map.strict_slashes = True
    app.url_map.merge_slashes = False
    problems.install(app)
    guard(app, keys, lambda path: path == "/healthz" or _public(path))
    routes = every()
    for route in routes:
        _add(app, route, shelf, runtime)
    document = json.dumps(openapi.document(routes, shelf.names, bool(keys)), ensure_ascii=False).encode()
    facts = {
        "keys": [["/healthz", False], ["/", bool(keys)]],
        "examples": {"/v1/datasets": _example(shelf), "/init": {"path": shelf.names[0]}},
    }
    _static(app, "/openapi.json", document, "application/json")
    _static(app, "/pages.json", json.dumps(facts).encode(), "application/json")
    files = pages.files()
    _static(app, "/docs", files["docs.html"].content, files["docs.html"].kind)
    _static(app, "/favicon.ico", files["icon.svg"].content, files["icon.svg"].kind)
    for name in ("base.css", "docs.css", "docs.js", "dom.js", "icon.svg"):
        _static(app, f"/pages/{name}", files[name].content, files[name].kind)
    app.after_request(dress)
    return app


def guard(app: Flask, keys: Keys, public: Any) -> None:
    """Ask for a key where there are keys; without, answer to this machine's own names alone. public: paths that need no key."""

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


def read_body(model: type[BaseModel]) -> BaseModel:
    """The JSON body of the request, checked. Raises Fault."""
    if request.mimetype != "application/json":
        raise Fault(415, "the body must be JSON, sent as content-type: application/json")
    try:
        return model.model_validate_json(request.get_data(cache=False))
    except ValidationError as error:
        raise problems.invalid(error, "body") from None


def _public(path: str) -> bool:
    return path in ("/docs", "/openapi.json", "/pages.json", "/favicon.ico") or path.startswith("/pages/")


def _example(shelf: Shelf) -> dict[str, str]:
    first = shelf.built()[0]
    return {"name": first["name"], "key": first["key"]}


def _add(app: Flask, route: Route, shelf: Shelf, runtime: Path) -> None:
    def view(**path: Any) -> Response:
        call = Call(shelf, runtime, path, _query(route))
        if route.body:
            call.body = read_body(route.body)
        given = route.handler(call)
        if not isinstance(given, Response):
            document = (
                given.model_dump_json(by_alias=True, exclude_unset=True) if isinstance(given, BaseModel) else json.dumps(given, ensure_ascii=False)
            )
            given = Response(document, content_type="application/json")
        if request.method in ("GET", "HEAD"):
            given.headers["cache-control"] = _FOR_GOOD if "@" in path.get("dataset", "") else _ASK_AGAIN
            if not given.is_streamed:
                given.add_etag()
                given.make_conditional(request)
        return given

    rule = route.address.replace("{index}", "<int:index>").replace("{dataset}", "<dataset>").replace("{file}", "<path:file>")
    app.add_url_rule(rule, route.name, view, methods=[route.method.upper()], provide_automatic_options=False)


def _query(route: Route) -> Any:
    given: dict[str, Any] = {}
    for name, values in request.args.lists():
        if len(values) > 1:
            raise Fault(400, "the query is not as documented", [f"{name}: given {len(values)} times"])
        given[name] = values[0]
    try:
        return route.takes.model_validate(given)
    except ValidationError as error:
        raise problems.invalid(error, "query") from None


def _static(app: Flask, address: str, content: bytes, kind: str) -> None:
    def view() -> Response:
        response = Response(content, content_type=kind)
        response.headers["cache-control"] = "no-cache"
        response.add_etag()
        response.make_conditional(request)
        return response

    app.add_url_rule(address, f"static {address}", view, methods=["GET"], provide_automatic_options=False)


def dress(response: Response) -> Response:
    """Headers of every answer. A body that was refused unread is read away, or gunicorn would end a connection it said it keeps."""
    if response.status_code in (401, 403, 404, 405, 413, 415) and request.content_length:
        request.environ["wsgi.input"].read(_READ_AWAY)
    for name, value in pages.HEADERS.items():
        if name != "cache-control":
            response.headers.setdefault(name, value)
    if response.mimetype == "image/svg+xml":  # labels of the company's own are drawn into it
        response.headers["content-security-policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return response
