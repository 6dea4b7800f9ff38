"""Train, validation and test without leakage: same customer, same ticket, near-duplicate question never on both sides.

What is held out is chosen by a hash of the seed and the thing's own words, so a new row does not reshuffle the old ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from kefu.conversation import Conversation
from kefu.data import jobs, near
from kefu.data.dedup import Alike
from kefu.data.entries import Entry
from kefu.data.minhash import Buckets, bands
from kefu.data.spool import number
from kefu.data.writers import SPLITS
from kefu.project.schema import Split
from kefu.text.normalise import fold

_HELD_OUT = ("test", "validation")
_FEWEST_GROUPS = 5


@dataclass
class Dialogues:
    """What the split must know of the dialogues that stay, in order; `read` gives one by its place.

    orders, groups: uint64, see `jobs.order` and `jobs.number`. languages: small numbers, named by `names`.
    """

    orders: np.ndarray
    groups: np.ndarray
    languages: np.ndarray
    names: Sequence[str]
    buckets: Buckets
    read: Callable[[int], Grouped]


@dataclass
class Sides:
    """`sides`: index into SPLITS of each dialogue. `groups`: the new group of those that were put together with others."""

    sides: np.ndarray
    groups: dict[int, str] = field(default_factory=dict)


def dialogues(given: Dialogues, settings: Split, seed: int) -> Sides:
    """Whole groups (customer, ticket, near-duplicates) go to one side, by language, up to the wanted shares."""
    count = len(given.orders)
    roots = np.array(_together(given, count).roots(), np.int64)
    found = Sides(np.zeros(count, np.uint8))
    order = np.argsort(roots, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(roots[order]) != 0])) if count else np.zeros(0, np.int64)
    sizes = np.diff(np.append(starts, count))
    first = order[starts]
    keys = given.orders[first].astype(np.uint64)
    for i in np.flatnonzero(sizes > 1):
        members = order[starts[i] : starts[i] + sizes[i]]
        smallest = min(given.read(int(m)).id for m in members)
        keys[i] = int.from_bytes(jobs.order(seed, smallest)[:8], "big")
        _name_group(members, given, found.groups)
    for language in sorted(range(len(given.names)), key=lambda code: given.names[code]):
        ours = np.flatnonzero(given.languages[first] == language)
        ours = ours[np.argsort(keys[ours], kind="stable")]
        total, taken = int(sizes[ours].sum()), np.zeros(len(ours), bool)
        enough = len(ours)
        for name in _HELD_OUT:
            share = getattr(settings, name)
            wanted = max(1, round(total * share)) if share and enough >= _FEWEST_GROUPS else 0
            got = 0
            for place, group in enumerate(ours):
                if got >= wanted:
                    break
                size = int(sizes[group])
                if not taken[place] and got + size <= max(wanted * 1.2, wanted + 1):
                    found.sides[order[starts[group] : starts[group] + size]] = SPLITS.index(name)
                    taken[place] = True
                    got += size
            enough = int((~taken).sum())
    return found


class Grouped(Protocol):
    """What can be split by groups."""

    id: str
    group: str
    language: str

    def customer_text(self) -> str: ...


def whole_groups(things: Sequence[Grouped], settings: Split, seed: int) -> dict[str, str]:
    """`{id: split}` of things held in memory, split as dialogues are; each gets the name of its group."""
    names = list(dict.fromkeys(one.language for one in things))
    texts = [fold(jobs.compared(one)).replace(" ", "") for one in things]
    given = Dialogues(
        np.array([int.from_bytes(jobs.order(seed, one.id)[:8], "big") for one in things], np.uint64),
        np.array([number(one.group) for one in things], np.uint64), np.array([names.index(one.language) for one in things], np.uint16), names,
        Buckets(bands(texts, jobs.LEAK, [jobs.salt(one, text) for one, text in zip(things, texts, strict=True)]), len(things)),
        things.__getitem__,
    )  # fmt: skip
    told = dialogues(given, settings, seed)
    for place, group in told.groups.items():
        things[place].group = group
    return {one.id: SPLITS[side] for one, side in zip(things, told.sides, strict=True)}


def _together(given: Dialogues, count: int) -> near.Groups:
    groups = near.Groups(count)
    named = np.flatnonzero(given.groups)
    by_group = named[np.argsort(given.groups[named], kind="stable")]
    same = np.flatnonzero(given.groups[by_group][1:] == given.groups[by_group][:-1])
    for i in same:
        groups.join(int(by_group[i]), int(by_group[i + 1]))
    alike = Alike(lambda place: jobs.compared(given.read(place)))
    for place in range(count):
        for other in given.buckets.met(place):
            if groups.find(other) != groups.find(place) and alike(other, place) >= jobs.LEAK:
                groups.join(other, place)
        given.buckets.enter(place)
    return groups


def _name_group(members: np.ndarray, given: Dialogues, named: dict[int, str]) -> None:
    root = int(members[0])
    own = int(given.groups[root])
    strangers = [int(m) for m in members if not own or int(given.groups[m]) != own]
    if strangers:
        first = given.read(root)
        name = first.group or f"near:{first.id}"
        named.update(dict.fromkeys(strangers, name))


Asked = Callable[[list[str]], set[int]]


def questions(entries: list[Entry], asked: Asked, settings: Split, seed: int) -> dict[str, str]:
    """`{id: split}` of FAQ questions held out, spread over the entries. The main phrasing of an entry, at least half of its questions,
    and every question that customers ask nearly so in a dialogue (`asked` tells which of some texts) stay in training."""
    rows = [(entry, c) for entry in entries for c in entry.rows]
    if not rows:
        return {}
    texts = [jobs.plain(c.turns[0].text) for _, c in rows]
    groups = near.Groups(len(rows))
    for i, j, _ in near.pairs(texts, jobs.LEAK):
        groups.join(i, j)
    pinned = asked(texts)
    main: dict[str, int] = {}
    for i, (entry, _) in enumerate(rows):
        main.setdefault(entry.id, i)
    pinned |= set(main.values())
    clusters = groups.members()
    blocked = {root for root, members in clusters.items() if pinned & set(members)}
    free = {entry.id: len(entry.rows) // 2 for entry in entries}
    chosen: dict[str, str] = {}
    for language in sorted({entry.language for entry in entries}):
        total = sum(entry.language == language for entry, _ in rows)
        candidates = [(root, members) for root, members in clusters.items() if root not in blocked and rows[root][0].language == language]
        candidates.sort(key=lambda pair: jobs.order(seed, rows[pair[0]][0].id, texts[pair[0]]))
        rounds = sorted(candidates, key=_turn(rows))
        taken: set[int] = set()
        for name in _HELD_OUT:
            share = getattr(settings, name)
            wanted = max(1, round(total * share)) if share and candidates else 0
            got = 0
            for root, members in rounds:
                if got >= wanted:
                    break
                owners = {rows[i][0].id for i in members}
                greedy = any(sum(rows[i][0].id == owner for i in members) > free[owner] for owner in owners)
                if root in taken or greedy or got + len(members) > wanted * 1.2 + 1:
                    continue
                for i in members:
                    chosen[rows[i][1].id] = name
                    free[rows[i][0].id] -= 1
                got += len(members)
                taken.add(root)
    return chosen


def _turn(rows: list[tuple[Entry, Conversation]]) -> Callable[[tuple[int, Any]], int]:
    """Sort key that takes one cluster of every entry before the second of any."""
    seen: dict[str, int] = {}

    def key(pair: tuple[int, Any]) -> int:
        entry = rows[pair[0]][0].id
        seen[entry] = seen.get(entry, 0) + 1
        return seen[entry]

    return key
