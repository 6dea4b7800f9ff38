"""What all pages share: colours and controls, the making of elements, the API's documentation, the icon, the headers.

Plain files of the package, read once; no build step, nothing from another host. Each server adds its own pages to these.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import NamedTuple

TYPES = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="#0f766e"/><path d='
    b'"M8 12.5A4.5 4.5 0 0 1 12.5 8h7a4.5 4.5 0 0 1 4.5 4.5v3A4.5 4.5 0 0 1 19.5 20H15l-4.4 3.700c-.4.3-1 .1-1-.5V19.200A4.5 4'
    b'.5 0 0 1 8 15.800Z" fill="#fff"/><circle cx="13" cy="14" r="1.5" fill="#0f766e"/><circle cx="19" cy="14" r="1.5" fill="#'
    b'0f766e"/></svg>'
)
#: Of every page: scripts and styles from the same server only, no frames, no forms.
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


class File(NamedTuple):
    """A page's bytes with their media type and entity tag."""

    content: bytes
    kind: str
    tag: str


def files(*packages: str) -> dict[str, File]:
    """The shared files, those of the packages' `pages` folders, and `icon.svg`, by name."""
    found = {"icon.svg": ICON}
    for place in (resources.files("kefu.pages"), *(resources.files(package).joinpath("pages") for package in packages)):
        found |= {entry.name: entry.read_bytes() for entry in place.iterdir() if entry.is_file() and entry.name.rpartition(".")[2] in TYPES}
    return {name: File(content, TYPES[name.rpartition(".")[2]], f'"{hashlib.sha256(content).hexdigest()[:16]}"') for name, content in found.items()}
