"""Rows of a file through a predictor and into another file: in order, in bounded memory, whole or not at all."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

from kefu.artifacts import storage_errors
from kefu.errors import ConfigError, InputError, MissingExtra
from kefu.train.heads.task import BadRow
from kefu.train.predict import tables

if TYPE_CHECKING:
    from kefu.train.predict.opening import Predictor

Progress = Callable[[str, float], None]
CHUNK_BATCHES = 16
_KEPT_FAULTS = 100
#: kind of rows -> how its columns are named
_MAPS = {
    "labelled": "--map text=COLUMN", "numbers": "--map text=COLUMN", "tagged": "--map text=COLUMN",
    "spans": "--map question=COLUMN --map context=COLUMN",
    "messages": "--map instruction=COLUMN (and answer=COLUMN where one is judged), or --map messages=COLUMN",
    "preference": "--map prompt=COLUMN --map chosen=COLUMN --map rejected=COLUMN", "image-text": "--map image=COLUMN --map text=COLUMN",
}  # fmt: skip


@dataclass
class Answered:
    """What was done. rows = answered + bad. faults: the first bad rows, by their place in the file.

    model: the registered version that answered, or where it lies. notes: what the user must know."""

    task: str
    rows: int = 0
    answered: int = 0
    bad: int = 0
    windows: int = 0
    seconds: float = 0.0
    faults: list[dict[str, Any]] = field(default_factory=list)
    labels: Counter[str] = field(default_factory=Counter)
    model: str = ""
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        rate = round(self.answered / self.seconds, 2) if self.seconds else None
        return {
            "task": self.task, "rows": self.rows, "answered": self.answered, "bad": self.bad, "long_texts_in_windows": self.windows,
            "seconds": round(self.seconds, 2), "rows_per_second": rate, "bad_rows": self.faults, "labels": dict(self.labels.most_common()),
            "version": self.model, "notes": self.notes,
        }  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """Which column holds a field. given: by `--map`. trained: as the model's own rows had them, for rows that have these columns."""

    given: dict[str, str]
    trained: dict[str, str]

    def of(self, row: dict[str, Any], needs: str) -> dict[str, str]:
        from kefu.data.mapping import value
        from kefu.train.factory import data

        fields = data.known()[needs]["fields"]
        there = {name: column for name, column in self.trained.items() if name in fields and (column in row or value(row, column) is not None)}
        return {**there, **self.given}

    def explained(self, error: BadRow, row: Any, needs: str, also: str = "") -> BadRow:
        """The fault of a row that lacks a column: which was looked for, which it has, and the fields that can be named."""
        has = row.get("has", []) if isinstance(row, dict) else []
        if error.fix != "see --map" or not has:
            return error
        lost = [f"{column!r} ({name})" for name, column in self.trained.items() if column not in has and name not in self.given]
        shown = ", ".join(map(str, has[:20])) + (", ..." if len(has) > 20 else "")
        why = f"{error.why}; it was trained with the column {', '.join(lost)}" if lost and not row.get("text") else error.why
        return BadRow(
            error.what,
            f"{why}; the row has {shown}",
            f"name the right column: {' or '.join(_MAPS[kind] for kind in (needs, also) if kind in _MAPS) or '--map FIELD=COLUMN'}",
        )


def predict_file(
    model: str, rows_in: Path, out: Path, *, root: Path | None = None, columns: dict[str, str] | None = None, keep: Sequence[str] = (),
    batch: int = 32, longest: int = 128, scores: bool = False, bad: Literal["skip", "fail"] = "skip", progress: Progress | None = None,
) -> Answered:  # fmt: skip
    """Answer every row of a file (any format the readers know) with a line of JSON: id, then the prediction; or a line of CSV (`out` ends so).

    A row without an id of its own, or that cannot be read, is called by its line in the file.

    columns: field -> column, where names are not the usual ones. keep: columns copied into the answers, as `given_NAME` where the
    answers of such a model have a NAME of their own. batch: rows at once.
    longest: tokens of a generated text. bad: `skip` writes an `error` line in the row's place, `fail` stops and writes nothing.
    Raises InputError, ConfigError, StorageError, MissingExtra.
    """
    from kefu.train.quiet import quiet

    if not rows_in.is_file():
        raise InputError(f"--input {rows_in}", "there is no such file", "give a file of rows (jsonl, csv, parquet, ...)")
    if rows_in.resolve() == out.resolve():
        raise ConfigError("--out is the input", str(out), "give another file")
    if out.is_dir():
        raise ConfigError(f"--out {out}", "it is a folder", "give a file, e.g. predictions.jsonl")
    say = progress or (lambda text, share: None)
    try:
        with quiet():
            from kefu.train.predict.opening import open_model, version

            say("opening the model", 0.0)
            predictor, task = open_model(model, root or Path(), batch, longest, rows_in.resolve().parent)
            done = Answered(task.task)
            done.model, done.notes = version(model, root or Path())
            try:
                with _whole(out) as handle, tables.lines(handle, out, [tables.kept_as(name, task.task) for name in keep]) as lines:
                    told = fitting(rows_in, predictor.needs, Columns(columns or {}, task.map), done.notes, getattr(predictor, "also", ""))
                    _run(predictor, rows_in, lines, done, told, keep, scores, bad, say)
                if masked := getattr(predictor, "masked", None):
                    kinds = ", ".join(f"{kind} {count}" for kind, count in masked.most_common())
                    done.notes.append(f"{masked.total()} personal data were masked before they left this machine ({kinds})")
            finally:
                close = getattr(predictor, "close", None)
                if close:
                    close()
            return done
    except ImportError as error:
        from kefu.train.factory.loop import TRAINING_PACKAGES

        if (error.name or "").split(".")[0] in TRAINING_PACKAGES:
            raise MissingExtra("predicting", "train") from None
        raise


