"""A recipe on several processes, GPUs or machines: the same command under `accelerate launch`, with a shipped or own configuration."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from kefu.errors import ConfigError
from kefu.project import expanded


def shipped() -> dict[str, Path]:
    """Accelerate configurations that come with kefu, by name."""
    folder = Path(str(resources.files("kefu.train.accelerate")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find(name: str) -> Path:
    """The configuration file of that name. Raises ConfigError."""
    path = expanded(name)
    known = shipped()
    if name not in known and not path.is_file():
        raise ConfigError(f"--on {name}", "there is no such file, and none of that name comes with kefu", f"use {', '.join(known)} or a file")
    return known.get(name, path)


def command(config: str, arguments: Sequence[str], processes: int | None = None) -> list[str]:
    """What is run: every process reads the same recipe; the first writes."""
    count = ["--num_processes", str(processes)] if processes else []
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(find(config)), *count]
    return [*launcher, "-m", "kefu", "train", *arguments]


def launch(config: str, arguments: Sequence[str], processes: int | None = None) -> int:
    """Run `kefu train ...` under accelerate and wait; its exit code. An interrupt reaches all processes."""
    run = subprocess.Popen(command(config, arguments, processes), env={**os.environ, "KEFU_LAUNCHED": "1"})
    try:
        return run.wait()
    except KeyboardInterrupt:
        run.wait()
        raise
