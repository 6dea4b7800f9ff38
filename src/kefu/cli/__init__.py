"""The command line: one thin file per verb; heavy imports happen inside verbs.

Exit codes: 0 done, 1 a gate or check failed, 2 wrong input or settings, 130 interrupted.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the `kefu` command."""
    from kefu.cli.app import app
    from kefu.cli.edge import guarded

    sys.exit(guarded(app))


__all__ = ["main"]
