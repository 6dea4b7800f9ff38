"""What the gateway says about itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_NAME = re.compile(r"[^A-Za-z0-9._/@-]+")


@dataclass(frozen=True)
class Info:
    """title: shown on the pages. model: the id in `/v1/models` and in replies. version: of the model behind it.

    greeting and suggestions: language (`zh`, `en`) to the first words and to sample questions of the chat page.
    created: seconds since 1970, as `/v1/models` reports it.
    """

    title: str = "kefu"
    model: str = "kefu"
    version: str = ""
    greeting: dict[str, str] = field(default_factory=dict)
    suggestions: dict[str, list[str]] = field(default_factory=dict)
    created: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", _NAME.sub("-", self.model).strip("-") or "kefu")
