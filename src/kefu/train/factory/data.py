"""Rows in: files of any format, the dataset of a project, or a data port, as named fields of what the method needs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import chain, islice
from pathlib import Path
from typing import Any, cast

import yaml

from kefu.artifacts import fingerprint
from kefu.data import readers
from kefu.data.mapping import columns_of, guess, name_key, value
from kefu.errors import ConfigError, InputError, KefuError
from kefu.project import Loaded as Project
from kefu.project.schema import Source
from kefu.train.factory import twins
from kefu.train.factory.recipe import Loaded, shipped
from kefu.train.source import copies

SPLITS = ("train", "validation", "test")
#: rows that most runs do not have
MORE_SPLITS = ("general", "old", "old_held")
#: what figures say they were measured on (`on`) where no row was held out
OWN = "the rows it was trained on"
#: different prompts below which no share of the rows is held out: one row more or less would be a tenth of everything
FEWEST = 10
#: files of the data artefact that hold rows of a kind (`STEM.SPLIT.jsonl`)
_ARTEFACT = {
    "messages": ("messages",), "prompts": ("messages",), "preference": ("preference",),
    "feedback": ("feedback", "preference"), "labelled": ("classification",), "tagged": ("tokens",), "spans": ("qa",),
}  # fmt: skip

#: the way out where nothing was held out
MORE = f"give data.validation or data.test, or rows with {FEWEST} different prompts or more"
_HEAD = 100
_GIVEN = ("prompt", "messages", "text", "other", "question", "instruction", "context", "tokens", "image")


@dataclass
class Splits:
    """Rows by split. ledger: per split, rows read, broken, kept, and where they came from.

    map: field -> column of the training rows, as `data.map` names them or as they were found.
    old, old_held: of a round (`kefu.train.factory.rounds`), what the model it starts from has learnt, and what was held out from it.
    """

    train: list[dict[str, Any]] = field(default_factory=list)
    validation: list[dict[str, Any]] = field(default_factory=list)
    test: list[dict[str, Any]] = field(default_factory=list)
    general: list[dict[str, Any]] = field(default_factory=list)
    old: list[dict[str, Any]] = field(default_factory=list)
    old_held: list[dict[str, Any]] = field(default_factory=list)
    ledger: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    map: dict[str, str] = field(default_factory=dict)

    def digest(self) -> dict[str, str]:
        """Hash of the rows of each split, as they will be used."""
        return {name: fingerprint(getattr(self, name)) for name in (*SPLITS, *(name for name in MORE_SPLITS if getattr(self, name)))}

    def measured(self, most: int | None, seed: int) -> Measured:
        """The rows to measure with: of test, else of validation, else of the training rows; all, or so many drawn by the seed."""
        rows = self.test or self.validation or self.train
        of = len(rows)
        rows = some(rows, most, seed) if most and of > most else rows
        drawn = [f"measured on {most} of {of} rows, drawn by seed {seed} (train.measure_rows)"] if len(rows) < of else []
        if not (self.test or self.validation):
            return Measured(rows, OWN, [f"measured on {OWN}: {self.ledger['train'].get('none held out', 'none was held out')}; {MORE}", *drawn], of)
        known = {_content(row) for row in self.train}
        shared = sum(_content(row) in known for row in rows)
        if shared == len(rows):
            return Measured(rows, OWN, [f"measured on {OWN}: all {shared} rows to measure with stand among the training rows; {MORE}", *drawn], of)
        again = twins.repeated(rows, self.train)
        notes = [f"{shared} of {len(rows)} rows to measure with stand among the training rows too"] if shared else []
        if again:
            told = f"{len(again)} of {len(rows)} rows to measure with nearly repeat a row that is learnt"
            notes.append(f"{told}: other wordings will score lower; give data.validation or data.test in wordings of their own")
        return Measured(rows, "", [*notes, *drawn], of, again)


@dataclass(frozen=True)
class Measured:
    """Rows to measure with. on: OWN where they are the training rows; notes: what the user must know of them; of: how many there are in all;
    repeats: places of those that nearly repeat a learnt row."""

    rows: list[dict[str, Any]]
    on: str
    notes: list[str]
    of: int
    repeats: set[int] = field(default_factory=set)


def read(loaded: Loaded, needs: str) -> Splits:
    """All rows of a recipe. Raises InputError (a file that cannot be used, no rows), ConfigError (a column that is not there)."""
    given, found = loaded.recipe.data, Splits()
    if given.data_url and given.train and loaded.origin("data.train") == "flag":
        raise ConfigError(f"data.train and data.data_url {given.data_url}", "the rows of a port take the place of files", "give one of both")
    there = copies(given.data_url, loaded.root / "build") if given.data_url else None
    for split in (*SPLITS, "general"):
        counts: Counter[str] = Counter()
        places = [] if there is not None and split == "train" else list(getattr(given, split))
        rows: list[dict[str, Any]] = []
        if there is not None and split != "general" and not places:
            files = _artefact(there, split, needs)
            if split == "train" and not files:
                raise InputError(f"data.data_url: {given.data_url}", f"its dataset has no rows of kind {needs}", "build them there")
            places += [str(file) for file in files]
        for place in places or ([] if there is not None or split in ("train", "general") else _beside(loaded, split, needs)):
            there_are = list(_rows(loaded, place, split, needs, counts))
            told, why = columns([row for row, _ in there_are], needs, given.map, place)
            found.notes += [why] if why else []
            found.map = {**told, **found.map} if split == "train" else found.map
            for row, where in there_are:
                rows += nested(row, given.map, where) if needs == "spans" else [named(row, needs, told, where)]
        if given.limit and len(rows) > given.limit:
            counts["beyond data.limit"] += len(rows) - given.limit
            rows = some(rows, given.limit, loaded.recipe.train.seed)
        setattr(found, split, rows)
        if split == "general" and not places:
            continue
        found.ledger[split] = {"rows": len(rows), **counts}
    if not found.train:
        where = given.data_url or ", ".join(given.train)
        raise InputError("nothing to train on", f"{where} holds no rows", "give files with rows in `data.train`")
    if not found.validation:
        hold_out(found, given.validation_share, loaded.recipe.train.seed)
    return found


def _content(row: dict[str, Any]) -> str:
    return fingerprint({name: value for name, value in row.items() if name not in ("where", "id", "rest")})


def rows_of(loaded: Loaded, places: list[str], split: str, needs: str) -> list[dict[str, Any]]:
    """Rows of more places that a method's settings name."""
    counts: Counter[str] = Counter()
    return [named(row, needs, loaded.recipe.data.map, where) for place in places for row, where in _rows(loaded, place, split, needs, counts)]


