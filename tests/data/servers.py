"""Real database servers for tests, started in a folder of their own on a free port and stopped afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PASSWORD = "geheim-7"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(*names: str) -> str:
    """Path of a server program; where it is missing the test is skipped, but never in CI."""
    places = [os.environ.get("PATH", ""), "/usr/sbin", *sorted((str(p) for p in Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)]
    for name in names:
        if found := shutil.which(name, path=os.pathsep.join(places)):
            return found
    if os.environ.get("CI"):
        pytest.fail(f"{names[0]} is not installed: .ci/run installs it")
    pytest.skip(f"{names[0]} is not installed (apt-get install postgresql mariadb-server)")


def _as(user: str, folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: the command prefix that runs it as another user, who gets the folder."""
    if os.geteuid() != 0:
        return []
    owner = pwd.getpwnam(user)
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    return ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]


def _run(command: list[str], **more: object) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **more)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr or done.stdout


def _until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server does not answer")


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(30)


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder another user can reach; pytest's own are closed to all but their owner."""
    with tempfile.TemporaryDirectory(prefix="kefu-server-", ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o755)
        yield Path(name)


def postgres() -> Iterator[str]:
    """`postgresql://…` of an empty database `support`; the user may write."""
    with _folder() as folder:
        yield from _postgres(folder)


def mariadb() -> Iterator[str]:
    """`mysql://…` of an empty database `support`; the user may write."""
    with _folder() as folder:
        yield from _mariadb(folder)


def _postgres(folder: Path) -> Iterator[str]:
    server, initdb = program("postgres"), program("initdb")
    initdb = str(Path(server).resolve().parent / "initdb") if (Path(server).resolve().parent / "initdb").exists() else initdb
    data = folder / "pg"
    data.mkdir()
    prefix, port = _as("postgres", data), _free_port()
    secret = data.parent / "pw"
    secret.write_text(PASSWORD + "\n", "utf-8")
    secret.chmod(0o644)
    _run([*prefix, initdb, "-D", str(data / "db"), "-U", "kefu", "-A", "scram-sha-256", "--pwfile", str(secret), "-E", "UTF8", "--no-sync"], cwd="/")
    command = [*prefix, server, "-D", str(data / "db"), "-p", str(port), "-h", "127.0.0.1", "-k", "", "-c", "fsync=off"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
    try:
        _until_open(port, process)
        import psycopg

        for attempt in range(100):
            try:
                with psycopg.connect(f"postgresql://kefu:{PASSWORD}@127.0.0.1:{port}/postgres", autocommit=True) as connection:
                    connection.execute("CREATE DATABASE support")
                break
            except psycopg.OperationalError:  # the port is open before the server takes sessions
                assert attempt < 99
                time.sleep(0.1)
        yield f"postgresql://kefu:{PASSWORD}@127.0.0.1:{port}/support"
    finally:
        _ended(process)


def _mariadb(folder: Path) -> Iterator[str]:
    server, install = program("mariadbd", "mysqld"), program("mariadb-install-db", "mysql_install_db")
    data = folder / "my"
    data.mkdir()
    prefix, port = _as("mysql", data), _free_port()
    _run([*prefix, install, "--no-defaults", f"--datadir={data / 'db'}", "--auth-root-authentication-method=normal", "--skip-test-db"], cwd="/")
    start = data / "start.sql"
    start.write_text(
        f"CREATE DATABASE support CHARACTER SET utf8mb4;\nCREATE USER kefu@'%' IDENTIFIED BY '{PASSWORD}';\n"
        "GRANT ALL ON *.* TO kefu@'%';\nFLUSH PRIVILEGES;\n",
        "utf-8",
    )
    start.chmod(0o644)
    command = [
        *prefix, server, "--no-defaults", f"--datadir={data / 'db'}", f"--port={port}", "--bind-address=127.0.0.1", f"--socket={data / 's.sock'}",
        f"--init-file={start}", "--skip-log-bin", "--skip-name-resolve", "--innodb-buffer-pool-size=16M",
        f"--pid-file={data / 'pid'}", "--secure-file-priv=",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
    try:
        _until_open(port, process)
        yield f"mysql://kefu:{PASSWORD}@127.0.0.1:{port}/support?charset=utf8mb4"
    finally:
        _ended(process)
