"""gunicorn around the application: several workers on one port, JSON also for the faults it finds itself, a clean end."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kefu.access import Keys, bind, is_loopback, keys_from_environment, keys_from_file, url_of
from kefu.errors import ConfigError, MissingExtra
from kefu.project import Loaded, expanded

KEYS_ENV = "KEFU_DATA_KEYS"
_THREADS = 8
_GRACE_S = 10


def serve(
    projects: Sequence[Loaded],
    *,
    host: str = "127.0.0.1",
    port: int = 8300,
    workers: int = 2,
    keys_file: str = "",
    on_ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve the datasets until SIGINT or SIGTERM. `on_ready` is called once with the address.

    Raises ConfigError, BusyError for a port in use, InputError for a project without a dataset, MissingExtra.
    """
    require_flask()
    from kefu.data.service.app import create_app
    from kefu.data.service.shelf import Shelf

    keys = read_keys(host, keys_file)
    with Runtime("kefu-data-") as runtime:
        shelf = Shelf(projects, runtime / "indexes")
        for name in shelf.names:
            shelf.open(name)  # the index is made once, before the workers come to be
        run(lambda: create_app(shelf, runtime, keys), host, port, workers, on_ready)


def require_flask() -> None:
    try:
        import flask  # noqa: F401
        import gunicorn  # noqa: F401
    except ImportError:
        raise MissingExtra("serving the dataset (Flask, gunicorn)", "dataserve") from None


def read_keys(host: str, keys_file: str) -> Keys:
    """Keys of the environment and of a file. Raises ConfigError when others can reach the host and there are none."""
    keys = keys_from_environment(KEYS_ENV) + (keys_from_file(expanded(keys_file), "--keys-file") if keys_file else [])
    if not keys and not is_loopback(host):
        raise ConfigError(
            f"--host {host!r} can be reached from other machines", "no key is set", f"export {KEYS_ENV}=…, give --keys-file, or serve on 127.0.0.1"
        )
    return Keys(keys)


class Runtime:
    """A temporary folder for one service, removed by the process that made it and not by those it forked."""

    def __init__(self, prefix: str) -> None:
        self._path, self._owner = Path(tempfile.mkdtemp(prefix=prefix)), os.getpid()

    def __enter__(self) -> Path:
        return self._path

    def __exit__(self, *exc: object) -> None:
        if os.getpid() == self._owner:
            shutil.rmtree(self._path, ignore_errors=True)


def run(make_app: Callable[[], Any], host: str, port: int, workers: int, on_ready: Callable[[str], None]) -> None:
    """The application under gunicorn until it is told to stop."""
    from gunicorn.app.base import BaseApplication

    listener = bind(host, port, "--host")
    url = url_of(listener)

    class Application(BaseApplication):
        def load_config(self) -> None:
            shared_memory = "/dev/shm"
            for name, value in {
                "bind": f"fd://{listener.fileno()}",
                "workers": workers,
                "worker_class": "kefu.data.service.worker.Worker",
                "threads": _THREADS,
                "preload_app": True,
                "timeout": 60,
                "graceful_timeout": _GRACE_S,
                "keepalive": 15,
                "errorlog": "-",
                "loglevel": "error",  # addresses and faults of single requests are not written: a query may hold personal data
                "control_socket_disable": True,
                "worker_tmp_dir": shared_memory if os.path.isdir(shared_memory) else None,
                "when_ready": lambda arbiter: on_ready(url),
            }.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            return make_app()

    Application().run()