#: kind of rows -> shape of a source whose columns are found by the same names and contents
_SHAPE = {"labelled": "classification", "preference": "preference"}


def columns(rows: Sequence[dict[str, Any]], needs: str, given: dict[str, str], place: str) -> tuple[dict[str, str], str]:
    """`map`, with columns for required fields that neither it nor a usual name tells, found as `kefu data import` finds them; what was found.

    Raises InputError for rows with text and labels, or two answers, whose columns cannot be told: with the columns there are.
    """
    head = rows[:300]
    if not head or needs not in (*_SHAPE, "numbers"):
        return given, ""
    kind, there = known()[needs], columns_of(head)
    usual = {name: {name_key(word) for word in words} for name, words in kind["fields"].items()}
    missing = [name for name in kind["required"] if name not in given and not any(name_key(column) in usual[name] for column in there)]
    if not missing:
        return given, ""
    rest = [column for column in there if column not in given.values() and not any(name_key(column) in usual[name] for name in kind["required"])]
    # only these columns are free: the others have a usual name
    made = guess(_SHAPE.get(needs, "classification"), rest, head, wanted=[name for name in missing if name != "value"])
    lost = [name for name in missing if name not in made]
    if lost:
        flags = " ".join(f"--set data.map.{name}=COLUMN" for name in lost)
        raise InputError(f"{place}: no column looks like {' and '.join(lost)}", f"it has {', '.join(map(repr, there[:20]))}", f"say which: {flags}")
    said = ", ".join(f"{name} = {column}" for name, column in made.items())
    return {**given, **made}, f"{place}: columns found by name and content: {said} (data.map sets others)"


def nested(row: dict[str, Any], given: dict[str, str], where: str) -> list[dict[str, Any]]:
    """Every question of a row, also where questions lie inside texts inside documents (SQuAD, CMRC, DRCD)."""
    from kefu.data.tasks import qa

    made = []
    for n, one in enumerate(qa.walk(row, given), 1):
        answers = {"text": [text for text, _ in one.answers], "answer_start": [start for _, start in one.answers]}
        kept = {"id": one.id} if one.id else {}
        made.append({**kept, "question": one.text, "context": one.context, "answers": answers, "where": f"{where}.{n}"})
    return made


