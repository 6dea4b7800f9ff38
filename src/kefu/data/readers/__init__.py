"""Raw exports as a stream of rows, whatever file they are in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kefu.data import naming
from kefu.data.readers import apart, chatlog, conll, database, delimited, encoding, mail, messenger, mixed, speech, structured, tables, workbook
from kefu.data.readers.packed import suffixes
from kefu.data.readers.rows import Broken, Reading, Row
from kefu.errors import ConfigError, InputError
from kefu.project import Loaded, secret
from kefu.project.schema import Source

__all__ = [
    "Broken",
    "Reading",
    "Row",
    "check_no_document",
    "is_mail",
    "is_messenger",
    "is_speech",
    "known",
    "left_out",
    "open_source",
    "source_files",
]

_FORMATS = {
    "csv": "csv",
    "tsv": "tsv",
    "tab": "tsv",
    "txt": "csv",
    "log": "chatlog",
    "json": "json",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "parquet": "parquet",
    "pq": "parquet",
    "xlsx": "excel",
    "xls": "excel",
    "xlsm": "excel",
    "ods": "excel",
    "db": "sqlite",
    "sqlite": "sqlite",
    "sqlite3": "sqlite",
    "db3": "sqlite",
    "mbox": "mail",
    "eml": "mail",
    "srt": "speech",
    "vtt": "speech",
    **dict.fromkeys(("conll", "conllu", "iob", "iob2", "bio", "bioes"), "conll"),
}
_MAGIC = {b"SQLite format 3": "sqlite", b"PAR1": "parquet"}


def source_files(source: Source, project: Loaded) -> list[Path]:
    """Files of a source, sorted; none for a database by URL. Raises InputError, ConfigError.

    In a folder or a glob, files whose format is not known are passed over (`left_out` names them); links that lead
    out are refused like every link of a project (`Loaded.files`).
    """
    return _sorted_out(source, project)[0]


def left_out(source: Source, project: Loaded) -> list[str]:
    """Names of the files in the source's folder that are not read, because their format is not known."""
    return [path.name for path in _sorted_out(source, project)[1]]


def _sorted_out(source: Source, project: Loaded) -> tuple[list[Path], list[Path]]:
    if bool(source.path) == bool(source.url):
        given = "both path and url" if source.path else "neither path nor url"
        raise ConfigError(f"source {source.name} has {given}", "rows come from one place", "give one of them")
    if source.url:
        return [], []
    files = project.files([source.path])
    if source.format in ("auto", "messenger") and messenger.slack.is_export(project.path(source.path)):
        return [project.path(source.path)], []
    if project.path(source.path).is_file():
        return files, []
    if source.format == "mail" or any(mail.is_maildir_file(file) for file in files[:50]):
        told = [file for file in files if known(file) == "mail" or (file.parent.name not in ("tmp",) and mail.is_maildir_file(file))]
        told = told or (files if source.format == "mail" else told)
        return told, [file for file in files if file not in set(told)]
    if source.format != "auto":
        return files, []
    told = [file for file in files if known(file)]
    if not told:
        shown = ", ".join(file.name for file in files[:5])
        raise InputError(f"source {source.name}: no file of a known format in {source.path}", f"it holds {shown}", f"set `format`: {_formats()}")
    return told, [file for file in files if file not in told]


def open_source(source: Source, project: Loaded, choose_table: database.Choose, *, look: bool = False) -> Reading:
    """Open one source of the project file. Reading starts when `rows()` is consumed. look: a person waits for its first rows, so a
    database gets `look_timeout_s`."""
    limit = apart.Limit(source.timeout_s)
    if look and source.look_timeout_s < source.timeout_s:
        limit = apart.Limit(source.look_timeout_s, "look_timeout_s")
    files, others = _sorted_out(source, project)
    facts: dict[str, Any] = {}
    if source.url:
        url = secret(source.url)
        return Reading(source.name, lambda: database.read_url(url, source.name, source.query, facts, limit), facts)
    facts["files"] = {}
    if others:
        facts["files_left_out"] = sorted(naming.path_of(path.name) for path in others)
    names = _names(files)

    def rows() -> Iterator[Row | Broken]:
        together = [path for path in files if _mail(path, source)]
        if together:
            name = names[together[0]] if len(together) == 1 else _folder(source)
            found: dict[str, Any] = {}
            facts["files"][name] = found
            yield from mail.read(together, name, source.max_line_mb, found)
            facts["columns"] = found.pop("columns", [])
        own = set(together)
        for path in files:
            if path in own:
                continue
            details: dict[str, Any] = {}
            facts["files"][names[path]] = details
            yield from _read(path, names[path], source, choose_table, details, limit)
            if "columns" in details:
                facts["columns"] = list(dict.fromkeys([*facts.get("columns", []), *details.pop("columns")]))

    return Reading(source.name, rows, facts)


def _mail(path: Path, source: Source) -> bool:
    """Mails of all files are read together: a reply may stand in another file than what it answers."""
    return is_mail(path) if source.format == "auto" else source.format == "mail"


def _folder(source: Source) -> str:
    """The folder of many files that are read together, as the user is told of it."""
    parts = [part for part in Path(source.path).parts if "*" not in part and not part.startswith((".", "/"))]
    return naming.path_of(parts[-1]) if parts else source.name


def is_messenger(path: Path) -> bool:
    """An export of Slack, Teams, Telegram, Discord, 飞书 or 钉钉."""
    return messenger.slack.is_export(path) or (path.is_file() and known(path) in ("json", "jsonl") and messenger.looks(path))


