"""What is done to batches of conversations, wherever it runs: clean and fingerprint, label and write out.

A job is made from a setup of plain values and depends on its batch alone (see `workers`).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from zlib import crc32

import numpy as np
import orjson

from kefu.conversation import UNSPOKEN, Conversation
from kefu.data import minhash, writers
from kefu.data.classes import annotate, load_class, open_dataset
from kefu.data.clean import Cleaner
from kefu.data.compared import outline
from kefu.data.exclusions import Notes
from kefu.data.heard import Heard, Listener
from kefu.data.ledger import Step
from kefu.data.profile import Profile
from kefu.data.spool import number, pack, restored, unpack
from kefu.data.tally import Tally
from kefu.data.writers import SPLITS
from kefu.project.schema import Clean, Messages
from kefu.text.normalise import fold

LEAK = 0.8  # dialogues whose customers say nearly the same, numbers aside, stand on one side of a split
DIALOGUE, FAQ = 0, 1
PAIR = "pair"  # meta.record of parallel text
_NUMBER = re.compile(r"\d+")
_POLITE = re.compile(r"请问|你好|您好|麻烦|一下|[呢吗啊吧呀哦嘛了的\s，,。.！!？?~～]")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


def plain(text: str) -> str:
    """Numbers aside: two questions that differ in an order number are one for the split. Of a Chinese question also what makes it polite
    and not another question."""
    text = _NUMBER.sub("0", text)
    return (_POLITE.sub("", text) or text) if _HAN.search(text) else text


def compared(one: Any) -> str:
    """What the split compares. Records written by one template are alike in their words; only their group says what belongs together.
    Of parallel text the translation stands alone in the answer, and that is compared."""
    record = one.meta.get("record") if isinstance(one, Conversation) else None
    return plain(one.turns[-1].text) if record == PAIR else "" if record else plain(one.customer_text())


def salt(one: Any, text: str) -> int:
    """Keeps apart what must not be compared: nothing is like nothing."""
    return 0 if text else number(one.id) & 0xFFFFFFFF | 1


def order(seed: int, *parts: str) -> bytes:
    """A place in a shuffle that depends on nothing but the seed and the thing's own words."""
    return sha256("\x1f".join((str(seed), *parts)).encode("utf-8", "replace")).digest()


# -- clean ---------------------------------------------------------------------------------------------------


class CleanSetup(NamedTuple):
    clean: dict[str, Any]
    seed: int
    near: float  # threshold of near-duplicates; 0: not wanted
    mask: dict[str, bool | None]  # source -> whether personal data is masked there; None: as `clean` says


@dataclass
class Cleaned:
    """Of what stayed of a batch, in order: lines, and columns as the bytes of arrays."""

    blob: bytes = b""
    sizes: bytes = b""
    kinds: bytes = b""
    exact: bytes = b""  # 2 x uint64
    orders: bytes = b""
    groups: bytes = b""
    strata: bytes = b""
    languages: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    near: bytes = b""
    leak: bytes = b""
    items: Step = field(default_factory=lambda: Step("clean", "conversations"))
    turns: Step = field(default_factory=lambda: Step("clean turns", "turns"))
    masked: dict[str, int] = field(default_factory=dict)
    kept_contacts: int = 0
    held: dict[int, tuple[str, dict[str, str]]] = field(default_factory=dict)  # place -> id and what was masked, when a vault is wanted
    notes: Notes = field(default_factory=Notes)


class CleanJob:
    """Cleans, masks and fingerprints."""

    def __init__(self, setup: CleanSetup) -> None:
        self._setup = setup
        self._settings = Clean(**setup.clean)
        self._patterns = Cleaner(self._settings, Step("", ""), Step("", ""), Notes())

    def __call__(self, rows: bytes) -> Cleaned:
        """rows: JSON list of [source, conversation]"""
        done = Cleaned()
        kept: list[Conversation] = []
        for source, part in groupby(orjson.loads(rows), key=lambda row: row[0]):
            items, turns = Step("clean", "conversations"), Step("clean turns", "turns")
            cleaner = self._patterns.afresh(items, turns, done.notes)
            first = len(kept)
            for _, row in part:
                conversation = restored(row)
                if cleaner(conversation, source, self._setup.mask[source]):
                    kept.append(conversation)
            done.sources += [source] * (len(kept) - first)
            for whole, its in ((done.items, items), (done.turns, turns)):
                whole.absorb(its)
                whole.of(source).absorb(its)
            for type, count in cleaner.masked.items():
                done.masked[type] = done.masked.get(type, 0) + count
            done.kept_contacts += cleaner.kept_contacts
            done.held |= {place: (c.id, cleaner.held[c.id]) for place, c in enumerate(kept[first:], first) if c.id in cleaner.held}
        fingerprint(kept, done, self._setup.seed, self._setup.near)
        return done


class Print(NamedTuple):
    """What is written down of one thing. exact: what equal things have in common. near, leak: texts, folded and without blanks, by which it
    is compared for duplicates and for the split; things of different salts are not."""

    line: bytes
    kind: int
    exact: str
    near: str
    near_salt: int
    leak: str
    leak_salt: int


