"""Proposals for a file: every shape is tried on a sample of its rows, the likeliest first."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kefu.conversation import Conversation
from kefu.data import mapping, readers, records, tasks, threads, tickets, times
from kefu.data.guess import evidence
from kefu.data.guess.views import View, open_as, views, whole_conversations
from kefu.data.ledger import Step
from kefu.data.readers import Row
from kefu.data.readers.packed import PACKED
from kefu.data.shapes import Former
from kefu.errors import InputError, KefuError
from kefu.project.schema import Source
from kefu.text.language import detect

_NOTHING = 0.1  # any table can be written out by a template: what is less sure says that nothing fits
UNSURE = 0.3  # below it a proposal is a question
_CHATS = ("dialogues", "alternating", "sharegpt", "openai", "messages")


@dataclass
class Proposal:
    """A source as it would stand in kefu.yaml. confidence: 0 to 1; `against`: what may make it wrong."""

    block: dict[str, Any]
    confidence: float
    reasons: list[str]
    against: list[str]
    rows: int = 0
    formed: int = 0
    view: str = ""
    first: list[dict[str, Any]] = field(default_factory=list)
    beside: bool = False  # another sheet of the workbook, a source beside the first proposal and none instead of it

    def yaml(self) -> str:
        """The block as an item of data.sources, with the reasons as comments."""
        lines = [f"# {self.confidence:.0%} sure: {'; '.join(self.reasons)}"] + [f"# but: {one}" for one in self.against]
        body = yaml.dump([self.block], Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1000, default_flow_style=None)
        return "\n".join(lines) + "\n" + body

    def as_dict(self) -> dict[str, Any]:
        return {
            "source": self.block, "confidence": self.confidence, "reasons": self.reasons, "against": self.against, "rows": self.rows,
            "formed": self.formed, "view": self.view, "beside": self.beside, "yaml": self.yaml(), "first": self.first,
        }  # fmt: skip


class _Dumper(yaml.SafeDumper):
    pass


def _plain_items(dumper: yaml.SafeDumper, value: dict[str, Any]) -> yaml.Node:
    """The block itself over several lines, `map` and `roles` on one."""
    return dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style="name" not in value)


_Dumper.add_representer(dict, _plain_items)


def propose(path: Path, name: str = "") -> list[Proposal]:
    """Likeliest first, at least one; those far behind the first are left out. Raises InputError for a file that holds no rows."""
    name = name or _name(path)
    path = _main_files(path) if path.is_dir() and not readers.is_messenger(path) else path
    seen = views(path)
    if len(seen) > 1 and all("sheet" in view.settings for view in seen):
        return _sheets(path, seen, name)
    return _ranked(path, seen, name)


def _sheets(path: Path, seen: list[View], name: str) -> list[Proposal]:
    """A source for every sheet that something fits, the surest first; the first says which sheets are left out."""
    best: list[Proposal] = []
    others: list[Proposal] = []
    left_out = []
    for view in seen:
        try:
            first, *more = _ranked(path, [view], name)
        except InputError as error:
            left_out.append(f"{view.label} is left out: {error.what}")
            continue
        if first.confidence < UNSURE:
            left_out.append(f"{view.label} is left out: nothing fits it well (shape {first.block['shape']}: {first.confidence:.0%})")
            others.append(first)
        else:
            best.append(first)
            others += more
    if not best and not others:
        raise InputError(f"no shape fits {path.name}", "; ".join(left_out), "write the source by hand: sheet, shape and map")
    best.sort(key=lambda one: -one.confidence)
    if not best:
        return sorted(others, key=lambda one: -one.confidence)
    for one in best[1:]:
        one.beside = True
        one.block["name"] = re.sub(r"[^\w-]+", "_", f"{name}_{one.view.removeprefix('sheet ')}").strip("_")
    best[0].against += left_out
    return [best[0], *(one for one in others if one.view == best[0].view), *best[1:]]


def _ranked(path: Path, seen: list[View], name: str) -> list[Proposal]:
    found: list[Proposal] = []
    for view in seen:
        only = {"conll": "tags", "chatlog": "messages", "mail": "messages", "messenger": "messages", "speech": "messages"}.get(
            view.settings.get("format", "")
        )
        shapes = [only] if only else [shape for shape in evidence.OF if shape not in ("tags",) or view.rows]
        found += [one for shape in shapes if (one := _try(path, view, shape, name)) is not None]
    found = [one for one in found if one.block["shape"] != "records" or (one.formed and one.confidence >= _NOTHING)]
    found.sort(key=lambda one: (-one.confidence, one.block["shape"]))
    if not found:
        columns = ", ".join(mapping.columns_of([row.values for row in seen[-1].rows])[:20])
        place = f" of {seen[-1].label}" if seen[-1].label else ""
        if (table := tickets.arrange(mapping.columns_of([row.values for row in seen[-1].rows]))) is not None and "answer" not in table:
            raise InputError(
                f"no shape fits {path.name}", f"its rows are tickets, and no column holds a reply (the columns{place} are {columns})",
                "export the tickets with their comments or replies",
            )  # fmt: skip
        raise InputError(f"no shape fits {path.name}", f"the columns{place} are {columns or 'none'}", "write the source by hand: shape and map")
    best = found[0]
    found[1:] = [one for one in found[1:] if not _same_turns(one, best)]
    rival = next((one for one in found[1:] if one.block["shape"] != best.block["shape"] or one.view != best.view), None)
    named: Proposal | None = None
    if rival is not None:
        best_score = best.confidence
        best.confidence *= 1 - 0.5 * (rival.confidence / best_score) ** 4 if best_score else 1
        if rival.confidence > 0.75 * best_score:
            best.against.append(f"it could also be shape {rival.block['shape']}" + (f" ({rival.view})" if rival.view else ""))
            named = rival
        found[1:] = [one for one in found[1:] if one.confidence > 0.4 * best_score]
    for one in found[1:]:
        one.confidence = round(min(one.confidence, best.confidence, 1 - best.confidence), 2)
    best.confidence = round(best.confidence, 2)
    return [one for one in found if one.confidence > 0.05 or one is best or one is named][:4]


def _main_files(folder: Path) -> Path:
    """The glob of a folder's biggest kind of files; licences and notes beside the data are not data."""
    sizes: Counter[str] = Counter()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and readers.known(file):
            sizes["".join(file.suffixes[-2:] if file.suffix.lower() in PACKED else file.suffixes[-1:])] += file.stat().st_size
    if (folder / "cur").is_dir() and (folder / "new").is_dir():
        return folder  # a Maildir: its files have no endings
    if not sizes:
        raise InputError(f"no export in {folder}", "no file in it has a format that is read", "give the file itself")
    deep = any(file.parent != folder for file in folder.rglob(f"*{sizes.most_common(1)[0][0]}"))
    return folder / ("**" if deep else "") / f"*{sizes.most_common(1)[0][0]}"


