"""The Flask application: who may ask, what was asked, how the answer may be kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from pydantic import BaseModel, ValidationError

from kefu import pages
from kefu.access import Keys
from kefu.data.service import openapi, problems, web
from kefu.data.service.problems import Fault
from kefu.data.service.routes import Call, Route, every
from kefu.data.service.shelf import Shelf

_FOR_GOOD = "private, max-age=31536000, immutable"
_ASK_AGAIN = "private, no-cache"


def create_app(shelf: Shelf, runtime: Path, keys: Keys | None = None) -> Flask:
    """runtime: a folder that all workers of this service share. keys: who may ask; none: only this machine by its own names."""
    keys = keys or Keys()
    app = web.application("kefu.data.service", keys, lambda path: path == "/healthz" or _public(path))
    routes = every()
    for route in routes:
        _add(app, route, shelf, runtime)
    document = json.dumps(openapi.document(routes, shelf.names, bool(keys)), ensure_ascii=False).encode()
    facts = {
        "keys": [["/healthz", False], ["/", bool(keys)]],
        "examples": {"/v1/datasets": _example(shelf), "/init": {"path": shelf.names[0]}},
    }
    web.fixed(app, "/openapi.json", document, "application/json")
    web.fixed(app, "/pages.json", json.dumps(facts).encode(), "application/json")
    files = pages.files()
    web.fixed(app, "/docs", files["docs.html"].content, files["docs.html"].kind)
    web.fixed(app, "/favicon.ico", files["icon.svg"].content, files["icon.svg"].kind)
    for name in ("base.css", "docs.css", "docs.js", "dom.js", "icon.svg"):
        web.fixed(app, f"/pages/{name}", files[name].content, files[name].kind)
    return app


def _public(path: str) -> bool:
    return path in ("/docs", "/openapi.json", "/pages.json", "/favicon.ico") or path.startswith("/pages/")


def _example(shelf: Shelf) -> dict[str, str]:
    first = shelf.built()[0]
    return {"name": first["name"], "key": first["key"]}


def _add(app: Flask, route: Route, shelf: Shelf, runtime: Path) -> None:
    def view(**path: Any) -> Response:
        call = Call(shelf, runtime, path, _query(route))
        if route.body:
            call.body = web.read_body(route.body)
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
