"""The OpenAPI 3.1 document, written from the routes and their models."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from kefu import __version__
from kefu.data.service import wire
from kefu.data.service.problems import MEDIA_TYPE
from kefu.data.service.routes import JSON, Route, phrase
from kefu.data.service.shelf import REFERENCE

_TEXT = (
    "Built datasets, read-only: items with their quality label and the turn at which a person should take over, "
    "contexts, statistics, pictures and the training files."
)
_PATH: dict[str, dict[str, Any]] = {
    "dataset": {"schema": {"type": "string", "pattern": REFERENCE}, "description": "name, or name@key for one dataset for good"},
    "index": {"schema": {"type": "integer", "minimum": 0}, "description": "number of the item, from 0", "example": 0},
    "file": {"schema": {"type": "string", "minLength": 1}, "description": "a name from the list"},
}
#: Other media types that a file may have.
_ALSO = {"plot": ("image/svg+xml",), "file": (JSON, "text/markdown", "application/octet-stream")}
_EXAMPLE_FILE = {"plot": "lengths.png", "file": "messages.train.jsonl"}


def document(routes: list[Route], names: list[str], keys: bool) -> dict[str, Any]:
    """names: served projects, for the examples. keys: whether a key is asked for."""
    models: set[type[BaseModel]] = {wire.Problem}
    for route in routes:
        models |= {model for model in (route.gives, route.body) if isinstance(model, type)}
    pairs, definitions = models_json_schema(
        [(model, "serialization") for model in sorted(models, key=str)], ref_template="#/components/schemas/{model}"
    )
    references = {model: pairs[model, "serialization"] for model in models}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.address, {})[route.method] = _operation(route, references, names, keys)
    components: dict[str, Any] = {"schemas": definitions["$defs"]}
    if keys:
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "kefu data", "version": __version__, "description": _TEXT},
        "paths": paths,
        "components": components,
    }


def _operation(route: Route, references: dict[type[BaseModel], Any], names: list[str], keys: bool) -> dict[str, Any]:
    parameters = []
    for part in [piece[1:-1] for piece in route.address.split("/") if piece.startswith("{")]:
        example = {"dataset": names[0], "file": _EXAMPLE_FILE.get(route.name)}.get(part)
        parameters.append({"name": part, "in": "path", "required": True, **_PATH[part], **({"example": example} if example else {})})
    for name, schema in route.takes.model_json_schema().get("properties", {}).items():
        described = schema.pop("description", "")
        schema = next((dict(one) for one in schema.get("anyOf", []) if one.get("type") != "null"), {k: v for k, v in schema.items() if k != "title"})
        parameters.append({"name": name, "in": "query", "schema": schema, **({"description": described} if described else {})})
    gives = (
        {route.gives: {"schema": {"type": "object"} if route.gives == JSON else {}}}
        if isinstance(route.gives, str)
        else {JSON: {"schema": references[route.gives]}}
    )
    gives |= {kind: {"schema": {}} for kind in _ALSO.get(route.name, ())}
    faults = {400, 403, 414, 431, 500, *route.faults} | ({413, 415} if route.body else set()) | ({401} if keys and not route.open else set())
    answers: dict[str, Any] = {"200": {"description": phrase(200), "content": gives}}
    if route.name == "file":
        answers["206"] = {"description": phrase(206), "content": gives}
    if route.method == "get":
        answers["304"] = {"description": phrase(304)}
    answers |= {str(s): {"description": phrase(s), "content": {MEDIA_TYPE: {"schema": references[wire.Problem]}}} for s in sorted(faults)}
    operation: dict[str, Any] = {
        "operationId": route.name, "summary": route.summary, "tags": [route.group], "parameters": parameters, "responses": answers,
    }  # fmt: skip
    if route.description:
        operation["description"] = route.description
    if route.body:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": references[route.body]}}}
    if keys and not route.open:
        operation["security"] = [{"key": []}]
    return operation