def _same_turns(one: Proposal, best: Proposal) -> bool:
    """Two names for one reading: messages of OpenAI and ShareGPT, and lines that name their speaker, are dialogues too."""
    turns = one.block.get("map", {}).get("turns") == best.block.get("map", {}).get("turns")
    same = turns and (one.view == best.view or "all lists" in (one.view, best.view))
    return same and {one.block["shape"], best.block["shape"]} <= {"openai", "sharegpt", "dialogues", "alternating"}


def _name(path: Path) -> str:
    stem = path.name.split(".")[0] if path.is_file() else path.name
    return re.sub(r"[^\w-]+", "_", stem).strip("_") or "source"


def _try(path: Path, view: View, shape: str, name: str) -> Proposal | None:
    sample = view.head if shape == "messages" else view.rows
    rows = [row.values for row in sample]
    if not rows:
        return None
    spoken = _speakers(view) if shape == "classification" else ""
    found, strength_of_names, reasons = _map(shape, rows, spoken)
    if found is None:
        return None
    if shape == "messages":
        sample = whole_conversations(view, found)
        rows = [row.values for row in sample]
    try:
        told = evidence.OF[shape](rows, found)
    except (KefuError, KeyError):
        return None
    block: dict[str, Any] = {"name": name, "shape": shape, "path": str(path), **_reading(view)}
    if shape == "records":
        block["template"], found = _template(rows, found)
        source, project = open_as(path, {"template": block["template"]}, "records")
        taken = records.takes(records.load(source, project.root))
        found = {field: column for field, column in found.items() if field in taken}
    block["map"] = found
    if shape == "dialogues":
        block |= threads.find(rows, found)[1]
    if view.sides is not None and view.sides.roles:
        block["roles"] = view.sides.roles
    extra_against: list[str] = []
    if spoken:
        told.strength *= 0.7
        extra_against.append(f"a row is one message of a conversation, in which {spoken!r} says who speaks")
    if shape == "classification" and (joint := _joint(rows, found)):
        block["label_separator"] = joint
        reasons.append(f"labels are joined by {joint!r}")
    two_sided, spoken_in = 0, []  # type: int, list[Conversation]
    formed, roles, why = _form(path, sample, block)
    if roles:
        block["roles"] = roles
        formed, _, why = _form(path, sample, block)
    if shape in _CHATS:
        spoken_in = [one for one in formed if isinstance(one, Conversation)]
        if view.more and shape == "messages":  # the rest of a conversation may stand behind what was read
            spoken_in = [one for one in spoken_in if len(one.turns) > 1] or spoken_in
        two_sided = sum(_two_sided(one) for one in spoken_in)
        if formed and two_sided * 2 < len(spoken_in):
            told.strength *= 0.3
            extra_against.append(f"only {two_sided} of {len(spoken_in)} conversations have a customer and an agent")
    share = _share_formed(shape, formed, rows, found)
    counted = f"{len(rows)} rows{_sampled(view, len(rows))}"
    if share < 0.98 and why:
        extra_against.append(f"{len(rows) - round(share * len(rows))} of {counted} would be left out: {why}")
    if view.broken:
        extra_against.append(f"{len(view.broken)} of {view.read} rows are broken: {view.broken[0].reason}")
    if headless := _headless(view):
        extra_against.append(headless)
    if shape == "messages" and told.strength > 0.9:
        strength_of_names = max(strength_of_names, 0.85)  # known speakers in conversations that repeat tell more than names of columns
    readable = 1 - len(view.broken) / max(1, view.read)
    if view.sides is not None:
        strength_of_names = 1.0  # the reader names its columns itself
        told.strength = max(told.strength, 0.9) * view.sides.sure * (0.3 if two_sided * 2 < len(spoken_in) else 1.0)
        told.against, told.reasons, reasons = [], told.reasons[:1], view.sides.reasons
        extra_against += view.sides.against
    confidence = told.strength * strength_of_names * min(1.0, 0.3 + 0.7 * share) * readable * (0.5 if headless else 1.0)
    facts = [f"{round(share * len(rows))} of {counted} become {'examples' if shape in tasks.SHAPES else 'conversations'}"]
    block = {key: value for key, value in block.items() if value not in ({}, "")}
    against = [*told.against, *extra_against]
    first = [one.as_dict() for one in formed[:2]]
    return Proposal(block, confidence, [*told.reasons, *reasons, *facts], against, len(rows), len(formed), view.label, first)


