"""Conversations as help desks nest them: a ticket with its opening message, the person who asked, and a list of comments.

Intercom: `source` opens, `conversation_parts` follow, `author.type` says who. Zendesk, Freshdesk, Jira: the author of a comment is a number
or a name, and the customer is whoever equals `requester_id` (`reporter`) of the ticket. Notes among colleagues stand in the same list.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from kefu.data import mapping, senders, times
from kefu.text.normalise import strip_html

Rows = Sequence[dict[str, Any]]

_ASKER = (
    "requester",
    "reporter",
    "customer",
    "contact",
    "client",
    "visitor",
    "buyer",
    "submitter",
    "creator",
    "opened by",
    "created by",
    "user",
    "from",
)
_NO_ASKER = re.compile(r"assign|agent|owner|closed|updated|admin|operator|organi[sz]ation|company|count")
_OPENING = (
    "source", "first message", "initial message", "opening", "description text", "description", "plain description", "body", "body text", "question",
    "message", "问题描述", "描述", "首条消息", "来信内容",
)  # fmt: skip
#: Truth of who writes: from the customer (True), or from the desk (False).
_FLAGS = {
    True: {"incoming", "inbound", "is incoming", "is inbound", "from customer", "is customer", "is customer message", "by customer", "from user"},
    False: {"from agent", "is agent", "outgoing", "is outgoing", "outbound", "is staff", "by agent", "is admin"},
}
_OPEN_TO_ALL = {"public", "is public", "jsd public", "visible", "is visible"}
_AMONG_STAFF = {"private", "is private", "internal", "is internal", "is note", "isnote", "is internal note", "hidden", "内部"}
_KINDS = {"part type", "type", "kind", "message type", "msg type", "event type", "event", "subtype", "sub type", "action", "类型"}
_NOTE = re.compile(r"note|internal|private|备注|内部", re.IGNORECASE)
_ID = re.compile(r"\bid$|\bby$|\baccount id$|\b(?:author|sender|user|from|person|name|email|key)\b")


def flag_roles(key: str, values: Sequence[Any]) -> dict[str, str]:
    """Roles of the values of a column that is true or false and says who writes (`incoming`, `from_agent`); empty for any other."""
    told = {mapping.plain(item).casefold() for item in values if item not in (None, "")}
    if not told or not told <= {"true", "false", "0", "1", "yes", "no", "是", "否"}:
        return {}
    name = mapping.name_key(key.rsplit(".", 1)[-1])
    for asks, names in _FLAGS.items():
        if name in names:
            yes, no = ("customer", "agent") if asks else ("agent", "customer")
            return {one: yes if one in ("true", "1", "yes", "是") else no for one in sorted(told)}
    return {}


def colleagues(values: Sequence[Any]) -> dict[str, str]:
    """Roles where `customer` and `user` write to each other: there the users are those of the desk (Help Scout). Else empty."""
    given = {mapping.plain(item).strip() for item in values} - {""}
    called = {mapping.name_key(one): one for one in given}
    if {"customer", "user"} <= called.keys() and not any(mapping.role_of(one, {}) in ("agent", "bot") for one in given):
        return {called["customer"]: "customer", called["user"]: "agent"}
    return {}


def told(row: dict[str, Any], columns: dict[str, str], turn_where: dict[str, str | list[str]], own: dict[str, str]) -> senders.Said | None:
    """The turns of a row: the opening message, then those of its list; whoever equals the asker is the customer, and who is then
    not known by name an agent. None: unreadable. own: roles of the source."""
    cell = mapping.value(row, columns["turns"])
    said = noted(cell) if columns["turns"].endswith("*") and isinstance(cell, list) else senders.turns_of(cell, columns, turn_where)
    if said is None and "opening" in columns and mapping.value(row, columns["turns"]) in (None, "", []):
        said = senders.Said([])
    if said is None:
        return None
    if len(said.turns) > 2 and all(turn.at for turn in said.turns):
        given = [turn.at for turn in said.turns]
        if given[0] > given[-1] and given == sorted(given, reverse=True):
            said.turns.reverse()  # the newest first, as some desks list them
    asker = mapping.text(row, columns["asker"]).strip() if "asker" in columns else ""
    if asker:
        for turn in said.turns:
            if turn.sender == asker:
                turn.sender = "customer"
            elif not mapping.role_of(turn.sender, own):
                turn.sender = "agent"
    first = _opening(mapping.value(row, columns["opening"]), columns) if "opening" in columns else None
    if first is not None and first.text.strip() and not (said.turns and _same(first.text, said.turns[0].text)):
        said.turns.insert(0, first)
    return said


_JIRA = re.compile(r"(?P<at>[^;\n]{6,40});(?P<who>[^;\n]{1,80});(?P<text>.*)", re.DOTALL)


def noted(cells: Sequence[Any]) -> senders.Said:
    """Comments that stand in a column each: `date;author;text` as Jira writes them, `2024-05-01 10:22 小王：…`, else the words of somebody
    at the desk, who keeps such columns."""
    said = senders.Said([])
    for cell in cells:
        text = mapping.plain(cell).strip()
        first, _, rest = text.partition("\n")
        if (found := _JIRA.fullmatch(text)) and times.iso(found["at"]):
            said.turns.append(senders.Utterance(found["who"].strip(), found["text"].strip(), times.iso(found["at"])))
        elif (told := senders.prefixed(first)) is not None:
            told.text = f"{told.text}\n{rest}".strip()
            said.turns.append(told)
        elif text:
            said.turns.append(senders.Utterance("agent", text))
    return said


def _opening(cell: Any, columns: dict[str, str]) -> senders.Utterance | None:
    if not isinstance(cell, dict):
        return senders.Utterance("customer", mapping.words({"cell": cell}, "cell"))
    said = senders.turns_of([cell], columns, {})
    return said.turns[0] if said and said.turns else None


def _same(one: str, other: str) -> bool:
    """Is it the same message, once as HTML and once as text, or its beginning?"""
    a, b = (re.sub(r"\W+", "", strip_html(text)).casefold() for text in (one, other))
    return a == b or (len(a) > 40 and b.startswith(a)) or (len(b) > 40 and a.startswith(b))


def find(rows: Rows, found: dict[str, str]) -> tuple[dict[str, str], dict[str, Any]]:
    """(fields to add to the map: role, text, at, asker, opening; settings: turn_where, roles) for rows whose `turns` are lists of objects."""
    lists = [mapping.objects_in(mapping.value(row, found["turns"])) for row in rows]
    items = [item for one in lists for item in one]
    if not items:
        return {}, {}
    keys = mapping.columns_of(items)
    fields: dict[str, str] = {}
    settings: dict[str, Any] = {}
    guessed = mapping.guess("dialogues", keys, items, wanted=["role", "text", "at"])
    for key in keys:
        values = [mapping.value(item, key) for item in items]
        if roles := flag_roles(key, values):
            fields["role"], settings["roles"] = key, roles
            break
    role = fields.get("role") or guessed.get("role", "")
    if not settings and role and (roles := colleagues([mapping.value(item, role) for item in items])):
        settings["roles"], fields["role"] = roles, role
    known = [bool(settings) or bool(mapping.role_of(mapping.value(item, role), {})) for item in items] if role else []
    if "role" not in fields and sum(known) <= len(known) * 0.6 and (pair := _asker(rows, lists, keys)):
        fields["asker"], fields["role"] = pair
    if "text" in guessed and any("." in one for one in (fields.get("role", ""), role)):
        fields["text"] = guessed["text"]
        fields.setdefault("role", role)
    fields |= {"text": guessed["text"]} if "asker" in fields and "text" in guessed else {}
    fields |= {"at": guessed["at"]} if "at" in guessed and fields else {}
    text = fields.get("text") or guessed.get("text", "")
    if where := _where(items, keys, text):
        settings["turn_where"] = where
    if opening := _opens(rows, found, {"role": role, "text": text, **fields}, flagged="roles" in settings):
        fields |= {"opening": opening, "text": text, "role": fields.get("role") or role}
    return fields, settings


def _asker(rows: Rows, lists: list[list[dict[str, Any]]], keys: list[str]) -> tuple[str, str] | None:
    """(column of the row that names the customer, key of the turns that names the writer), when they meet in most rows."""
    columns = [name for name in mapping.columns_of(rows) if not _NO_ASKER.search(mapping.name_key(name))]
    best: tuple[float, str, str] | None = None
    for key in [key for key in keys if _ID.search(mapping.name_key(key))]:
        if len({mapping.text(item, key) for one in lists for item in one} - {""}) < 2:
            continue
        for column in columns:
            place = next((n for n, word in enumerate(_ASKER) if word in mapping.name_key(column)), None)
            if place is None:
                continue
            pairs = [(mapping.text(row, column), {mapping.text(item, key) for item in one}) for row, one in zip(rows, lists, strict=True) if one]
            met = sum(asker != "" and asker in writers for asker, writers in pairs) / max(1, len(pairs))
            alone = sum(writers <= {asker} for asker, writers in pairs) / max(1, len(pairs))
            score = met - 0.01 * place
            if met >= 0.5 and alone < 0.9 and (best is None or score > best[0]):
                best = (score, column, key)
    return (best[1], best[2]) if best else None


def _where(items: list[dict[str, Any]], keys: list[str], text: str) -> dict[str, str | list[str]]:
    """What keeps notes among colleagues out of the turns."""
    found: dict[str, str | list[str]] = {}
    for key in keys:
        name = mapping.name_key(key)
        values = Counter(mapping.plain(mapping.value(item, key)) for item in items)
        truth = {value.casefold() for value in values} <= {"true", "false", ""}
        if truth and name in _OPEN_TO_ALL and "false" in {one.casefold() for one in values}:
            found[key] = [one for one in values if one.casefold() != "false"]
        elif truth and name in _AMONG_STAFF and "true" in {one.casefold() for one in values}:
            found[key] = [one for one in values if one.casefold() != "true"]
        elif name in _KINDS and 2 <= len(values) <= 20 and any(_NOTE.search(value) for value in values) and text:
            said = {mapping.plain(mapping.value(item, key)) for item in items if mapping.words(item, text).strip()}
            if kept := [value for value in values if value in said and not _NOTE.search(value)]:
                found[key] = sorted(kept)
    return found


def _opens(rows: Rows, found: dict[str, str], keys: dict[str, str], *, flagged: bool) -> str:
    """The column of the message that opens the conversation: an object that says who and what as the turns do; a text of a ticket,
    where the asker is known or a flag says who writes (elsewhere a description may be a summary by somebody else)."""
    columns = [name for name in dict.fromkeys([*(key for row in rows for key in row), *mapping.columns_of(rows)]) if name != found["turns"]]
    places = {mapping.name_key(name.rsplit(".", 1)[-1]): name for name in reversed(columns)}
    for name in [places[one] for one in _OPENING if one in places]:
        cells = [cell for row in rows if (cell := mapping.value(row, name)) not in (None, "")]
        if not cells or len(cells) * 2 < len(rows):
            continue
        if all(isinstance(cell, dict) for cell in cells):
            if keys.get("role") and keys.get("text") and all(mapping.value(cell, keys["text"]) is not None for cell in cells[:20]):
                said = sum(bool(mapping.role_of(mapping.value(cell, keys["role"]), {})) for cell in cells)
                if said * 2 > len(cells):
                    return name
        elif (
            ("asker" in keys or flagged)
            and all(isinstance(cell, str) for cell in cells)
            and sum(len(cell.split()) > 2 or len(cell) > 12 for cell in cells) * 2 > len(cells)
        ):
            return name
    return ""
