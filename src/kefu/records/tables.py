"""The tables. A change of their shape raises SCHEMA_VERSION; an older file is refused with a clear word, never altered in silence."""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA_VERSION = 1

metadata = sa.MetaData()

facts = sa.Table("facts", metadata, sa.Column("name", sa.String(40), primary_key=True), sa.Column("value", sa.String(200), nullable=False))

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", sa.String(128), primary_key=True),
    sa.Column("key_id", sa.String(16), nullable=False, default=""),
    sa.Column("language", sa.String(8), nullable=False, default="und"),
    sa.Column("state", sa.String(8), nullable=False, default="bot", index=True),
    sa.Column("operator", sa.String(80), nullable=False, default=""),
    sa.Column("reason", sa.String(200), nullable=False, default=""),
    sa.Column("told", sa.String(8), nullable=False, default=""),
    sa.Column("version", sa.Integer, nullable=False, default=0),
    sa.Column("since", sa.String(24), nullable=False, default=""),
    sa.Column("created_at", sa.String(24), nullable=False),
    sa.Column("updated_at", sa.String(24), nullable=False),
    sa.CheckConstraint("state IN ('bot', 'waiting', 'human')", name="state_known"),
)

turns = sa.Table(
    "turns",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("conversation_id", sa.String(128), sa.ForeignKey("conversations.id"), nullable=False),
    sa.Column("role", sa.String(12), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("reply_id", sa.String(64), nullable=False, default=""),
    sa.Column("tier", sa.String(16), nullable=False, default=""),
    sa.Column("at", sa.String(24), nullable=False),
    sa.Index("turns_of_conversation", "conversation_id", "id"),
    sqlite_autoincrement=True,
)

replies = sa.Table(
    "replies",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("conversation_id", sa.String(128), sa.ForeignKey("conversations.id"), nullable=False, index=True),
    sa.Column("tier", sa.String(16), nullable=False),
    sa.Column("handoff", sa.Boolean, nullable=False),
    sa.Column("refused", sa.Boolean, nullable=False),
    sa.Column("confidence", sa.Float),
    sa.Column("sources", sa.JSON, nullable=False),
    sa.Column("receipt", sa.JSON, nullable=False),
    sa.Column("model", sa.String(120), nullable=False),
    sa.Column("outcome", sa.String(12), nullable=False),
    sa.Column("latency_ms", sa.Float, nullable=False),
    sa.Column("first_token_ms", sa.Float),
    sa.Column("prompt_tokens", sa.Integer, nullable=False),
    sa.Column("completion_tokens", sa.Integer, nullable=False),
    sa.Column("at", sa.String(24), nullable=False, index=True),
)

ratings = sa.Table(
    "ratings",
    metadata,
    sa.Column("reply_id", sa.String(64), sa.ForeignKey("replies.id"), primary_key=True),
    sa.Column("conversation_id", sa.String(128), nullable=False),
    sa.Column("score", sa.Integer, nullable=False),
    sa.Column("comment", sa.Text, nullable=False, default=""),
    sa.Column("at", sa.String(24), nullable=False),
)

handoffs = sa.Table(
    "handoffs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("conversation_id", sa.String(128), sa.ForeignKey("conversations.id"), nullable=False, index=True),
    sa.Column("step", sa.String(12), nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("by", sa.String(80), nullable=False, default=""),
    sa.Column("reason", sa.String(200), nullable=False, default=""),
    sa.Column("at", sa.String(24), nullable=False),
)
