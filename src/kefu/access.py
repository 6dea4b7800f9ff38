"""Who may reach a server of ours: addresses, ports and keys. Knows no HTTP.

Keys are kept as SHA-256 digests and compared in constant time; no key is ever written anywhere, also not in a message.
`setting` in the functions below is the name under which the user gave the value, for the messages.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import ipaddress
import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from kefu.errors import BusyError, ConfigError, InputError

#: Names by which this machine is reached from itself. A server without keys answers to these alone, so that a web page
#: elsewhere cannot reach it through a name of its own (DNS rebinding).
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Keys:
    """A set of keys. Empty: nobody needs one."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._digests = sorted({hashlib.sha256(key.encode()).digest() for key in keys})

    def __bool__(self) -> bool:
        return bool(self._digests)

    def match(self, given: bytes) -> str:
        """The key's short name (a digest, for limits and records), or an empty string."""
        digest = hashlib.sha256(given).digest()
        found = False
        for known in self._digests:  # no early way out: the time must not tell which one it was
            found |= hmac.compare_digest(known, digest)
        return digest.hex()[:12] if found else ""


def keys_from_environment(name: str, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Comma-separated keys of an environment variable; none when it is unset. Raises ConfigError when it holds only commas."""
    value = environment.get(name, "") if name else ""
    if not value:
        return []
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"environment variable {name} is not UTF-8", "a key in it has bytes that are no characters", "set it anew") from None
    keys = [key.strip() for key in value.split(",") if key.strip()]
    if not keys:
        raise ConfigError(f"environment variable {name} holds no key", "it has only commas or blanks", "set it to comma-separated keys, or unset it")
    return keys


def keys_from_file(path: Path, setting: str) -> list[str]:
    """One key a line; `#` begins a comment. Raises InputError or ConfigError."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {setting} {path}", getattr(error, "strerror", "") or "not UTF-8", "give a readable text file") from None
    keys = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not keys:
        raise ConfigError(f"{setting} {path} holds no key", "every line is empty or a comment", "write one key a line")
    return keys


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that host."""
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def local_name(header: str) -> bool:
    """Whether a Host header (`name`, `name:port`, `[::1]:port`) is one of this machine's own names."""
    name = header if header.endswith("]") else header.rpartition(":")[0] or header
    return name.lower() in LOCAL_NAMES


def bind(host: str, port: int, setting: str, port_flag: str = "--port") -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises BusyError or ConfigError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, UnicodeError):
        raise ConfigError(f"{setting} {host!r}", "this machine knows no such address", "use 127.0.0.1 or 0.0.0.0") from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise BusyError(
                f"port {port} is in use", f"another program listens on {host}:{port}", f"stop it, or choose another with {port_flag}"
            ) from None
        if error.errno in (errno.EACCES, errno.EPERM):
            raise ConfigError(f"port {port}", "this user may not listen on it", "choose a port above 1023") from None
        raise ConfigError(f"{setting} {host!r}, port {port}", error.strerror or "cannot listen there", "use 127.0.0.1 or 0.0.0.0") from None
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """`http://host:port` of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
