"""Content-addressed folders: `build/<kind>/<name>/<key>/` holds the files and `manifest.json`.

A folder is written under a temporary neighbour's name, fsynced, then renamed: a killed run leaves
nothing that looks finished. The key is a hash of everything that went in, so the same inputs and
settings give the same folder and are not computed twice. This module does not know what is inside.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from kefu import __version__
from kefu.errors import BusyError, InputError, KefuError, StorageError

_CHUNK = 1 << 20
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_NUMBER = re.compile(r"(?:os error|errno) (\d+)", re.IGNORECASE)


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)


def fingerprint(value: Any) -> str:
    """SHA-256 (hex) of a JSON-like value."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def fingerprint_file(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def fingerprint_files(paths: Iterable[Path], root: Path) -> dict[str, str]:
    """`{path relative to root: sha256}`, sorted by path; a path outside root keeps its full name."""
    found = {}
    for path in sorted(set(paths)):
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
        found[name] = fingerprint_file(path)
    return found


def code_fingerprint(*rooms: str) -> str:
    """Hash of the source text of the named rooms, so that changed code is never taken for fresh."""
    base = Path(__file__).parent
    digest = hashlib.sha256(__version__.encode())
    for room in sorted(rooms):
        target = base / room
        files = (
            sorted(p for p in target.rglob("*") if p.is_file() and "__pycache__" not in p.parts) if target.is_dir() else [target.with_suffix(".py")]
        )
        for file in files:
            digest.update(file.relative_to(base).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def make_folder(path: Path) -> None:
    """Make the folder of results where it is missing. Raises StorageError, also when a file or a link to nowhere stands there."""
    if not path.is_dir() and (path.exists() or path.is_symlink()):
        kind = f"is a link to {os.readlink(path)}, which is no folder" if path.is_symlink() else "is a file"
        raise StorageError(f"{path} {kind}", "results are kept in that folder", "move it away, or let it lead to a folder that exists")
    with storage_errors(path):
        path.mkdir(parents=True, exist_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all (temporary neighbour, fsync, rename)."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "w", encoding="utf-8") as handle:
                handle.write(text)
                handle.flush()
                os.fsync(handle.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a JSONL file that kefu wrote itself (a broken line is a damaged artefact)."""
    with open(path, encoding="utf-8") as handle:
        for number, line in enumerate(handle, 1):
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InputError(f"{path.name}, line {number}", f"not JSON ({error})", "rebuild the artefact") from None


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write rows, one JSON object a line; returns how many. For files inside a draft."""
    count = 0
    with open(path, "w", encoding="utf-8") as handle:
        for row in rows:
            handle.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
            count += 1
    return count


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the disk's own refusals into one clear error, also where a native library (safetensors, polars, OpenVINO) hides them in its own."""
    try:
        yield
    except KefuError:
        raise
    except Exception as error:
        if reason := _refusal(error, path):
            raise StorageError(f"cannot write {path}", reason, "free disk space or choose another folder; nothing half-written was left") from error
        raise


def _refusal(error: Exception, path: Path) -> str:
    """What the disk said, or empty when it was not the disk.

    Libraries in Rust and C++ raise errors of their own with the number or the words of the system in the text, or (torch, OpenVINO) with
    nothing of the sort: then a disk without room is the reason.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno) if error.errno in _NO_ROOM else ""
    seen: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in seen:
        seen.append(one)
        text = str(one)
        number = getattr(one, "errno", None) or next((int(found) for found in _NUMBER.findall(text)), None)
        for refusal in _FULL:
            if number == refusal or os.strerror(refusal) in text:
                return os.strerror(refusal)
        if "database or disk is full" in text:
            return os.strerror(errno.ENOSPC)
        if "inline_container.cc" in text and "unexpected pos" in text:  # torch.save, when a quota or a limit of file size cuts it off
            return "a file was cut off while it was written (disk full, quota, or limit of file size)"
        one = one.__cause__ or one.__context__
    there = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
    return os.strerror(errno.ENOSPC) if shutil.disk_usage(there).free < _CHUNK else ""


@dataclass(frozen=True)
class Artifact:
    """A published folder. `facts` are the numbers its maker recorded."""

    path: Path
    manifest: dict[str, Any]

    @property
    def key(self) -> str:
        return str(self.manifest["key"])

    @property
    def facts(self) -> dict[str, Any]:
        return dict(self.manifest["facts"])

    def file(self, name: str) -> Path:
        """A file of the artefact. Raises InputError when it is not there."""
        path = self.path / name
        if not path.exists():
            raise InputError(f"{self.path.name} has no {name}", "the artefact is damaged or older than this version", "run again with --force")
        return path

    def digest(self) -> str:
        """Hash of the contents, without times or hardware: equal for equal results."""
        return fingerprint(self.manifest["files"])

    @classmethod
    def at(cls, folder: Path) -> Artifact:
        """The artefact in a folder. Raises InputError when its manifest is gone or damaged."""
        try:
            manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
            if not all(isinstance(entry["sha256"], str) for entry in manifest["files"].values()):
                raise TypeError("a file without its hash")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"{folder} is gone or damaged", str(error).partition("\n")[0], "make it again") from None
        return cls(folder, manifest)

    def verify(self) -> list[str]:
        """Faults found by hashing every file again; empty when whole."""
        faults = []
        for name, entry in self.manifest["files"].items():
            path = self.path / name
            if not path.is_file():
                faults.append(f"{name} is missing")
            elif fingerprint_file(path) != entry["sha256"]:
                faults.append(f"{name} was changed after it was published")
        return faults


@dataclass
class Draft:
    """A folder being filled; `record` keeps numbers for the manifest."""

    path: Path
    facts: dict[str, Any] = field(default_factory=dict)

    def record(self, **facts: Any) -> None:
        self.facts.update(facts)


_LOOK_S = 1.0


class Store:
    """All artefacts of one project, under `root` (the project's `build/`)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def lock(self, wait_s: float = 0.0, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
        """Hold the project for this process; sweeps what killed runs left. Raises BusyError, StorageError.

        wait_s: seconds to wait for another process that holds it. waiting: told once who that is.
        """
        make_folder(self.root)
        with storage_errors(self.root):
            handle = open(self.root / ".lock", "a+")  # noqa: SIM115 - held for the whole block
        with handle:
            until, told = time.monotonic() + wait_s, False
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    handle.seek(0)
                    owner = handle.read().strip() or "another process"
                    if time.monotonic() >= until:
                        raise BusyError(f"{self.root.parent} is in use", f"{owner} is running on it", "wait for it to end, or stop it") from None
                if waiting and not told:
                    waiting(owner)
                told = True
                time.sleep(min(_LOOK_S, max(0.0, until - time.monotonic())))
            handle.truncate(0)
            handle.write(f"process {os.getpid()}")
            handle.flush()
            try:
                for left in self.root.glob("*/*/.draft-*"):
                    shutil.rmtree(left, ignore_errors=True)
                yield
            finally:
                handle.truncate(0)

    def find(self, kind: str, name: str, key: str) -> Artifact | None:
        """The published artefact of that key, or None when absent or visibly damaged."""
        path = self.root / kind / name / key[:16]
        try:
            manifest = json.loads((path / "manifest.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        for file, entry in manifest.get("files", {}).items():
            target = path / file
            if not target.is_file() or target.stat().st_size != entry["bytes"]:
                return None
        return Artifact(path, manifest) if manifest.get("key") == key else None

    def newest(self, kind: str, name: str) -> Artifact | None:
        """The artefact published or reused last for this kind and name."""
        pointer = self.root / kind / name / "latest"
        try:
            key = pointer.read_text("utf-8").strip()
        except OSError:
            return None
        return self.find(kind, name, key)

    def touch(self, artifact: Artifact) -> None:
        """Make `newest` point at this artefact."""
        write_text(artifact.path.parent / "latest", artifact.key)

    @contextmanager
    def publish(self, kind: str, name: str, key: str, *, inputs: dict[str, Any], settings: dict[str, Any], seed: int = 0) -> Iterator[Draft]:
        """Fill a draft folder; on a clean exit it appears whole under its final name."""
        parent = self.root / kind / name
        final = parent / key[:16]
        with storage_errors(parent):
            parent.mkdir(parents=True, exist_ok=True)
            draft = Draft(parent / f".draft-{uuid.uuid4().hex[:8]}")
            draft.path.mkdir()
            started = time.time()
            try:
                with storage_errors(parent):  # asked before the draft is removed: the disk is full now
                    yield draft
                manifest = {
                    "kind": kind, "name": name, "key": key, "created": _utc(started), "seconds": round(time.time() - started, 3),
                    "inputs": inputs, "settings": settings, "seed": seed, "facts": draft.facts, "files": _inventory(draft.path),
                    **provenance(),
                }  # fmt: skip
                write_json(draft.path / "manifest.json", manifest)
                _fsync_tree(draft.path)
                if final.exists():  # a damaged or forced predecessor: move aside first, so that no moment shows a half
                    aside = parent / f".draft-old-{uuid.uuid4().hex[:8]}"
                    os.rename(final, aside)
                    os.rename(draft.path, final)
                    shutil.rmtree(aside, ignore_errors=True)
                else:
                    os.rename(draft.path, final)
                _fsync_dir(parent)
                write_text(parent / "latest", key)
            finally:
                shutil.rmtree(draft.path, ignore_errors=True)


def provenance() -> dict[str, Any]:
    """Code version, package versions and hardware, as recorded in every manifest."""
    packages = {}
    for package in ("torch", "transformers", "trl", "tokenizers", "openvino", "openvino-genai", "scikit-learn", "numpy", "polars"):
        try:
            packages[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "kefu": __version__,
        "python": platform.python_version(),
        "packages": packages,
        "hardware": {"machine": platform.machine(), "system": platform.system(), "cores": os.cpu_count(), "memory_gib": _memory_gib()},
    }


def _memory_gib() -> float | None:
    if sys.platform != "linux":
        return None
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


def _utc(stamp: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(stamp))


def _inventory(root: Path) -> dict[str, Any]:
    files = sorted(p for p in root.rglob("*") if p.is_file())
    return {p.relative_to(root).as_posix(): {"sha256": fingerprint_file(p), "bytes": p.stat().st_size} for p in files}


def _fsync_tree(root: Path) -> None:
    for path in root.rglob("*"):
        if path.is_file():
            with open(path, "rb") as handle:
                os.fsync(handle.fileno())
        else:
            _fsync_dir(path)
    _fsync_dir(root)


def _fsync_dir(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
