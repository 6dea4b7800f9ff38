"""The verbs, in the order a user meets them."""

from __future__ import annotations

from typing import Annotated

import typer

from kefu import __version__
from kefu.cli import chat, check, data, doctor, evaluate, export, improve, init, models, predict, prices, run, serve, train

app = typer.Typer(
    name="kefu",
    help="From a company's support conversations to a tested customer-service assistant (客服).",
    epilog="Start: kefu init shop && kefu run shop && kefu serve shop",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        print(f"kefu {__version__}")
        raise typer.Exit


@app.callback()
def _root(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False) -> None: ...


app.command("init")(init.init)
app.command("check")(check.check)
app.command("run")(run.run)
app.command("doctor")(doctor.doctor)
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")
app.command("predict")(predict.predict)
app.command("export")(export.export)
app.command("eval")(evaluate.evaluate)
app.add_typer(models.app, name="models")
app.command("chat")(chat.chat)
app.command("serve")(serve.serve)
app.add_typer(improve.app, name="improve")
app.add_typer(prices.app, name="prices")
