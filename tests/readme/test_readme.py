"""The README's commands, run in its order in an empty folder; its Python against the server it tells you to start."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = [pytest.mark.readme, pytest.mark.timeout(1500)]


def commands(readme: str) -> list[str]:
    """Lines of indented blocks that call kefu or set a variable, without their comments."""
    found = []
    for line in readme.splitlines():
        if match := re.fullmatch(r" {4}((?:\.venv/bin/)?kefu |export )(.*)", line):
            found.append((match[1].replace(".venv/bin/", "") + match[2]).split("  #")[0].strip())
    return found


@contextmanager
def serving(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[str]:
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    port = command[command.index("--port") + 1] if "--port" in command else "8000"
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                with urllib.request.urlopen(url + "/readyz", timeout=2) as answer:
                    if answer.status == 200:
                        break
            except OSError:
                assert process.poll() is None, process.stderr.read() if process.stderr else ""
                time.sleep(0.1)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode in (0, 130)


def test_every_command_runs(root: Path, tmp_path: Path) -> None:
    readme = (root / "README.md").read_text("utf-8")
    python = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    (tmp_path / "examples").symlink_to(root / "examples")
    (tmp_path / "questions.jsonl").write_text(
        '{"id": "a", "text": "运费怎么算"}\n{"id": "b", "turns": ["hello", "how much is shipping?"]}\n', "utf-8"
    )
    ran = 0
    for command in commands(readme):
        words = shlex.split(command)
        if words[0] == "export":
            environment = {**environment, **dict(word.split("=", 1) for word in words[1:])}
            continue
        if words[1] == "serve":
            with serving(words, environment, tmp_path):
                for snippet in python if "shop" in words else []:
                    done = subprocess.run([sys.executable, "-c", snippet], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
                    assert done.returncode == 0, done.stderr
                    assert done.stdout.strip()
        else:
            said = "怎么开发票\n\n" if words[1] == "chat" and "--batch" not in words else None
            done = subprocess.run(words, cwd=tmp_path, env=environment, input=said, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{command}: {done.stderr}{done.stdout[-2000:]}"
        ran += 1
    assert ran >= 8
    assert len((tmp_path / "replies.jsonl").read_text("utf-8").splitlines()) == 2
