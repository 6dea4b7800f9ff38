"""People's labels: the page on which they are given, and the logs they are kept in.

Public: `serve` (the page, until stopped), `LabelLog` and `read_logs` (the files).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kefu.data.labelling.log import LabelLog, read_logs
    from kefu.data.labelling.running import serve

__all__ = ["LabelLog", "read_logs", "serve"]

_HOMES = {"serve": "running", "LabelLog": "log", "read_logs": "log"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"kefu.data.labelling.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
