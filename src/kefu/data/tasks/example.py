"""`Example`: a labelled row that is no conversation. Its `values` are what its training file will hold."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import Any

import orjson

from kefu.data.spool import pack_row

#: kind -> the texts that tell whether two examples are alike
KINDS = ("preference", "classification", "tokens", "qa", "parallel")


@dataclass(slots=True)
class Example:
    """kind, and the fields of `values`:

    - `preference`: `prompt` (chat messages), `chosen` and `rejected` (the messages that answer it)
    - `classification`: `text`, and `label` or, in multi-label sources, `labels`
    - `tokens`: `tokens` and `tags` of equal length, tags as BIO (IOB2)
    - `qa`: `title`, `context`, `question`, `answers` (`text` and `answer_start`, offsets in characters; empty: no answer)
    - `parallel`: `source`, `target`, `source_language`, `target_language`

    `source` is the place in the export; examples of one `group` never stand on both sides of a split.
    """

    id: str
    kind: str
    values: dict[str, Any]
    language: str = "und"
    category: str = ""
    source: str = ""
    group: str = ""
    flags: list[str] = field(default_factory=list)

    def customer_text(self) -> str:
        """The given side, by which leakage between splits is judged."""
        values = self.values
        if self.kind == "preference":
            return "\n".join(message["content"] for message in values["prompt"])
        if self.kind == "tokens":
            return " ".join(values["tokens"])
        if self.kind == "qa":
            return str(values["question"])
        return str(values["text"] if self.kind == "classification" else values["source"])

    def asks(self) -> str:
        """What must not stand on both sides of a split, whoever says it; empty where the words do not tell: of parallel text, and of a question
        on a text, which may be asked of any."""
        if self.kind == "preference":
            return str(next((one["content"] for one in reversed(self.values["prompt"]) if one["role"] == "user"), ""))
        return self.customer_text() if self.kind in ("classification", "tokens") else ""

    def text(self) -> str:
        """Everything a person would read."""
        values = self.values
        if self.kind == "preference":
            return "\n".join(message["content"] for key in ("prompt", "chosen", "rejected") for message in values[key])
        if self.kind == "parallel":
            return f"{values['source']}\n{values['target']}"
        if self.kind == "qa":
            return f"{values['question']}\n{values['context']}"
        return self.customer_text()

    def outcome(self) -> str:
        """What is to be learned; near-duplicates are dropped only where it is the same."""
        if self.kind == "qa":
            return json.dumps([self.values["context"], self.values["answers"]], ensure_ascii=False)
        if self.kind == "tokens":
            return json.dumps(self.values["tags"], ensure_ascii=False)
        if self.kind == "classification":
            return json.dumps(self.values.get("labels", self.values.get("label")), ensure_ascii=False)
        return ""

    def origin(self) -> str:
        """The name of its source."""
        return self.id.split(":", 1)[0]

    def labels(self) -> list[str]:
        """Of a class its label or labels, of tagged tokens the types of their entities."""
        if self.kind == "tokens":
            return [tag[2:] for tag in self.values["tags"] if tag.startswith("B-")]
        return list(self.values.get("labels") or [self.values.get("label", "(none)")])

    def as_dict(self) -> dict[str, Any]:
        """The row of the training file. `where`: the place in the export."""
        return {"id": self.id, **self.values, "language": self.language, "category": self.category, "where": self.source, "flags": self.flags}


_FIELDS = tuple(one.name for one in fields(Example))


def pack(example: Example) -> bytes:
    return pack_row({name: getattr(example, name) for name in _FIELDS})


def unpack(line: bytes) -> Example:
    return Example(**orjson.loads(line))


def questions(line: bytes) -> list[str]:
    return [unpack(line).asks()]


class Question:
    """What the split must know of a question: questions leak through their texts, not through their words: 「多少钱？」 may be asked of any
    two texts."""

    def __init__(self, example: Example, *, silent: bool = False) -> None:
        """silent: a question before it has the same group and text, and is compared for both."""
        self.id, self.group, self.category, self.language = example.id, example.group, example.category, example.language
        self._context = "" if silent else str(example.values["context"])

    def customer_text(self) -> str:
        return self._context
