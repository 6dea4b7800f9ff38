"""The routes of customers and programs: chat, models, ratings, hand-off."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request

from kefu.records import Ownership, Rating
from kefu.serve import wire
from kefu.serve.chat import Call, ChatResponse
from kefu.serve.faults import Fault
from kefu.serve.gateway import Gateway
from kefu.serve.middleware import CHAT
from kefu.serve.notices import say

_PLACE = Path(pattern=r"^[A-Za-z0-9_.:\-]{1,128}$")
ConversationId = Annotated[str, _PLACE]
_STREAM = {
    "description": "With `stream: true` server-sent events of `chat.completion.chunk`, ended by `data: [DONE]`; the last chunk carries `kefu`.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Documentation of the error answers of a route."""
    return {status: {"model": wire.ErrorBody} for status in (400, 401, 403, 404, 405, 408, 413, 429, 500, 503, *statuses)}


def routes(gateway: Gateway) -> APIRouter:
    router = APIRouter(prefix="/v1")
    desk = gateway.desk

    @router.post(
        CHAT.removeprefix("/v1"),
        tags=["chat"],
        summary="Answer a customer",
        response_model=wire.ChatCompletion,
        responses={**errors(504), 200: _STREAM},
    )
    async def chat(
        request: Request, body: wire.ChatRequest, x_conversation_id: Annotated[str | None, Header(pattern=r"^[A-Za-z0-9_.:\-]{1,128}$")] = None
    ) -> Any:
        """OpenAI's chat completions, stream and not. The last message is the customer's and the answer is the company's:
        sampling parameters are checked but have no effect, and `kefu.ignored` names them. `kefu` in the answer says where it came from.
        """
        gateway.answerer()
        if body.model != gateway.info.model:
            raise Fault(404, "model_not_found", f"this server has no model of that name; it has {gateway.info.model!r}", param="model")
        last = body.messages[-1]
        if last.role != "user" or not last.text().strip():
            raise Fault(400, "invalid_value", "messages: the last message must be the customer's (role user) and hold text", param="messages")
        if body.conversation_id and x_conversation_id and body.conversation_id != x_conversation_id:
            raise Fault(400, "invalid_value", "conversation_id and the header X-Conversation-Id differ", param="conversation_id")
        given = body.conversation_id or x_conversation_id
        name = given or "conv-" + uuid.uuid4().hex
        return ChatResponse(gateway, Call(body, name, desk.name(name), bool(given), request.scope["kefu.key"]))

    @router.get("/models", tags=["chat"], summary="What can be asked", response_model=wire.ModelList, responses=errors())
    async def models() -> Any:
        return {"object": "list", "data": [_model(gateway)]}

    @router.get("/models/{model}", tags=["chat"], summary="One model", response_model=wire.Model, responses=errors())
    async def model(model: str) -> Any:
        if model != gateway.info.model:
            raise Fault(404, "model_not_found", f"this server has no model of that name; it has {gateway.info.model!r}", param="model")
        return _model(gateway)

    @router.post("/ratings", tags=["chat"], summary="Judge a reply", response_model=wire.RatingKept, responses=errors())
    async def rate(request: Request, body: wire.RatingRequest) -> Any:
        await desk.settled()
        place = await desk.call(desk.records.reply_place, body.reply_id)
        if place is None or place[1] != request.scope["kefu.key"]:
            raise Fault(404, "reply_not_found", "there is no such reply", param="reply_id")
        desk.records.put(Rating(body.reply_id, place[0], body.score, body.comment))
        gateway.metrics.ratings.labels(str(body.score)).inc()
        return {"reply_id": body.reply_id, "score": body.score}

    @router.get(
        "/conversations/{conversation_id}", tags=["hand-off"], summary="What operators wrote", response_model=wire.CustomerView, responses=errors()
    )
    async def view(request: Request, conversation_id: ConversationId, after: Annotated[int, Query(ge=0, le=2**53)] = 0) -> Any:
        """Who owns the conversation and the operators' messages after a cursor. Ask every few seconds while a person owns it."""
        name = desk.name(conversation_id)
        owner = await desk.owner(name, request.scope["kefu.key"], must_exist=True)
        said = await desk.call(desk.records.transcript, name, after)
        messages = [{"id": m.id, "text": desk.clear_text(m), "at": m.at} for m in said if m.role == "operator"]
        return {**_state(conversation_id, owner), "messages": messages}

    @router.post(
        "/conversations/{conversation_id}/handoff",
        tags=["hand-off"],
        summary="Ask for a person",
        response_model=wire.ConversationState,
        responses=errors(),
    )
    async def ask(request: Request, conversation_id: ConversationId, body: wire.HandoffRequest) -> Any:
        name, key = desk.name(conversation_id), request.scope["kefu.key"]
        before = await desk.owner(name, key)
        language = body.language or before.language
        moved = await desk.ask(name, reason=body.reason or "customer", by="customer", key_id=key, language=language)
        if moved:
            gateway.metrics.handoffs.labels("ask").inc()
        owner = await desk.owner(name, key)
        return {**_state(conversation_id, owner), "notice": say("asked", language) if moved else ""}

    @router.delete(
        "/conversations/{conversation_id}/handoff",
        tags=["hand-off"],
        summary="Go back to the assistant",
        response_model=wire.ConversationState,
        responses=errors(),
    )
    async def give_up(request: Request, conversation_id: ConversationId, language: Annotated[str, Query(pattern="^(zh|en)$")] = "zh") -> Any:
        """The customer's own way back, while waiting or with a person."""
        name, key = desk.name(conversation_id), request.scope["kefu.key"]
        await desk.owner(name, key, must_exist=True)
        moved = await desk.call(desk.records.release, name, "customer")
        if moved:
            gateway.metrics.handoffs.labels("release").inc()
        return {**_state(conversation_id, await desk.owner(name, key)), "notice": say("back", language) if moved else ""}

    return router


def _model(gateway: Gateway) -> dict[str, Any]:
    return {"id": gateway.info.model, "object": "model", "created": gateway.info.created or gateway.started, "owned_by": "kefu"}


def _state(conversation_id: str, owner: Ownership) -> dict[str, Any]:
    return {"conversation_id": conversation_id, "state": owner.state, "operator": owner.operator, "notice": ""}
