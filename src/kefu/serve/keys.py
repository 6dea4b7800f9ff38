"""The customers' keys and the operators' keys, from the settings. Keys themselves: `kefu.access`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from kefu.access import Keys, is_loopback, keys_from_environment, keys_from_file
from kefu.errors import ConfigError
from kefu.project import expanded
from kefu.project.schema import Serve


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
    customers = keys_from_environment(settings.keys_env, environment)
    if settings.keys_file:
        customers += keys_from_file(root / expanded(settings.keys_file), "serve.keys_file")
    operators = keys_from_environment(settings.operator_keys_env, environment)
    if not customers and not is_loopback(settings.host):
        raise ConfigError(
            f"serve.host {settings.host!r} can be reached from other machines",
            "no API key is set",
            f"export {settings.keys_env}=… or serve on 127.0.0.1",
        )
    return Access(Keys(customers), Keys(operators))