def _beside(loaded: Loaded, split: str, needs: str) -> list[str]:
    """Held-out rows of a dataset stand in its own files; nothing needs to be said."""
    return [place for place in loaded.recipe.data.train if loaded.path(place).is_dir() and _artefact(loaded.path(place), split, needs)]


def hold_out(found: Splits, share: float, seed: int) -> None:
    """A seeded share of the training rows to choose the best checkpoint with; equal prompts, questions on one text, and rows that nearly repeat
    each other stay on one side. Only where too little could be held out otherwise is a group of near-repeats divided, and the report says so.

    No label leaves the training rows by it: with few rows, the only ones of a rare label stay to be learnt."""
    keys = [fingerprint({k: v for k, v in row.items() if k in _GIVEN and (k != "question" or not row.get("context"))}) for row in found.train]
    first = dict(zip(reversed(keys), reversed(found.train), strict=True))
    distinct = sorted(first)
    if not share or len(distinct) < FEWEST:
        why = f"{len(distinct)} different prompts are too few" if share else "data.validation_share is 0"
        found.ledger["train"]["none held out"] = why
        return
    together: dict[int, list[str]] = {}
    for key, root in zip(distinct, twins.groups([first[key] for key in distinct]), strict=True):
        together.setdefault(root, []).append(key)
    group = {key: some for some in together.values() for key in some}
    random.Random(seed).shuffle(distinct)
    wanted = max(1, round(len(distinct) * share))
    held: set[str] = set()
    for key in distinct:  # a whole group that fits, by the same allowance as the data side's
        if len(held) < wanted and key not in held and len(held) + len(group[key]) <= wanted * 1.2 + (1 if wanted > 1 else 0):
            held.update(group[key])
    whole = len(held)
    if len(held) * 2 < wanted:
        held.update([key for key in distinct if key not in held][: wanted - len(held)])
    alone = _only(found.train, keys, held)
    held -= {key for one in alone for key in (group[one] if len(held) == whole else [one])}
    if not held:
        return
    found.validation = [row for row, key in zip(found.train, keys, strict=True) if key in held]
    found.train = [row for row, key in zip(found.train, keys, strict=True) if key not in held]
    found.ledger["validation"] = {"rows": len(found.validation), "taken from the training rows": len(found.validation)}
    found.ledger["train"]["held out for validation"] = len(found.validation)
    found.ledger["train"]["rows"] = len(found.train)
    if twice := len(distinct) - len(together):
        found.ledger["train"]["nearly repeat another row"] = twice
    found.notes += _repeated(found)


def _repeated(found: Splits) -> list[str]:
    """A note when most of the rows held out nearly repeat one that is learnt: what is measured on them says little of other wordings."""
    again = twins.repeated(found.validation, found.train)
    if len(again) * 2 < len(found.validation):
        return []
    told = f"{len(again)} of {len(found.validation)} held-out rows nearly repeat a row that is learnt"
    return [f"{told}: other wordings will score lower; give data.validation or data.test in wordings of their own"]


def _only(rows: list[dict[str, Any]], keys: list[str], held: set[str]) -> set[str]:
    """Keys of held-out rows with a label that no other row has."""

    def labels(row: dict[str, Any]) -> set[str]:
        given = row.get("label")
        return {str(one) for one in (given if isinstance(given, list) else [given]) if one not in (None, "")}

    learnt = {label for row, key in zip(rows, keys, strict=True) if key not in held for label in labels(row)}
    return {key for row, key in zip(rows, keys, strict=True) if key in held and labels(row) - learnt}


def some(rows: list[dict[str, Any]], count: int, seed: int) -> list[dict[str, Any]]:
    chosen = sorted(random.Random(seed).sample(range(len(rows)), count))
    return [rows[i] for i in chosen]


def _rows(loaded: Loaded, place: str, split: str, needs: str, counts: Counter[str]) -> Iterator[tuple[dict[str, Any], str]]:
    path = loaded.path(place)
    files = [path]
    if path.is_dir():
        files = _artefact(path, split, needs)
        if not files:
            raise InputError(f"data.{split}: {place}", f"no dataset with rows of kind {needs} in it", "build it (kefu data build), or name files")
    for file in files:
        yield from _file(loaded, str(file) if path.is_dir() else place, split, counts)


def _file(loaded: Loaded, place: str, split: str, counts: Counter[str]) -> Iterator[tuple[dict[str, Any], str]]:
    for row in file_rows(Path(place), loaded.root, split, f"data.{split}" + ("" if loaded.file in shipped().values() else f" of {loaded.file.name}")):
        counts["read"] += 1
        if isinstance(row, readers.Broken):
            counts[f"broken: {row.reason}"] += 1
            continue
        yield row.values, row.where


