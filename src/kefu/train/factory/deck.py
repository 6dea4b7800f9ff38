"""The training report as slides (`.pptx`), for people who meet about it. A view of `training.json` like the page, shorter."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kefu.artifacts import storage_errors
from kefu.errors import InputError, MissingExtra
from kefu.statistics import show

_INK, _SOFT, _ACCENT = (0x1C, 0x24, 0x30), (0x5B, 0x66, 0x75), (0x0F, 0x76, 0x6E)
_LEFT, _TOP, _WIDTH = 0.6, 1.35, 12.1  # inches of a 13.33 x 7.5 slide
_ROWS = 9


def write(folder: Path, out: Path) -> int:
    """Write the slides of a trained model's folder to `out`; returns how many. Raises InputError, MissingExtra, StorageError."""
    try:
        from pptx import Presentation
        from pptx.util import Inches
    except ImportError:
        raise MissingExtra("slides", "deck") from None
    if out.suffix.lower() != ".pptx":
        raise InputError(f"{out} is no slide file", "its name does not end in .pptx", "name it FILE.pptx")
    document = read(folder)
    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(13.333), Inches(7.5)
    made = _Slides(deck)
    for part in (_title, _result, _training, _data, _samples, _cost):
        part(made, document, folder)
    temporary = out.with_name(f".{out.name}.tmp")
    with storage_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            deck.save(str(temporary))
            temporary.replace(out)
        finally:
            temporary.unlink(missing_ok=True)
    return len(deck.slides)


def read(folder: Path) -> dict[str, Any]:
    """`training.json` of a model made by a recipe. Raises InputError."""
    try:
        document = json.loads((folder / "training.json").read_text("utf-8"))
    except (OSError, ValueError):
        raise InputError(f"{folder} has no training report", "there is no training.json", "give a model made by `kefu train RECIPE`") from None
    if not isinstance(document, dict) or "metrics_before" not in document or "distribution" not in document:
        raise InputError(f"{folder} has no report of a recipe", "its training.json is of another kind", "give a model made by `kefu train RECIPE`")
    return document


class _Slides:
    """Titles, paragraphs, tables and pictures at fixed places."""

    def __init__(self, deck: Any) -> None:
        self.deck = deck

    def add(self, title: str, subtitle: str = "") -> Any:
        slide = self.deck.slides.add_slide(self.deck.slide_layouts[6])
        self.text(slide, [title], _LEFT, 0.4, 30, _ACCENT, bold=True)
        if subtitle:
            self.text(slide, [subtitle], _LEFT, 0.98, 13, _SOFT)
        return slide

    def text(
        self, slide: Any, lines: Sequence[str], left: float, top: float, size: int, colour: tuple[int, int, int] = _INK, bold: bool = False
    ) -> None:
        from pptx.dml.color import RGBColor
        from pptx.util import Inches, Pt

        box = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(_WIDTH - left + _LEFT), Inches(0.5)).text_frame
        box.word_wrap = True
        for i, line in enumerate(lines):
            paragraph = box.paragraphs[0] if i == 0 else box.add_paragraph()
            run = paragraph.add_run()
            run.text, run.font.size, run.font.bold = _plain(line), Pt(size), bold
            run.font.color.rgb = RGBColor(*colour)
            paragraph.space_after = Pt(size * 0.4)

    def table(self, slide: Any, head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float], top: float = _TOP + 0.25) -> None:
        from pptx.dml.color import RGBColor
        from pptx.util import Inches, Pt

        height = Inches(0.4 * (len(rows) + 1))
        grid = slide.shapes.add_table(len(rows) + 1, len(head), Inches(_LEFT), Inches(top), Inches(sum(widths)), height).table
        for column, width in enumerate(widths):
            grid.columns[column].width = Inches(width)
        for i, row in enumerate([head, *rows]):
            for j, value in enumerate(row):
                cell = grid.cell(i, j)
                cell.text = _plain(value)
                cell.fill.solid()
                cell.fill.fore_color.rgb = RGBColor(*(_ACCENT if i == 0 else (0xFF, 0xFF, 0xFF) if i % 2 else (0xF1, 0xF4, 0xF5)))
                for paragraph in cell.text_frame.paragraphs:
                    for run in paragraph.runs:
                        run.font.size, run.font.bold = Pt(13), i == 0
                        run.font.color.rgb = RGBColor(*((0xFF, 0xFF, 0xFF) if i == 0 else _INK))


def _title(made: _Slides, document: dict[str, Any], folder: Path) -> None:
    from kefu.train.factory.register import words

    slide = made.add(document["name"], words(document["method"], document))
    if document["description"]:
        made.text(slide, [document["description"]], _LEFT, 1.6, 18)
    ledger = document["ledger"]
    lines = [f"{ledger['rows']} rows, {ledger['supervised']} learnt tokens or labels", f"{document['run']['steps']} steps"]
    for name, number in list(document["metrics"].items())[:4]:
        before = document["metrics_before"].get(name, {})
        lines.append(f"{name.replace('_', ' ')}: {_number(number)}" + (f", before {before['value']:.3f}" if before.get("value") is not None else ""))
    made.text(slide, lines, _LEFT, 2.3, 20)
    notes = [_short(note, 180) for note in document["notes"][:4]]
    if len(document["notes"]) > len(notes):
        notes.append(f"{len(document['notes']) - len(notes)} more notes in report.html")
    made.text(slide, notes, _LEFT, 5.3, 13, _SOFT)


