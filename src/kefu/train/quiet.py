"""Keep the training stack's own chatter off the terminal: kefu says what matters itself."""

from __future__ import annotations

import logging
import os
import threading
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
    """Silence progress bars, advice and warnings of torch, transformers, TRL and datasets inside the block.

    Nor does TensorBoard's writing thread print a traceback when the disk refuses: it hands the error to the next call of the trainer's.
    """
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    levels = {name: logging.getLogger(name).level for name in _NAMES}
    hook = threading.excepthook

    def hushed(args: threading.ExceptHookArgs) -> None:
        if not (isinstance(args.exc_value, OSError) and type(args.thread).__module__.startswith("tensorboard.")):
            hook(args)

    threading.excepthook = hushed
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
            threading.excepthook = hook
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
            transformers.utils.logging.enable_progress_bar()
            datasets.enable_progress_bars()
            if hub_bars:
                hub.enable_progress_bars()
