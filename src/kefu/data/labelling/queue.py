"""Who is asked what, in which order.

A share of the items (`overlap`) goes to everybody, so that agreement can be computed; everybody meets these in roughly the same
order, spread evenly over the queue, so that the first ones are shared soon. Each other item belongs to one annotator, by
rendezvous hashing: somebody who joins takes items from everybody and changes nothing else. Inside blocks of ten the order is
each annotator's own. All of it follows from the seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

_BLOCK = 10


def _draw(*parts: object) -> int:
    return int.from_bytes(hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest(), "big")


def order(items: Sequence[str], annotator: str, annotators: Sequence[str], overlap: float, seed: int) -> list[int]:
    """Positions in `items`, in the order in which `annotator` is asked. overlap: share of items that everybody gets, 0 to 1."""
    shared, own = [], []
    for i, item in enumerate(items):
        if len(annotators) < 2 or _draw(seed, "shared", item) / 2**64 < overlap:
            shared.append(i)
        elif max(annotators, key=lambda name: _draw(seed, "owner", name, item)) == annotator:
            own.append(i)
    shared.sort(key=lambda i: _draw(seed, "order", items[i]))
    own.sort(key=lambda i: _draw(seed, "order", items[i]))
    spread = [((n + 0.5) / len(shared), i) for n, i in enumerate(shared)] + [((n + 0.5) / len(own), i) for n, i in enumerate(own)]
    merged = [i for _, i in sorted(spread)]
    found: list[int] = []
    for start in range(0, len(merged), _BLOCK):
        found += sorted(merged[start : start + _BLOCK], key=lambda i: _draw(seed, "block", annotator, items[i]))
    return found


def swapped(pair: str, annotator: str, seed: int) -> bool:
    """Whether this annotator sees the pair's second answer on the left."""
    return bool(_draw(seed, "side", annotator, pair) & 1)
