"""Who speaks: turns inside a row, transcripts in one text, and roles of senders that nobody named."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kefu.data import mapping, times
from kefu.errors import InputError
from kefu.project.schema import Source
from kefu.text import privacy

_MANY_UNKNOWN = 0.2
_PLACES = 10_000  # unknown senders whose first row is remembered
_STAMP = r"\d{4}[-/年]\d{1,2}[-/月]\d{1,2}日?[ T]?[\d:.]*|\d{1,2}:\d{2}(?::\d{2})?"
_PREFIX = re.compile(
    rf"^\s*(?:\[?(?P<t1>{_STAMP})\]?\s*)?(?P<name>[^\s:：,，。?？!！\[\]]{{1,16}}(?: [A-Z][a-z]+)?)\s*"
    rf"(?:[(（\[]?(?P<t2>{_STAMP})[)）\]]?)?\s*[:：]\s*(?P<text>.*)$"
)
_HEAD = re.compile(
    r"^\s*(?P<name>[^\s:：,，。?？!！]{1,16}(?:[:：][^\s:：,，。?？!！]{1,16})?)\s+(?P<t2>\d{4}[-/年]\d{1,2}[-/月]\d{1,2}日?\s*\d{1,2}:\d{2}(?::\d{2})?)\s*$"
)


@dataclass(slots=True)
class Utterance:
    """One message. category: of its own row, where every message has one."""

    sender: str
    text: str
    at: str = ""
    where: str = ""
    category: str | None = None


@dataclass
class Said:
    """Turns of one row; `skipped` were not selected by `turn_where`."""

    turns: list[Utterance]
    skipped: int = 0
    skipped_texts: list[str] = field(default_factory=list)


def turns_of(cell: Any, columns: dict[str, str], turn_where: dict[str, str | list[str]]) -> Said | None:
    """The turns in one cell: a list of objects or texts, the same as JSON text, or a transcript. None: unreadable."""
    if isinstance(cell, str):
        stripped = cell.strip()
        if stripped[:1] in "[{" and stripped:
            try:
                cell = json.loads(stripped)
            except (ValueError, RecursionError):
                return _said(transcript(cell) or None)
        else:
            return _said(transcript(cell) or None) if stripped else Said([])
    if isinstance(cell, dict):
        cell = next((item for item in cell.values() if isinstance(item, list)), list(cell.values()))
    if not isinstance(cell, list):
        return Said([]) if cell is None else None
    if cell and all(isinstance(item, list | tuple) and len(item) == 2 and isinstance(item[1], str) for item in cell):
        return Said([Utterance(mapping.plain(name).strip(), text) for name, text in cell])  # ["agent", "Hello"]
    if all(isinstance(item, str) for item in cell):
        told = transcript("\n".join(cell))
        return Said(told or [Utterance(("customer", "agent")[i % 2], text) for i, text in enumerate(cell)])
    return _objects(cell, columns, turn_where)


def _said(turns: list[Utterance] | None) -> Said | None:
    return None if turns is None else Said(turns)


def _objects(cell: list[Any], columns: dict[str, str], turn_where: dict[str, str | list[str]]) -> Said | None:
    """Turns that are objects; what stands between them and is none is nobody's, and counted as such."""
    items = [item for item in cell if isinstance(item, dict)]
    keys: dict[str, str] = {field: columns[field] for field in ("role", "text", "at") if field in columns}
    if "role" not in keys or "text" not in keys:
        guessed = mapping.guess(
            "dialogues", mapping.columns_of(items), items, taken=keys.values(), wanted=[f for f in ("role", "text", "at") if f not in keys]
        )
        keys = {**guessed, **keys}
    if "role" not in keys or "text" not in keys:
        return None if items else Said([])
    said = Said([])
    for item in cell:
        if not isinstance(item, dict):
            if lost := mapping.plain(item).strip():
                said.turns.append(Utterance("", lost))
            continue
        text = mapping.words(item, keys["text"])
        if not mapping.allowed(item, turn_where):
            said.skipped += 1
            said.skipped_texts.append(text)
            continue
        said.turns.append(Utterance(mapping.text(item, keys["role"]).strip(), text, times.iso(mapping.value(item, keys.get("at", "at")))))
    return said


def transcript(text: str) -> list[Utterance]:
    """Utterances of a text like `客户：…` / `Agent (10:02): …`; empty when it is not one.

    A line opens an utterance when its sender is a known role, or a short name that opens two lines or more.
    """
    lines = _lines(text)
    if len(lines) < 2:
        lines = _inline(text)
    heads = [match for line in lines if (match := _HEAD.match(line))]
    if len({match.group("name") for match in heads}) >= 2 and _HEAD.match(next(line for line in lines if line.strip())):
        opened, known = [_HEAD.match(line) for line in lines], {match.group("name").strip() for match in heads}
        return _opened(lines, opened, known)  # a line of its own for who and when: it needs no name that is known
    opened = [_HEAD.match(line) or _PREFIX.match(line) for line in lines]
    names = Counter(match.group("name").strip() for match in opened if match)
    known = {name for name in names if mapping.role_of(name, {}) and len(name) <= 12}
    senders_ = known | {name for name, count in names.items() if count >= 2 and known}
    if sum(names[name] for name in senders_) < 2 or len(senders_) < 2:
        return []
    return _opened(lines, opened, senders_)


