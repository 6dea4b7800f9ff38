"""`kefu data`: what can be done with the company's exports; one file per verb."""

from __future__ import annotations

import typer

from kefu.cli.data.augment import augment
from kefu.cli.data.build import build
from kefu.cli.data.import_ import import_
from kefu.cli.data.label import label
from kefu.cli.data.privacy_audit import privacy_audit
from kefu.cli.data.privacy_restore import privacy_restore
from kefu.cli.data.privacy_scan import privacy_scan
from kefu.cli.data.serve import serve
from kefu.cli.data.show import show
from kefu.cli.data.stats import stats

app = typer.Typer(help="Clean, mask, deduplicate, label and split the company's exports.", no_args_is_help=True, rich_markup_mode=None)
app.command("build")(build)
app.command("stats")(stats)
app.command("show")(show)
app.command("import")(import_)
app.command("augment")(augment)
app.command("privacy-scan")(privacy_scan)
app.command("privacy-restore")(privacy_restore)
app.command("privacy-audit")(privacy_audit)
app.command("serve")(serve)
app.command("label")(label)
