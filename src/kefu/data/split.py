"""Train, validation and test without leakage: same customer, same ticket, near-duplicate question never on both sides.

What is held out is chosen by a hash of the seed and the thing's own words, so a new row does not reshuffle the old ones.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Protocol

from kefu.conversation import Conversation
from kefu.data import near
from kefu.data.entries import Entry
from kefu.project.schema import Split

_LEAK = 0.8  # questions at least so alike (numbers aside) are one question for the split
_LEAK_DIALOGUE = 0.8  # all that the customer says, numbers aside
_NUMBER = re.compile(r"\d+")
SPLITS = ("train", "validation", "test")


def split(conversations: list[Conversation], entries: list[Entry], settings: Split, seed: int) -> dict[str, str]:
    """`{conversation id: split}` for every conversation."""
    chosen = {c.id: "train" for c in conversations}
    chosen.update(whole_groups([c for c in conversations if c.kind != "faq"], settings, seed))
    chosen.update(_questions(conversations, entries, settings, seed))
    return chosen


def _order(seed: int, *parts: str) -> str:
    return hashlib.sha256("\x1f".join((str(seed), *parts)).encode()).hexdigest()


def _plain(text: str) -> str:
    return _NUMBER.sub("0", text)


class Grouped(Protocol):
    """What can be split by groups."""

    id: str
    group: str
    language: str

    def customer_text(self) -> str: ...


def whole_groups(dialogues: Sequence[Grouped], settings: Split, seed: int) -> dict[str, str]:
    """Whole groups (customer, ticket, near-duplicates) go to one side, by language, up to the wanted shares."""
    groups = near.Groups(len(dialogues))
    first: dict[str, int] = {}
    for i, conversation in enumerate(dialogues):
        if conversation.group:
            groups.join(first.setdefault(conversation.group, i), i)
    for i, j, _ in near.pairs([_compared(c) for c in dialogues], _LEAK_DIALOGUE):
        groups.join(i, j)
    members = groups.members(range(len(dialogues)))
    chosen: dict[str, str] = {}
    for root, group in members.items():
        for i in group:
            dialogues[i].group = dialogues[root].group or (f"near:{dialogues[root].id}" if len(group) > 1 else "")
    for language in sorted({c.language for c in dialogues}):
        ours = [group for group in members.values() if dialogues[group[0]].language == language]
        total = sum(len(group) for group in ours)
        ours.sort(key=lambda group: _order(seed, *sorted(dialogues[i].id for i in group)[:1]))
        for name, share in (("test", settings.test), ("validation", settings.validation)):
            wanted = max(1, round(total * share)) if share and len(ours) >= 5 else 0
            got = 0
            for group in list(ours):
                if got < wanted and got + len(group) <= max(wanted * 1.2, wanted + 1):
                    chosen.update({dialogues[i].id: name for i in group})
                    got += len(group)
                    ours.remove(group)
    return chosen


def _compared(one: Grouped) -> str:
    """Records written by one template are alike in their words; only their group says what belongs together."""
    return "" if isinstance(one, Conversation) and one.meta.get("record") else _plain(one.customer_text())


def _questions(conversations: list[Conversation], entries: list[Entry], settings: Split, seed: int) -> dict[str, str]:
    """Held-out FAQ questions, spread over the entries. The main phrasing of an entry, at least half of its questions, and
    every question that customers ask nearly so in a training dialogue stay in training."""
    rows = [(entry, c) for entry in entries for c in entry.rows]
    if not rows:
        return {}
    texts = [_plain(c.turns[0].text) for _, c in rows]
    said = list(
        dict.fromkeys(
            _plain(turn.text) for c in conversations if c.kind == "dialogue" for turn in c.turns if turn.role == "customer" and len(turn.text) <= 200
        )
    )
    groups = near.Groups(len(rows))
    pinned: set[int] = set()
    for i, j, _ in near.pairs([*texts, *said], _LEAK, indexed=len(rows)):
        if j < len(rows):
            groups.join(i, j)
        else:
            pinned.add(i)
    main: dict[str, int] = {}
    for i, (entry, _) in enumerate(rows):
        main.setdefault(entry.id, i)
    pinned |= set(main.values())
    clusters = groups.members(range(len(rows)))
    blocked = {root for root, members in clusters.items() if pinned & set(members)}
    free = {entry.id: len(entry.rows) // 2 for entry in entries}
    chosen: dict[str, str] = {}
    for language in sorted({entry.language for entry in entries}):
        total = sum(entry.language == language for entry, _ in rows)
        candidates = [(root, members) for root, members in clusters.items() if root not in blocked and rows[root][0].language == language]
        wanted = {
            name: max(1, round(total * share)) if share and candidates else 0
            for name, share in (("test", settings.test), ("validation", settings.validation))
        }
        candidates.sort(key=lambda pair: _order(seed, rows[pair[0]][0].id, texts[pair[0]]))
        rounds = sorted(candidates, key=_turn(rows))
        for name in ("test", "validation"):
            got = 0
            for root, members in list(rounds):
                owners = {rows[i][0].id for i in members}
                if got >= wanted[name]:
                    break
                if got + len(members) > wanted[name] * 1.2 + 1 or any(sum(rows[i][0].id == owner for i in members) > free[owner] for owner in owners):
                    continue
                for i in members:
                    chosen[rows[i][1].id] = name
                    free[rows[i][0].id] -= 1
                got += len(members)
                rounds.remove((root, members))
    return chosen


def _turn(rows: list[tuple[Entry, Conversation]]):  # type: ignore[no-untyped-def]
    """Sort key that takes one cluster of every entry before the second of any."""
    seen: dict[str, int] = {}

    def key(pair: tuple[int, list[int]]) -> int:
        entry = rows[pair[0]][0].id
        seen[entry] = seen.get(entry, 0) + 1
        return seen[entry]

    return key
