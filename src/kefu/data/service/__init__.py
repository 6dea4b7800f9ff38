"""The dataset as an HTTP service: built datasets of some projects, item by item and file by file, read-only.

Public: `serve` (gunicorn, until stopped) and `create_app` (the Flask application). Needs the extra `dataserve`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kefu.data.service.app import create_app
    from kefu.data.service.running import serve

__all__ = ["create_app", "serve"]

_HOMES = {"create_app": "kefu.data.service.app", "serve": "kefu.data.service.running"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
