"""`kefu predict`: rows of a file through any trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kefu.cli.edge import OUTPUT
from kefu.cli.options import Json, console
from kefu.errors import ConfigError


def predict(
    model: Annotated[
        str,
        typer.Argument(
            help="A model's folder; its name in models.yaml (shop, shop@2, shop@production); a Hugging Face folder or id; an exported engine."
        ),
    ],
    input_: Annotated[Path, typer.Option("--input", metavar="FILE", help="Rows: jsonl, csv, parquet, excel, ...")],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Where the answers go: one line for each row, in its order; JSONL, or CSV by its ending.")
    ],
    map_: Annotated[list[str], typer.Option("--map", metavar="FIELD=COLUMN", help="A column with an unusual name, e.g. text=Inhalt.")] = [],  # noqa: B006
    keep: Annotated[
        list[str], typer.Option("--keep", metavar="COLUMN", help="Copy a column into the answers (label: as given_label). Repeatable.")
    ] = [],  # noqa: B006
    scores: Annotated[bool, typer.Option("--scores", help="The probabilities of all labels, not only of the chosen ones.")] = False,
    batch: Annotated[int, typer.Option("--batch", min=1, max=4096, help="Rows at once.")] = 32,
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1, help="Tokens of a generated text, at most.")] = 128,
    bad_rows: Annotated[
        str, typer.Option("--bad-rows", metavar="skip|fail", help="skip: an error line in their place; fail: stop at the first.")
    ] = "skip",
    json: Json = False,
) -> None:
    """Predict with any trained head or language model (exit code 1 when some rows were bad).

    Writes label and probability, labels, value, entities and tags, answer with its place, or text, by what the model was trained for.

    Example: kefu predict shop-intents@2 --input tickets.csv --out predictions.csv --keep ticket
    """
    from kefu.cli.train.run import progress_bar
    from kefu.train.predict import predict_file

    if bad_rows not in ("skip", "fail"):
        raise ConfigError(f"--bad-rows {bad_rows}", "there is no such way", "use skip or fail")
    columns = {}
    for one in map_:
        name, mark, column = one.partition("=")
        if not mark or not name or not column:
            raise ConfigError(f"--map {one}", "expected FIELD=COLUMN", "e.g. --map text=Inhalt")
        columns[name] = column
    with progress_bar() as progress:
        done = predict_file(
            model, input_, out, columns=columns, keep=keep, batch=batch, longest=max_tokens, scores=scores,
            bad="fail" if bad_rows == "fail" else "skip", progress=progress,
        )  # fmt: skip
    facts = done.as_dict()

    def text() -> None:
        said = console(stderr=True)
        for fault in done.faults[:20]:
            said.print(f"{fault['where']}: {fault['error']}", markup=False, style="red")
        bad = f", {done.bad} bad (an error line in their place)" if done.bad else ""
        version = f", by {done.model}" if done.model != model else ""
        long = f", {done.windows} long texts read in windows" if done.windows else ""
        console().print(f"{done.task}: {done.answered} of {done.rows} rows answered{bad}{long}{version} in {done.seconds:.1f} s: {out}", markup=False)
        for note in done.notes:
            said.print(f"! {note}", markup=False)
        common = ", ".join(f"{label} {count}" for label, count in done.labels.most_common(8))
        if common:
            console().print(f"  {common}", markup=False)

    OUTPUT.result({"ok": not done.bad, "model": model, "out": str(out), **facts}, text)
    if done.bad:
        raise typer.Exit(1)
