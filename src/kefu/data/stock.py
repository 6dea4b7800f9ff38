"""What cleaning kept, as the build goes on with it: lines on the disk, a few numbers of each, and which of them still stay.

Conversations are one stock, labelled rows another; duplicates and the split are decided for both in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar, overload

import numpy as np

from kefu.data import dedup, jobs, minhash, split, workers
from kefu.data.exclusions import Exclusions
from kefu.data.ledger import Step
from kefu.data.questions import Asked
from kefu.data.spool import Column, Spool
from kefu.project.schema import Split


class Thing(jobs.Laid, Protocol):
    source: str

    def text(self) -> str: ...


T = TypeVar("T", bound=Thing)


def parts(numbers: Any) -> Iterator[Any]:
    """Batches of numbers."""
    for start in range(0, len(numbers), workers.BATCH):
        yield numbers[start : start + workers.BATCH]


class Stock(Generic[T]):
    """`near`: threshold of near-duplicates; 0 when they are not looked for. All things have a number, their place in the spool."""

    def __init__(self, spool: Spool[T], near: float) -> None:
        self.spool, self.near = spool, near
        self.kinds, self._exact, self._orders, self._groups = Column("u1"), Column("u8"), Column(">u8"), Column("u8")
        self._strata, self._languages, self._sources = Column("u8"), Column("u2"), Column("u2")
        self._near, self._leak = (Column("u4", width, spool.folder) for width in (minhash.SLIGHT_BANDS, minhash.shape(jobs.LEAK)[1]))
        self.languages: list[str] = []
        self._source_names: list[str] = []
        self.alive = np.zeros(0, bool)

    def take(self, done: jobs.Cleaned) -> None:
        """Take over a batch."""
        self.spool.extend(done.blob, done.sizes)
        for column, data in (
            (self.kinds, done.kinds), (self._exact, done.exact), (self._orders, done.orders), (self._groups, done.groups),
            (self._strata, done.strata), (self._near, done.near), (self._leak, done.leak),
            (self._languages, _coded(done.languages, self.languages)), (self._sources, _coded(done.sources, self._source_names)),
        ):  # fmt: skip
            column.extend(data)

    def close(self) -> None:
        self._near.close()
        self._leak.close()

    def of(self, kind: int) -> np.ndarray:
        """Numbers of what stays of a kind."""
        return np.flatnonzero(self.alive & (self.kinds.numbers() == kind))

    def strata(self) -> np.ndarray:
        """(n,) uint64 of the category of each."""
        return self._strata.numbers()

    def language_codes(self) -> np.ndarray:
        """(n,) places in `languages`."""
        return self._languages.numbers()

    def exact(self) -> dict[int, int]:
        """`{number: the first one like it}` of everything; all is alive then."""
        self.alive = np.ones(len(self.spool), bool)
        return dedup.exact(self._exact.numbers().reshape(-1, 2))

    def alike(self, numbers: np.ndarray, turns: Callable[[int], dedup.Turns]) -> dict[int, dedup.Near]:
        """Near-duplicates among these. turns: reads one."""
        buckets = minhash.Buckets(self._bands(self._near, numbers), len(numbers))
        return dedup.near_texts(numbers.tolist(), buckets, turns, self.near)

    def drop(
        self, gone: Mapping[int, int | dedup.Near], why: str, reason: str, step: Step, most: float, crew: workers.Crew, exclusions: Exclusions,
        section: str = "", read: Callable[[int], T] | None = None,
    ) -> None:  # fmt: skip
        """Count and list what is gone and for which it went, in order. read: gives one, where what is known of it stands elsewhere than in the
        spool.

        Raises GateError when it is more than the share `most` (data.dedup.max_drop_share)."""
        step.into = int(self.alive.sum())
        step.dropped[reason] += len(gone)
        step.kept = step.into - len(gone)
        if not gone:
            del step.dropped[reason]
        numbers = sorted(gone)
        sources, names = self._sources.numbers(), self._source_names
        came, went = (np.bincount(sources[which], minlength=len(names)) for which in (self.alive, numbers))
        for name, into, dropped in zip(names, came.tolist(), went.tolist(), strict=True):
            step.of(name).into, step.of(name).dropped[reason] = into, dropped
        self.alive[numbers] = False
        get = read or self.spool.__getitem__

        def listed(number: int) -> tuple[str, ...]:
            kept = gone[number]
            original, differences = (kept.original, kept.differences) if isinstance(kept, dedup.Near) else (kept, "")
            one, told = get(number), f": {differences}" if differences else ""
            return step.unit, names[sources[number]], one.source, reason, f"({why} {get(original).id}{told}) {one.text()}", step.name

        for notes in crew.map(jobs.ListJob, None, ([listed(number) for number in part] for part in parts(numbers))):
            exclusions.take(notes, section or step.name)
        step.guard(most, shown=exclusions.some)

    def whole_groups(
        self, numbers: np.ndarray, settings: Split, seed: int, *, read: Callable[[int], split.Grouped], strata: np.ndarray | None = None,
        silent: np.ndarray | None = None, asked: Asked | None = None, learnt: np.ndarray | None = None,
    ) -> split.Sides:  # fmt: skip
        """Sides of these, by their place in `numbers`. read: what is compared of a number. strata: other ones than the categories, of each
        of them. silent: (n,) bool, of which nothing is compared but the group. asked: what they ask, owners by place; learnt: see
        `split.Things`."""
        given = split.Things(
            self._orders.numbers()[numbers], self._groups.numbers()[numbers], self.strata()[numbers] if strata is None else strata,
            self._languages.numbers()[numbers], self.languages,
            minhash.Buckets(self._bands(self._leak, numbers, silent), len(numbers)), lambda place: read(int(numbers[place])),
            asked, np.zeros(0, np.int64) if learnt is None else learnt,
        )  # fmt: skip
        return split.whole_groups(given, settings, seed)

    def _bands(self, column: Column, numbers: np.ndarray, silent: np.ndarray | None = None) -> Iterator[np.ndarray]:
        for band in range(column.width):
            part = column.part(band)[numbers]
            if silent is not None and silent.any():
                part[silent] = np.arange(1, int(silent.sum()) + 1, dtype=np.uint32) * np.uint32(2654435761)  # each its own
            yield part


class Stays(Sequence[T]):
    """What stays of a stock, read from the disk at every access; `live` gives those that are held in memory by number. `put` writes one back."""

    def __init__(self, stock: Stock[T], live: Mapping[int, T], pack: Callable[[T], bytes]) -> None:
        self._spool, self._numbers, self._live, self._pack = stock.spool, np.flatnonzero(stock.alive), live, pack

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number = int(self._numbers[index])
        return self._live.get(number) or self._spool[number]

    def put(self, index: int, thing: T) -> None:
        self._spool.replace(int(self._numbers[index]), self._pack(thing))


def _coded(given: Sequence[str], names: list[str]) -> bytes:
    """uint16 places in `names`, which grows."""
    names += [name for name in dict.fromkeys(given) if name not in names]
    places = {name: i for i, name in enumerate(names)}
    return np.array([places[name] for name in given], np.uint16).tobytes()
