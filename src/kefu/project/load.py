"""Read `kefu.yaml`: settings, the folder they belong to, and their origins."""

from __future__ import annotations

import os
import typing
from dataclasses import dataclass, field
from pathlib import Path

from kefu.errors import ConfigError, InputError
from kefu.project import strict
from kefu.project.schema import Knowledge, Project

FILE_NAME = "kefu.yaml"


@dataclass(frozen=True)
class Loaded:
    """Settings, the folder they belong to, and where each value came from.

    origins: dotted key -> `kefu.yaml:12`, `flag` or `default`.
    """

    settings: Project
    root: Path
    origins: dict[str, str] = field(default_factory=dict)

    @property
    def build(self) -> Path:
        return self.root / "build"

    def path(self, relative: str) -> Path:
        """A path of the project file, resolved against its folder (`~` and $VARS expanded)."""
        return self.root / Path(os.path.expandvars(relative)).expanduser()

    def files(self, globs: list[str]) -> list[Path]:
        """Files matched by globs, sorted; a glob that matches nothing is an InputError."""
        found: list[Path] = []
        for pattern in globs:
            base = self.path(pattern)
            hits = [base] if base.is_file() else sorted(base.rglob("*")) if base.is_dir() else sorted(_glob(base))
            files = [hit for hit in hits if hit.is_file()]
            if not files:
                raise InputError(f"no file matches {pattern!r}", f"looked in {self.root}", "correct the pattern in kefu.yaml")
            found += files
        return list(dict.fromkeys(found))

    def knowledge(self) -> Knowledge:
        """The knowledge settings with the synonym file where it lies; only for work, never for a key or a record."""
        settings = self.settings.knowledge
        return settings.model_copy(update={"synonyms": str(self.path(settings.synonyms))}) if settings.synonyms else settings

    def origin(self, key: str) -> str:
        return self.origins.get(key, "default")


def secret(reference: str) -> str:
    """A value given as `env:NAME` or `file:PATH`, or the plain text. Raises ConfigError."""
    if reference.startswith("env:"):
        value = os.environ.get(reference[4:])
        if value is None:
            raise ConfigError(f"environment variable {reference[4:]} is not set", "the project file refers to it", f"export {reference[4:]}=…")
        return value
    if reference.startswith("file:"):
        try:
            return Path(reference[5:]).expanduser().read_text("utf-8").strip()
        except OSError as error:
            raise ConfigError(f"cannot read {reference[5:]}", error.strerror or "", "give a readable file") from None
    return reference


def find(path: Path) -> Path:
    """The project file for a path that is the file or its folder."""
    file = path / FILE_NAME if path.is_dir() else path
    if not file.is_file():
        hint = "give the folder that holds kefu.yaml, or make one with `kefu init DIR`"
        raise InputError(f"no project in {path.resolve()}", f"there is no {FILE_NAME}" if path.is_dir() else "there is no such file", hint)
    return file


def load(path: Path, overrides: typing.Sequence[str] = ()) -> Loaded:
    """Read and check the project file. `overrides` are `dotted.key=value` flags.

    Raises ConfigError carrying every fault, InputError for an unreadable file.
    """
    file = find(path)
    settings, origins = strict.read(file, Project, overrides, "correct it and run `kefu check`", "start from `kefu init DIR`")
    return Loaded(settings, file.resolve().parent, origins)


def _glob(base: Path) -> list[Path]:
    anchor = Path(base.anchor) if base.is_absolute() else Path()
    return list(anchor.glob(str(base.relative_to(anchor))))
