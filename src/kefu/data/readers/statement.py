"""Is a query one statement that only reads? Decided on its words, before any database sees it.

The transaction is read-only as well (`database.py`); this check gives the clear message, and stops what a read-only
transaction would let pass: a second statement that ends it, files written by the server, locks taken. Whatever one
database reads as text and another as code (a backslash before a quote, nested comments, dollar quotes) is refused.
"""

from __future__ import annotations

import re
from itertools import pairwise

from kefu.errors import InputError

_TOKEN = re.compile(
    r"(?P<gap>\s+|--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`)|(?P<word>[^\W\d]\w*)|(?P<end>;)|(?P<other>\d[\w.]*|.)", re.DOTALL
)
_AMBIGUOUS = (
    (re.compile(r"\\['\"`]"), "a backslash stands before a quote"),
    (re.compile(r"\$\w*\$"), "it has dollar quotes"),
    (re.compile(r"/\*!"), "a /*! comment is run by MySQL"),
    (re.compile(r"#(?![>-])"), "it has a # sign, which begins a comment in some databases"),
)
_FIRST = {"select", "with", "values", "table"}
_WRITES = {
    ("insert", "into"), ("insert", "ignore"), ("replace", "into"), ("delete", "from"), ("merge", "into"), ("into", "outfile"), ("into", "dumpfile"),
    ("for", "update"), ("for", "share"), ("in", "share"), ("lock", "in"),
}  # fmt: skip
_CALLS = {
    "load_file", "load_extension", "writefile", "edit", "pg_read_file", "pg_read_binary_file", "pg_ls_dir", "lo_import", "lo_export", "lo_from_bytea",
    "dblink", "dblink_exec", "pg_terminate_backend", "pg_cancel_backend", "pg_reload_conf", "pg_sleep", "sleep", "benchmark", "get_lock",
    "set_config", "setval", "nextval", "pg_advisory_lock", "query_to_xml", "xp_cmdshell",
}  # fmt: skip


def check_reads_only(query: str, source: str) -> None:
    """Raises InputError unless the query is a single SELECT (or WITH, VALUES, TABLE) that changes nothing."""

    def refuse(why: str) -> InputError:
        return InputError(f"source {source}: the query is refused", why, "write one plain SELECT; a source is only read")

    for pattern, why in _AMBIGUOUS:
        if pattern.search(query):
            raise refuse(why)
    words: list[str] = []
    before = ""
    ended = False
    for match in _TOKEN.finditer(query):
        kind, text = match.lastgroup, match.group()
        if kind == "gap":
            if text.startswith("/*") and "/*" in text[2:]:
                raise refuse("a comment stands inside a comment")
            if text[0] not in "'\"`":
                continue
        if text in "'\"`" or text in ("/*", "*/"):
            raise refuse("a quote is never closed")
        if kind == "end":
            ended = bool(words)
            continue
        if ended:
            raise refuse("it holds more than one statement")
        if kind == "word":
            words.append(text.casefold())
        elif text == "(" and before == "word" and words[-1] in _CALLS:
            raise refuse(f"the function {words[-1]} does more than read")
        before = str(kind)
    if not words:
        raise refuse("it is empty")
    if words[0] not in _FIRST:
        raise refuse(f"it begins with {words[0].upper()}")
    for pair in pairwise(words):
        if pair in _WRITES:
            raise refuse(f"{' '.join(pair).upper()} does more than read")
    if "update" in words and "set" in words[words.index("update") :]:
        raise refuse("UPDATE … SET writes")
    if "into" in words:
        raise refuse("SELECT … INTO writes")
