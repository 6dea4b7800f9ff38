"""The one place where text loses its personal data on the way into the store."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kefu.conversation import Turn

if TYPE_CHECKING:
    from kefu.text.privacy import Memory

_MAX_DEPTH = 12
#: Digits from which an identifier could be a telephone number.
_MOST_DIGITS = 7
_OWN = re.compile(r"(?:conv|h)-[0-9a-f]{32}")


def mask_turns(turns: Iterable[Turn], memory: Memory | None = None) -> list[tuple[str, str]]:
    """`(role, masked text)` of each turn. One value gets one placeholder through the whole conversation, and in `memory` for what follows.

    The same turns always give the same placeholders, so a history sent again needs no stored memory of values.
    """
    from kefu.text.privacy import Memory, mask

    memory = memory or Memory()
    return [(turn.role, mask(clean(turn.text), memory)) for turn in turns]


def mask_text(text: str, memory: Memory | None = None) -> str:
    """One text, on its own or after the turns that `memory` has seen."""
    from kefu.text.privacy import mask

    return mask(clean(text), memory)


def mask_tree(value: Any, depth: int = 0) -> Any:
    """A JSON-like value with every string in it masked, keys too; what is no JSON becomes its type's name."""
    if isinstance(value, str):
        return mask_text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= _MAX_DEPTH:
        return "…"
    if isinstance(value, dict):
        return {mask_text(str(key)): mask_tree(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask_tree(item, depth + 1) for item in value]
    return type(value).__name__


def clean(text: str) -> str:
    """Without NUL (which PostgreSQL refuses) and lone surrogates (which no database can encode)."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def opaque(identifier: str, salt: str) -> str:
    """The identifier itself, or a keyed hash of it when it could be personal data: a telephone number as an id, however it is written.

    Seven digits, whatever stands between them, are enough to be hashed. Identifiers that kefu makes stay, hashes too.
    """
    from kefu.text.privacy import find

    if _OWN.fullmatch(identifier) or (sum(map(str.isdigit, identifier)) < _MOST_DIGITS and not find(identifier)):
        return identifier
    return "h-" + hmac.new(salt.encode(), identifier.encode(), hashlib.sha256).hexdigest()[:32]
