"""Sources whose labels are one set, and those whose labels are of another task: intents and scores are not learned by one head."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SHARED = 0.5  # of the smaller set; two exports of one set seldom hold all of its labels


def groups(labels: Mapping[str, set[str]]) -> dict[str, str]:
    """The name of its group for each source: sources that share half of the smaller one's labels are one, named after the first of them.

    labels: those of each source. Empty names where all are one group.
    """
    names = list(labels)
    home = {name: name for name in names}

    def first(name: str) -> str:
        while home[name] != name:
            name = home[name]
        return name

    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            least = min(len(labels[one]), len(labels[other]))
            if len(labels[one] & labels[other]) >= _SHARED * least:
                a, b = first(one), first(other)
                home[max(a, b, key=names.index)] = min(a, b, key=names.index)
    found = {name: first(name) for name in names}
    return {name: _file(home_) for name, home_ in found.items()} if len(set(found.values())) > 1 else dict.fromkeys(names, "")


def _file(name: str) -> str:
    """As it stands in the name of a file."""
    return re.sub(r"[^\w-]+", "_", name).strip("_") or "labels"
