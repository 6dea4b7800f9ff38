"""Conversations on their way to another machine: masked before they leave, and what comes back with the values put in again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from kefu.text.language import detect
from kefu.text.privacy.find import find
from kefu.text.privacy.mask import Memory, mask

_PLACEHOLDER = re.compile(r"\[[^\[\]\s]{1,40}_\d{1,6}\]")


def masked(messages: Sequence[Mapping[str, str]]) -> tuple[list[dict[str, str]], Memory]:
    """The messages with personal data replaced, one value by one placeholder throughout, and what was replaced (`Memory.counts`).

    A name that is told late in a conversation is also taken out of what was said before.
    """
    memory = Memory(language=detect("\n".join(m["content"] for m in messages), ""))
    for message in messages:
        mask(message["content"], memory)
    memory.counts.clear()  # counted once, in the texts as they leave
    return [{**message, "content": mask(message["content"], memory)} for message in messages], memory


def found(messages: Sequence[Mapping[str, str]]) -> Counter[str]:
    """Personal data by type, where it is sent as it is."""
    return Counter(span.type for message in messages for span in find(message["content"]))


def restored(text: str, memory: Memory) -> str:
    """An answer with the values behind its placeholders; a placeholder that nobody gave stays."""
    return _PLACEHOLDER.sub(lambda match: memory.values.get(match.group(), match.group()), text) if memory.values else text


def remote(access_point: str) -> bool:
    """Whether what is said there leaves this process for a server; an address of this machine may as well be a tunnel."""
    return access_point.startswith(("http://", "https://"))