#: kind of rows -> columns one of which a row that is asked needs, and the field of them that can be found by content
_ASKED = {
    "labelled": ("text",),
    "numbers": ("text",),
    "tagged": ("text", "tokens"),
    "image-text": ("image",),
    "messages": ("messages", "instruction", "text"),
}
_HEAD = 300


def fitting(path: Path, needs: str, columns: Columns, notes: list[str], also: str = "") -> Columns:
    """The columns, with one found by name and content for a file in which none is called as usual or as in training.

    Raises InputError, before a row is asked, for a file that has no such column: nothing in it could be answered.
    """
    from kefu.data import readers
    from kefu.data.mapping import columns_of, guess
    from kefu.train.factory import data

    if needs not in _ASKED:
        return columns
    head = [row.values for row in islice(data.file_rows(path, given_in="--input"), _HEAD) if isinstance(row, readers.Row)]

    def has(row: dict[str, Any]) -> bool:
        if also and set(columns.given) <= set(data.known()[also]["fields"]):
            other = data.named(row, also, columns.of(row, also), path.name, "--map")
            if all(other.get(name) is not None for name in data.known()[also]["required"]):
                return True
        named = data.named(row, needs, columns.of(row, needs), path.name, "--map")
        if needs == "messages" and "text" in data.named(row, "labelled", {}, path.name):
            return True
        return any(name in named for name in _ASKED[needs])

    if not head or any(map(has, head)):
        return columns
    there = [name for name in columns_of(head) if name not in columns.given.values()]
    made = guess("classification", there, head, wanted=["text"]) if "text" in _ASKED[needs] else {}
    if not made:
        error = columns.explained(BadRow("no text", "no column of that meaning", "see --map"), {"has": there}, needs, also)
        raise InputError(f"--input {path}: no row can be answered", error.why, error.fix)
    field_, column = "instruction" if needs == "messages" else "text", made["text"]
    notes.append(f"column found by name and content: {field_} = {column} (--map {field_}=COLUMN names another)")
    return Columns({**columns.given, field_: column}, columns.trained)


def _run(
    predictor: Predictor, rows_in: Path, out: TextIO, done: Answered, columns: Columns, keep: Sequence[str], scores: bool, bad: str,
    say: Progress,
) -> None:  # fmt: skip
    started, total = time.perf_counter(), _lines(rows_in)
    source = enumerate(_read(rows_in, predictor.needs, columns, keep, getattr(predictor, "also", "")), 1)
    while chunk := list(islice(source, predictor.rows * CHUNK_BATCHES)):
        read: list[tuple[int, Any]] = []
        answers: dict[int, dict[str, Any]] = {}
        for number, row in chunk:
            try:
                if isinstance(row, BadRow):
                    raise row
                read.append((number, predictor.read(row)))
            except BadRow as error:
                answers[number] = {"error": columns.explained(error, row, predictor.needs, getattr(predictor, "also", "")).line()}
        answers |= zip([number for number, _ in read], _predict(predictor, [one for _, one in read], scores), strict=True)
        for number, row in chunk:
            fields = {} if isinstance(row, BadRow) else row
            answer = answers[number]
            place = str(fields.get("where") or getattr(row, "where", f"row {number}"))
            if "error" in answer:
                if bad == "fail":
                    raise InputError(f"{place}", answer["error"], "correct the row, or go on without it: --bad-rows skip")
                done.bad += 1
                if len(done.faults) < _KEPT_FAULTS:
                    done.faults.append({"row": _number(place, number), "where": place, "error": answer["error"]})
            else:
                done.answered += 1
                done.windows += "windows" in answer
                done.labels.update(_labels(answer))
            given = fields.get("id")
            kept = {tables.kept_as(name, done.task): value for name, value in fields.get("kept", {}).items()}
            line = {"id": _number(place, number) if given in (None, "") else given, **kept, **answer}
            out.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
        done.rows += len(chunk)
        done.seconds = time.perf_counter() - started
        say(f"{done.rows} rows, {done.rows / max(done.seconds, 1e-9):.1f} a second", min(1.0, done.rows / max(total, done.rows)))
    if not done.rows:
        raise InputError(f"--input {rows_in}", "it holds no rows", "give a file of rows")


