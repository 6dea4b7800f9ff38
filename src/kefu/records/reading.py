"""Queries."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from kefu.conversation import Conversation, Turn
from kefu.records.kinds import Case, Message, Waiting
from kefu.records.tables import conversations, handoffs, ratings, replies, turns

#: A person's words stand as the agent's in the schema that training and evaluation share.
_TURN_ROLE = {"operator": "agent"}


def transcript(connection: sa.Connection, conversation_id: str, after: int = 0, limit: int = 1000) -> list[Message]:
    c = turns.c
    query = sa.select(c.id, c.role, c.text, c.at, c.reply_id, c.tier).where(c.conversation_id == conversation_id, c.id > after)
    return [Message(*row) for row in connection.execute(query.order_by(c.id).limit(limit))]


def inbox(connection: sa.Connection, limit: int) -> list[Waiting]:
    c = conversations.c
    said = (
        sa.select(turns.c.text)
        .where(turns.c.conversation_id == c.id, turns.c.role == "customer")
        .order_by(turns.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    count = sa.select(sa.func.count()).where(turns.c.conversation_id == c.id).scalar_subquery()
    query = sa.select(c.id, c.state, c.operator, c.reason, c.language, c.since, said, count).where(c.state != "bot").order_by(c.since).limit(limit)
    return [Waiting(row[0], row[1], row[2], row[3], row[4], row[5], row[6] or "", row[7]) for row in connection.execute(query)]


def cases(connection: sa.Connection, after: tuple[str, str], score_at_most: int | None, limit: int) -> Iterator[Case]:
    """Replies behind `after` (time, id), oldest first."""
    since, last = after
    r, c = replies.c, conversations.c
    query = (
        sa.select(replies, c.language, ratings.c.score, ratings.c.comment)
        .join(conversations, c.id == r.conversation_id)
        .join(ratings, ratings.c.reply_id == r.id, isouter=True)
        .where(sa.or_(r.at > since, sa.and_(r.at == since, r.id > last)))
        .order_by(r.at, r.id)
        .limit(limit)
    )
    if score_at_most is not None:
        query = query.where(ratings.c.score <= score_at_most)
    for row in connection.execute(query).mappings().all():
        said = transcript(connection, row["conversation_id"])
        end = next((i for i, message in enumerate(said) if message.reply_id == row["id"]), None)
        if end is None:  # a reply that failed has no words of its own: what was said up to its time
            end = sum(message.at <= row["at"] for message in said) - 1
        spoken = [Turn(_TURN_ROLE.get(m.role, m.role), m.text, m.at) for m in said[: end + 1]]
        conversation = Conversation(row["conversation_id"], spoken, language=row["language"], source="records")
        yield Case(
            reply_id=row["id"], conversation=conversation, tier=row["tier"], handoff=row["handoff"], refused=row["refused"],
            confidence=row["confidence"], sources=tuple(row["sources"]), receipt=dict(row["receipt"]), score=row["score"],
            comment=row["comment"] or "", outcome=row["outcome"], at=row["at"],
        )  # fmt: skip


def counts(connection: sa.Connection) -> dict[str, int]:
    found = {}
    for table in (conversations, turns, replies, ratings, handoffs):
        found[table.name] = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    return found
