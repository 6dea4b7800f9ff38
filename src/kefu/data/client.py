"""`RemoteDataset`: a dataset behind a port (`kefu data serve`), used like one on the disk. Standard library only.

The name in the address is resolved once, to the dataset built last at that moment; from then on the same one is read,
even when the company builds its data anew meanwhile.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import random
import re
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from kefu.access import is_loopback
from kefu.artifacts import storage_errors
from kefu.conversation import Context, Conversation
from kefu.errors import ConfigError, EngineError, InputError

KEY_ENV = "KEFU_DATA_KEY"
_ADDRESS = re.compile(r"^(?P<service>https?://[^/?#]+(?:/[^?#]*?)??)(?:/v1/datasets/(?P<name>[^/?#]+))?/?$")
_CHUNK = 1 << 20
_PAGE = 200
#: Answers that may be different a moment later.
_PASSING = frozenset({429, 502, 503, 504})


class RemoteDataset(Sequence[Conversation]):
    """The conversations of a served dataset, page by page; contexts, statistics and files beside them.

    url: `http://host:8300/v1/datasets/name[@key]`, or `http://host:8300` when one project is served there.
    key: sent as a bearer token; by default the environment variable KEFU_DATA_KEY, never part of the address.
    tries, wait_s: connection errors are tried again after wait_s, 2·wait_s, ... (with jitter). timeout_s: for each read.
    Raises ConfigError (address, key), InputError (no such dataset), EngineError (nobody answers).
    """

    def __init__(self, url: str, *, key: str | None = None, timeout_s: float = 30, tries: int = 5, wait_s: float = 0.2) -> None:
        parts = _ADDRESS.match(url.strip())
        if not parts or "@" in urllib.parse.urlsplit(url).netloc:
            raise ConfigError(
                f"data address {re.sub(r'//[^/@]*@', '//…@', url)!r}", "not the address of a dataset", "write http://host:8300/v1/datasets/NAME"
            )
        self.service = parts["service"].rstrip("/")
        self._key = os.environ.get(KEY_ENV, "") if key is None else key
        self._timeout, self._tries, self._wait = timeout_s, max(1, tries), wait_s
        proxies: dict[str, str] | None = {} if is_loopback(urllib.parse.urlsplit(url).hostname or "") else None
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler(proxies), _NoRedirect)
        described = self._json(f"/v1/datasets/{urllib.parse.quote(parts['name'] or self._only(), safe='@')}")
        self.reference, self.name, self.build = str(described["dataset"]), str(described["name"]), str(described["key"])
        self._size, self.stats = int(described["size"]), dict(described["stats"])
        self._base = f"/v1/datasets/{self.reference}"
        self._pages: dict[int, list[Conversation]] = {}

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> Conversation: ...
    @overload
    def __getitem__(self, index: slice) -> list[Conversation]: ...
    def __getitem__(self, index: int | slice) -> Conversation | list[Conversation]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"item {index} of {len(self)}")
        page = at // _PAGE
        if page not in self._pages:
            self._pages = {page: self._page(page)}  # the page that was read last is kept, no more
        return self._pages[page][at % _PAGE]

    def __iter__(self) -> Iterator[Conversation]:
        for page in range(-(-len(self) // _PAGE)):
            yield from self._page(page)

    def get_context(self, index: int) -> Context:
        """What is known beside the words of item `index`."""
        return self[index].context

    def where(self, **filters: str) -> Iterator[Conversation]:
        """Items that pass the service's filters (split, kind, language, category, label, intervened=true|false, text)."""
        at, total = 0, 1
        while at < total:
            found = self._json(f"{self._base}/items?{urllib.parse.urlencode({**filters, 'limit': _PAGE, 'offset': at})}")
            total = int(found["total"])
            at += len(found["items"]) or total
            yield from (Conversation.from_dict(one["item"]) for one in found["items"])

    def files(self) -> dict[str, dict[str, Any]]:
        """`{name: {bytes, sha256, training, split}}`."""
        return {str(file.pop("name")): file for file in self._json(f"{self._base}/files")["files"]}

    def fetch(self, name: str, target: Path, sha256: str = "") -> Path:
        """Stream a file to `target`, whole or not at all; what arrives must hash to sha256 (default: what the service says).

        A connection that breaks is tried again from the start. Raises InputError when the bytes are not the promised ones.
        """
        sha256 = sha256 or str(self.files().get(name, {}).get("sha256", ""))
        if not sha256:
            raise InputError(f"{self.reference} has no file {name}", "the service does not list it", "look at GET /v1/datasets/NAME/files")
        draft = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
        with storage_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                found = self._try(f"{self._base}/files/{urllib.parse.quote(name)}", lambda answer: _save(answer, draft))
                if found != sha256:
                    raise InputError(
                        f"{name} of {self.reference} arrived damaged", f"sha256 {found[:16]}… instead of {sha256[:16]}…", "build the data there again"
                    )
                os.replace(draft, target)
            finally:
                draft.unlink(missing_ok=True)
        return target

    def _page(self, page: int) -> list[Conversation]:
        found = self._json(f"{self._base}/items?limit={_PAGE}&offset={page * _PAGE}")
        return [Conversation.from_dict({**one["item"], "split": one["split"]}) for one in found["items"]]

    def _only(self) -> str:
        names = sorted({str(one["name"]) for one in self._json("/v1/datasets")["datasets"]})
        if len(names) != 1:
            raise ConfigError(f"{self.service} serves {len(names)} datasets", ", ".join(names), f"write {self.service}/v1/datasets/NAME")
        return names[0]

    def _json(self, path: str) -> dict[str, Any]:
        document = self._try(path, lambda answer: json.loads(answer.read()))
        if not isinstance(document, dict) or not {"dataset", "datasets"} & set(document):
            raise InputError(f"{self.service} is no kefu data service", "its answer has another form", "correct the address")
        return document

    def _try(self, path: str, use: Any) -> Any:
        request = urllib.request.Request(self.service + path, headers={"authorization": f"Bearer {self._key}"} if self._key else {})
        for number in range(1, self._tries + 1):
            try:
                with self._opener.open(request, timeout=self._timeout) as answer:
                    return use(answer)
            except urllib.error.HTTPError as error:
                with error:
                    if error.code not in _PASSING or number == self._tries:
                        raise self._refused(error, path) from None
            except ValueError as error:
                raise InputError(f"{self.service} is no kefu data service", f"its answer is not JSON ({error})", "correct the address") from None
            except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
                if number == self._tries:
                    why = str(getattr(error, "reason", "") or error or type(error).__name__)
                    raise EngineError(f"no dataset from {self.service}", f"{why} ({number} tries)", "start `kefu data serve` there") from None
            time.sleep(self._wait * 2 ** (number - 1) * (0.5 + random.random()))
        raise AssertionError("unreachable")

    def _refused(self, error: urllib.error.HTTPError, path: str) -> ConfigError | InputError | EngineError:
        try:
            detail = str(json.loads(error.read()).get("detail") or error.reason)
        except (ValueError, AttributeError, OSError):
            detail = str(error.reason)
        if error.code in (401, 403):
            return ConfigError(f"{self.service} refuses us", detail, f"export {KEY_ENV}=… with a key of that service")
        if error.code >= 500:
            return EngineError(f"{self.service}{path}", f"{error.code} {detail}", "look at the log of that service")
        return InputError(f"{self.service}{path}", f"{error.code} {detail}", "correct the address")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key must not follow to another host."""

    def redirect_request(self, *given: Any) -> None:
        return None


def _save(answer: Any, path: Path) -> str:
    """Write the body to `path`; its SHA-256. Raises IncompleteRead when less came than was announced."""
    digest, got = hashlib.sha256(), 0
    with open(path, "wb") as handle:
        while chunk := answer.read(_CHUNK):
            digest.update(chunk)
            got += handle.write(chunk)
        handle.flush()
        os.fsync(handle.fileno())
    announced = answer.headers.get("content-length")
    if announced and got < int(announced):
        raise http.client.IncompleteRead(b"", int(announced) - got)
    return digest.hexdigest()
