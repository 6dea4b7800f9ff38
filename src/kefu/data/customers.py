"""What customers are called in a dataset: an id that tells nothing stays as it is, any other becomes a running number."""

from __future__ import annotations

import re

from kefu.data.spool import Seen, number
from kefu.text import privacy

TICKET = re.compile(r"[A-Za-z]?[-_#]?[0-9]{1,6}")  # too short to be anything about a person
_OPAQUE = re.compile(r"[A-Za-z_]{0,12}[-_#]?\d{1,9}|[0-9a-f]{8,}(?:-[0-9a-f]{4,}){0,4}", re.IGNORECASE)


class Customers:
    """The customers of all sources of a build: who stands in two exports is one person, and must not be on both sides of a split."""

    def __init__(self) -> None:
        self._named: dict[str, str] = {}  # of those that need another name
        self._given: set[str] = set()
        self._taken = Seen()

    def __call__(self, wanted: str) -> str:
        """A customer's id; of a name, a telephone number and the like a running number instead."""
        if not wanted or wanted in self._named:
            return self._named.get(wanted, "")
        if wanted not in self._given and (TICKET.fullmatch(wanted) or (_OPAQUE.fullmatch(wanted) and not privacy.find(wanted))):
            self._taken.add(number(wanted))
            return wanted
        n = len(self._taken) + 1
        while not self._taken.add(number(f"customer_{n}")):  # an export has such an id of its own
            n += 1
        self._named[wanted] = f"customer_{n}"
        self._given.add(f"customer_{n}")
        return self._named[wanted]