def _sampled(view: View, rows: int) -> str:
    """How the rows that were tried stand to the file: nothing when they are all of it."""
    return f" (a sample of the {'first ' if view.more else ''}{view.read - len(view.broken)})" if view.more or rows < len(view.all) else ""


def _speakers(view: View) -> str:
    """The column that says who speaks, when the table is one of messages."""
    rows = [row.values for row in view.head]
    found, _, _ = _map("messages", rows)
    return evidence.speaker_column([row.values for row in whole_conversations(view, found)], found) if found else ""


def _map(shape: str, rows: list[dict[str, Any]], spoken: str = "") -> tuple[dict[str, str] | None, float, list[str]]:
    """(columns of the fields, how well their names fit, reasons). None: a required field has no column. spoken: no label."""
    columns = [column for column in mapping.columns_of(rows) if column != spoken]
    inside = mapping.TURN_FIELDS if shape in mapping.TURNS_IN_A_CELL else ()
    found = mapping.guess(shape, columns, rows, wanted=[name for name in mapping.fields(shape) if name not in inside])
    found = {**_by_content(shape, found, columns, rows), **found}
    if shape == "classification" and "text" in found:
        found["text"] = _fuller(found, columns, rows)
    needed = [name for name in mapping.required(shape) if not (name == "conversation" and "recipient" in found and name not in found)]
    if any(name not in found for name in needed):
        return None, 0.0, []
    if shape == "qa" and not ({"question", "context"} <= found.keys() or {"qas", "paragraphs"} & found.keys()):
        return None, 0.0, []
    fits = [mapping.name_fit(shape, name, found[name]) for name in needed]
    strength = sum(fits) / len(fits) if fits else 1.0
    if shape in ("openai", "sharegpt", "tags", "alternating", "dialogues"):
        strength = max(strength, 0.92)  # what is in the cells tells more than their name
    if all(re.fullmatch(r"(column )?\d+", found[name]) for name in needed):
        strength = max(strength, 0.75)  # columns without names say nothing for any shape
    told = {name: found[name] for name in mapping.fields(shape) if name in found}
    reasons = [f"columns {', '.join(repr(found[name]) for name in needed)} are called so"] if fits and min(fits) > 0.9 else []
    return told, strength, reasons


