"""Rows from a data port (`kefu data serve`): the training files of a dataset, `ADDRESS/files/messages.train.jsonl` and the like."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from typing import Any

from kefu.errors import ConfigError, InputError

KEY_ENV = "KEFU_DATA_KEY"
TIMEOUT_S = 60
_START = "start it with `kefu data serve`, and write http://host:port/v1/datasets/NAME"


def fetch(url: str, stem: str, split: str, counts: Counter[str]) -> Iterator[dict[str, Any]]:
    """Rows of `STEM.SPLIT.jsonl`; none when the dataset has no such file and it is not the training file.

    Raises ConfigError (address, key), InputError (nobody answers, no such file, a broken line).
    """
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"data.data_url: {url}", "it is not an http address", _START)
    name, key = f"{stem}.{split}.jsonl", os.environ.get(KEY_ENV, "")
    request = urllib.request.Request(f"{url.rstrip('/')}/files/{name}", headers={"authorization": f"Bearer {key}"} if key else {})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            announced, body = answer.headers.get("content-length"), answer.read()
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            raise ConfigError(
                f"data.data_url: {url}", f"it refuses us (HTTP {error.code})", f"export {KEY_ENV}=… with a key of that service"
            ) from None
        if error.code == 404 and split != "train":
            return
        raise InputError(f"data.data_url: {url}", f"no {name} there (HTTP {error.code})", _START) from None
    except OSError as error:
        raise InputError(f"data.data_url: {url}", str(getattr(error, "reason", None) or error), _START) from None
    if announced and len(body) < int(announced):
        raise InputError(f"data.data_url: {url}", f"{name} arrived cut off, {len(body)} of {announced} bytes", "try again")
    for number, line in enumerate(body.decode("utf-8").splitlines(), 1):
        counts["read"] += 1
        try:
            yield dict(json.loads(line))
        except (ValueError, TypeError):
            raise InputError(f"{url}/files/{name}, line {number}", "it is not a JSON object", "build the data there again") from None