def fingerprint(kept: list[Conversation], done: Cleaned, seed: int, near_threshold: float) -> None:
    """Fill the lines and columns of `done`."""
    prints = []
    for c in kept:
        turns = [turn for turn in c.turns if turn.role not in UNSPOKEN]
        folded = [fold(turn.text) for turn in turns]
        key = (c.kind, c.language, *(f"{turn.role}:{form or turn.text}" for turn, form in zip(turns, folded, strict=True)))
        record = c.kind == "faq" or bool(c.meta.get("record"))  # records of one template are alike in every word that is not theirs
        outlined = [outline(turn.text) for turn in turns]
        near_text = "" if record else "".join(outlined)
        near_salt = salt(c, near_text) or crc32(_comparable(c, folded).encode("utf-8", "replace"))
        asked = "".join(form for turn, form in zip(turns, outlined, strict=True) if turn.role == "customer")
        own = outlined[-1] if c.meta.get("record") == PAIR else "" if record else asked
        leak_text = plain(own.replace(" ", ""))
        writers.settle_bots(c)
        kind = FAQ if c.kind == "faq" else DIALOGUE
        prints.append(Print(pack(c), kind, "\x1f".join(key), near_text, near_salt, leak_text, salt(c, leak_text)))
    lay(kept, prints, done, seed, near_threshold)


class Laid(Protocol):
    """What all that passes through a build has."""

    id: str
    group: str
    category: str
    language: str


def lay(kept: Sequence[Laid], prints: list[Print], done: Cleaned, seed: int, near_threshold: float) -> None:
    """Fill the lines and columns of `done` from the prints of what was kept, in order."""
    done.blob, done.sizes = b"".join(one.line for one in prints), np.array([len(one.line) for one in prints], np.uint32).tobytes()
    done.kinds = bytes(one.kind for one in prints)
    done.exact = b"".join(blake2b(one.exact.encode("utf-8", "replace"), digest_size=16).digest() for one in prints)
    done.orders = b"".join(order(seed, c.id)[:8] for c in kept)
    done.groups = np.array([number(c.group) for c in kept], np.uint64).tobytes()
    done.strata = np.array([number(c.category) for c in kept], np.uint64).tobytes()
    done.languages = [c.language for c in kept]
    if kept:
        if near_threshold:
            done.near = minhash.slight_bands([one.near for one in prints], [one.near_salt for one in prints]).tobytes()
        done.leak = minhash.bands([one.leak for one in prints], LEAK, [one.leak_salt for one in prints]).tobytes()


def _comparable(conversation: Conversation, folded: list[str]) -> str:
    """Conversations with the same key may be near-duplicates: never two with different answers."""
    return f"dialogue:{conversation.language}" if conversation.kind == "dialogue" else f"{conversation.kind}:{folded[-1]}"


# -- list ----------------------------------------------------------------------------------------------------


class ListJob:
    """Lines of excluded.jsonl for what the build itself drops; masking them is most of the work."""

    def __init__(self, setup: None) -> None: ...

    def __call__(self, dropped: list[tuple[str, str, str, str, str, str]]) -> Notes:
        notes = Notes()
        for one in dropped:
            notes.drop(*one)
        return notes


# -- label ---------------------------------------------------------------------------------------------------


class LabelSetup(NamedTuple):
    dataset_class: str
    root: Path
    kept: Any  # spool.Kept
    listener: Listener | None
    worst: str = "bad"  # the label that means low quality
    messages: Messages = Messages()


class LabelBatch(NamedTuple):
    lines: list[bytes]
    sides: bytes  # index into SPLITS
    groups: dict[int, str]  # of those whose group the split changed
    labelled: bool = False  # already, by people or a model
    asked: Mapping[int, tuple[int, ...]] = {}  # held-out ones: which of their questions stand in training


@dataclass
class Labelled:
    """Texts to append to the files, and what there is to count."""

    conversations: str = ""
    messages: dict[str, str] = field(default_factory=lambda: dict.fromkeys(SPLITS, ""))
    instructions: dict[str, str] = field(default_factory=lambda: dict.fromkeys(SPLITS, ""))
    rows: Counter[str] = field(default_factory=Counter)
    turns: Step = field(default_factory=lambda: Step("turns for training", "turns"))
    spoken: int = 0  # turns of dialogues
    heard: list[Heard] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    profile: Profile = field(default_factory=Profile)


class LabelJob:
    """Writes quality and take-over point into conversations and lays out the rows of every file."""

    def __init__(self, setup: LabelSetup) -> None:
        self._dataset = open_dataset(load_class(setup.dataset_class, setup.root), setup.kept)
        self._listener, self._worst, self._messages = setup.listener, setup.worst, setup.messages

    def __call__(self, batch: LabelBatch) -> Labelled:
        done = Labelled()
        conversations = [unpack(line) for line in batch.lines]
        if not batch.labelled:
            annotate(self._dataset, conversations)
        texts: list[str] = []
        messages: dict[str, list[str]] = {name: [] for name in SPLITS}
        instructions: dict[str, list[str]] = {name: [] for name in SPLITS}
        for i, (c, side) in enumerate(zip(conversations, batch.sides, strict=True)):
            c.group = batch.groups.get(i, c.group)
            if c.label == self._worst:
                c.flags = sorted({*c.flags, "low_quality"})
            name = SPLITS[side]
            texts.append(_line({**c.as_dict(), "split": name}))
            done.tally.add(c, name)
            done.profile.add(c)
            if c.kind != "faq":
                done.spoken += len(c.turns)
                if c.kind == "dialogue" and self._listener is not None and side == 0:
                    done.heard += self._listener.hear(c)
            known = batch.asked.get(i, ())
            if row := writers.messages_row(c, done.turns, self._messages):
                instructions[name] += [_line(one) for place, one in enumerate(writers.instructions(row)) if place not in known]
                if row := writers.until(row, min(known), done.turns) if known else row:
                    messages[name].append(_line(row))
        done.conversations = "".join(texts)
        for name in SPLITS:
            done.messages[name], done.instructions[name] = "".join(messages[name]), "".join(instructions[name])
            done.rows.update({f"messages.{name}.jsonl": len(messages[name]), f"instruction.{name}.jsonl": len(instructions[name])})
        done.rows["conversations.jsonl"] = len(texts)
        return done


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, default=str) + "\n"
