"""Routes about the process: alive, ready, measured."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from kefu import __version__
from kefu.serve import wire
from kefu.serve.gateway import Gateway


def routes(gateway: Gateway) -> APIRouter:
    router = APIRouter(tags=["state"])

    @router.get("/healthz", summary="The process is alive", response_model=wire.Alive)
    async def healthz() -> Any:
        return {"status": "ok", "version": __version__}

    @router.get("/readyz", summary="The assistant can answer", response_model=wire.Readiness, responses={503: {"model": wire.Readiness}})
    async def readyz() -> Any:
        """503 while the assistant loads, after it failed to, and while the server drains. An absent records database
        degrades the service (`records.degraded`) but does not stop it.
        """
        await gateway.desk.probe()
        body = {
            "ready": gateway.ready, "assistant": gateway.state, "draining": gateway.draining,
            "records": gateway.desk.degraded(), "in_flight": gateway.in_flight,
        }  # fmt: skip
        return JSONResponse(body, 200 if gateway.ready else 503)

    @router.get(
        "/metrics",
        summary="Prometheus metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def metrics() -> Response:
        records = gateway.desk.degraded()
        gateway.metrics.records_degraded.set(records["degraded"])
        gateway.metrics.records_queued.set(records["queued"])
        gateway.metrics.records_lost.set(records["lost"])
        gateway.metrics.draining.set(gateway.draining)
        gateway.metrics.ready.set(gateway.ready)
        return Response(gateway.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router
