"""Who answers a conversation: `bot → waiting → human → bot`, each step one compare-and-set.

The UPDATE names the state it expects, so of two operators who take at once exactly one changes a row.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from kefu.conversation import STEPS, Owner, Step
from kefu.records.kinds import Ownership, now
from kefu.records.tables import conversations, handoffs


def read(connection: sa.Connection, conversation_id: str) -> Ownership | None:
    """The owner now, or None for a conversation that is not stored."""
    c = conversations.c
    columns = (c.id, c.state, c.operator, c.reason, c.told, c.key_id, c.language, c.version)
    row = connection.execute(sa.select(*columns).where(c.id == conversation_id)).first()
    return Ownership(*row) if row else None


def move(connection: sa.Connection, conversation_id: str, step: Step, *, by: str = "", reason: str = "", only_owner: str = "") -> bool:
    """Take one step; False when the conversation is not in a state (or with `only_owner`, not in the hands) that allows it.

    by: operator's name, `customer` or `assistant`.
    """
    expected, target = STEPS[step]
    c = conversations.c
    condition = [c.id == conversation_id, c.state.in_(expected)]
    if only_owner:
        condition.append(sa.or_(c.state != "human", c.operator == only_owner))
    at = now()
    change: dict[str, Any] = {
        "state": target,
        "operator": by if target == "human" else "",
        "version": c.version + 1,
        "since": at,
        "updated_at": at,
        "told": "",
    }
    if step == "ask":
        change["reason"] = reason
    if connection.execute(conversations.update().where(*condition).values(**change)).rowcount != 1:
        return False
    connection.execute(handoffs.insert().values(conversation_id=conversation_id, step=step, state=target, by=by, reason=reason, at=at))
    return True


def tell_once(connection: sa.Connection, conversation_id: str, state: Owner) -> bool:
    """True for the one caller who is to tell the customer of this state."""
    c = conversations.c
    update = conversations.update().where(c.id == conversation_id, c.state == state, c.told != state).values(told=state)
    return connection.execute(update).rowcount == 1


def owns(connection: sa.Connection, conversation_id: str, operator: str) -> bool:
    """Whether this operator holds the conversation; taken as a write, so that a give-back cannot slip in between."""
    c = conversations.c
    held = conversations.update().where(c.id == conversation_id, c.state == "human", c.operator == operator).values(updated_at=now())
    return connection.execute(held).rowcount == 1
