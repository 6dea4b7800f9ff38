"""datasketch as a peer, in a process of an environment of its own that is made when it is missing."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from pathlib import Path
from typing import IO, cast

PEER = "datasketch==2.0.0"


class Peer:
    """datasketch, in a process of its own environment."""

    def __init__(self, folder: Path) -> None:
        python = folder / "bin" / "python"
        if not (folder / "ready").exists():
            venv.create(folder, with_pip=True, clear=True)
            subprocess.run([str(python), "-m", "pip", "install", "-q", PEER], check=True, timeout=1800)
            (folder / "ready").write_text(PEER)
        command = [str(python), str(Path(__file__).with_name("peer.py"))]
        running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": ""})
        self._ask, self._told = cast("IO[str]", running.stdin), cast("IO[str]", running.stdout)

    def __call__(self, sets: list[set[str]], threshold: float) -> tuple[set[tuple[int, int]], float]:
        print(json.dumps({"threshold": threshold, "sets": [sorted(one) for one in sets]}), file=self._ask, flush=True)
        told = json.loads(self._told.readline())
        return {(i, j) for i, j in told["pairs"]}, told["seconds"]