def file_rows(place: Path, root: Path = Path(), name: str = "rows", given_in: str = "the command") -> Iterator[readers.Row | readers.Broken]:
    """Rows of a file (or glob) in any format, as they stand there; of CoNLL the columns of tokens and tags are found by their contents.

    given_in: where the user named the file; errors of the readers, which speak of a project's kefu.yaml, send them there.
    """
    try:
        yield from _file_rows(place, root, name)
    except KefuError as error:
        if "kefu.yaml" not in error.fix:
            raise
        raise type(error)(error.what, error.why, error.fix.replace("kefu.yaml", given_in)) from None


def _file_rows(place: Path, root: Path, name: str) -> Iterator[readers.Row | readers.Broken]:
    rows = readers.open_source(Source(name=name, shape="faq", path=str(place)), Project(cast(Any, None), root.resolve()), _no_table).rows()
    head = list(islice(rows, _HEAD))
    seen = [row.values for row in head if isinstance(row, readers.Row)]
    numbered = bool(seen) and isinstance(seen[0].get("1"), list)
    found = guess("tags", columns_of(seen), seen) if numbered else {}
    for row in chain(head, rows):
        if isinstance(row, readers.Row):
            row.values |= {field: row.values.get(found[field]) for field in ("tokens", "tags") if field in found}
        yield row


def _artefact(folder: Path, split: str, needs: str) -> list[Path]:
    """Files of a split in a dataset folder, or in the newest dataset of a project folder."""
    from kefu.artifacts import Store

    if (folder / "kefu.yaml").is_file():
        made = [Store(folder / "build").newest("data", name.name) for name in sorted((folder / "build" / "data").glob("*")) if name.is_dir()]
        folder = next((artifact.path for artifact in made if artifact), folder)
    names = [f"{stem}.{split}.jsonl" for stem in _ARTEFACT.get(needs, (needs,))]
    if needs == "labelled" and not (folder / names[0]).is_file() and (sets := sorted(folder.glob("classification.*.train.jsonl"))):
        tasks = [file.name.split(".")[1] for file in sets]
        raise InputError(
            f"{folder.name} holds {len(tasks)} sets of labels ({', '.join(tasks)})", "one head learns one of them",
            "name the files of one: " + " ".join(f"--set data.{part}={sets[0].with_name(sets[0].name.replace('train', part))}" for part in SPLITS),
        )  # fmt: skip
    if split == "train" and needs in ("preference", "feedback"):
        names += ["preference.made.jsonl", "preference.people.jsonl"]  # wrong answers made from the FAQ; pairs that people ordered
    return [file for name in names if (file := folder / name).is_file() and file.stat().st_size]


def _no_table(*_: Any) -> Any:
    what = "data: a database, or a workbook of several tables"
    raise ConfigError(what, "a recipe reads one table", "build a dataset from it (kefu data build) and name its folder")


@cache
def known() -> dict[str, Any]:
    """Kinds of rows: {kind: {"required": [...], "fields": {field: usual names}}}."""
    return dict(yaml.load(resources.files(__package__).joinpath("fields.yaml").read_text("utf-8"), Loader=yaml.BaseLoader))


def named(row: dict[str, Any], needs: str, given: dict[str, str], where: str, setting: str = "data.map") -> dict[str, Any]:
    """The row under the field names of its kind; columns by `map`, else by their usual names. Unknown columns stay away."""
    kind = known()[needs]
    unknown = sorted(set(given) - set(kind["fields"]))
    if unknown:
        raise ConfigError(f"{setting}: {unknown[0]}", f"rows of kind {needs} have {', '.join(kind['fields'])}", "correct the name")
    columns = {name_key(name): name for name in row}
    made: dict[str, Any] = {}
    taken: set[str] = set(given.values())
    for name, usual in kind["fields"].items():
        if name in given:
            made[name] = value(row, given[name])
            if made[name] is None and given[name] not in row:
                raise ConfigError(f"{setting}: {name}: {given[name]!r}", f"{where} has {', '.join(row)}", "name one of its columns")
            continue
        column = next((columns[key] for word in usual if (key := name_key(word)) in columns and columns[key] not in taken), None)
        if column is not None:
            taken.add(column)
            made[name] = row[column]
    if "rest" in kind:
        made["rest"] = {name: given_value for name, given_value in row.items() if name not in taken}
    return {**made, "where": where}
