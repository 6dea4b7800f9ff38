"""Train, validation and test without leakage: same customer, same ticket, near-duplicate question never on both sides.

Every language and, inside it, every category gives its share (largest remainders, Hamilton); one of fewer than `FEWEST_IN_STRATUM`
groups stays in training. What is held out is chosen by a hash of the seed and the thing's own words, so a new row does not reshuffle
the old ones.

A question that half of the customers ask would tie them all into one group, and nothing could be held out. So nearly equal questions tie
customers together only up to a share of all rows (`data.split.max_group_share`), the rare ones first; those beyond it are frequent. They stay in
training, and a held-out customer's row that asks one is dropped: on one side only, and customers stay whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from kefu.conversation import Conversation
from kefu.data import jobs, near
from kefu.data.dedup import Alike
from kefu.data.entries import Entry
from kefu.data.minhash import Buckets
from kefu.data.writers import SPLITS
from kefu.project.schema import Split

#: The step of the ledger in which held-out rows go that ask a frequent question, and their reason.
ONE_SIDE, TOO_OFTEN = "frequent questions on one side", "asks a frequent question that stays in training"
_HELD_OUT = ("test", "validation")
_FEWEST_GROUPS = 5  # of a language
_FEWEST_TOGETHER = 20  # things that questions may always tie together: below it a share says nothing
FEWEST_IN_STRATUM = 3  # groups of a category, one for every part


@dataclass
class Things:
    """What the split must know of the dialogues or labelled rows that stay, in order; `read` gives one by its place.

    orders, groups: uint64, see `jobs.order` and `jobs.number`. strata: uint64 of the category. languages: small numbers, named by `names`.
    """

    orders: np.ndarray
    groups: np.ndarray
    strata: np.ndarray
    languages: np.ndarray
    names: Sequence[str]
    buckets: Buckets
    read: Callable[[int], Grouped]


@dataclass
class Sides:
    """`sides`: index into SPLITS of each. `groups`: the new group of those that were put together with others. `gone`: what must go, because a
    frequent question may stand on one side only, with the one it is like."""

    sides: np.ndarray
    groups: dict[int, str] = field(default_factory=dict)
    gone: dict[int, int] = field(default_factory=dict)
    account: Account = field(default_factory=lambda: Account())


@dataclass
class Account:
    """Why the parts came out as they did. groups: whole ones that were shared out; largest: things in the largest of them;
    frequent: things that ask a frequent question; questions: how many such questions there are."""

    things: int = 0
    groups: int = 0
    largest: int = 0
    questions: int = 0
    frequent: int = 0


def whole_groups(given: Things, settings: Split, seed: int) -> Sides:
    """Whole groups (customer, ticket, near-duplicates) go to one side, by language and category, up to the wanted shares."""
    count = len(given.orders)
    joined, frequent = _together(given, count, settings.max_group_share)
    roots = np.array(joined.roots(), np.int64)
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
    pinned = np.zeros(count, bool)
    for one in frequent:
        pinned[one] = True
    if settings.frequent == "both":
        pinned[:] = False
    for language in sorted(range(len(given.names)), key=lambda code: given.names[code]):
        ours = np.flatnonzero(given.languages[first] == language)
        ours = ours[np.argsort(keys[ours], kind="stable")]
        ends = np.cumsum(sizes[ours])
        things = order[np.repeat(starts[ours] - (ends - sizes[ours]), sizes[ours]) + np.arange(int(sizes[ours].sum()))]
        free = ~pinned[things]
        sized = np.bincount(np.repeat(np.arange(len(ours)), sizes[ours])[free], minlength=len(ours))
        worth = (sized > 0) & (sized * 2 >= sizes[ours])  # to hold out the others would drop more rows than it keeps
        some = np.flatnonzero(worth)
        free &= np.repeat(worth, sizes[ours])
        for name, groups in _held_out(sized[some], given.strata[things[free]], settings).items():
            for group in some[groups]:
                found.sides[things[ends[group] - sizes[ours[group]] : ends[group]]] = SPLITS.index(name)
    if settings.frequent == "train":
        for one in frequent:
            _on_one_side(one, found)
    found.account = Account(count, len(sizes), int(sizes.max(initial=0)), len(frequent), sum(len(one) for one in frequent))
    return found


def _on_one_side(alike: np.ndarray, found: Sides) -> None:
    """Of things that ask one question only those of one side stay: of training, else of the test."""
    sides = found.sides[alike]
    kept = next(side for side in (0, SPLITS.index("test"), SPLITS.index("validation")) if (sides == side).any())
    like = int(alike[sides == kept][0])
    found.gone.update(dict.fromkeys(alike[sides != kept].tolist(), like))


def _held_out(sizes: np.ndarray, strata: np.ndarray, settings: Split) -> dict[str, list[int]]:
    """Which groups of one language go where: `{split: their places}`.

    sizes: things in each group, in the order in which groups are taken. strata: of the things, group by group.
    """
    values, stratum = np.unique(strata, return_inverse=True)
    group_of = np.repeat(np.arange(len(sizes)), sizes)
    small = _groups_of(stratum, group_of, len(values)) < FEWEST_IN_STRATUM
    if small[stratum].sum() * 2 > len(stratum):  # categories that say nothing: the small ones are taken as one
        stratum = np.where(small[stratum], np.flatnonzero(small)[0], stratum)
        small = np.zeros(len(values), bool)
    parts = _Parts(sizes, stratum, group_of, small)
    free, shares, found = len(sizes), 0.0, {}
    for name in _HELD_OUT:
        share = getattr(settings, name)
        shares += share
        wanted = max(1, round(len(stratum) * share)) if share and free >= _FEWEST_GROUPS else 0
        found[name] = parts.take(wanted, shares)
        free -= len(found[name])
    return found


def _groups_of(stratum: np.ndarray, group_of: np.ndarray, count: int) -> np.ndarray:
    """Groups in which each category stands."""
    pairs = np.unique(stratum.astype(np.int64) * (len(group_of) + 1) + group_of)
    return np.bincount(pairs // (len(group_of) + 1), minlength=count)


class _Parts:
    """Groups of one language, taken for one part after the other."""

    def __init__(self, sizes: np.ndarray, stratum: np.ndarray, group_of: np.ndarray, small: np.ndarray) -> None:
        self._small, self._stratum = small, stratum
        self._ends = np.cumsum(sizes)
        self._sizes, count = sizes, len(small)
        self._weights = np.where(small, 0, np.bincount(stratum, minlength=count))
        self._left = _groups_of(stratum, group_of, count)  # groups of each category that are still in training
        by_stratum = np.argsort(stratum, kind="stable")
        self._where = np.split(group_of[by_stratum], np.cumsum(np.bincount(stratum, minlength=count))[:-1])
        self._taken = np.zeros(len(sizes), bool)
        self._away = np.zeros(count, np.int64)  # things of each category held out so far

    def take(self, wanted: int, shares: float) -> list[int]:
        """Groups for a part of that many things, so that all parts so far hold these shares of every category.

        First whole groups that keep every category within its seats, beginning with the categories in fewest groups; then such as go
        one beyond; then any.
        """
        seats = apportion(wanted, self._weights * shares - self._away)
        found: list[int] = []
        had, got = np.zeros(len(seats), np.int64), 0
        rarest = np.argsort(self._left, kind="stable")
        for slack, any_ in ((0, False), (1, False), (wanted, True)):
            beyond = wanted if any_ else 0  # of a category's seats, before its groups are passed over
            for i in rarest:
                if got >= wanted:
                    return found
                if had[i] >= seats[i] + beyond:
                    continue
                for group in self._where[i]:
                    if got >= wanted or had[i] >= seats[i] + beyond:
                        break
                    size = int(self._sizes[group])
                    if self._taken[group] or got + size > max(wanted * 1.2, wanted + 1):
                        continue
                    its, times = np.unique(self._stratum[self._ends[group] - size : self._ends[group]], return_counts=True)
                    if (self._left[its] < 2).any() or (had[its] + times > seats[its] + slack).any():
                        continue
                    if not any_ and self._small[its].any():
                        continue
                    self._taken[group] = True
                    self._left[its] -= 1
                    self._away[its] += times
                    had[its] += times
                    got += size
                    found.append(int(group))
        return found


def apportion(wanted: int, quotas: np.ndarray) -> np.ndarray:
    """Whole numbers that add up to `wanted` (to 0 where nothing is asked for), as near to the quotas as can be: largest remainders,
    of equal ones the first."""
    quotas = np.maximum(quotas, 0).astype(float)
    if not wanted or not quotas.sum():
        return np.zeros(len(quotas), np.int64)
    exact = np.round(quotas * (wanted / quotas.sum()), 9)
    seats = np.floor(exact).astype(np.int64)
    seats[np.argsort(seats - exact, kind="stable")[: wanted - int(seats.sum())]] += 1
    return seats


class Grouped(Protocol):
    """What can be split by groups."""

    id: str
    group: str
    language: str

    def customer_text(self) -> str: ...


def _together(given: Things, count: int, most: float) -> tuple[near.Groups, list[np.ndarray]]:
    """Groups of what must stand on one side, and the things of each frequent question."""
    groups = near.Groups(count)
    named = np.flatnonzero(given.groups)
    by_group = named[np.argsort(given.groups[named], kind="stable")]
    same = np.flatnonzero(given.groups[by_group][1:] == given.groups[by_group][:-1])
    for i in same:
        groups.join(int(by_group[i]), int(by_group[i + 1]))
    asked = _alike(given, count)
    size = np.bincount(np.array(groups.roots(), np.int64), minlength=count) if count else np.zeros(0, np.int64)
    largest = max(most * count, _FEWEST_TOGETHER)
    frequent = []
    for members in sorted(asked, key=lambda one: (len(one), int(one[0]))):
        roots = list(dict.fromkeys(groups.find(int(m)) for m in members))
        total = int(size[roots].sum())
        if len(roots) > 1 and total > largest:
            frequent.append(members)
            continue
        for root in roots[1:]:
            groups.join(roots[0], root)
        size[groups.find(roots[0])] = total
    return groups, frequent


def _alike(given: Things, count: int) -> list[np.ndarray]:
    """Things that are nearly the same, directly or by way of others; at least two each."""
    same = near.Groups(count)
    alike = Alike(lambda place: jobs.compared(given.read(place)))
    for place in range(count):
        for other in given.buckets.met(place):
            if same.find(other) != same.find(place) and alike(other, place) >= jobs.LEAK:
                same.join(other, place)
        given.buckets.enter(place)
    roots = np.array(same.roots(), np.int64)
    order = np.argsort(roots, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(roots[order]) != 0)) if count else np.zeros(0, np.int64)
    sizes = np.diff(np.append(starts, count))
    return [order[start : start + size] for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True)]


def _name_group(members: np.ndarray, given: Things, named: dict[int, str]) -> None:
    root = int(members[0])
    own = int(given.groups[root])
    strangers = [int(m) for m in members if not own or int(given.groups[m]) != own]
    if strangers:
        first = given.read(root)
        name = first.group or f"near:{first.id}"
        named.update(dict.fromkeys(strangers, name))


Asked = Callable[[list[str]], set[int]]


def questions(entries: list[Entry], asked: Asked, settings: Split, seed: int) -> dict[str, str]:
    """`{id: split}` of FAQ questions held out, by language and category, spread over the entries. The main phrasing of an entry, at least
    half of its questions, and every question that customers ask nearly so in a dialogue (`asked` tells which of some texts) stay in
    training."""
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
        weights = Counter(entry.category for entry, _ in rows if entry.language == language)
        candidates = [(root, members) for root, members in clusters.items() if root not in blocked and rows[root][0].language == language]
        candidates.sort(key=lambda pair: jobs.order(seed, rows[pair[0]][0].id, texts[pair[0]]))
        rounds = sorted(candidates, key=_turn(rows))
        categories = sorted(category for category in weights if any(rows[root][0].category == category for root, _ in rounds))
        taken: set[int] = set()
        given_away: Counter[str] = Counter()
        shares = 0.0
        for name in _HELD_OUT:
            share = getattr(settings, name)
            shares += share
            wanted = max(1, round(weights.total() * share)) if share and candidates else 0
            seats = apportion(wanted, np.array([weights[one] * shares - given_away[one] for one in categories]))
            got = 0
            for category, most in [*zip(categories, seats.tolist(), strict=True), (None, wanted)]:  # at last what no category could fill
                got_here = got if category is None else 0
                for root, members in rounds:
                    its = rows[root][0].category
                    if got >= wanted or got_here >= most:
                        break
                    owners = {rows[i][0].id for i in members}
                    greedy = any(sum(rows[i][0].id == owner for i in members) > free[owner] for owner in owners)
                    if root in taken or greedy or category not in (None, its):
                        continue
                    if got_here + len(members) > most * 1.2 + 1 or got + len(members) > wanted * 1.2 + 1:
                        continue
                    for i in members:
                        chosen[rows[i][1].id] = name
                        free[rows[i][0].id] -= 1
                    got += len(members)
                    got_here += len(members)
                    given_away[its] += len(members)
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
