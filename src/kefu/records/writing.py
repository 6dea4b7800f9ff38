"""A batch of records becomes rows in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from kefu.records import ownership
from kefu.records.kinds import Asked, Exchange, Rating
from kefu.records.masking import mask_text, mask_tree, mask_turns
from kefu.records.tables import conversations, ratings, replies, turns
from kefu.text.privacy import Memory

Record = Exchange | Rating | Asked


def write(connection: sa.Connection, batch: Sequence[Record]) -> None:
    """Store exchanges and ratings in their order. Personal data is masked here, before any row exists."""
    exchanges = [record for record in batch if isinstance(record, Exchange)]
    if exchanges:
        _write_exchanges(connection, exchanges)
    for record in batch:
        if isinstance(record, Rating):
            _write_rating(connection, record)
        elif isinstance(record, Asked):
            ensure(connection, record.conversation_id, key_id=record.key_id, language=record.language, at=record.at)
            ownership.move(connection, record.conversation_id, "ask", by=record.by, reason=mask_text(record.reason)[:200])


def ensure(connection: sa.Connection, conversation_id: str, *, key_id: str, language: str, at: str) -> None:
    """Make the conversation's row unless it stands."""
    if not connection.execute(sa.select(conversations.c.id).where(conversations.c.id == conversation_id)).first():
        connection.execute(conversations.insert().values(**_conversation(conversation_id, key_id, language, at)))


def _write_exchanges(connection: sa.Connection, exchanges: list[Exchange]) -> None:
    ids = {exchange.conversation_id for exchange in exchanges}
    owners = {
        row.id: row.key_id for row in connection.execute(sa.select(conversations.c.id, conversations.c.key_id).where(conversations.c.id.in_(ids)))
    }
    known = set(owners)
    last = _last_turns(connection, known)
    stored = set(connection.execute(sa.select(replies.c.id).where(replies.c.id.in_([e.reply.id for e in exchanges if e.reply]))).scalars())
    new: list[dict[str, Any]] = []
    turn_rows: list[dict[str, Any]] = []
    reply_rows: list[dict[str, Any]] = []
    touched: dict[str, tuple[str, str]] = {}
    for exchange in exchanges:
        name = exchange.conversation_id
        if owners.setdefault(name, exchange.key_id) != exchange.key_id:
            continue  # taken while the database was away and nobody could know whose conversation it is
        memory = Memory()
        said = mask_turns(exchange.turns, memory)
        if name not in known:
            known.add(name)
            new.append(_conversation(name, exchange.key_id, exchange.language, exchange.at))
        if name not in last:
            fresh = said
        else:  # a customer's turn that was stored but never answered (a retry) is not stored twice
            fresh = [] if exchange.reply is not None and said and last[name] == said[-1] else said[-1:]
        rows = [_turn(name, role, text, exchange.at) for role, text in fresh]
        reply = exchange.reply
        if reply is not None and reply.id not in stored:
            stored.add(reply.id)
            text = mask_text(reply.text, memory)
            receipt = dict(reply.receipt)
            if isinstance(query := receipt.get("query"), str):  # the customer's own words once more, names told earlier among them
                receipt["query"] = mask_text(query, memory)
            reply_rows.append(
                {
                    "id": reply.id, "conversation_id": name, "tier": reply.tier, "handoff": reply.handoff, "refused": reply.refused,
                    "confidence": reply.confidence, "sources": [mask_text(s) for s in reply.sources], "receipt": mask_tree(receipt),
                    "model": reply.model, "outcome": reply.outcome, "latency_ms": reply.latency_ms, "first_token_ms": reply.first_token_ms,
                    "prompt_tokens": reply.prompt_tokens, "completion_tokens": reply.completion_tokens, "at": exchange.at,
                }
            )  # fmt: skip
            if text:
                rows.append(_turn(name, "agent", text, exchange.at, reply.id, reply.tier))
        if rows:
            last[name] = (rows[-1]["role"], rows[-1]["text"])
            turn_rows += rows
        touched[name] = (exchange.at, exchange.language)
    for table, rows in ((conversations, new), (turns, turn_rows), (replies, reply_rows)):
        if rows:
            connection.execute(table.insert(), rows)
    update = conversations.update().where(conversations.c.id == sa.bindparam("name"))
    connection.execute(
        update.values(updated_at=sa.bindparam("at"), language=sa.bindparam("tongue")),
        [{"name": name, "at": at, "tongue": language} for name, (at, language) in touched.items()],
    )


def _write_rating(connection: sa.Connection, rating: Rating) -> None:
    if not connection.execute(sa.select(replies.c.id).where(replies.c.id == rating.reply_id)).first():
        return  # its reply was lost while the database was away; a rating of nothing says nothing
    connection.execute(ratings.delete().where(ratings.c.reply_id == rating.reply_id))
    row = {
        "reply_id": rating.reply_id,
        "conversation_id": rating.conversation_id,
        "score": rating.score,
        "comment": mask_text(rating.comment),
        "at": rating.at,
    }
    connection.execute(ratings.insert().values(**row))


def _last_turns(connection: sa.Connection, ids: set[str]) -> dict[str, tuple[str, str]]:
    if not ids:
        return {}
    newest = sa.select(sa.func.max(turns.c.id)).where(turns.c.conversation_id.in_(ids)).group_by(turns.c.conversation_id)
    rows = connection.execute(sa.select(turns.c.conversation_id, turns.c.role, turns.c.text).where(turns.c.id.in_(newest)))
    return {name: (role, text) for name, role, text in rows}


def _conversation(name: str, key_id: str, language: str, at: str) -> dict[str, Any]:
    return {"id": name, "key_id": key_id, "language": language[:8], "created_at": at, "updated_at": at}


def _turn(name: str, role: str, text: str, at: str, reply_id: str = "", tier: str = "") -> dict[str, Any]:
    return {"conversation_id": name, "role": role, "text": text, "reply_id": reply_id, "tier": tier, "at": at}
