"""Which mails are one conversation: by the ids they name, what servers call the thread, else by subject and people.

Memory: about 300 bytes a mail. Names of conversations are hashes: an id of a mail holds names and addresses of machines and people.
"""

from __future__ import annotations

import hashlib
import itertools
from array import array

from kefu.data.readers.mail.message import Headers

_APART_S = 30 * 86400  # replies without a reference later than this open something new


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "big")


class Grouping:
    """`add` the headers of every mail in order, then `settle`; then mails are asked for by their place."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}
        self._own = array("Q")
        self._repeated: set[int] = set()
        self._seen: set[int] = set()
        self._loose: dict[int, list[tuple[float, int, bool]]] = {}  # (time, place, a reply that names nothing) by subject and people
        self._first: dict[int, int] = {}
        self._when = array("d")

    def add(self, headers: Headers) -> None:
        place = len(self._own)
        own = _number(headers.id) if headers.id else _number(f"place {place}")
        if headers.id and own in self._seen:
            self._repeated.add(place)
        self._seen.add(own)
        self._own.append(own)
        self._when.append(headers.seconds)
        for other in [*headers.refs, *([headers.thread] if headers.thread else [])]:
            self._join(own, _number(other))
        if headers.topic and place not in self._repeated:
            people = " ".join(sorted({*headers.senders[:1], *headers.recipients[:1]}))
            alone = headers.replies and not headers.refs and not headers.thread
            self._loose.setdefault(_number(f"{headers.topic}\n{people}"), []).append((headers.seconds, place, alone))

    def settle(self) -> None:
        for mails in self._loose.values():
            mails.sort()
            for (before, one, _), (after, other, alone) in itertools.pairwise(mails):
                if alone and after - before <= _APART_S:
                    self._join(self._own[one], self._own[other])
        self._loose.clear()
        for place in range(len(self._own)):
            root = self._root(self._own[place])
            first = self._first.get(root)
            if place not in self._repeated and (first is None or (self._when[place], place) < (self._when[first], first)):
                self._first[root] = place

    def again(self, place: int) -> bool:
        return place in self._repeated

    def name(self, place: int) -> str:
        return f"thread-{self._root(self._own[place]):016x}"

    def begins(self, place: int) -> bool:
        """Is it the earliest mail of its conversation?"""
        return self._first.get(self._root(self._own[place])) == place

    def _root(self, node: int) -> int:
        top = node
        while (above := self._parent.get(top, top)) != top:
            top = above
        while (above := self._parent.get(node, node)) != top:
            self._parent[node], node = top, above
        return top

    def _join(self, one: int, other: int) -> None:
        """The smaller number is the root, so that the name does not depend on the order of the mails."""
        a, b = self._root(one), self._root(other)
        if a != b:
            self._parent[max(a, b)] = min(a, b)
