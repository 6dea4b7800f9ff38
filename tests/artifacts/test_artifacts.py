import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kefu.artifacts import Store, code_fingerprint, fingerprint, write_text
from kefu.errors import BusyError, StorageError


def publish(store: Store, text: str, key: str = "k" * 64) -> None:
    with store.publish("data", "shop", key, inputs={"a": "1"}, settings={}) as draft:
        (draft.path / "sub").mkdir()
        (draft.path / "sub" / "x.txt").write_text(text)
        draft.record(rows=3)


def test_published_whole_found_again_and_verified(tmp_path: Path) -> None:
    store = Store(tmp_path / "build")
    publish(store, "hello")
    found = store.find("data", "shop", "k" * 64)
    assert found is not None
    assert found.facts == {"rows": 3}
    assert found.verify() == []
    assert store.newest("data", "shop") == found
    found.file("sub/x.txt").write_text("jello")
    assert found.verify() == ["sub/x.txt was changed after it was published"]
    found.file("sub/x.txt").write_text("longer than before")
    assert store.find("data", "shop", "k" * 64) is None


def test_an_error_inside_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "build")
    with pytest.raises(KeyboardInterrupt):
        with store.publish("data", "shop", "k" * 64, inputs={}, settings={}) as draft:
            (draft.path / "half").write_text("x")
            raise KeyboardInterrupt
    assert [p for p in (tmp_path / "build").rglob("*") if p.is_file()] == []


def test_same_key_replaces_and_equal_contents_have_equal_digests(tmp_path: Path) -> None:
    store = Store(tmp_path / "build")
    publish(store, "one")
    first = store.find("data", "shop", "k" * 64)
    publish(store, "two")
    second = store.find("data", "shop", "k" * 64)
    publish(store, "one")
    third = store.find("data", "shop", "k" * 64)
    assert first and second and third
    assert first.digest() == third.digest() != second.digest()


def test_killed_while_publishing_then_swept(tmp_path: Path) -> None:
    script = (
        "import sys,time;from pathlib import Path;from kefu.artifacts import Store\n"
        "s=Store(Path(sys.argv[1]))\n"
        "with s.lock():\n"
        "  with s.publish('data','shop','k'*64,inputs={},settings={}) as d:\n"
        "    (d.path/'half').write_text('x');print('there',flush=True);time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "build")], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"there\n"
    store = Store(tmp_path / "build")
    with pytest.raises(BusyError, match=f"process {process.pid}"), store.lock():
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert store.find("data", "shop", "k" * 64) is None
    assert list((tmp_path / "build").glob("*/*/.draft-*"))
    with store.lock():
        assert not list((tmp_path / "build").glob("*/*/.draft-*"))


def _count(root: Path, queue: "multiprocessing.Queue[str]") -> None:
    try:
        with Store(root).lock():
            queue.put("in")
            time.sleep(0.5)
    except BusyError:
        queue.put("busy")


def test_two_at_once_one_waits_outside(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    both = [context.Process(target=_count, args=(tmp_path / "build", queue)) for _ in range(2)]
    with Store(tmp_path / "build").lock():
        for process in both:
            process.start()
        assert {queue.get(timeout=30), queue.get(timeout=30)} == {"busy"}
    for process in both:
        process.join()
    with Store(tmp_path / "build").lock():
        pass


def test_disk_full_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        write_text(tmp_path / "x.json", "{}")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StorageError, match="No space left"):
        publish(Store(tmp_path / "build"), "x")
    assert [p for p in (tmp_path / "build").rglob("*") if p.is_file()] == []


# Each writes more than 3 MiB; a full disk is recognised by having no room left, so the small one has some before.
NATIVE = """
import resource, signal, sys, tempfile
from pathlib import Path
import numpy, polars, safetensors.numpy, torch
from tokenizers import Tokenizer, models
from kefu.artifacts import Store
from kefu.errors import StorageError

frame = polars.DataFrame({"a": numpy.random.rand(900_000)})
words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(300_000)}, unk_token="w1"))
WRITERS = {
    "safetensors": lambda to: safetensors.numpy.save_file({"a": numpy.zeros(900_000)}, to / "m.safetensors"),
    "parquet": lambda to: frame.write_parquet(to / "a.parquet"),
    "csv": lambda to: frame.write_csv(to / "a.csv"),
    "numpy": lambda to: numpy.savez(to / "a.npz", a=numpy.random.rand(900_000)),
    "tokenizer": lambda to: words.save(str(to / "tokenizer.json")),
}
NAMELESS = {"torch": lambda to: torch.save({"a": torch.zeros(1_000_000)}, to / "m.pt")}
root, limit = Path(sys.argv[1]), int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
else:
    WRITERS |= NAMELESS
for name, write in WRITERS.items():
    try:
        with Store(root).publish("model", name, "k" * 64, inputs={}, settings={}) as draft:
            write(draft.path)
    except StorageError as error:
        print(name, error.line())
        assert not [path for path in root.rglob("*") if path.is_file()], name
    else:
        raise SystemExit(f"{name} was not refused")
try:
    with Store(root).publish("model", "defect", "k" * 64, inputs={}, settings={}) as draft:
        raise ZeroDivisionError("a defect of ours")
except ZeroDivisionError:
    print("defect kept")
"""


@pytest.mark.parametrize("how", ["limit", "disk"])
def test_a_native_library_without_room_is_the_same_one_error(tmp_path: Path, how: str) -> None:
    root = tmp_path / "small"
    root.mkdir()
    limit = "20000" if how == "limit" else "0"
    if how == "disk" and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", root], capture_output=True, check=False).returncode:
        pytest.skip("this account may not mount a small file system")
    try:
        done = subprocess.run([sys.executable, "-c", NATIVE, root, limit], capture_output=True, text=True, timeout=120, check=False)
    finally:
        if how == "disk":
            subprocess.run(["umount", root], check=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("cannot write") == (5 if how == "limit" else 6)
    assert "defect kept" in done.stdout


def test_fingerprints_do_not_depend_on_order_and_code_counts() -> None:
    assert fingerprint({"a": 1, "b": [2, "客"]}) == fingerprint({"b": [2, "客"], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
    assert code_fingerprint("text", "conversation") == code_fingerprint("conversation", "text") != code_fingerprint("text")


@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_a_build_that_is_no_folder_says_the_way_out(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "build"
    root.write_text("x") if kind == "file" else root.symlink_to(tmp_path / "gone")
    with pytest.raises(StorageError, match=r"is a (file|link to .*gone).*move it away"):
        with Store(root).lock():
            pass


def test_who_waits_gets_the_lock_when_it_is_free(tmp_path: Path) -> None:
    script = (
        "import sys;from pathlib import Path;from kefu.artifacts import Store\n"
        "with Store(Path(sys.argv[1])).lock():\n"
        "  print('there',flush=True);sys.stdin.readline()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "build")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.readline() == b"there\n"
    told: list[str] = []

    def release(owner: str) -> None:
        told.append(owner)
        process.stdin.close()  # type: ignore[union-attr]

    with Store(tmp_path / "build").lock(60, release):
        assert told == [f"process {process.pid}"]
    process.wait()
    process.stdout.close()
