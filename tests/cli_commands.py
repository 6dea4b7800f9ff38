"""The command line in this process: what a user types, what comes out, and the exit code, without the second that each new interpreter takes."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from pathlib import Path
from unittest import mock

from kefu.cli.app import app
from kefu.cli.edge import guarded


def kefu(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """As `kefu ...` in a shell at that folder; a defect is raised here, where a shell would show its traceback."""
    out, err, hook = io.StringIO(), io.StringIO(), sys.unraisablehook
    try:
        with (
            mock.patch.object(sys, "argv", ["kefu", *arguments]), contextlib.chdir(cwd or Path()),
            contextlib.redirect_stdout(out), contextlib.redirect_stderr(err),
        ):  # fmt: skip
            code = guarded(app)
    finally:
        sys.unraisablehook = hook
    return subprocess.CompletedProcess(["kefu", *arguments], code, out.getvalue(), err.getvalue())
