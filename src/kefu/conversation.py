"""`Turn`, `Conversation`, `Context`: the one schema that data, training, evaluation and serving share.

A conversation is a plain JSON object (one per line in a JSONL file)::

    {"id": "t-1042", "language": "zh", "category": "账户", "source": "tickets.csv#1042",
     "outcome": "resolved", "context": {"customer": {"id": "c-7"}, "tools": [], "images": [], "scripts": []},
     "turns": [{"role": "customer", "text": "..."}, {"role": "agent", "text": "..."}]}

This module knows no file format beyond that object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from kefu.errors import InputError

Role = Literal["customer", "agent", "system", "tool"]
ROLES: tuple[str, ...] = get_args(Role)
UNSPOKEN = ("system", "tool")
#: Roles of the chat-message convention (Hugging Face, TRL, OpenAI).
MESSAGE_ROLE = {"customer": "user", "agent": "assistant", "system": "system", "tool": "tool"}
TURN_ROLE = {message: turn for turn, message in MESSAGE_ROLE.items()}

#: Who answers a conversation: the assistant, nobody yet, or an operator; and the steps between, with the states that allow each.
#:
#:             ask                 take
#:     bot ───────────▶ waiting ───────────▶ human
#:      ▲                  │                   │
#:      └──────────────────┴───────────────────┘
#:                      release
Owner = Literal["bot", "waiting", "human"]
OWNERS: tuple[Owner, ...] = get_args(Owner)
Step = Literal["ask", "take", "release"]
STEPS: dict[Step, tuple[tuple[Owner, ...], Owner]] = {
    "ask": (("bot",), "waiting"),
    "take": (("waiting",), "human"),
    "release": (("waiting", "human"), "bot"),
}


@dataclass(slots=True)
class Turn:
    """One utterance. `at` is an ISO 8601 time or empty. `bot`: the company's side, but a machine spoke: nobody took over yet, and what it
    says is not learned from."""

    role: str
    text: str
    at: str = ""
    bot: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {"role": self.role, "text": self.text, **({"at": self.at} if self.at else {}), **({"bot": True} if self.bot else {})}


@dataclass(slots=True)
class Context:
    """What is known beside the words: customer facts, tools, pictures, scripts."""

    customer: dict[str, Any] = field(default_factory=dict)
    tools: list[Any] = field(default_factory=list)
    images: list[Any] = field(default_factory=list)
    scripts: list[Any] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {"customer": self.customer, "tools": self.tools, "images": self.images, "scripts": self.scripts}


@dataclass(slots=True)
class Conversation:
    """A support conversation, one FAQ pair or one instruction with its answer seen as a conversation.

    kind: `faq` (one question, one approved answer), `dialogue`, or `instruction` (a task and its solution, from an
    instruction triple or from a record written out by a template).
    answer_id: for `faq`, the entry whose answer this is; many questions may share one.
    group: rows with the same non-empty group never stand on both sides of a split.
    label, intervention: quality label and the index of the first turn at which a person should
    take over, both written by the customer's dataset class (None: not labelled, or never).
    flags: what cleaning noticed (`contradiction`, `low_quality`, ...).
    augmented: empty for real rows, else how the row was made.
    """

    id: str
    turns: list[Turn]
    kind: str = "dialogue"
    language: str = "und"
    category: str = ""
    source: str = ""
    outcome: str = ""
    answer_id: str = ""
    group: str = ""
    context: Context = field(default_factory=Context)
    label: str | None = None
    intervention: int | None = None
    flags: list[str] = field(default_factory=list)
    augmented: str = ""
    meta: dict[str, Any] = field(default_factory=dict)

    def customer_text(self) -> str:
        return "\n".join(turn.text for turn in self.turns if turn.role == "customer")

    def text(self) -> str:
        return "\n".join(turn.text for turn in self.turns)

    def spoken(self) -> list[tuple[str, str]]:
        """Who said what, customer and agent, by which duplicates are judged: a long system message would make all conversations alike."""
        return [(turn.role, turn.text) for turn in self.turns if turn.role not in UNSPOKEN]

    def last_customer_turn(self) -> str:
        """The text of the newest customer turn, or an empty string."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "customer"), "")

    def messages(self) -> list[dict[str, str]]:
        """The turns as chat messages (`user`, `assistant`, `system`, `tool`)."""
        return [{"role": MESSAGE_ROLE[turn.role], "content": turn.text} for turn in self.turns]

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id, "kind": self.kind, "language": self.language, "category": self.category,
            "source": self.source, "outcome": self.outcome, "answer_id": self.answer_id, "group": self.group,
            "context": self.context.as_dict(), "turns": [turn.as_dict() for turn in self.turns],
            "label": self.label, "intervention": self.intervention, "flags": self.flags,
            "augmented": self.augmented, "meta": self.meta,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Conversation:
        """Read the JSON object above. Raises InputError naming the field that is wrong."""
        name = row.get("id")
        if not isinstance(name, str) or not name:
            raise InputError("conversation without an id", f"got {name!r}", "give every conversation a non-empty string id")
        turns = []
        for i, turn in enumerate(row.get("turns") or []):
            if not isinstance(turn, dict) or turn.get("role") not in ROLES or not isinstance(turn.get("text"), str):
                raise InputError(f"conversation {name}, turn {i}", "role or text is wrong", f"roles are {', '.join(ROLES)}; text is a string")
            turns.append(Turn(turn["role"], turn["text"], turn.get("at", ""), turn.get("bot") is True))
        context = row.get("context") or {}
        plain = {key: row[key] for key in _PLAIN if row.get(key) is not None}
        return cls(id=name, turns=turns, context=Context(**{k: context[k] for k in _CONTEXT if k in context}), **plain)

    @classmethod
    def from_messages(cls, messages: list[dict[str, Any]], *, id: str = "live", **fields: Any) -> Conversation:
        """Build from chat messages; content parts of type text are joined. Raises InputError."""
        turns = []
        for i, message in enumerate(messages):
            role = TURN_ROLE.get(str(message.get("role")), "system" if message.get("role") == "developer" else "")
            content = message.get("content")
            if isinstance(content, list):
                content = "".join(part.get("text", "") for part in content if isinstance(part, dict) and part.get("type") == "text")
            if not role or not isinstance(content, str):
                raise InputError(f"message {i}", "role or content is wrong", f"roles are {', '.join(TURN_ROLE)}; content is text")
            turns.append(Turn(role, content))
        return cls(id=id, turns=turns, **fields)


_CONTEXT = ("customer", "tools", "images", "scripts")
_PLAIN = ("kind", "language", "category", "source", "outcome", "answer_id", "group", "label", "intervention", "flags", "augmented", "meta")
