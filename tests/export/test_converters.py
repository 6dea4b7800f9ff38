"""The mechanism of converter environments, with real pip and locks of one small package."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kefu.errors import EngineError, StorageError
from kefu.export.converters import LOCKS, folder_of, prepare

PREPARE = """
import sys
from pathlib import Path
from kefu.export.converters import prepare
print("made" if prepare("small", lambda text, share: print(text, flush=True), lock=Path(sys.argv[1]), need_gb=0.1).made else "found", flush=True)
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEFU_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "converters"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "small.lock"
    path.write_text("# a comment\n\nmdurl==0.1.2\n")
    return path


def start(lock: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PREPARE, str(lock)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def left_in(cache: Path) -> set[str]:
    """What is in the cache, logs and locks aside."""
    return {path.name for path in cache.iterdir() if path.is_dir()}


def test_made_once_by_two_at_a_time_then_found(cache: Path, lock: Path, tmp_path: Path) -> None:
    both = [start(lock), start(lock)]
    said = [process.communicate(timeout=120)[0].splitlines() for process in both]
    assert sorted(lines[-1] for lines in said) == ["found", "made"]
    folder = folder_of("small", lock)
    assert left_in(cache) == {folder.name}
    began = time.monotonic()
    converter = prepare("small", lock=lock)
    assert not converter.made
    assert time.monotonic() - began < 0.5
    assert converter.bytes > 10_000
    # It is isolated, and holds what the lock says, nothing of ours.
    script = tmp_path / "script.py"
    script.write_text("import json, mdurl, sys\nprint('chatter')\ntry:\n import kefu\n seen = True\nexcept ImportError:\n seen = False\n"
                      "print(json.dumps({'prefix': sys.prefix, 'kefu': seen, 'args': sys.argv[1:]}))\n")  # fmt: skip
    assert converter.run(script, ["a", "文"], tmp_path / "log") == {"prefix": str(folder), "kefu": False, "args": ["a", "文"]}
    script.write_text("raise ValueError('no such layer')")
    with pytest.raises(EngineError, match=r"converter small failed: ValueError: no such layer; see .*log"):
        converter.run(script, [], tmp_path / "log")
    script.write_text("print('nothing to say')")
    with pytest.raises(EngineError, match="gave no result"):
        converter.run(script, [], tmp_path / "log")
    # Another lock, another environment; a Python that has gone makes it unusable.
    (tmp_path / "other.lock").write_text("mdurl==0.1.1\n")
    assert folder_of("small", tmp_path / "other.lock") != folder
    (folder / "bin" / "python").unlink()
    assert prepare("small", lock=lock, need_gb=0.1).made


def test_pip_failing_is_one_line_with_the_log(cache: Path, lock: Path) -> None:
    lock.write_text("mdurl==0.0.0.1\n")
    with pytest.raises(EngineError) as caught:
        prepare("small", lock=lock, need_gb=0.1)
    line = caught.value.line()
    assert "could not be prepared: No matching distribution found for mdurl==0.0.0.1" in line
    log = Path(line.rpartition("see ")[2])
    assert "mdurl==0.0.0.1" in log.read_text()
    assert left_in(cache) == set()


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_leaves_nothing_that_looks_whole(cache: Path, lock: Path, blow: signal.Signals) -> None:
    process = start(lock)
    assert process.stdout is not None
    while "1 packages" not in process.stdout.readline():
        pass
    os.killpg(process.pid, blow)
    process.communicate(timeout=30)
    if process.returncode == 0:  # it was faster than the signal, and then it must be whole
        assert left_in(cache) == {folder_of("small", lock).name}
        return
    if blow == signal.SIGINT:
        assert left_in(cache) == set()
    assert not folder_of("small", lock).exists()
    assert prepare("small", lock=lock, need_gb=0.1).made
    assert left_in(cache) == {folder_of("small", lock).name}


def test_no_room_and_no_folder(cache: Path, lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StorageError, match="GB are needed"):
        prepare("small", lock=lock, need_gb=1e6)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KEFU_CACHE", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="not a folder"):
        prepare("small", lock=lock)


@pytest.mark.parametrize("lock", sorted(LOCKS.glob("*.lock")), ids=lambda path: path.stem)
def test_locks_are_full_and_free_of_hosts(lock: Path) -> None:
    lines = [line for line in lock.read_text().splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if line.startswith("torch==")] == ["torch==2.13.0"]
    names = {line.partition("==")[0].lower() for line in lines}
    assert all(line.count("==") == 1 and "+" not in line and "/" not in line and " " not in line for line in lines)
    assert not names & {"torchvision", "torchaudio"}
    assert len(names) == len(lines)
