"""A recipe on several processes, GPUs or machines: the same command under a launcher, with a shipped or own accelerate configuration."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

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
    """What is run: every process reads the same recipe; the first writes. Raises ConfigError.

    `accelerate launch` starts processes on CPUs through mpirun only, and without it one process, saying nothing: such a configuration
    goes to torch's own launcher (gloo), which it uses for GPUs too.
    """
    file = find(config)
    try:
        given = yaml.safe_load(file.read_text("utf-8"))
        kind = given.get("distributed_type")
    except (OSError, ValueError, yaml.YAMLError, AttributeError) as error:
        why = str(error).partition("\n")[0]
        raise ConfigError(f"--on {config}", f"{file} is no accelerate configuration ({why})", "make one with `accelerate config`") from None
    if kind == "DEEPSPEED" and find_spec("deepspeed") is None:
        fix = "`pip install deepspeed` (it needs a CUDA compiler), or use --on fsdp, which deals the weights out as well"
        raise ConfigError(f"--on {config}", "DeepSpeed is not installed", fix)
    if kind == "MULTI_CPU":
        launcher = ["-m", "torch.distributed.run", *_on_cpus(given, processes)]
    else:
        count = ["--num_processes", str(processes)] if processes else []
        launcher = ["-m", "accelerate.commands.launch", "--config_file", str(file), *count]
    return [sys.executable, *launcher, "-m", "kefu", "train", *arguments]


def _on_cpus(given: dict[str, Any], processes: int | None) -> list[str]:
    machines = int(given.get("num_machines") or 1)
    count = processes or int(given.get("num_processes") or 1)
    if count % machines:
        raise ConfigError(f"--processes {count}", f"they cannot be dealt to {machines} machines evenly", f"use a multiple of {machines}")
    where = ["--standalone"]
    if machines > 1:
        rank, host, port = (given.get(name) or 0 for name in ("machine_rank", "main_process_ip", "main_process_port"))
        where = ["--nnodes", str(machines), "--node-rank", str(rank), "--master-addr", str(host), "--master-port", str(port or 29500)]
    return [*where, "--nproc-per-node", str(count // machines)]


def launch(config: str, arguments: Sequence[str], processes: int | None = None) -> int:
    """Run `kefu train ...` under accelerate and wait; its exit code. An interrupt reaches all processes."""
    run = subprocess.Popen(command(config, arguments, processes), env={**os.environ, "KEFU_LAUNCHED": "1"})
    try:
        return run.wait()
    except KeyboardInterrupt:
        run.wait()
        raise
