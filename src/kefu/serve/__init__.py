"""The HTTP face: wire formats, keys, limits, streams, metrics, pages. Answers come from `kefu.assistant`.

`create_app` makes the ASGI app, `run` serves it until a signal, `background` serves it on a free port beside
other code, `open_records` opens the store that a project's settings name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kefu.serve.info import Info

if TYPE_CHECKING:
    from kefu.serve.app import create_app
    from kefu.serve.running import Running, background, open_records, run

__all__ = ["Info", "Running", "background", "create_app", "open_records", "run"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    from importlib import import_module

    from kefu.errors import MissingExtra

    try:
        return getattr(import_module("kefu.serve.app" if name == "create_app" else "kefu.serve.running"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("kefu"):
            raise
        raise MissingExtra(f"serving over HTTP (module {error.name})", "serve") from None
