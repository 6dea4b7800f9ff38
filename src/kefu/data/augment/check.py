"""The gate behind the maker: nothing made crosses the split, and nothing made nearly is a held-out question. Counted on its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from kefu.data import near
from kefu.data.augment.negatives import Negative
from kefu.data.augment.rows import Made
from kefu.errors import GateError
from kefu.text.normalise import fold

ALIKE = 0.8  # as in the split: questions at least so alike, numbers aside, are one question
_DIGITS = re.compile(r"\d+")


def plain(text: str) -> str:
    return _DIGITS.sub("0", text)


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
    for i, j, score in near.pairs([*(plain(text) for text in known), *(plain(row.text) for row in made)], ALIKE, indexed=len(known)):
        if i < len(known) <= j:
            faults.append(f"{made[j - len(known)].id} is {score:.2f} like a held-out question: {known[i][:60]}")
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise GateError(
            "augmented rows touch the held-out side",
            "; ".join(faults[:3]) + more,
            "this is a defect of kefu; switch data.augment off and report it",
            layer="data",
        )
    return len(made) + len(negatives)