def _fuller(found: dict[str, str], columns: list[str], rows: list[dict[str, Any]]) -> str:
    """The column of the text; the body of a mail rather than its subject, where both are called like texts."""
    told = evidence.mean_length(evidence.texts(rows, found["text"]))
    others = {c: evidence.mean_length(evidence.texts(rows, c)) for c in evidence.prose(rows) if c in columns and c not in found.values()}
    longer = {c: n for c, n in others.items() if n > 2 * told and mapping.name_fit("classification", "text", c) >= 0.8}
    return max(longer, key=lambda c: longer[c]) if longer else found["text"]


def _by_content(shape: str, found: dict[str, str], columns: list[str], rows: list[dict[str, Any]]) -> dict[str, str]:
    """Columns for fields that no name gives away: labels repeat and are short, texts are long, the sides of a translation differ."""
    texts = {column: evidence.texts(rows, column) for column in columns if column not in found.values()}
    texts = {column: told for column, told in texts.items() if told and all(isinstance(item, str) for item in evidence.column(rows, column))}
    more: dict[str, str] = {}
    if shape == "classification":
        if "label" not in found:
            labels = {
                c: evidence.distinct(t) for c, t in texts.items() if evidence.mean_length(t) <= 30 and len(set(t)) > 1 and evidence.distinct(t) < 0.3
            }
            if labels:
                more["label"] = min(labels, key=lambda c: (labels[c], c))
        if "text" not in found:
            long = {c: evidence.mean_length(t) for c, t in texts.items() if evidence.distinct(t) > 0.5 and c not in more.values()}
            if long:
                more["text"] = max(long, key=lambda c: long[c])
    if shape == "messages" and "role" not in found and "conversation" in found:
        few = {c: len(set(t)) for c, t in texts.items() if 2 <= len(set(t)) <= 8 and len(t) == len(rows) and not _a_label(c)}
        talk = {c: evidence.speakers(rows, found["conversation"], c) for c in few}
        if talk and max(talk.values()) > 0.5:
            more["role"] = max(talk, key=lambda c: (talk[c], -few[c]))
    if shape == "messages" and not {"order", "time"} & found.keys():
        written = [c for c, t in texts.items() if c not in more.values() and all(re.search(r"\d[:：]\d", one) and times.iso(one) for one in t)]
        more |= {"time": written[0]} if written else {}
    if shape == "dialogues" and (table := tickets.repeated(columns)) is not None:
        found.pop("turns", None)  # a column of them is not all of them
        return table
    if shape == "dialogues" and "turns" in found:
        more |= {**evidence.turn_keys(rows, found), **threads.find(rows, found)[0]}
    if shape == "parallel" and not {"source", "target"} <= found.keys() and len(texts) >= 2:
        languages = {c: Counter(detect(one) for one in t).most_common(1)[0][0] for c, t in texts.items() if evidence.mean_length(t) >= 4}
        pair = [(a, b) for a in languages for b in languages if a < b and languages[a] != languages[b]]
        if len(pair) == 1 and not found.keys() & {"source", "target"}:
            more["source"], more["target"] = sorted(pair[0], key=columns.index)
    return more


def _a_label(column: str) -> bool:
    """Is it called like labels, such as intents and categories? Then it does not say who speaks."""
    return mapping.name_fit("classification", "label", column) > 0.4


def _reading(view: View) -> dict[str, Any]:
    """Format, encoding and delimiter as they were found, where they are the same for all files."""
    details = list(view.facts.get("files", {}).values())
    found = {key: value for key, value in view.settings.items() if key != "format"}
    for key in ("format", "encoding", "delimiter"):
        values = {str(one[key]) for one in details if key in one}
        if len(values) == 1 and len(details) and all(key in one for one in details):
            found[key] = values.pop().replace("\t", "tab")
    return {key: found[key] for key in ("query", "sheet", "rows_at", "format", "encoding", "delimiter") if key in found}