_ENDS = re.compile(r"\r?\n|\r|<br\s*/?>", re.IGNORECASE)
_WRITTEN_ENDS = re.compile(r"\\r\\n|\\n")


def _lines(text: str) -> list[str]:
    """Lines of a cell; where it has none, those whose ends an export wrote out (`\\n`), if a speaker follows them."""
    lines = _ENDS.split(text)
    parts = [part for line in lines for part in _WRITTEN_ENDS.split(line)]
    if len(parts) > len(lines) and sum(bool(_HEAD.match(part) or _PREFIX.match(part)) for part in parts[1:]) * 3 >= len(parts) - 1:
        return parts
    return lines


def _opened(lines: list[str], opened: Sequence[re.Match[str] | None], senders_: set[str]) -> list[Utterance]:
    found: list[Utterance] = []
    for line, match in zip(lines, opened, strict=True):
        if match and match.group("name").strip() in senders_:
            groups = match.groupdict()
            found.append(Utterance(groups["name"].strip(), (groups.get("text") or "").strip(), times.iso(groups.get("t1") or groups.get("t2") or "")))
        elif found:
            found[-1].text = f"{found[-1].text}\n{line}".strip()
        elif line.strip():
            found.append(Utterance("", line.strip()))  # before anybody is named: nobody's, and counted as such
    return found


_INLINE = re.compile(
    r"(?:(?<=^)|(?<=[\s。！？!?；;|]))(?=(?:客户|用户|顾客|买家|客服|坐席|机器人|系统|customer|user|agent|staff|bot|support)[^\s:：]{0,4}\s*[:：])",
    re.IGNORECASE,
)


def _inline(text: str) -> list[str]:
    """A transcript without line ends: cut before `客户：`, `Agent:` …"""
    return [part.strip() for part in _INLINE.split(text) if part.strip()]


class Roles:
    """Roles of one source's senders: `see` every conversation, then `settle`. `facts` says what was known and what was guessed."""

    def __init__(self, source: Source) -> None:
        self._source, self._own = source, source.roles
        self._known: dict[str, str] = {}
        self._spread: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self.facts: dict[str, Any] = {}

    def see(self, said: list[Utterance], where: str = "") -> bool:
        """False when somebody's role can only be told by looking at the other conversations too. where: the row, of turns that have none."""
        names = [utterance.sender for utterance in said]
        self._counts.update(names)
        distinct = dict.fromkeys(names)
        self._spread.update(list(distinct))
        for sender in distinct:
            if sender not in self._known:
                self._known[sender] = mapping.role_of(sender, self._own)
                if not self._known[sender] and len(self._first) < _PLACES:
                    self._first[sender] = next((one.where for one in said if one.sender == sender), "") or where
        return bool(self._own) or all(self._known[sender] or not sender for sender in distinct)

    def settle(self) -> None:
        """All have been seen. Raises InputError when too many senders are unknown to the `roles` that were given."""
        unknown = {sender: n for sender, n in self._counts.items() if not self._known[sender]}
        roles: dict[str, Counter[str]] = {}
        for sender, n in self._counts.items():
            if role := self._known[sender]:
                roles.setdefault(role, Counter())[privacy.mask(sender)] += n
        self.facts["senders"] = {role: dict(sorted(names.most_common(8))) for role, names in sorted(roles.items())}
        if unknown:
            self._check(self._source, unknown, sum(self._counts.values()))

    def _check(self, source: Source, unknown: dict[str, int], total: int) -> None:
        share = sum(unknown.values()) / total
        self.facts["unknown_senders"] = {"senders": len(unknown), "turns": sum(unknown.values()), "dropped": bool(self._own)}
        if self._own and share > _MANY_UNKNOWN:
            top = sorted(unknown, key=lambda name: (-unknown[name], name))[:5]
            raise InputError(
                f"source {source.name}: {share:.0%} of the turns have senders that `roles` does not name",
                ", ".join(self._shown(name) for name in top),
                "add them, written as in the export: roles: {NAME: customer | agent | bot | system | ignore}; everyone else: '*': customer",
            )

    def _shown(self, sender: str) -> str:
        """Errors are kept in files too, so a person's name is masked in them; where it stands, its owner can read it."""
        masked = privacy.mask(sender)
        place = self._first.get(sender, "")
        return f"{masked!r} (a name, masked here; it stands in {place})" if masked != sender and place else repr(masked)

    def of(self, sender: str, said: list[Utterance]) -> str:
        """The role; an empty string when it is not known. With no `roles` given a stranger's is inferred:
        beside a known agent he is the customer and the other way round; between two strangers the one met
        in more conversations is the agent, else the one who speaks first is the customer."""
        if role := self._known.get(sender, ""):
            return role
        if self._own or not sender:
            return ""
        present = {self._known[u.sender] for u in said}
        if "customer" in present and not present & {"agent"}:
            return "agent"
        if "agent" in present and "customer" not in present:
            return "customer"
        if {"agent", "customer"} <= present:
            return "agent" if self._spread[sender] >= 3 else ""
        strangers = list(dict.fromkeys(u.sender for u in said if not self._known[u.sender] and u.sender))
        widest = max(self._spread[name] for name in strangers)
        often = [name for name in strangers if self._spread[name] == widest]
        if len(often) == 1 and len(strangers) > 1:
            return "agent" if sender == often[0] else "customer"
        return "customer" if sender == strangers[0] else "agent"
