"""Weights & Biases as an optional tracker: Transformers' own callback logs; here is only what it needs before it starts."""

from __future__ import annotations

import netrc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from kefu.errors import ConfigError

if TYPE_CHECKING:
    from kefu.train.factory.recipe import Loaded


def wandb(loaded: Loaded, say: Callable[[str, float], None]) -> None:
    """Set what is not set: project, folder (the recipe's build/), and offline mode where there is no key. Raises ConfigError without the package."""
    if find_spec("wandb") is None:
        raise ConfigError("train.trackers: wandb", "the package wandb is not installed", "pip install 'kefu[wandb]', or leave it out")
    with redirect_stdout(sys.stderr):  # transformers says on import that WANDB_MODE is offline
        import_module("transformers.integrations.integration_utils")
    os.environ.setdefault("WANDB_PROJECT", loaded.recipe.name)
    os.environ.setdefault("WANDB_DIR", str(loaded.build.resolve()))
    os.environ.setdefault("WANDB_SILENT", "true")
    if "WANDB_MODE" not in os.environ and not _key():
        os.environ["WANDB_MODE"] = "offline"
        say("no key of Weights & Biases was found: the run is kept offline in build/wandb (wandb sync uploads it)", -1.0)
    loaded.build.mkdir(parents=True, exist_ok=True)


@contextmanager
def closed(used: bool) -> Iterator[None]:
    """Its run ends with ours, so that a second one in this process gets its own; its greetings do not reach standard output."""
    if not used:
        yield
        return
    with redirect_stdout(sys.stderr):
        try:
            yield
        finally:
            import wandb as package

            if package.run is not None:
                package.finish()


def _key() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc(str(Path(os.environ.get("NETRC", Path.home() / ".netrc")))).authenticators("api.wandb.ai") is not None
    except (OSError, netrc.NetrcParseError):
        return False
