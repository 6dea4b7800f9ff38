"""Train, validation and test without leakage: same customer, same ticket, near-duplicate question never on both sides.

Every language and, inside it, every category gives its share (largest remainders, Hamilton); one of fewer than `FEWEST_IN_STRATUM`
groups stays in training. What is held out is chosen by a hash of the seed and the thing's own words, so a new row does not reshuffle
the old ones.

A question that half of the customers ask would tie them all into one group, and nothing could be held out. So nearly equal questions tie
customers together only up to a share of all rows (`data.split.max_group_share`), the rare ones first; those beyond it are frequent. They stay in
training, and a held-out customer's row that asks one is dropped: on one side only, and customers stay whole.

Then every question of a held-out row, later turns too, is looked for in training (`questions`). A group of which more than half begins with a
question that stands there is not held out; of the others such rows go, and of a row whose later question stands there that answer is in no
held-out file (`Sides.asked`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from kefu.conversation import Conversation
from kefu.data import jobs, near
from kefu.data.dedup import Alike
from kefu.data.entries import Entry
from kefu.data.minhash import Buckets
from kefu.data.questions import Asked
from kefu.data.writers import SPLITS
from kefu.project.schema import Split

#: The step of the ledger in which held-out rows go that ask a question of training, and their reason.
ONE_SIDE, TOO_OFTEN = "questions on one side", "asks a question that stays in training"
_HELD_OUT = ("test", "validation")
_ROUNDS = 6  # in which other groups are held out than those whose questions stand in training
_FEWEST_GROUPS = 5  # of a language
_FEWEST_TOGETHER = 20  # things that questions may always tie together: below it a share says nothing
FEWEST_IN_STRATUM = 3  # groups of a category, one for every part


@dataclass
class Things:
    """What the split must know of the dialogues or labelled rows that stay, in order; `read` gives one by its place.

    asked: the questions of all; learnt: those (`Asked.same`) that stand in training whatever becomes of these things.

    orders, groups: uint64, see `jobs.order` and `jobs.number`. strata: uint64 of the category. languages: small numbers, named by `names`.
    """

    orders: np.ndarray
    groups: np.ndarray
    strata: np.ndarray
    languages: np.ndarray
    names: Sequence[str]
    buckets: Buckets
    read: Callable[[int], Grouped]
    asked: Asked | None = None
    learnt: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass
class Sides:
    """`sides`: index into SPLITS of each. `groups`: the new group of those that were put together with others. `gone`: what must go, because its
    question may stand on one side only, with the one it is like."""

    sides: np.ndarray
    groups: dict[int, str] = field(default_factory=dict)
    gone: dict[int, int] = field(default_factory=dict)
    asked: dict[int, tuple[int, ...]] = field(default_factory=dict)  # held-out rows: which of their questions stand in training
    account: Account = field(default_factory=lambda: Account())


@dataclass
class Account:
    """Why the parts came out as they did. groups: whole ones that were shared out; largest: things in the largest of them;
    frequent: things that ask a frequent question; questions: how many such questions there are; moved: things that were to be held out and stay
    in training, because most of their group begin with a question of training; lost: rows that went for it; answers: of held-out rows, left out."""

    things: int = 0
    groups: int = 0
    largest: int = 0
    questions: int = 0
    frequent: int = 0
    moved: int = 0
    lost: int = 0
    answers: int = 0


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
    if settings.frequent == "train":
        for one in frequent:
            pinned[one] = True
        if given.asked is not None:
            pinned |= np.isin(given.asked.first(count), given.learnt)
    ends_of = _Ordered(order, starts, sizes, keys)
    for _ in range(_ROUNDS):
        found.sides[:] = 0
        _choose(given, settings, ends_of, pinned, found.sides)
        if given.asked is None or settings.frequent == "both":
            break
        crossing = _crossing(given.asked, found.sides, given.learnt, pinned)
        lost = _first_of(given.asked, crossing, count)
        if not (lost & ~pinned).any():
            break
        pinned |= lost  # others are held out instead
    if settings.frequent == "train":
        for one in frequent:
            _on_one_side(one, found)
    found.account = Account(count, len(sizes), int(sizes.max(initial=0)), len(frequent), sum(len(one) for one in frequent))
    if given.asked is not None and settings.frequent == "train":
        _keep_apart(given.asked, given.learnt, roots, found)
    return found


class _Ordered(NamedTuple):
    """Things group by group: `order`, the start and size of each group in it, and the key by which groups are taken."""

    order: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    keys: np.ndarray


def _choose(given: Things, settings: Split, groups: _Ordered, pinned: np.ndarray, sides: np.ndarray) -> None:
    order, starts, sizes, keys = groups
    first = order[starts]
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
        for name, held in _held_out(sized[some], given.strata[things[free]], settings).items():
            for group in some[held]:
                sides[things[ends[group] - sizes[ours[group]] : ends[group]]] = SPLITS.index(name)


def _crossing(asked: Asked, sides: np.ndarray, learnt: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Of each question, whether it is asked by a held-out thing and stands in training, or in the test where the thing is for validation.
    out: things of the held-out sides that do not stay."""
    side = sides[asked.owner]
    trained = np.union1d(asked.same[side == 0], learnt)
    crossing = (side != 0) & np.isin(asked.same, trained)
    gone = _first_of(asked, crossing, len(sides))
    gone[out] = True
    test = asked.same[(side == SPLITS.index("test")) & ~crossing & ~gone[asked.owner]]
    found: np.ndarray = crossing | ((side == SPLITS.index("validation")) & np.isin(asked.same, test))
    return found


