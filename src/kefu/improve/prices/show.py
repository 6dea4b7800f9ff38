"""The two tables as people read them: cells for the terminal, Markdown for a README between its markers."""

from __future__ import annotations

from pathlib import Path

from kefu.artifacts import write_text
from kefu.errors import InputError
from kefu.improve.prices.table import Row, Table
from kefu.improve.prices.tokens import Usage

START, END = "<!-- kefu prices: start -->", "<!-- kefu prices: end -->"
EPOCHS = 3
TITLES = {"inference": "Using a model", "fine-tuning": "Tuning a model"}


def tables(table: Table, used: Usage | None = None) -> dict[str, tuple[list[str], list[list[str]]]]:
    """use -> (head, rows of cells). What is not known is a dash."""
    found = {}
    for use in TITLES:
        rows = [row for row in table.rows if row.use == use]
        head = ["provider", "model", *(["training"] if use == "fine-tuning" else []), "in", "out"]
        head += ["a session" if use == "inference" else f"one tuning ({EPOCHS} epochs)", "source", "date", "note"]
        found[use] = (
            head,
            [
                _cells(row, used)
                for row in sorted(rows, key=lambda row: (cost(row, used) is None, row.currency if used else "", cost(row, used) or 0.0))
            ],
        )
    return found


def cost(row: Row, used: Usage | None) -> float | None:
    """Of one session, or of one tuning, in the row's currency; None where a figure is missing."""
    if used is None:
        return None
    if row.use == "inference":
        return None if row.input is None or row.output is None else (used.input * row.input + used.output * row.output) / 1e6
    return None if row.training is None else used.training * EPOCHS * row.training / 1e6


def foot(table: Table, used: Usage | None) -> list[str]:
    """What must be said below the tables."""
    dated = sorted(row.date for row in table.rows if row.date)
    lines = [f"Prices for 1 M tokens, as the named page gave them ({dated[0]} to {dated[-1]}; a dash: no source gave it)." if dated else ""]
    if used:
        prompt = f"with {used.prompt} of instructions each turn" if used.prompt else "without instructions and retrieved text"
        lines.append(
            f"A session of {used.name} ({used.sessions} sessions): {used.input:.0f} tokens sent ({prompt}), {used.output:.0f} answered; "
            f"its training rows: {used.training} tokens; {used.how}."
        )
    return [line for line in lines if line]


def markdown(table: Table, used: Usage | None, today: str) -> str:
    """The section of a README, markers included."""
    parts = [START]
    for use, (head, rows) in tables(table, used).items():
        parts += [f"**{TITLES[use]}**", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        at = head.index("source")
        for row in rows:
            cells = [f"[page]({cell})" if i == at else cell.replace("|", "\\|") for i, cell in enumerate(row)]
            parts.append("| " + " | ".join(cells) + " |")
        parts.append("")
    boards = "; ".join(f"[{board.name}]({board.url})" for board in table.leaderboards)
    parts += [
        *foot(table, used),
        *([f"Which of them are worth it: {boards}."] if boards else []),
        f"Rewritten {today} by `kefu prices --readme`.",
        END,
    ]
    return "\n".join(parts)


def readme(path: Path, section: str) -> bool:
    """Put the section between the markers of a file; returns whether anything changed. Raises InputError without exactly one pair of markers."""
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}", getattr(error, "strerror", "") or "not UTF-8", "name a Markdown file") from None
    if text.count(START) != 1 or text.count(END) != 1 or text.index(START) > text.index(END):
        raise InputError(f"{path} has no place for the prices", "one pair of markers is needed", f"put the lines {START} and {END} where they belong")
    made = text[: text.index(START)] + section + text[text.index(END) + len(END) :]
    if made == text:
        return False
    write_text(path, made)
    return True


def _cells(row: Row, used: Usage | None) -> list[str]:
    amount = cost(row, used)
    shown = "–" if amount is None else f"{amount:.6f} {row.currency}" if amount < 0.01 else f"{amount:.2f} {row.currency}"
    figures = [row.training, row.input, row.output] if row.use == "fine-tuning" else [row.input, row.output]
    prices = ["–" if figure is None else f"{figure:g} {row.currency}" for figure in figures]
    return [row.provider, row.model, *prices, shown, row.source, row.date or "–", row.note]
