"""Every way in which a file can be read as rows: its tables, the lists of its document, CoNLL or columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from kefu.data import mapping, readers
from kefu.data.guess import joins, sides
from kefu.data.guess.sides import Sides
from kefu.data.readers import chatlog, conll, database, encoding, structured, workbook
from kefu.data.readers.packed import suffixes, whole
from kefu.errors import InputError
from kefu.project import Loaded
from kefu.project.schema import Project, Source

_READ = 3000
_HEAD = 300  # as they follow each other
_SPREAD = 200  # evenly over what was read: files are often sorted by label
_DOCUMENT_MB = 256
_FORMATS = ("jsonl", "json", "csv")


@dataclass
class View:
    """Rows of one reading. `settings`: what a source must say to be read so; `facts`: what the readers found out.

    `head`: rows in their order; `rows`: rows spread over what was read; `all`: everything that was read."""

    settings: dict[str, Any]
    head: list[readers.Row]
    rows: list[readers.Row]
    broken: list[readers.Broken] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    label: str = ""
    read: int = 0
    all: list[readers.Row] = field(default_factory=list)
    joined: joins.Join | None = None  # how its query came to be, where it is of several tables
    more: bool = False  # the file goes on behind what was read
    sides: Sides | None = None  # who is the company, where the reader's rows do not say it by themselves


def views(path: Path) -> list[View]:
    """At least one, else InputError says why the file cannot be read at all."""
    if "*" not in path.name and not path.exists():
        raise InputError(f"no file at {path}", "it does not exist", "correct the path")
    if path.suffix.lower() in (".msg", ".pst", ".ost"):
        raise InputError(
            f"{path.name} is mail in a form of Outlook's own", "it is not read",
            "save the mails as .eml, or export the mailbox as .mbox (Thunderbird and readpst write both)",
        )  # fmt: skip
    if path.is_file():
        readers.check_no_document(path)
    if path.is_file() and _starts(path, b"SQLite format 3"):
        return _tables(path)
    if path.is_file() and readers.known(path) == "excel" and (sheets := workbook.groups(path, _DOCUMENT_MB))[1:]:
        return [_sheet(path, names) for names in sheets]
    if (mails := _mails(path)) is not None:
        return [mails]
    if (talks := _messenger(path) or _speech(path)) is not None:
        return [talks]
    if (chat := _chatlog(path)) is not None:
        return [chat]
    found: list[View] = []
    for settings in _readings(path):
        try:
            found.append(_sample(path, settings))
        except InputError as error:
            first = error
            continue
        break
    if path.is_file() and (tagged := _tagged(path)) is not None:
        found = [tagged]
    if not found:
        raise first
    others = _other_lists(path, found[0])
    if others and others[-1].label == "all lists" and all(_columns(view) == _columns(others[-1]) for view in found):
        return others[-1:]
    found += others
    return [view for view in found if view.rows] or found


def whole_conversations(view: View, columns: dict[str, str]) -> list[readers.Row]:
    """Rows of the first conversations with all their messages, however the export orders them; about as many as the head has."""
    sizes: Counter[str] = Counter(mapping.pair(row.values, columns) for row in view.all)
    chosen: set[str] = set()
    count = 0
    for row in view.head:
        name = mapping.pair(row.values, columns)
        if name not in chosen and (not chosen or count + sizes[name] <= _HEAD):
            chosen.add(name)
            count += sizes[name]
    return [row for row in view.all if mapping.pair(row.values, columns) in chosen]


def _columns(view: View) -> list[str]:
    return sorted({key for row in view.rows for key in row.values} - {"id"})


def _readings(path: Path) -> Iterator[dict[str, Any]]:
    """Settings to try: none where the name tells, else every text format in turn."""
    yield {}
    if path.is_file() and not readers.known(path):
        yield from ({"format": name} for name in _FORMATS)


def _starts(path: Path, magic: bytes) -> bool:
    with open(path, "rb") as handle:
        return handle.read(len(magic)) == magic


def open_as(path: Path, settings: dict[str, Any], shape: str = "faq") -> tuple[Source, Loaded]:
    """A source for the file in a project of its own, which is nowhere on the disk."""
    source = Source.model_validate({"name": "guess", "shape": shape, "path": str(path.absolute()), **settings})
    return source, Loaded(Project.model_validate({"name": "guess", "data": {"sources": [source]}}), Path.cwd())


def _sample(path: Path, settings: dict[str, Any]) -> View:
    source, project = open_as(path, settings)
    reading = readers.open_source(source, project, lambda tables: next(iter(tables)))
    with closing(reading.rows()) as stream:  # type: ignore[type-var]
        seen = list(islice(stream, _READ))
    good = [one for one in seen if isinstance(one, readers.Row)]
    broken = [one for one in seen if isinstance(one, readers.Broken)]
    spread = good[:: max(1, -(-len(good) // _SPREAD))]
    view = View(settings, good[:_HEAD], spread, broken, reading.facts, read=len(seen), all=good, more=len(seen) == _READ)
    if not view.rows and view.broken:
        raise InputError(f"{path.name}: no row can be read", view.broken[0].reason, "look at its format")
    return view


def _mails(path: Path) -> View | None:
    """The file, folder or glob as mail, with the roles that its addresses speak for."""
    source, project = open_as(path, {}, "messages")
    try:
        files = readers.source_files(source, project)
    except InputError:
        return None
    if not files or not all(readers.is_mail(file) for file in files[:20]):
        return None
    view = _sample(path, {"format": "mail"})
    view.sides = sides.of_mail(files, source.max_line_mb)
    return view


def _messenger(path: Path) -> View | None:
    """The file, folder or glob as a messenger's export, with the roles that who meets whom speaks for."""
    source, project = open_as(path, {}, "messages")
    try:
        files = readers.source_files(source, project)
    except InputError:
        return None
    if not files or not all(readers.is_messenger(file) for file in files[:5]):
        return None
    view = _sample(path, {"format": "messenger"})
    view.sides = sides.of_chat([row.values for row in view.all])
    return view


