"""What goes over the wire: the queries that are taken and the answers that are given. The OpenAPI document is made from these."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from kefu.data.service.shelf import REFERENCE

MOST_ITEMS = 200


class Wire(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(Wire):
    """What was wrong, in the form of RFC 9457 (application/problem+json)."""

    type: str = Field(default="about:blank", description="about:blank: `title` says it all")
    title: str = Field(description="the kind of fault")
    status: int = Field(ge=400, le=599)
    detail: str = Field(default="", description="what was given, why it cannot work, the way out")
    faults: list[str] = Field(default=[], description="every fault of the query or the body, one line each")


class Nothing(Wire):
    """No query parameters."""


class ItemsQuery(Wire):
    """Paging and filters of a list of items; filters that are given must all hold."""

    limit: int = Field(default=50, ge=1, le=MOST_ITEMS, description="items of a page")
    offset: int = Field(default=0, ge=0, le=2**53, description="items to pass over; the order is that of the file and never changes")
    split: Literal["train", "validation", "test"] | None = None
    kind: str | None = Field(default=None, max_length=40, description="faq, dialogue, ...")
    language: str | None = Field(default=None, max_length=40, description="language code, e.g. zh or en")
    category: str | None = Field(default=None, max_length=200)
    label: str | None = Field(default=None, max_length=100, description="quality label")
    intervened: Literal["yes", "no", "true", "false"] | None = Field(default=None, description="whether a person should take over at some turn")
    text: str = Field(default="", max_length=200, description="words that some turn contains, whatever their case")


class LoadBody(Wire):
    """Which built dataset to open."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=100, description="name of the project")]
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$", description="key of its artefact, at least the first eight signs")]


class InitBody(Wire):
    """Which dataset the short routes speak of."""

    path: str = Field(min_length=1, max_length=4000, description="name, name@key, or path of a built dataset of a served project")


class Built(Wire):
    """A dataset that can be opened."""

    name: str
    key: str
    reference: str = Field(pattern=REFERENCE, description="name@key: this dataset for good")
    created: str
    current: bool = Field(description="whether the plain name means this one")
    conversations: int | None


class Datasets(Wire):
    datasets: list[Built]


class Turn(Wire):
    role: Literal["customer", "agent", "system", "tool"]
    text: str
    at: str | None = Field(default=None, description="ISO 8601, where the export has a time")
    bot: bool = Field(default=False, description="role agent, but a machine spoke")


class Context(BaseModel):
    """What is known beside the words."""

    model_config = ConfigDict(extra="allow")
    customer: dict[str, Any] = {}
    tools: list[Any] = []
    images: list[Any] = []
    scripts: list[Any] = []


class Conversation(BaseModel):
    """A conversation as it stands in conversations.jsonl."""

    model_config = ConfigDict(extra="allow")
    id: str
    kind: str
    language: str
    category: str
    turns: list[Turn]
    context: Context
    label: str | None
    intervention: int | None
    flags: list[str]
    meta: dict[str, Any]


class Item(Wire):
    """One item with its quality label and the turn at which a person should take over."""

    index: int
    item: Conversation
    label: str | None
    human_intervention_idx: int | None = Field(description="index into item.turns; null: no person is needed")
    split: str


class Items(Wire):
    dataset: str
    total: int = Field(description="items that match")
    offset: int
    limit: int
    items: list[Item]


class ContextOf(Wire):
    index: int
    context: Context


class File(Wire):
    name: str
    bytes: int
    sha256: str
    training: bool = Field(description="whether training reads it")
    split: str | None


class Files(Wire):
    dataset: str
    files: list[File]


class Plots(Wire):
    dataset: str
    plots: list[str]


class Described(Wire):
    """A dataset at a glance."""

    dataset: str
    name: str
    key: str
    size: int
    filters: dict[str, list[str]] = Field(description="the values that each filter can have")
    schema_: dict[str, Any] = Field(alias="schema", description="JSON Schema of an item")
    stats: dict[str, Any]
    card: str = Field(description="Markdown")


class Health(Wire):
    status: Literal["ok"]
    version: str
    datasets: list[str]


class Loaded(Wire):
    status: Literal["loaded"]
    size: int


class Dialog(Wire):
    dialog: list[Turn]
    context: Context


class ShortItem(Wire):
    """An item in the short form: quality as a number, no take-over as -1."""

    data: Dialog
    label: float | None = Field(description="1 good, 0.5 fair, 0 bad; null for a label of the company's own")
    label_name: str | None
    intervention_idx: int
