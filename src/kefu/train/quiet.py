"""Keep the training stack's own chatter off the terminal: kefu says what matters itself."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

_NAMES = (
    "transformers", "trl", "datasets", "accelerate", "huggingface_hub", "torch", "httpx", "httpx2", "peft", "bitsandbytes",
    "bitsandbytes.backends.cpu.ops",
)  # fmt: skip


@contextmanager
def quiet() -> Iterator[None]:
    """Silence progress bars, advice and warnings of torch, transformers, TRL and datasets inside the block."""
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    levels = {name: logging.getLogger(name).level for name in _NAMES}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import datasets
        import transformers

        hub: Any = import_module("huggingface_hub.utils")  # typed stubs hide these names
        hub_bars = not hub.are_progress_bars_disabled()
        try:
            hub.disable_progress_bars()
            datasets.disable_progress_bars()
            transformers.utils.logging.disable_progress_bar()
            for name in _NAMES:
                logging.getLogger(name).setLevel(logging.ERROR)
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
            transformers.utils.logging.enable_progress_bar()
            datasets.enable_progress_bars()
            if hub_bars:
                hub.enable_progress_bars()