def _number(place: str, count: int) -> int | str:
    """What a row without an id is called: its line in the file, as an editor shows it and as faults name it (`3.2`: second question of line 3)."""
    _, mark, number = place.rpartition("#")
    return (int(number) if number.isdecimal() else number) if mark and number else count


def _labels(answer: dict[str, Any]) -> list[str]:
    if "heads" in answer:
        return [f"{name}: {label}" for name, said in answer["heads"].items() for label in _labels(said)]
    if "labels" in answer:
        return list(answer["labels"])
    if "label" in answer:
        return [answer["label"]]
    if "prefers" in answer:
        return [f"prefers {answer['prefers']}"]
    return [entity["label"] for entity in answer.get("entities", [])]


def _predict(predictor: Predictor, read: Sequence[Any], scores: bool) -> list[dict[str, Any]]:
    """Out of memory: half the rows at once. A row that only the model can refuse is found by asking one by one."""
    from kefu.train.factory.memory import exhausted

    if not read:
        return []
    while True:
        try:
            return predictor.predict(read, scores)
        except BadRow as error:
            if len(read) == 1:
                return [{"error": error.line()}]
            return [answer for one in read for answer in _predict(predictor, [one], scores)]
        except Exception as error:
            if not exhausted(error):
                raise
            if predictor.rows == 1:
                raise InputError("out of memory", "one row does not fit", "use a smaller model, or shorter rows") from None
            predictor.rows //= 2


def _read(path: Path, needs: str, columns: Columns, keep: Sequence[str], also: str = "") -> Iterator[dict[str, Any] | BadRow]:
    """Rows under the field names of their kind; a row that cannot be read stands in its place as a BadRow. also: another kind of rows,
    taken where a row has all that makes it one."""
    from kefu.data import readers
    from kefu.train.factory import data

    for row in data.file_rows(path, given_in="--input"):
        if isinstance(row, readers.Broken):
            broken = BadRow(row.reason)
            broken.where = row.where  # type: ignore[attr-defined]
            yield broken
            continue
        missing = [name for name in keep if name not in row.values]
        if missing:
            raise ConfigError(f"--keep {missing[0]}", f"{row.where} has {', '.join(row.values)}", "name one of its columns")
        kept = {"kept": {name: row.values[name] for name in keep}, "has": list(row.values)}
        if also and set(columns.given) <= set(data.known()[also]["fields"]):
            other = data.named(row.values, also, columns.of(row.values, also), row.where, "--map")
            if all(other.get(name) is not None for name in data.known()[also]["required"]):
                yield {**other, **kept}
                continue
        chosen = columns.of(row.values, needs)
        fields = data.named(row.values, needs, chosen, row.where, "--map")
        if needs == "spans" and not fields.get("question"):  # SQuAD's nesting: every question is a row
            for one in data.nested(row.values, chosen, row.where):
                yield {**one, **kept}
            continue
        if needs == "messages" and fields.get("instruction") is None and fields.get("messages") is None:
            fields["text"] = data.named(row.values, "labelled", {}, row.where).get("text")
        yield {**fields, **kept}


def _lines(path: Path) -> int:
    """Lines of a text file, to say how far the work is; 0 for other formats."""
    if path.suffix.lower() not in (".jsonl", ".csv", ".tsv", ".ndjson"):
        return 0
    with open(path, "rb") as handle:
        return sum(block.count(b"\n") for block in iter(lambda: handle.read(1 << 20), b""))


@contextmanager
def _whole(path: Path) -> Iterator[TextIO]:
    """A file that appears when it is finished (temporary neighbour, fsync, rename)."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "w", encoding="utf-8", newline="") as handle:
                yield handle
                handle.flush()
                os.fsync(handle.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
