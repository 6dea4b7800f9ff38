"""The operators' routes: list, read, take, reply, give back. Each step is one compare-and-set in the records.

A conversation may be named as the inbox shows it or by the customer's own identifier.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from kefu.serve import wire
from kefu.serve.faults import Fault
from kefu.serve.gateway import Gateway
from kefu.serve.routes import ConversationId, errors


def routes(gateway: Gateway) -> APIRouter:
    router = APIRouter(prefix="/v1/operator", tags=["operators"])
    desk, records = gateway.desk, gateway.desk.records

    @router.get("/conversations", summary="Who waits for a person, or has one", response_model=wire.Inbox, responses=errors())
    async def inbox() -> Any:
        await desk.settled()
        return {"conversations": [entry.as_dict() for entry in await desk.call(records.inbox)]}

    @router.get("/conversations/{conversation_id}", summary="One conversation", response_model=wire.OperatorView, responses=errors())
    async def read(conversation_id: ConversationId, after: Annotated[int, Query(ge=0, le=2**53)] = 0) -> Any:
        await desk.settled()
        return await _view(desk.name(conversation_id), after)

    @router.post(
        "/conversations/{conversation_id}/take", summary="Take a waiting conversation", response_model=wire.OperatorView, responses=errors(409)
    )
    async def take(conversation_id: ConversationId, body: wire.OperatorName) -> Any:
        """409 when it is not waiting: another operator was first, or the customer went back to the assistant."""
        name = desk.name(conversation_id)
        await _step(name, "take", await desk.call(records.take, name, body.operator), "it is not waiting any more")
        return await _view(name, 0)

    @router.post(
        "/conversations/{conversation_id}/reply", summary="Write to the customer", response_model=wire.TranscriptMessage, responses=errors(409)
    )
    async def reply(conversation_id: ConversationId, body: wire.OperatorReply) -> Any:
        """409 when the conversation is not in this operator's hands."""
        name = desk.name(conversation_id)
        message = await desk.say(name, body.operator, body.text)
        if message is None:
            await _step(name, "", False, "it is not in your hands")
            return None
        return message.as_dict()

    @router.post(
        "/conversations/{conversation_id}/release", summary="Give it back to the assistant", response_model=wire.OperatorView, responses=errors(409)
    )
    async def release(conversation_id: ConversationId, body: wire.GiveBack) -> Any:
        name = desk.name(conversation_id)
        moved = await desk.call(records.release, name, body.operator, only_owner=not body.force)
        await _step(name, "release", moved, "it is not in your hands")
        return await _view(name, 0)

    async def _step(conversation_id: str, step: str, moved: bool, why: str) -> None:
        if moved:
            gateway.metrics.handoffs.labels(step).inc()
            return
        owner = await desk.call(records.owner, conversation_id)
        if owner is None:
            raise Fault(404, "conversation_not_found", "there is no such conversation", param="conversation_id")
        raise Fault(409, "conflict", f"{why} (state {owner.state}{', held by ' + owner.operator if owner.operator else ''})")

    async def _view(conversation_id: str, after: int) -> dict[str, Any]:
        owner = await desk.call(records.owner, conversation_id)
        if owner is None:
            raise Fault(404, "conversation_not_found", "there is no such conversation", param="conversation_id")
        said = await desk.call(records.transcript, conversation_id, after)
        return {
            "conversation_id": conversation_id, "state": owner.state, "operator": owner.operator, "reason": owner.reason,
            "language": owner.language, "notice": "", "messages": [message.as_dict() for message in said],
        }  # fmt: skip

    return router
