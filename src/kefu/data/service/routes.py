"""Every route once: its address, what it takes, what it gives, and the function that does it. OpenAPI is made from this list."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Response, send_file
from pydantic import BaseModel

from kefu import __version__
from kefu.data.service import wire
from kefu.data.service.problems import Fault
from kefu.data.service.shelf import Dataset, Shelf

JSON = "application/json"
#: Asked for of a dataset that may hold none; of other words a typing error is likelier.
_USUAL = {"kind": ("faq", "dialogue", "instruction"), "label": ("good", "fair", "bad", "unsure")}


@dataclass
class Call:
    """One request: the shelf, the parts of the path, the checked query and body. runtime: a folder that the workers share."""

    shelf: Shelf
    runtime: Path
    path: dict[str, Any]
    query: Any = None
    body: Any = None

    def dataset(self) -> Dataset:
        found = self.shelf.open(self.path["dataset"])
        if found is None:
            raise Fault(404, f"there is no dataset {self.path['dataset']}; GET /v1/datasets lists those that can be opened")
        return found


Handler = Callable[[Call], Any]


@dataclass(frozen=True)
class Route:
    """address: OpenAPI form. gives: the model of a 200, or a media type. faults: statuses beside those that every route may give."""

    method: str
    address: str
    name: str
    summary: str
    handler: Handler
    gives: type[BaseModel] | str
    group: str = "items"
    takes: type[wire.Wire] = wire.Nothing
    body: type[wire.Wire] | None = None
    description: str = ""
    faults: tuple[int, ...] = ()
    open: bool = field(default=False)


def health(call: Call) -> wire.Health:
    return wire.Health(status="ok", version=__version__, datasets=call.shelf.names)


def datasets(call: Call) -> wire.Datasets:
    return wire.Datasets.model_validate({"datasets": call.shelf.built()})


def load(call: Call) -> wire.Described:
    reference = f"{call.body.name}@{call.body.key}"
    call.path["dataset"] = reference
    return describe(call)


def describe(call: Call) -> wire.Described:
    found = call.dataset()
    return wire.Described.model_validate(
        {
            "dataset": found.reference, "name": found.name, "key": found.key, "size": len(found.facets), "filters": _filters(found),
            "schema": wire.Conversation.model_json_schema(), "stats": found.document("stats.json"),
            "card": found.artifact.file("card.md").read_text("utf-8"),
        }
    )  # fmt: skip


def _filters(found: Dataset) -> dict[str, list[str]]:
    return {name: sorted(word for word in words if word) for name, words in found.facets.words.items()}


def items(call: Call) -> wire.Items:
    found, query = call.dataset(), call.query
    for name, usual in _USUAL.items():
        given, there = getattr(query, name), _filters(found)[name]
        if given is not None and given not in (*there, *usual):
            raise Fault(400, "the query is not as documented", [f"{name}: {given!r} is none of {', '.join(dict.fromkeys((*there, *usual)))}"])
    matched = found.facets.find(
        text=query.text.strip(), intervened=None if query.intervened is None else query.intervened in ("yes", "true"),
        split=query.split, kind=query.kind, language=query.language, category=query.category, label=query.label,
    )  # fmt: skip
    page = matched[query.offset : query.offset + query.limit]
    return wire.Items(dataset=found.reference, total=len(matched), offset=query.offset, limit=query.limit, items=[_item(found, int(i)) for i in page])


def item(call: Call) -> wire.Item:
    found = call.dataset()
    return _item(found, _within(call.path["index"], found))


def context(call: Call) -> wire.ContextOf:
    found = call.dataset()
    index = _within(call.path["index"], found)
    return wire.ContextOf.model_validate({"index": index, "context": found.facets.row(index)["context"]})


def _within(index: int, found: Dataset) -> int:
    if index >= len(found.facets):
        raise Fault(404, f"there is no item {index}: {found.reference} has {len(found.facets)}, counted from 0")
    return index


def _item(found: Dataset, index: int) -> wire.Item:
    row = found.facets.row(index)
    split = row.pop("split", "")
    return wire.Item.model_validate(
        {"index": index, "item": row, "label": row.get("label"), "human_intervention_idx": row.get("intervention"), "split": split}
    )


def stats(call: Call) -> dict[str, Any]:
    return call.dataset().document("stats.json")


def ledger(call: Call) -> dict[str, Any]:
    return call.dataset().document("ledger.json")


def schema(call: Call) -> dict[str, Any]:
    call.dataset()
    return wire.Conversation.model_json_schema()


def plots(call: Call) -> wire.Plots:
    found = call.dataset()
    return wire.Plots(dataset=found.reference, plots=found.plots())


def plot(call: Call) -> Response:
    return _send(call, f"plots/{call.path['file']}")


def files(call: Call) -> wire.Files:
    found = call.dataset()
    return wire.Files.model_validate({"dataset": found.reference, "files": [{"name": name, **entry} for name, entry in found.files().items()]})


def file(call: Call) -> Response:
    return _send(call, call.path["file"])


def _send(call: Call, name: str) -> Response:
    """A file of the artefact as it lies on the disk, with the sha256 it had when it was published."""
    found = call.dataset()
    path = found.open_path(name) if "/" not in call.path["file"] else None
    if path is None:
        raise Fault(404, f"{found.reference} has no such file; its list is one address up")
    digest = found.artifact.manifest["files"][name]["sha256"]
    kind = {".jsonl": "application/jsonl", ".json": JSON, ".md": "text/markdown; charset=utf-8", ".png": "image/png", ".svg": "image/svg+xml"}
    response = send_file(path, mimetype=kind.get(path.suffix, "application/octet-stream"), conditional=True, etag=digest, max_age=None)
    response.headers["x-content-sha256"] = digest
    response.headers["repr-digest"] = f"sha-256=:{base64.b64encode(bytes.fromhex(digest)).decode()}:"
    return response


_DATASET = "/v1/datasets/{dataset}"
ROUTES = [
    Route("get", "/v1/datasets", "datasets", "Datasets that can be opened", datasets, wire.Datasets, "datasets",
          description="Every built dataset of the served projects, newest first."),
    Route("post", "/v1/datasets", "load", "Open a built dataset by its key", load, wire.Described, "datasets", body=wire.LoadBody, faults=(404,),
          description="Datasets also open by themselves when they are asked for as name@key; this says whether it can be done."),
    Route("get", _DATASET, "describe", "A dataset at a glance", describe, wire.Described, "datasets", faults=(404,),
          description="Schema, statistics, card, and the values that filters can have. `name` is the one built last, `name@key` that one for good."),
    Route("get", f"{_DATASET}/items", "items", "Items, page by page", items, wire.Items, takes=wire.ItemsQuery, faults=(404,),
          description="In the order of the file, which never changes for one key."),
    Route("get", f"{_DATASET}/items/{{index}}", "item", "One item with its label and take-over turn", item, wire.Item, faults=(404,)),
    Route("get", f"{_DATASET}/items/{{index}}/context", "context", "Customer facts, tools, pictures and scripts of an item", context,
          wire.ContextOf, faults=(404,)),
    Route("get", f"{_DATASET}/schema", "schema", "JSON Schema of an item", schema, JSON, "datasets", faults=(404,)),
    Route("get", f"{_DATASET}/stats", "stats", "Counts and lengths", stats, JSON, "datasets", faults=(404,)),
    Route("get", f"{_DATASET}/ledger", "ledger", "Where every row went", ledger, JSON, "datasets", faults=(404,)),
    Route("get", f"{_DATASET}/plots", "plots", "Pictures there are", plots, wire.Plots, "files", faults=(404,)),
    Route("get", f"{_DATASET}/plots/{{file}}", "plot", "A picture", plot, "image/png", "files", faults=(404,)),
    Route("get", f"{_DATASET}/files", "files", "Files there are, with size and sha256", files, wire.Files, "files", faults=(404,)),
    Route("get", f"{_DATASET}/files/{{file}}", "file", "A file, streamed", file, "application/jsonl", "files", faults=(404, 416),
          description="Byte for byte as on the disk; x-content-sha256 and repr-digest (RFC 9530) say what it must hash to. Ranges are served."),
    Route("get", "/healthz", "health", "Whether the service answers", health, wire.Health, "service", open=True),
]  # fmt: skip


def every() -> list[Route]:
    from kefu.data.service.short import SHORT

    return [*ROUTES, *SHORT]


def phrase(status: int) -> str:
    return HTTPStatus(status).phrase
