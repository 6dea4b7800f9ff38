"""The project that `kefu init` writes: small, complete, bilingual, and it runs."""

from __future__ import annotations

import shutil
from pathlib import Path

from kefu.artifacts import storage_errors
from kefu.errors import InputError

_HERE = Path(__file__).parent / "files"


def create(directory: Path) -> list[Path]:
    """Copy the template into an absent or empty folder; returns the files. Raises InputError."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise InputError(f"{directory} is not empty", "init never writes over what is there", "name a new folder")
    with storage_errors(directory):
        shutil.copytree(_HERE, directory, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return sorted(path for path in directory.rglob("*") if path.is_file())
