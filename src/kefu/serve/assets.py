"""The pages: plain files of the package, read once. No build step, nothing from another host."""

from __future__ import annotations

import asyncio
import hashlib
from importlib import resources
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import JSONResponse, Response

from kefu import __version__
from kefu.serve.gateway import Gateway

_TYPES = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="#0f766e"/><path d='
    b'"M8 12.5A4.5 4.5 0 0 1 12.5 8h7a4.5 4.5 0 0 1 4.5 4.5v3A4.5 4.5 0 0 1 19.5 20H15l-4.4 3.700c-.4.3-1 .1-1-.5V19.200A4.5 4'
    b'.5 0 0 1 8 15.800Z" fill="#fff"/><circle cx="13" cy="14" r="1.5" fill="#0f766e"/><circle cx="19" cy="14" r="1.5" fill="#'
    b'0f766e"/></svg>'
)
_PAGES = {"/": "chat.html", "/operator": "operator.html", "/docs": "docs.html"}
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


def routes(gateway: Gateway) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    files = {entry.name: entry.read_bytes() for entry in resources.files("kefu.serve").joinpath("pages").iterdir() if entry.is_file()}
    for path, name in _PAGES.items():
        router.add_api_route(path, _page(files[name], name), methods=["GET", "HEAD"])
    for name in sorted(set(files) - set(_PAGES.values())):
        router.add_api_route(f"/pages/{name}", _page(files[name], name), methods=["GET", "HEAD"])
    for path in ("/pages/icon.svg", "/favicon.ico"):
        router.add_api_route(path, _page(_ICON, "icon.svg"), methods=["GET", "HEAD"])

    @router.get("/pages.json")
    async def facts() -> Response:
        """What the pages need to know before the first question."""
        info, access = gateway.info, gateway.access
        body = {
            "title": info.title, "model": info.model, "version": __version__, "greeting": info.greeting, "suggestions": info.suggestions,
            "details": gateway.settings.page_details,
            "key_needed": bool(access.customers), "operator_key_needed": bool(access.operators or access.customers),
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


def _page(content: bytes, name: str) -> Any:
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    kind = _TYPES[name.rpartition(".")[2]]

    async def serve(request: Request) -> Response:
        headers = {**_HEADERS, "etag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=kind)

    return serve
