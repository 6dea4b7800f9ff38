"""Who speaks: turns inside a row, transcripts in one text, and roles of senders that nobody named."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kefu.data import asides, mapping, times, voices
from kefu.errors import InputError
from kefu.project.schema import Source
from kefu.text import privacy

MANY_UNKNOWN = 0.2  # of the turns: with more the sides of whole conversations would be guesswork, with less a build loses single messages
_PLACES = 10_000  # unknown senders whose first row is remembered, and conversations whose company is
_HEARD = 400  # conversations whose strangers are listened to
_LONG = 400  # characters of a message that tell who speaks
_FEW = 2  # senders: any two who always meet may be either side
_FAR = 3  # times as many conversations as the others
_SHOWN = 8
_EXAMPLE = 40
_CODE = re.compile(r"[\W_]*(?:\d{1,4}|[A-Za-z]\d{0,2}|0x[0-9a-fA-F]+)[\W_]*")
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
    if "text" not in columns and (exchanged := exchanges(items)):
        return Said(exchanged)
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
        sender = mapping.NOTE if asides.is_aside(item, (*turn_where, keys["role"])) else mapping.text(item, keys["role"]).strip()
        said.turns.append(Utterance(sender, text, times.iso(mapping.value(item, keys.get("at", "at")))))
    return said


def exchanges(items: Sequence[dict[str, Any]]) -> list[Utterance]:
    """Turns of objects that hold a question and its answer under the names of who speaks (`{"usr": …, "sys": …}`, `{"human", "assistant"}`)
    instead of a speaker and a text; empty where they are none."""
    roles = {key: mapping.role_of(key, {}) for key in (items[0] if items else {})}
    asks = [key for key, role in roles.items() if role == "customer"]
    answers = [key for key, role in roles.items() if role in ("agent", "bot")] or [key for key in roles if key.casefold() in ("sys", "system")]
    if len(asks) != 1 or len(answers) != 1 or not all(isinstance(one.get(key, ""), str | None) for one in items for key in (asks[0], answers[0])):
        return []
    named = {asks[0]: "customer", answers[0]: "agent"}
    return [Utterance(named[key], text) for one in items for key, text in one.items() if key in named and isinstance(text, str) and text.strip()]


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


def prefixed(line: str) -> Utterance | None:
    """One line that says who and when, or whose sender is known by name (`客服：…`); else None."""
    found = _PREFIX.match(line)
    if not found or not (found["t1"] or found["t2"] or mapping.role_of(found["name"], {})):
        return None
    return Utterance(found["name"].strip(), found["text"].strip(), times.iso(found["t1"] or found["t2"] or ""))


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
    """Roles of one source's senders: `see` every conversation, then `settle`. `facts` says what was known and what was guessed.

    limit: `settle` refuses a source of which a larger share is said by senders nobody knows (None: they are only told of, to propose roles)."""

    def __init__(self, source: Source, limit: float | None = MANY_UNKNOWN) -> None:
        self._source, self._own, self._limit = source, source.roles, limit
        self._known: dict[str, str] = {}
        self._spread: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._met: list[tuple[frozenset[str], Counter[str]]] = []  # of conversations with strangers: roles present, turns of each stranger
        self._heard: list[list[tuple[str, str]]] = []
        self._voices: dict[str, voices.Voice] = {}
        self._few = False
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
        strangers = Counter(sender for sender in names if not self._known[sender])
        if strangers and len(self._met) < _PLACES:
            self._met.append((frozenset(self._known[sender] for sender in distinct), strangers))
            if len(self._heard) < _HEARD:
                self._heard.append([(one.sender, one.text[:_LONG]) for one in said if not self._known[one.sender]])
        return bool(self._own) or all(self._known[sender] or not sender for sender in distinct)

    def settle(self) -> None:
        """All have been seen. Raises InputError when too much is said by senders whom neither `roles` nor their company tells."""
        unknown = {sender: n for sender, n in self._counts.items() if not self._known[sender]}
        roles: dict[str, Counter[str]] = {}
        for sender, n in self._counts.items():
            if role := self._known[sender]:
                roles.setdefault(role, Counter())[privacy.mask(sender)] += n
        self.facts["senders"] = {role: dict(sorted(names.most_common(8))) for role, names in sorted(roles.items())}
        if unknown:
            self._few = len(unknown) <= _FEW
            self._voices = voices.tell(self._heard)
            self._check(self._source, unknown, sum(self._counts.values()))

    def _check(self, source: Source, unknown: dict[str, int], total: int) -> None:
        top = sorted(unknown, key=lambda name: (-unknown[name], name))[:_SHOWN]
        open_ = self._undecided()
        who: Counter[str] = Counter()
        for name, n in unknown.items():
            who[privacy.mask(name)] += n
        self.facts["unknown_senders"] = {
            "senders": len(unknown),
            "turns": sum(unknown.values()),
            "undecided": round(open_ * sum(unknown.values())),
            "dropped": bool(self._own),
            "who": dict(who.most_common(_SHOWN)),
        }
        share = open_ * sum(unknown.values()) / total
        if self._limit is None:
            self.facts["unknown_senders"]["voices"] = {name: self._voices[name] for name in unknown if name in self._voices}
            self.facts["unknown_senders"]["share"] = share
        elif share > self._limit:
            more = f" and {len(unknown) - len(top)} more" if len(unknown) > len(top) else ""
            raise InputError(
                f"source {source.name}: {share:.0%} of the turns have senders that {'`roles` does not name' if self._own else 'nobody knows'}",
                "; ".join(self._shown(name, unknown[name]) for name in top) + more,
                f"add them, written as in the export: {self._lines(top)}; everyone else: '*': customer",
            )

    def _undecided(self) -> float:
        """Share of the strangers' turns about which their company says nothing (of the first conversations, where there are many)."""
        if self._own:
            return 1.0
        total = undecided = 0
        for present, strangers in self._met:
            for sender, n in strangers.items():
                total += n
                undecided += n * (not sender or not self._company(sender, set(present), list(strangers)))
        return undecided / total if total else 0.0

    def _lines(self, top: Sequence[str]) -> str:
        """`roles: {'1': customer, '2': agent}` with what the content tells; else with what may be said."""
        told = {name: voice for name in top if (voice := self._voices.get(name)) is not None and voice.role}
        masked = [name for name in told if privacy.mask(name) != name]
        if not told or masked:
            return "roles: {NAME: customer | agent | bot | system | ignore}"
        pairs = [f"{name!r}: {told[name].role if name in told else 'customer | agent | bot | system | ignore'}" for name in top]
        sure = ", ".join(f"{name!r} {voice.sure:.0%} sure: {voice.why}" for name, voice in told.items())
        return f"roles: {{{', '.join(pairs)}}} (by what they say, look whether it is right: {sure})"

    def _shown(self, sender: str, n: int) -> str:
        """Errors are kept in files too, so a person's name is masked in them; where it stands, its owner can read it."""
        masked, place = privacy.mask(sender), self._first.get(sender, "")
        voice = self._voices.get(sender)
        such = f", such as {privacy.mask(' '.join(voice.example.split()))[:_EXAMPLE]!r}" if voice is not None else ""
        name = f"{masked!r} (a name, masked here; it stands in {place})" if masked != sender and place else repr(masked)
        return f"{name} ({n} {'turn' if n == 1 else 'turns'}{such})"

    def of(self, sender: str, said: list[Utterance]) -> str:
        """The role; an empty string when it is not known. With no `roles` given a stranger's is inferred from his company, else from what
        he says where that is clear; who speaks first decides nothing."""
        if role := self._known.get(sender, ""):
            return role
        if self._own or not sender:
            return ""
        present = {self._known[u.sender] for u in said}
        strangers = list(dict.fromkeys(u.sender for u in said if not self._known[u.sender] and u.sender))
        if role := self._company(sender, present, strangers):
            return role
        voice = self._voices.get(sender)
        return voice.role if voice is not None else ""

    def _company(self, sender: str, present: set[str], strangers: list[str]) -> str:
        """Beside a known agent he is the customer and the other way round, unless his words say that he is neither; of strangers with names
        of people the one met in far more conversations is the agent. Empty: that tells nothing."""
        voice = self._voices.get(sender)
        if voice is not None and voice.role in ("bot", "system", "ignore"):
            return voice.role
        if {"agent", "customer"} & present:
            if {"agent", "customer"} <= present:
                return "agent" if voice is not None and voice.role == "agent" and not _CODE.fullmatch(sender) else ""
            return "agent" if "customer" in present else "customer"
        if self._few or any(_CODE.fullmatch(name) for name in strangers):
            return ""  # the same few meet each time: these are not people but parties, and who is met oftener is the one who is answered
        if len(strangers) == 1:
            return "customer" if self._spread[sender] == 1 else ""
        first, second = sorted((self._spread[name] for name in strangers), reverse=True)[:2]
        if first < _FAR * second and not (first > second == 1):
            return ""
        role = "agent" if self._spread[sender] == first else "customer"
        return role if voice is None or voice.role in ("", role) else ""
