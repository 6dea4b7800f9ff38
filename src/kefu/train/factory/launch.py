"""A recipe on several processes, GPUs or machines: the same command under a launcher, with a shipped or own accelerate configuration."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

import yaml

from kefu import errors
from kefu.artifacts import make_folder, write_json
from kefu.errors import ConfigError, EngineError, KefuError
from kefu.project import expanded

#: environment of a launched process: the folder where it notes how it ended, and the standard error of who typed the command
NOTES, TERMINAL = "KEFU_LAUNCH_NOTES", "KEFU_LAUNCH_TERMINAL"


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


def launch(config: str, arguments: Sequence[str], processes: int | None, log: Path) -> int:
    """Run `kefu train ...` under a launcher and wait; 0, or 1 where the run ended with a failed gate that it has told itself.

    log: takes what launcher and processes write to standard error (their tracebacks, one beside the other); removed when all went well.
    What stopped the run is raised as the process that met it first said it: the error of kefu itself, or EngineError for any other,
    with the place in the log. An interrupt reaches all processes.
    """
    with tempfile.TemporaryDirectory(prefix="kefu-launch-") as notes:
        make_folder(log.parent)
        started = command(config, arguments, processes)
        with open(log, "wb") as handle:
            run = subprocess.Popen(started, stderr=handle, env={**os.environ, NOTES: notes, TERMINAL: f"/proc/{os.getpid()}/fd/2"})
            try:
                code = run.wait()
            except KeyboardInterrupt:
                run.wait()
                log.unlink(missing_ok=True)
                raise
        found = [json.loads(file.read_text("utf-8")) for file in sorted(Path(notes).glob("*.json"), key=lambda file: file.stat().st_mtime_ns)]
        if not code:
            log.unlink(missing_ok=True)
            return 0
        _raise(found, log, config)
        return 1


def terminal() -> TextIO | None:
    """The standard error of who typed the command: for the bar and the notices of the first process. None where it cannot be opened."""
    try:
        return open(os.environ[TERMINAL], "a", encoding="utf-8")  # the process ends with it
    except (KeyError, OSError):
        return None


def leave(error: BaseException | None, code: int) -> None:
    """Note in a launched process how it ended, for `launch`."""
    said = _plain(error) if error else {}
    write_json(Path(os.environ[NOTES]) / f"{os.environ.get('RANK', '0')}.json", {"rank": os.environ.get("RANK", "0"), "code": code, **said})


def _plain(error: BaseException) -> dict[str, Any]:
    if isinstance(error, KefuError):
        return {**error.as_dict(), "faults": list(getattr(error, "faults", []))}
    return {"crash": f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"[:300]}


def _raise(found: Sequence[dict[str, Any]], log: Path, config: str) -> None:
    """Raise what stopped a run; nothing where a process ended with a result that it has told."""
    for one in found:
        kind = getattr(errors, str(one.get("error")), None)
        if isinstance(kind, type) and issubclass(kind, KefuError):
            more = {"faults": one["faults"]} if issubclass(kind, ConfigError) else {}
            log.unlink(missing_ok=True)
            raise kind(one["what"], one["why"], one["fix"], **more)
    if any(one["code"] and "crash" not in one for one in found):
        log.unlink(missing_ok=True)
        return
    crashed = next((one for one in found if "crash" in one), None)
    who = f"process {crashed['rank']} of the run" if crashed else "the run"
    why = crashed["crash"] if crashed else _last(log)
    raise EngineError(f"{who} under --on {config} failed", why, f"its log is {log}; run it without --on to see whether the recipe itself is right")


_FAULT = re.compile(r"^\S*(?:\w+Error|Signal|exitcode|Exception)\b.*", re.IGNORECASE)


def _last(log: Path) -> str:
    """The last line of a log that speaks of a fault, else the last one."""
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    return next((line[:300] for line in reversed(lines) if _FAULT.search(line)), lines[-1][:300] if lines else "it said nothing")
