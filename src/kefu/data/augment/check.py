"""The gate behind the maker: nothing made crosses the split, and nothing made nearly is a held-out question. Counted on its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from kefu.data import near
from kefu.data.augment.negatives import Negative
from kefu.data.augment.rows import Made
from kefu.errors import GateError
from kefu.text.normalise import fold

ALIKE = 0.8  # as in the split: questions at least so alike, numbers aside, are one question
_DIGITS = re.compile(r"\d+")


def plain(text: str) -> str:
    return _DIGITS.sub("0", text)


def alike(known: Iterable[str], made: Iterable[str]) -> dict[str, list[str]]:
    """`{plain made text: plain known texts that are nearly the same}`. Each plain text is compared once, however often it stands."""
    left = list(dict.fromkeys(map(plain, known)))
    texts = list(dict.fromkeys(map(plain, made)))
    found: dict[str, list[str]] = {text: [text] for text in sorted(set(left) & set(texts))}
    right = [text for text in texts if text not in found]
    held = near.Known(left, ALIKE)
    for text in right:
        for i, _ in held.alike(text):
            found.setdefault(text, []).append(left[i])
    return found


def check(made: Sequence[Made], negatives: Sequence[Negative], side: Mapping[str, str], held: Sequence[str]) -> int:
    """Raises GateError for a row whose parent is not a training question, or that nearly equals a held-out one. Returns rows looked at.

    side: question id -> train, validation or test. held: every validation and test question and customer turn.
    """
    faults = []
    for name, parent in [*((row.id, row.parent) for row in made), *((row.id, row.parent) for row in negatives)]:
        where = side.get(parent, "")
        if where != "train":
            faults.append(f"{name}: its parent {parent} is {'on the side of ' + where if where else 'unknown'}")
    for negative in negatives:
        if fold(negative.chosen) == fold(negative.rejected):
            faults.append(f"{negative.id}: the wrong answer is the right one")
    known = list(dict.fromkeys(held))
    folded = {fold(text): text for text in known}
    for row in made:
        if fold(row.text) in folded:
            faults.append(f"{row.id} is a held-out question: {row.text[:60]}")
    close = alike(known, (row.text for row in made))
    for row in made:
        if plain(row.text) in close:
            faults.append(f"{row.id} is nearly a held-out question: {close[plain(row.text)][0][:60]}")
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise GateError(
            "augmented rows touch the held-out side",
            "; ".join(faults[:3]) + more,
            "this is a defect of kefu; switch data.augment off and report it",
            layer="data",
        )
    return len(made) + len(negatives)