def _form(path: Path, sample: list[Row], block: dict[str, Any]) -> tuple[list[Any], dict[str, str], str]:
    """(what the rows become, roles that should be said, the commonest reason why rows became nothing)."""
    settings = {key: value for key, value in block.items() if key not in ("name", "path", "shape")}
    source, project = open_as(path, settings, block["shape"])
    step, turns = Step("form", "rows"), Step("turns", "turns")
    make = tasks.ExampleFormer if source.shape in tasks.SHAPES else Former
    former = make(source, source.map, step, turns, lambda *_: None, lambda *_: None)
    try:
        former.look(sample, project.root)
        formed = list(former.form(iter(sample)))
    except KefuError as error:
        return [], {}, error.line()
    why = "; ".join(f"{reason} ({n})" for reason, n in step.dropped.most_common(2))
    return formed, {} if source.roles else _roles(source, formed, former.notes), why


_MASKED = re.compile(r"\[[^\[\]\s]+_\d+\]")  # a sender called by a person's name is not written into settings


def _roles(source: Source, formed: list[Any], notes: dict[str, Any]) -> dict[str, str]:
    """Roles worth writing down: of speakers by their names; a `system` that answers where no agent does is the agent."""
    if source.shape not in _CHATS or "senders" not in notes:
        return {}
    said = {sender: role for role, names in notes["senders"].items() for sender in names}
    turns = Counter(turn.role for one in formed for turn in one.turns)
    if not turns["agent"] and not turns["bot"] and turns["system"] * 3 > turns.total():
        said |= {sender: "agent" for sender, role in said.items() if role == "system"}
    plain = {"customer": "customer", "agent": "agent", "user": "customer", "assistant": "agent"}
    if all(plain.get(sender) == role for sender, role in said.items()) or len(said) > 12 or any(_MASKED.search(sender) for sender in said):
        return {}
    return {sender: role for sender, role in said.items() if sender} if "unknown_senders" not in notes else {}


def _two_sided(one: Conversation) -> bool:
    roles = {turn.role for turn in one.turns}
    return "customer" in roles and bool(roles & {"agent", "bot"})


def _share_formed(shape: str, formed: list[Any], rows: list[dict[str, Any]], found: dict[str, str]) -> float:
    """Share of the rows that became something; a row may become several things, and several rows one."""
    if shape == "messages":
        return 1.0 if formed else 0.0
    places = {one.source for one in formed}
    return min(1.0, len(places) / len(rows))


def _joint(rows: list[dict[str, Any]], found: dict[str, str]) -> str:
    """What joins several labels in one cell, when the parts are labels of other rows too."""
    labels = set(evidence.texts(rows, found["label"]))
    for sign in ("<div>", "|", ";", "；", "、", ",", "/", "+"):
        joined = [label for label in labels if sign in label]
        parts = [part.strip() for label in joined for part in label.split(sign)]
        if len(joined) >= 2 and parts and sum(part in labels for part in parts) > 0.8 * len(parts):
            return sign
    return ""


def _template(rows: list[dict[str, Any]], found: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The ready template of the table's theme, and the map with what it needs: a diagnosis or a review is the answer where nothing else is."""
    kind, _ = evidence.theme(rows)
    language = "zh" if detect(" ".join([*rows[0], *(str(value) for value in rows[0].values())])) == "zh" else "en"
    found = dict(found)
    if kind in ("medical", "contract") and "answer" not in found:
        given = found.pop("reason", "") or found.pop("label", "")
        found |= {"answer": given} if given else {}
    if kind == "contract" and "clause" not in found:
        prose = {name: evidence.mean_length(evidence.texts(rows, name)) for name in mapping.columns_of(rows) if name not in found.values()}
        if prose and max(prose.values()) >= 10:
            found["clause"] = max(prose, key=lambda name: prose[name])
    if kind == "contract" and not {"clause", "answer"} <= found.keys():
        kind = "risk"
    if kind == "risk":
        if "label" not in found and "answer" in found:
            found["label"] = found.pop("answer")
        found.pop("clause", None)
    elif kind == "medical":
        found.pop("clause", None)
    return f"{kind}-{language}", found


def _headless(view: View) -> str:
    """A delimited file whose first line looks like data."""
    details: dict[str, Any] = next(iter(view.facts.get("files", {}).values()), {})
    if details.get("format") not in ("csv", "tsv") or not view.rows:
        return ""
    names = list(view.rows[0].values)
    if any(len(name) > 60 or re.fullmatch(r"-?\d+([.,]\d+)?", name) or re.search(r"[。？！?!]$", name) for name in names):
        return "the first line looks like data: a header line with column names must be put above it"
    return ""