def is_speech(path: Path) -> bool:
    """Subtitles, or the JSON of a speech recogniser."""
    return path.is_file() and (
        known(path) == "speech"
        or (known(path) == "json" and speech.looks(path))
        or (suffixes(path)[-1:] == ["txt"] and known(path) == "csv" and speech.is_transcript(path))
    )


def is_mail(path: Path) -> bool:
    return known(path) == "mail" or mail.is_maildir_file(path)


def _names(files: list[Path]) -> dict[Path, str]:
    """Files as the user is told of them: the bare name, or the path below their common folder when names repeat; without personal data."""
    if len({path.name for path in files}) == len(files):
        return {path: naming.path_of(path.name) for path in files}
    common = os.path.commonpath([path.parent for path in files])
    return {path: naming.path_of(path.relative_to(common).as_posix()) for path in files}


def _read(path: Path, name: str, source: Source, choose_table: database.Choose, facts: dict[str, Any], limit: apart.Limit) -> Iterator[Row | Broken]:
    format = source.format if source.format != "auto" else _format(path)
    facts["format"] = format
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"cannot read {path}", error.strerror or type(error).__name__, "give a readable file") from None
    if size == 0:
        raise InputError(f"{path.name} is empty", "it has no bytes", "export it again, or take the source out of kefu.yaml")
    if format == "sqlite":
        yield from database.read_sqlite(path, name, source.query, choose_table, facts, limit, source.max_line_mb)
        return
    if format == "parquet":
        yield from tables.read_parquet(path, name, facts, source.max_line_mb)
        return
    if format == "excel":
        wanted = [source.sheet] if isinstance(source.sheet, str) else source.sheet
        yield from workbook.read_excel(path, name, source.max_document_mb, [one for one in wanted if one], choose_table, facts, limit)
        return
    if format == "messenger" or (source.format == "auto" and source.shape == "messages" and is_messenger(path)):
        yield from messenger.read(path, name, source.max_document_mb, facts)
        return
    if format == "speech" or (source.format == "auto" and source.shape == "messages" and is_speech(path)):
        kind = (suffixes(path) or [""])[-1]
        yield from speech.read(path, name, speech.detect(path, source.encoding), kind, source.max_document_mb, facts)
        return
    code = source.encoding
    if code == "auto":
        code = encoding.detect(path)
    else:
        encoding.check(path, code)
    facts["encoding"] = code
    if code == mixed.NAME:
        facts["lines_by_encoding"] = mixed.census(path)
    if format in ("csv", "tsv") and source.format == "auto" and source.shape == "tags" and conll.looks(path, code):
        facts["format"] = format = "conll"
    if format == "csv" and source.format == "auto" and source.shape == "messages" and suffixes(path)[-1:] != ["csv"] and chatlog.looks(path, code):
        facts["format"] = format = "chatlog"
    if format in ("csv", "tsv"):
        delimiter = source.delimiter if source.delimiter != "auto" else "\t" if format == "tsv" else delimited.sniff(path, code)
        facts["delimiter"] = delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter, delimiter)
        yield from delimited.read(path, name, code, delimiter, source.max_line_mb, facts)
    elif format == "chatlog":
        yield from chatlog.read(path, name, code, source.max_line_mb, facts)
    elif format == "conll":
        yield from conll.read(path, name, code, source.max_line_mb, facts)
    elif format == "jsonl" or (not source.rows_at and structured.is_lines(path, code)):
        facts["format"] = "jsonl"
        yield from structured.read_lines(path, name, code, source.max_line_mb)
    else:
        yield from structured.read_whole(path, name, code, source.max_document_mb, source.rows_at, facts)


def known(path: Path) -> str:
    """The format that the name or the first bytes of a file tell, or an empty string."""
    try:
        return _format(path)
    except InputError:
        return ""


_DOCUMENTS = {
    **dict.fromkeys(("docx", "doc", "wps", "rtf", "odt"), "a text document (Word)"), "pdf": "a PDF", **dict.fromkeys(("pptx", "ppt"), "slides"),
}  # fmt: skip


def check_no_document(path: Path) -> None:
    """Raises InputError for a manual: a source is made of tables and conversations."""
    if messenger.slack.is_export(path):
        return  # an archive of many files
    if kind := _DOCUMENTS.get((suffixes(path) or [""])[-1]):
        fix = "name manuals in `knowledge: {documents: [manuals/*.docx]}`; .docx, .md and .txt are read there"
        raise InputError(f"{path.name} is {kind}", "rows are read from tables, logs and databases", fix)


def _format(path: Path) -> str:
    if messenger.slack.is_export(path):
        return "messenger"
    check_no_document(path)
    endings = suffixes(path)
    if endings and endings[-1] in _FORMATS and endings[-1] != "txt":
        return _FORMATS[endings[-1]]
    try:
        with open(path, "rb") as handle:
            head = handle.read(8192)
    except OSError as error:
        raise InputError(f"cannot read {path}", error.strerror or type(error).__name__, "give a readable file") from None
    for magic, format in _MAGIC.items():
        if head.startswith(magic):
            return format
    if mail.looks(head):
        return "mail"
    if endings and endings[-1] in _FORMATS:
        return _FORMATS[endings[-1]]
    raise InputError(f"cannot tell the format of {path.name}", "its ending is not known", f"set `format`: {_formats()}")


def _formats() -> str:
    return ", ".join(sorted(set(_FORMATS.values())))
