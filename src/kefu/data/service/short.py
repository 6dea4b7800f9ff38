"""The short routes of the first design: one dataset at a time, `/init` chooses it, for all workers alike."""

from __future__ import annotations

import io
from typing import Any

from flask import Response, send_file

from kefu.artifacts import write_text
from kefu.data.service import wire
from kefu.data.service.problems import Fault
from kefu.data.service.routes import Call, Route, _within
from kefu.data.service.shelf import Dataset

_CHOSEN = "chosen"
_QUALITY = {"good": 1.0, "fair": 0.5, "bad": 0.0}
_COLUMNS = 2


def init(call: Call) -> wire.Loaded:
    """Choose the dataset by name, name@key, or the path of a built one."""
    found = call.shelf.open(call.body.path) or call.shelf.at(call.body.path)
    if found is None:
        raise Fault(404, "no built dataset of a served project is called that or lies there; GET /v1/datasets lists them")
    write_text(call.runtime / _CHOSEN, found.reference)
    return wire.Loaded(status="loaded", size=len(found.facets))


def _chosen(call: Call) -> Dataset:
    try:
        reference = (call.runtime / _CHOSEN).read_text("utf-8")
    except FileNotFoundError:
        reference = call.shelf.names[0]
    found = call.shelf.open(reference)
    if found is None:
        raise Fault(404, f"{reference} is gone; choose another with POST /init")
    return found


def get_item(call: Call) -> wire.ShortItem:
    found = _chosen(call)
    row = found.facets.row(_within(call.path["index"], found))
    label, at = row.get("label"), row.get("intervention")
    return wire.ShortItem.model_validate(
        {
            "data": {"dialog": row["turns"], "context": row["context"]}, "label": _QUALITY.get(str(label)), "label_name": label,
            "intervention_idx": -1 if at is None else at,
        }
    )  # fmt: skip


def get_context(call: Call) -> dict[str, Any]:
    found = _chosen(call)
    context: dict[str, Any] = found.facets.row(_within(call.path["index"], found))["context"]
    return context


def visualize(call: Call) -> Response:
    """Lengths, quality, take-over points and categories side by side in one PNG."""
    found = _chosen(call)
    pictures = [path for name in found.plots() if name.endswith(".png") and (path := found.open_path(f"plots/{name}"))]
    if not pictures:
        raise Fault(404, f"{found.reference} has no pictures")
    from PIL import Image

    shown = [Image.open(path).convert("RGB") for path in pictures]
    width, height = max(one.width for one in shown), max(one.height for one in shown)
    whole = Image.new("RGB", (width * min(_COLUMNS, len(shown)), height * -(-len(shown) // _COLUMNS)), "white")
    for i, one in enumerate(shown):
        whole.paste(one, (i % _COLUMNS * width, i // _COLUMNS * height))
    buffer = io.BytesIO()
    whole.save(buffer, "PNG")
    buffer.seek(0)
    return send_file(buffer, mimetype="image/png", download_name="data_stats.png")


SHORT = [
    Route("post", "/init", "init", "Choose the dataset of the short routes", init, wire.Loaded, "short", body=wire.InitBody, faults=(404,),
          description="Before the first choice it is the newest dataset of the first project."),
    Route("get", "/get_item/{index}", "get_item", "One item in the short form", get_item, wire.ShortItem, "short", faults=(404,)),
    Route("get", "/get_context/{index}", "get_context", "Context of an item", get_context, wire.Context, "short", faults=(404,)),
    Route("get", "/visualize", "visualize", "All pictures in one", visualize, "image/png", "short", faults=(404,)),
]  # fmt: skip