def _speech(path: Path) -> View | None:
    """The file or glob as spoken conversations."""
    source, project = open_as(path, {}, "messages")
    try:
        files = readers.source_files(source, project)
    except InputError:
        return None
    if not files or not all(readers.is_speech(file) for file in files[:5]):
        return None
    view = _sample(path, {"format": "speech"})
    view.sides = sides.of_calls([row.values for row in view.all], view.facts)
    return view


def _tables(path: Path) -> list[View]:
    tables = database.sqlite_tables(path)
    whole = joins.of_file(path) if len(tables) > 1 else {}
    if not tables:
        raise InputError(f"{path.name} has no tables", "the database is empty", "export it again")
    found = []
    for table, columns in tables.items():
        names = ", ".join(database.quoted(column) for column in columns)
        joined = whole.get(table)
        view = _sample(path, {"query": joined.sql() if joined else f"SELECT {names} FROM {database.quoted(table)}"})
        view.label, view.joined = f"table {table}" + (" with the tables it refers to" if joined else ""), joined
        found.append(view)
    return found


def _sheet(path: Path, names: list[str]) -> View:
    view = _sample(path, {"sheet": names[0] if len(names) == 1 else names})
    view.label = f"sheet {', '.join(names)}"
    return view


def _other_lists(path: Path, view: View) -> list[View]:
    """The lists of a JSON document that are not read by themselves: beside the one that is, inside its objects, and all of them as one."""
    details: dict[str, Any] = next(iter(view.facts.get("files", {}).values()), {})
    if details.get("format") != "json":
        return []
    first = _first(path)
    try:
        document = structured.parse(whole(first, _DOCUMENT_MB).decode(details["encoding"]))
    except (InputError, ValueError, RecursionError, LookupError):
        return []
    left_out = details.get("lists_left_out") or []
    inside = [at for at in structured.list_paths(document) if at not in left_out and at != details.get("list")]
    if isinstance(document, dict) and len(document) > 1 and all(isinstance(one, dict) for one in document.values()):
        common = set.intersection(*(set(one) for one in document.values()))
        inside = [] if common else inside  # objects by their ids, alike: the rows are these, not what is inside one of them
    found = []
    for at in [*left_out[:5], *inside[:4], *_deeper(document, details.get("list", "")), *(["*"] if left_out else [])]:
        try:
            more = _sample(path, {"rows_at": at})
        except InputError:
            continue
        more.label = "all lists" if at == "*" else f"list {at}"
        found.append(more)
    return found


def _deeper(document: Any, at: str) -> list[str]:
    """Paths of the lists inside the rows whose items hold rows themselves: sessions of users, questions of categories."""
    rows = document if isinstance(document, list) else document.get(at) if isinstance(document, dict) else None
    told = [row for row in rows[:50] if isinstance(row, dict)] if isinstance(rows, list) else []
    found = []
    for key in mapping.columns_of(told)[:50]:
        items = [item for row in told for item in mapping.objects_in(mapping.value(row, key))]
        if any({"context", "qas"} & item.keys() for item in items[:20]):
            continue  # spans in texts: shape qa walks into them itself
        pairs = mapping.guess("faq", mapping.columns_of(items[:100]), items[:100], wanted=["question", "answer"]) if items else {}
        if len(pairs) == 2 or any(mapping.objects_in(cell) for item in items[:20] for cell in item.values() if isinstance(cell, list)):
            found.append(f"{at}.{key}" if at else f"*.{key}")
    return found[:3]


def _first(path: Path) -> Path:
    """The file itself, or the first of a glob."""
    if "*" not in str(path):
        return path
    at = next(n for n, part in enumerate(path.parts) if "*" in part)
    return min(Path(*path.parts[:at]).glob("/".join(path.parts[at:])), default=path)


def _chatlog(path: Path) -> View | None:
    """The file as a saved chat, when it looks like one."""
    first = _first(path)
    ending = suffixes(first)[-1:]
    if not first.is_file() or ending in (["csv"], ["tsv"], ["jsonl"], ["json"]) or readers.known(first) not in ("", "csv", "chatlog"):
        return None
    try:
        return _sample(path, {"format": "chatlog"}) if chatlog.looks(first, encoding.detect(first)) else None
    except InputError:
        return None


def _tagged(path: Path) -> View | None:
    """The file as CoNLL lines, when it looks like them."""
    if readers.known(path) not in ("", "csv", "tsv", "conll"):
        return None
    try:
        if not conll.looks(path, encoding.detect(path)):
            return None
        return _sample(path, {"format": "conll"})
    except InputError:
        return None