def _first_of(asked: Asked, crossing: np.ndarray, count: int) -> np.ndarray:
    """(count,) things whose first question is one of these."""
    found = np.zeros(count, bool)
    owner, at = np.unique(asked.owner, return_index=True)
    found[owner] = crossing[at]
    return found


def _who_asks(asked: Asked, sides: np.ndarray, side: int) -> dict[int, int]:
    """question -> a thing of that side that asks it"""
    there = sides[asked.owner] == side
    return dict(zip(asked.same[there].tolist(), asked.owner[there].tolist(), strict=True))


def _keep_apart(asked: Asked, learnt: np.ndarray, roots: np.ndarray, found: Sides) -> None:
    """No question of training in a held-out row: most of a group moves to training, single rows go, single answers are left out."""
    count = len(found.sides)
    while True:
        gone = np.zeros(count, bool)
        gone[list(found.gone)] = True
        crossing = _crossing(asked, found.sides, learnt, gone)
        lost = (_first_of(asked, crossing, count) | gone) & (found.sides != 0)
        size, going = np.bincount(roots, minlength=count), np.bincount(roots[lost], minlength=count)
        moved = (found.sides != 0) & (going * 2 > size)[roots]
        if not moved.any():
            break
        found.sides[moved] = 0
        found.account.moved += int(moved.sum())
        for one in [one for one in found.gone if moved[one]]:
            del found.gone[one]
    trained, tested = (_who_asks(asked, found.sides, SPLITS.index(side)) for side in ("train", "test"))
    for thing in np.flatnonzero(lost & ~gone).tolist():
        its = int(asked.same[np.searchsorted(asked.owner, thing)])
        found.gone[thing] = trained.get(its, tested.get(its, thing))
    found.account.lost = len(found.gone)
    for at in np.flatnonzero(crossing):
        if (owner := int(asked.owner[at])) not in found.gone:
            found.asked[owner] = (*found.asked.get(owner, ()), int(asked.place[at]))
    found.account.answers = sum(map(len, found.asked.values()))


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
    if given.asked is not None:
        first = given.asked.first(count)
        some = np.flatnonzero(first >= 0)
        some = some[np.argsort(first[some], kind="stable")]
        for i in np.flatnonzero(first[some][1:] == first[some][:-1]):
            same.join(int(some[i]), int(some[i + 1]))
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


def questions(entries: list[Entry], same: Mapping[str, int], spoken: Set[int], settings: Split, seed: int) -> dict[str, str]:
    """`{id: split}` of FAQ questions held out, by language and category, spread over the entries. The main phrasing of an entry, at least
    half of its questions, and every question that customers ask in a dialogue stay in training.

    same: which question each row asks (`Asked.same`), by id; spoken: those that dialogues ask."""
    rows = [(entry, c) for entry in entries for c in entry.rows]
    if not rows:
        return {}
    texts = [jobs.plain(c.turns[0].text) for _, c in rows]
    groups = near.Groups(len(rows))
    for i, j, _ in near.pairs(texts, jobs.LEAK):
        groups.join(i, j)
    first: dict[int, int] = {}
    for i, (_, conversation) in enumerate(rows):
        if conversation.id in same:
            groups.join(first.setdefault(same[conversation.id], i), i)
    pinned = {i for i, (_, conversation) in enumerate(rows) if same.get(conversation.id) in spoken}
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
        free_rows, shares_of_all = sum(len(members) for _, members in candidates), settings.validation + settings.test
        taken: set[int] = set()
        given_away: Counter[str] = Counter()
        shares = 0.0
        for name in _HELD_OUT:
            share = getattr(settings, name)
            shares += share
            most_here = round(free_rows * share / shares_of_all) if shares_of_all else 0  # few that may go: every part gets some
            wanted = max(1, min(round(weights.total() * share), most_here)) if share and candidates else 0
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
