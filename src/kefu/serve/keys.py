"""Who may call. Keys are kept as SHA-256 digests and compared in constant time; no key is ever written anywhere."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from kefu.errors import ConfigError, InputError
from kefu.project.schema import Serve


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


class Access:
    """The customers' keys and the operators' keys.

    Without customers' keys (only on loopback) everyone may chat. Operators' routes ask for an operator's key when
    there is one; with customers' keys but no operators' keys they are closed, with neither they are open.
    """

    def __init__(self, customers: Keys | None = None, operators: Keys | None = None) -> None:
        self.customers = customers or Keys()
        self.operators = operators or Keys()


def load(settings: Serve, root: Path = Path(), environment: Mapping[str, str] = os.environ) -> Access:
    """Read the keys and check them against the host. `root`: folder that a relative keys_file belongs to.

    Raises ConfigError or InputError; no message holds a key.
    """
    customers = _from_environment(settings.keys_env, environment)
    if settings.keys_file:
        customers += _from_file(root / Path(settings.keys_file).expanduser())
    operators = _from_environment(settings.operator_keys_env, environment)
    if not customers and not is_loopback(settings.host):
        raise ConfigError(
            f"serve.host {settings.host!r} can be reached from other machines",
            "no API key is set",
            f"export {settings.keys_env}=… or serve on 127.0.0.1",
        )
    return Access(Keys(customers), Keys(operators))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that host."""
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _from_environment(name: str, environment: Mapping[str, str]) -> list[str]:
    value = environment.get(name, "") if name else ""
    if not value:
        return []
    keys = [key.strip() for key in value.split(",") if key.strip()]
    if not keys:
        raise ConfigError(f"environment variable {name} holds no key", "it has only commas or blanks", "set it to comma-separated keys, or unset it")
    return keys


def _from_file(path: Path) -> list[str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read serve.keys_file {path}", getattr(error, "strerror", "") or "not UTF-8", "give a readable text file") from None
    keys = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not keys:
        raise ConfigError(f"serve.keys_file {path} holds no key", "every line is empty or a comment", "write one key a line")
    return keys
