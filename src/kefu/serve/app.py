"""`create_app`: the pieces put together, the middleware in one explicit list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from kefu import __version__
from kefu.project.schema import Serve
from kefu.records import Records
from kefu.serve import assets, faults, keys, logs, operators, routes, state
from kefu.serve.answering import Factory
from kefu.serve.desk import Desk
from kefu.serve.gateway import Gateway
from kefu.serve.info import Info
from kefu.serve.keys import Access
from kefu.serve.middleware import Authenticate, Body, Observe, RateLimit, Shed

_ABOUT = """Customer service over HTTP. `/v1/chat/completions` and `/v1/models` are as OpenAI's clients expect them;
each answer says in `kefu` where it came from."""


def create_app(
    factory: Factory,
    settings: Serve | None = None,
    records: Records | None = None,
    info: Info | None = None,
    *,
    access: Access | None = None,
    log: Any = None,
) -> FastAPI:
    """The ASGI app.

    factory: makes the assistant (called in a thread at start; may return an awaitable). records: closed with the app;
    without one, records live in memory. access: the keys; read from the environment and settings.keys_file when omitted.
    Raises ConfigError when the host can be reached from outside and no key is set. The `Gateway` stands in `app.state.gateway`.
    """
    settings = settings or Serve()
    access = keys.load(settings) if access is None else access
    gateway = Gateway(factory, settings, Desk(records or Records("sqlite://")), info or Info(), access, log or logs.make())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        gateway.open()
        yield
        await gateway.close()

    middleware = [Middleware(Observe, gateway=gateway)]
    if settings.allow_origins:
        exposed = ["x-conversation-id", "x-request-id", "retry-after"]
        middleware.append(
            Middleware(CORSMiddleware, allow_origins=settings.allow_origins, allow_methods=["*"], allow_headers=["*"], expose_headers=exposed)
        )
    middleware += [
        Middleware(Authenticate, gateway=gateway),
        Middleware(RateLimit, gateway=gateway),
        Middleware(Body, gateway=gateway),
        Middleware(Shed, gateway=gateway),
    ]
    app = FastAPI(
        title=f"{gateway.info.title} · kefu", version=__version__, description=_ABOUT, lifespan=lifespan, middleware=middleware,
        docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.state.gateway = gateway
    faults.install(app)
    for room in (routes, operators, state, assets):
        app.include_router(room.routes(gateway))
    app.openapi = lambda: _schema(app)  # type: ignore[method-assign]
    app.include_router(assets.documents(app))
    return app


def _schema(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the one error form in place of the framework's own 422."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for path, operations in schema["paths"].items():
            for operation in operations.values():
                operation["responses"].pop("422", None)
                if path.startswith("/v1/"):
                    operation["security"] = [{"key": []}]
        parts = schema.setdefault("components", {})
        for name in ("HTTPValidationError", "ValidationError"):
            parts.get("schemas", {}).pop(name, None)
        parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        app.openapi_schema = schema
    return app.openapi_schema
