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
        return self.root / expanded(relative)

    def files(self, globs: list[str]) -> list[Path]:
        """Files matched by globs, sorted. Raises InputError for a glob that matches nothing or is none.

        A link may not lead out of the folder of a glob, nor out of the project unless kefu.yaml itself names a place outside: whoever
        packed the files must not choose what else is read.
        """
        found: list[Path] = []
        for pattern in globs:
            base = self.path(pattern)
            try:
                hits = [base] if base.is_file() else sorted(base.rglob("*")) if base.is_dir() else sorted(_glob(base))
                files = [hit for hit in hits if hit.is_file()]
            except (ValueError, NotImplementedError, IndexError) as error:
                raise InputError(f"{pattern!r} is no pattern of files", str(error), "`**` stands alone between two /") from None
            except OSError as error:
                raise InputError(f"cannot look for {pattern!r}", error.strerror or str(error), "correct the pattern in kefu.yaml") from None
            if not files:
                raise InputError(f"no file matches {pattern!r}", f"looked in {self.root}", "correct the pattern in kefu.yaml")
            self._refuse_links(pattern, base, files)
            found += files
        return list(dict.fromkeys(found))

    def _refuse_links(self, pattern: str, base: Path, files: list[Path]) -> None:
        inside = not expanded(pattern).is_absolute() and ".." not in base.parts
        folder = base.parent if base.is_file() else _fixed_part(base)
        if inside and not folder.resolve().is_relative_to(self.root):
            raise _leads_out(folder, self.root)
        home = folder if not base.is_file() else self.root if inside else None
        for file in files if home else []:
            if home and not file.resolve().is_relative_to(home.resolve()):
                raise _leads_out(file, home)

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
            return expanded(reference[5:]).read_text("utf-8").strip()
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


def expanded(text: str) -> Path:
    """A path with `~` and $VARS written out. Raises ConfigError for the folder of a user who does not exist."""
    try:
        return Path(os.path.expandvars(text)).expanduser()
    except RuntimeError:
        name = text.partition("/")[0]
        raise ConfigError(f"{text}: {name} is nobody's folder", "there is no such user", "write the path out, or ./~name for a file") from None


def _leads_out(link: Path, home: Path) -> InputError:
    return InputError(
        f"{link} is a link that leads out of {home.name}, to {link.resolve()}",
        "what lies outside is read only where kefu.yaml names it",
        "write that path into kefu.yaml, or remove the link",
    )


def _fixed_part(path: Path) -> Path:
    """The folder of a glob: its parts before the first wildcard."""
    if path.is_dir():
        return path
    stop = next((i for i, part in enumerate(path.parts) if any(sign in part for sign in "*?[")), len(path.parts) - 1)
    return Path(*path.parts[:stop])


def _glob(base: Path) -> list[Path]:
    anchor = Path(base.anchor) if base.is_absolute() else Path()
    return list(anchor.glob(str(base.relative_to(anchor))))
