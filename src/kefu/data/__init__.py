"""Raw exports to clean, labelled, split datasets, with a ledger in which every row is accounted for.

Public: `build`, `preview`, `SupportDataset`, `signals`, `visualise`, `privacy` (of kefu.text). Heavy parts are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kefu.data import signals
    from kefu.data.assemble import build
    from kefu.data.dataset import SupportDataset
    from kefu.data.look import preview
    from kefu.data.plots import visualise
    from kefu.text import privacy

__all__ = ["SupportDataset", "build", "preview", "privacy", "signals", "visualise"]

_HOMES = {"build": "kefu.data.assemble", "preview": "kefu.data.look", "SupportDataset": "kefu.data.dataset", "visualise": "kefu.data.plots"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "privacy":
        return import_module("kefu.text.privacy")
    if name == "signals":
        return import_module("kefu.data.signals")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
