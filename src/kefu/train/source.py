"""Where the rows come from: this project's own dataset, or one behind a port (`train.data_url`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kefu.artifacts import fingerprint, fingerprint_file
from kefu.errors import InputError
from kefu.project import Loaded


def remote_files(project: Loaded) -> dict[str, str]:
    """`{train.data_url/file: sha256}` of the training files behind `train.data_url`; empty without one. Part of what makes training fresh.

    Raises ConfigError, InputError or EngineError when the address gives none.
    """
    url = project.settings.train.data_url
    return {f"train.data_url/{name}": str(entry["sha256"]) for name, entry in _training(_open(url)).items()} if url else {}


def folder(project: Loaded, own: Path) -> Path:
    """The folder with the training files: `own`, or verified copies of the remote ones under `build/remote/`.

    A copy is fetched once: its folder is named after the hashes of the files in it.
    """
    url = project.settings.train.data_url
    return copies(url, project.build) if url else own


def copies(url: str, build: Path) -> Path:
    """The folder in `build/remote/` with verified copies of the training files behind a data port."""
    remote = _open(url)
    files = _training(remote)
    target = build / "remote" / remote.name / fingerprint({name: entry["sha256"] for name, entry in files.items()})[:16]
    for name, entry in files.items():
        path = target / name
        if not path.is_file() or fingerprint_file(path) != entry["sha256"]:
            remote.fetch(name, path, str(entry["sha256"]))
    return target


def _open(url: str) -> Any:
    from kefu.data.client import RemoteDataset

    return RemoteDataset(url)


def _training(remote: Any) -> dict[str, dict[str, Any]]:
    files = {name: entry for name, entry in remote.files().items() if entry["training"] and Path(name).name == name and not name.startswith(".")}
    if not files:
        raise InputError(f"{remote.reference} offers no training files", "its list has none", "build that dataset again")
    return files
