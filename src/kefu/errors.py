"""The whole error tree.

    KefuError                 something a user can act on; rendered once, at the edge
    ├── InputError     (2)    a file or a row that cannot be used
    ├── ConfigError    (2)    the project file or a flag is wrong; carries every fault found
    ├── MissingExtra   (2)    a part of kefu that is not installed
    ├── BusyError      (2)    another run holds the project, or a port is taken
    ├── StorageError   (2)    the disk refused (full, read-only, no permission)
    ├── EngineError    (1)    a model could not be loaded or died while running
    └── GateError      (1)    a check was made and failed

The number is the exit code. `InputError` and its kind say what was given, why it cannot work and the
way out, in one line. Anything that is not a `KefuError` is a defect of kefu and keeps its traceback.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_FULL_STOP = re.compile(r"(?<=[^\s./])\.$")  # of a sentence; the folder `.` keeps its name


class KefuError(Exception):
    """`what` was given, `why` it cannot work, `fix`: the way out. Rendered as one line."""

    exit_code = 2

    def __init__(self, what: str, why: str = "", fix: str = "") -> None:
        self.what, self.why, self.fix = what, why, fix
        super().__init__(self.line())

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (type(self), self.__dict__.copy(), self.args)  # errors cross from worker processes as they are

    def line(self) -> str:
        text = _FULL_STOP.sub("", self.what)
        if self.why:
            text += f": {_FULL_STOP.sub('', self.why)}"
        if self.fix:
            text += f"; {_FULL_STOP.sub('', self.fix)}"
        return " ".join(text.split())

    def as_dict(self) -> dict[str, object]:
        return {"error": type(self).__name__, "message": self.line(), "what": self.what, "why": self.why, "fix": self.fix}


def _again(kind: type[KefuError], fields: dict[str, object], args: tuple[object, ...]) -> KefuError:
    error = kind.__new__(kind)
    error.__dict__.update(fields)
    error.args = args
    return error


class InputError(KefuError):
    """A file or a row that cannot be used."""


class ConfigError(KefuError):
    """The project file or a flag is wrong. `faults` lists every fault, one line each."""

    def __init__(self, what: str, why: str = "", fix: str = "", faults: Sequence[str] = ()) -> None:
        self.faults = list(faults)
        super().__init__(what, why, fix)

    def as_dict(self) -> dict[str, object]:
        return {**super().as_dict(), "faults": self.faults}


class MissingExtra(KefuError):
    """A part of kefu that is not installed. `extra` is the name in `pip install 'kefu[extra]'`."""

    def __init__(self, need: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f"{need} needs the extra {extra!r}", "it is not installed", f"pip install 'kefu[{extra}]' -c constraints.txt")


class BusyError(KefuError):
    """Another run holds the project, or a port is taken."""


class StorageError(KefuError):
    """The disk refused: full, read-only, no permission."""


class EngineError(KefuError):
    """A model could not be loaded, or died while running."""

    exit_code = 1


class GateError(KefuError):
    """A check was made and failed. `layer` names the part of the story that broke."""

    exit_code = 1

    def __init__(self, what: str, why: str = "", fix: str = "", layer: str = "") -> None:
        self.layer = layer
        super().__init__(what, why, fix)

    def as_dict(self) -> dict[str, object]:
        return {**super().as_dict(), "layer": self.layer}
