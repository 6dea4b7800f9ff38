"""Rows from a data port (`kefu data serve`), page by page."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from typing import Any

from kefu.errors import InputError

PAGE = 500
TIMEOUT_S = 30


def fetch(url: str, split: str, counts: Counter[str]) -> Iterator[dict[str, Any]]:
    """All items of a split. Raises InputError when the port cannot be reached or answers something else."""
    offset = 0
    while True:
        query = urllib.parse.urlencode({"split": split, "offset": offset, "limit": PAGE})
        page = _ask(f"{url.rstrip('/')}/items?{query}")
        items = page.get("items") if isinstance(page, dict) else page
        if not isinstance(items, list):
            raise InputError(f"data.data_url: {url}", "it does not answer with items", "give the address that `kefu data serve` prints")
        for item in items:
            counts["read"] += 1
            yield item
        offset += len(items)
        if not items or (isinstance(page, dict) and offset >= int(page.get("total", offset))):
            return


def _ask(url: str) -> Any:
    if not url.startswith(("http://", "https://")):
        raise InputError(f"data.data_url: {url}", "it is not an http address", "give the address that `kefu data serve` prints")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise InputError(f"data.data_url: {url}", f"it answered HTTP {error.code}", "look at the data port's log") from None
    except (OSError, ValueError) as error:
        raise InputError(f"data.data_url: {url}", str(getattr(error, "reason", None) or error), "start it with `kefu data serve`") from None