def _result(made: _Slides, document: dict[str, Any], folder: Path) -> None:
    from kefu.train.factory.report import compared

    rows = compared(document)
    head, widths = ["metric", "before", "after", "verdict"], [2.6, 3.2, 3.2, 2.6]
    label = document["former"].get("label")
    if label:
        head, widths = ["metric", "before", "after", label, "verdict"], [2.0, 2.7, 2.7, 2.7, 2.0]
    slide = made.add("Result", "intervals of 95 %; before: what the training started from, asked the same rows")
    shown = [
        [row["name"].replace("_", " "), _number(row["before"]), _number(row["after"]), *([_number(row["former"])] if label else []), row["better"]]
        for row in rows[:_ROWS]
    ]
    made.table(slide, head, shown, widths)
    if len(rows) > _ROWS:
        made.text(slide, [f"{len(rows) - _ROWS} more in report.html"], _LEFT, 6.6, 13, _SOFT)


def _training(made: _Slides, document: dict[str, Any], folder: Path) -> None:
    from pptx.util import Inches

    run = document["run"]
    slide = made.add("Training", f"{run['steps']} of {run['planned_steps']} steps, step {run['best_step']} was kept")
    picture = folder / "plots" / "loss.png"
    if picture.is_file():
        slide.shapes.add_picture(str(picture), Inches(_LEFT), Inches(_TOP + 0.2), width=Inches(7.3))
    reasons = [
        f"{name.replace('_', ' ')} {_short(choice['value'], 16)}: {choice.get('reason') or choice['origin']}"
        for name, choice in document["settings"].items()
        if name in ("epochs", "steps", "batch_size", "learning_rate", "max_length", "bf16")
    ]
    made.text(slide, reasons, 8.2 if picture.is_file() else _LEFT, _TOP + 0.3, 13)


def _data(made: _Slides, document: dict[str, Any], folder: Path) -> None:
    found, ledger = document["distribution"], document["ledger"]
    slide = made.add("Data", f"{ledger['rows_in']} rows in, {ledger['rows']} used")
    rows = [
        [part, str(counts["rows"]), ", ".join(f"{why} {n}" for why, n in counts.items() if why != "rows")]
        for part, counts in document["data"].items()
    ]
    made.table(slide, ["part", "rows", "accounted for"], rows, [2.0, 1.4, 8.6])
    lines = [f"left out: {', '.join(f'{why} {n}' for why, n in ledger['dropped'].items()) or 'nothing'}"]
    for title in ("languages", "labels", "length_histogram"):
        if found[title]:
            counts = ", ".join(f"{name}: {n}" for name, n in list(found[title].items())[:12])
            lines.append(f"{'tokens of a row, up to' if title == 'length_histogram' else title}: {counts}")
    made.text(slide, lines, _LEFT, _TOP + 0.8 + 0.4 * (len(rows) + 1), 15)


def _samples(made: _Slides, document: dict[str, Any], folder: Path) -> None:
    from kefu.pages.reports import line
    from kefu.train.factory.report import best_and_worst

    best, worst = best_and_worst(document["samples"])
    if not best:
        return
    slide = made.add("Samples", "the closest to what was expected, then the farthest from it")
    widths = {"asked": 60, "expected": 60, "after": 60, "said": 28}
    rows = [[line(one[name], length) for name, length in widths.items()] for one in [*best[:3], *worst[:3]]]
    made.table(slide, ["asked", "expected", "after", "before"], rows, [3.0, 3.2, 3.2, 2.6])


def _cost(made: _Slides, document: dict[str, Any], folder: Path) -> None:
    cost, environment = document["cost"], document["environment"]
    slide = made.add("Cost and environment")
    energy = f"{cost['energy_kwh']:.4g} kWh" if cost.get("energy_kwh") is not None else "not known"
    money = f"{cost['money']:.4g} {cost['currency']}" if cost.get("money") is not None else "not known"
    rows = [
        ["time", f"{cost.get('seconds', document['run']['seconds']):.0f} s", "the whole run, with measuring"],
        ["energy", energy, cost.get("energy_how", "")],
        ["money", money, cost.get("money_how", "")],
    ]
    made.table(slide, ["", "amount", "how it is known"], rows, [1.6, 2.4, 8.0])
    hardware = environment["hardware"]
    lines = [
        f"base: {document['base']['name']}",
        f"kefu {environment['kefu']}, Python {environment['python']}, {hardware['cores']} cores, {hardware['memory_gib']} GiB, "
        f"GPU: {'yes' if environment['cuda'] else 'none'}",
        ", ".join(f"{name} {version}" for name, version in environment["packages"].items()),
        *[f"note: {note}" for note in document["notes"][:4]],
    ]
    made.text(slide, lines, _LEFT, _TOP + 2.3, 14)


def _number(number: dict[str, Any]) -> str:
    if not number or number.get("value") is None:
        return "–"
    return show(number, 3)


def _short(value: Any, length: int) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= length else text[: length - 1] + "…"


def _plain(text: str) -> str:
    """XML holds no control characters."""
    return "".join(char if char.isprintable() or char in "\t" else "·" for char in str(text).replace("\n", " "))
