"""What things are called in what leaves the company: names and numbers of people, in an id or in the name of a file, become a short hash.

The same id has the same hash everywhere, so that references hold and a row keeps its name in every build. Of the hash 32 bits are kept: of all
telephone numbers several have the same, so a list of hashes gives no list of numbers back. Whoever already suspects a number can try it.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath

from kefu.text import privacy

TICKET = re.compile(r"[A-Za-z]?[-_#]?[0-9]{1,6}")  # too short to be anything about a person


def id_of(given: str) -> str:
    """The id as it is given, or its hash when it holds personal data."""
    return f"id-{_hash(given)}" if given and not TICKET.fullmatch(given) and privacy.find(given) else given


def path_of(given: str) -> str:
    """A path with `/`, the parts that hold personal data as hashes; endings stay."""
    return "/".join(f"file-{_hash(part)}{PurePosixPath(part).suffix}" if _personal(part) else part for part in given.split("/"))


def _personal(part: str) -> bool:
    stem = PurePosixPath(part).stem if len(part) > 2 else ""
    return bool(stem and "*" not in stem and privacy.find(stem))


def _hash(given: str) -> str:
    return hashlib.blake2s(given.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
