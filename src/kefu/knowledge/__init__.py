"""FAQ and documents indexed and retrieved with calibrated confidence. Nothing here generates text.

`build` makes the folder `knowledge/`; `KnowledgeBase.load(folder).search(question)` reads it. Building
needs numpy and scipy; searching needs numpy alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kefu.knowledge.base import KnowledgeBase
    from kefu.knowledge.make import build, served
    from kefu.knowledge.result import Entry, Hit, Result, Thresholds

__all__ = ["Entry", "Hit", "KnowledgeBase", "Result", "Thresholds", "build", "served"]

_HOME = {"KnowledgeBase": "base", "build": "make", "served": "make", "Entry": "result", "Hit": "result", "Result": "result", "Thresholds": "result"}


def __getattr__(name: str) -> Any:
    """Import on first use, so that `import kefu.knowledge` costs nothing (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    from kefu.errors import MissingExtra

    try:
        module = import_module(f"kefu.knowledge.{_HOME[name]}")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in ("numpy", "scipy"):
            raise MissingExtra("the knowledge base", "serve") from None
        raise
    value = getattr(module, name)
    globals()[name] = value
    return value
