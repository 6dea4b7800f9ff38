"""The pages: plain files of the package, read once. No build step, nothing from another host."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import JSONResponse, Response

from kefu import __version__, pages
from kefu.serve.gateway import Gateway

_PAGES = {"/favicon.ico": "icon.svg", "/": "chat.html", "/operator": "operator.html", "/docs": "docs.html"}

#: Bodies to try on the documentation page.
_EXAMPLES: dict[str, Any] = {
    "/v1/ratings": {"reply_id": "chatcmpl-…", "score": 5},
    "/v1/conversations/{conversation_id}/handoff": {"language": "zh"},
    "/v1/operator/conversations/{conversation_id}/take": {"operator": "Li"},
    "/v1/operator/conversations/{conversation_id}/reply": {"operator": "Li", "text": "…"},
    "/v1/operator/conversations/{conversation_id}/release": {"operator": "Li"},
}


def _chat(model: str) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "怎么申请退款？"}], "stream": False}


def routes(gateway: Gateway) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    files = pages.files("kefu.serve")
    for path, name in _PAGES.items():
        router.add_api_route(path, _page(files[name]), methods=["GET", "HEAD"])
    for name in sorted(set(files) - (set(_PAGES.values()) - {"icon.svg"})):
        router.add_api_route(f"/pages/{name}", _page(files[name]), methods=["GET", "HEAD"])

    @router.get("/pages.json")
    async def facts() -> Response:
        """What the pages need to know before the first question."""
        info, access = gateway.info, gateway.access
        body = {
            "title": info.title, "model": info.model, "version": __version__, "greeting": info.greeting, "suggestions": info.suggestions,
            "details": gateway.settings.page_details,
            "key_needed": bool(access.customers), "operator_key_needed": bool(access.operators or access.customers),
            "examples": {**_EXAMPLES, "/v1/chat/completions": _chat(info.model)},
            "keys": [["/v1/operator", bool(access.operators or access.customers)], ["/v1/", bool(access.customers)]],
        }  # fmt: skip
        return JSONResponse(body, headers={"cache-control": "no-cache"})

    return router


def documents(app: FastAPI) -> APIRouter:
    """`/openapi.json`, made on the first request and in a thread, because it takes a fifth of a second."""
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    async def openapi() -> Response:
        return JSONResponse(await asyncio.to_thread(app.openapi))

    return router


def _page(file: pages.File) -> Any:
    async def serve(request: Request) -> Response:
        headers = {**pages.HEADERS, "etag": file.tag}
        if request.headers.get("if-none-match") == file.tag:
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers=headers, media_type=file.kind)

    return serve
