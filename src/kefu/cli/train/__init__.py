"""`kefu train`: a recipe or a project in, a model out; one file per verb."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from kefu.cli.train import advise, report, run, settings, show


class _Runs(TyperGroup):
    """`kefu train RECIPE` is `kefu train run RECIPE`; so is `kefu train --help`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in self.commands:
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(help="Train a model from a recipe or a project.", cls=_Runs, no_args_is_help=False, rich_markup_mode=None)
app.command("run", epilog="Also: kefu train show RECIPE --rows 3 (what is learnt, coloured).")(run.run)
app.command("show")(show.show)
app.command("report")(report.report)
app.command("advise")(advise.advise)
app.command("settings")(settings.settings)
