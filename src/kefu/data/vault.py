"""What placeholders stand for, encrypted: `data.clean.vault`. Without it masking is final.

The file lies outside the artefacts (its bytes differ at every writing), readable by its owner only. Encryption is Fernet
(AES-128-CBC and HMAC-SHA256) of the `cryptography` package; the key comes from the environment or a file, never from kefu.yaml.
"""

from __future__ import annotations

import json
import os
import re
import stat
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kefu.artifacts import storage_errors
from kefu.errors import ConfigError, InputError, MissingExtra
from kefu.project import Loaded

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

_HEADER = b"kefu vault 1\n"
_MAKE = "make one with `kefu data privacy-restore --new-key FILE`"
_PLACEHOLDER = re.compile(r"\[[^\[\]\s]{1,24}_\d{1,6}\]")


@dataclass(frozen=True)
class Vault:
    """The vault of a project: where it lies and the key that opens it."""

    path: Path
    cipher: Fernet

    @classmethod
    def of(cls, project: Loaded) -> Vault | None:
        """The project's vault, its key read; None when none is set. Raises ConfigError, MissingExtra."""
        settings = project.settings.data.clean
        if not settings.vault:
            return None
        path = project.path(settings.vault).resolve()
        if path.is_relative_to(project.build.resolve()):
            raise ConfigError(
                f"data.clean.vault {settings.vault} lies in {project.build.name}/",
                "artefacts are copied and shared, the vault must not be",
                "name a file elsewhere",
            )
        if path.is_dir():
            raise ConfigError(f"data.clean.vault {settings.vault} is a folder", "one file is written", "name a file in it")
        if not settings.mask_pii:
            raise ConfigError(
                "data.clean.vault is set but data.clean.mask_pii is off", "nothing would be masked, so nothing could be kept", "set one of them"
            )
        return cls(path, _cipher(_key(settings.vault_key, project)))

    def write(self, values: Mapping[str, Mapping[str, str]]) -> None:
        """Replace the file, whole or not at all, mode 0600. `values`: conversation id -> placeholder -> what it stands for."""
        text = json.dumps({"conversations": values}, ensure_ascii=True).encode()
        token = self.cipher.encrypt(zlib.compress(text, 6))
        temporary = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex[:8]}.tmp")
        with storage_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
                    handle.write(_HEADER + token)
                    handle.flush()
                    os.fsync(handle.fileno())
                os.replace(temporary, self.path)
            finally:
                temporary.unlink(missing_ok=True)

    def read(self) -> dict[str, dict[str, str]]:
        """Conversation id -> placeholder -> value. Raises InputError for another key or a damaged file."""
        from cryptography.fernet import InvalidToken

        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            raise InputError(f"there is no vault {self.path}", "no dataset was built with data.clean.vault", "kefu data build --force") from None
        if not data.startswith(_HEADER):
            raise InputError(f"{self.path} is no vault of kefu", "it does not begin as one", "look at data.clean.vault")
        try:
            stored: dict[str, Any] = json.loads(zlib.decompress(self.cipher.decrypt(data[len(_HEADER) :])))
        except (InvalidToken, zlib.error, ValueError):
            raise InputError(
                f"{self.path} cannot be opened", "it was written with another key, or it is damaged", "look at data.clean.vault_key"
            ) from None
        return dict(stored["conversations"])


def restore(text: str, values: Mapping[str, str]) -> tuple[str, list[str]]:
    """The text with placeholders put back, and the placeholders nothing is known of."""
    unknown: list[str] = []

    def back(match: re.Match[str]) -> str:
        if match.group() not in values:
            unknown.append(match.group())
        return values.get(match.group(), match.group())

    return _PLACEHOLDER.sub(back, text), unknown


def new_key(path: Path) -> None:
    """Write a fresh key to a file that only its owner reads. Raises InputError when the file exists."""
    fernet = _fernet()
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
                handle.write(fernet.generate_key() + b"\n")
        except FileExistsError:
            raise InputError(f"{path} exists", "a key that is overwritten opens no vault any more", "name another file") from None


def _key(reference: str, project: Loaded) -> str:
    kind, _, name = reference.partition(":")
    if kind == "env" and name:
        if not (value := os.environ.get(name, "").strip()):
            raise ConfigError(
                f"the environment variable {name} is not set",
                "data.clean.vault needs its key there",
                f"export {name}=..., or {_MAKE} and set data.clean.vault_key: file:PATH",
            )
        return value
    if kind == "file" and name:
        path = project.path(name)
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise ConfigError(f"the key file {name} can be read by others", "whoever reads it opens the vault", f"chmod 600 {name}")
            return path.read_text("utf-8").strip()
        except FileNotFoundError:
            raise ConfigError(f"there is no key file {name}", "data.clean.vault_key names it", _MAKE) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"the key file {name} cannot be read", str(error), _MAKE) from None
    raise ConfigError("data.clean.vault_key must be env:NAME or file:PATH", "the key itself never stands in kefu.yaml", _MAKE)


def _cipher(key: str) -> Fernet:
    fernet = _fernet()
    try:
        return fernet(key.encode())
    except ValueError:
        raise ConfigError("the key of data.clean.vault cannot be used", "it is not 32 bytes in URL-safe base64", _MAKE) from None


def _fernet() -> type[Fernet]:
    try:
        from cryptography.fernet import Fernet
    except ImportError:
        raise MissingExtra("data.clean.vault", "data") from None
    return Fernet
