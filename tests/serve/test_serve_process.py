"""The process: start, port in use, a model that cannot be loaded, drain on SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import httpx2 as httpx
import pytest
from served import Peer, body, until

from kefu.errors import BusyError, ConfigError, EngineError, StorageError
from kefu.project.schema import Serve
from kefu.records import Records
from kefu.serve import background, open_records, run

_PROGRAM = """
    import sys
    sys.path.insert(0, {here!r})
    from scripted import Peer
    from kefu.project.schema import Serve
    from kefu.records import Records
    from kefu.serve import Info, run
    records, info = Records("sqlite:///{db}"), Info(model="cloudmax")
    run(Peer, Serve(port=0, timeout_s=20), records=records, info=info, on_ready=lambda url: print(url, flush=True))
    print("returned", flush=True)
"""


@pytest.fixture
def process(tmp_path: Path):
    code = textwrap.dedent(_PROGRAM).format(here=str(Path(__file__).parent), db=tmp_path / "r.db")
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "KEFU_API_KEYS": ""}
    )
    yield child
    child.kill()
    child.communicate()


def test_sigterm_finishes_what_was_begun_and_takes_nothing_new(process, tmp_path: Path) -> None:
    url = process.stdout.readline().strip()
    got: list[str] = []

    def listen() -> None:
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            payload = body("slow", stream=True)
            with client.stream("POST", "/v1/chat/completions", json=payload) as response:
                got.extend(line for line in response.iter_lines() if line)

    listener = threading.Thread(target=listen)
    with httpx.Client(base_url=url, timeout=10, trust_env=False) as client:
        assert client.get("/readyz").status_code == 200
        listener.start()
        assert until(lambda: client.get("/readyz").json()["in_flight"] == 1, 10)
        process.send_signal(signal.SIGTERM)
        assert until(lambda: client.get("/readyz").status_code == 503, 10)
        assert client.get("/readyz").json()["draining"] is True
        assert client.get("/healthz").status_code == 200
        turned_away = client.post("/v1/chat/completions", json=body())
        assert (turned_away.status_code, turned_away.json()["error"]["code"]) == (503, "shutting_down")
    listener.join(30)
    assert got[-1] == "data: [DONE]", "the answer that was being given was finished"
    assert process.wait(15) == 0
    out, log = process.communicate()
    assert out.strip() == "returned"
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert events[0] == "ready"
    assert events[-1] == "stopped"
    records = Records(f"sqlite:///{tmp_path}/r.db")
    assert [case.outcome for case in records.cases()] == ["complete"]
    records.close()


def test_a_second_signal_ends_at_once(process) -> None:
    url = process.stdout.readline().strip()
    port = int(url.rpartition(":")[2])
    from served import raw_post

    with raw_post(port, body("stall")), httpx.Client(base_url=url, timeout=10, trust_env=False) as client:
        assert until(lambda: client.get("/readyz").json()["in_flight"] == 1, 10)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert until(lambda: client.get("/readyz").json()["draining"], 10)
        process.send_signal(signal.SIGINT)
        assert process.wait(12) == 0
        assert time.monotonic() - began < 12


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BusyError) as caught:
            run(Peer, Serve(port=port))
    assert caught.value.exit_code == 2
    assert str(port) in caught.value.line()
    assert "\n" not in caught.value.line()


def test_a_host_that_is_not_ours_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_API_KEYS", "sk-one")
    with pytest.raises(ConfigError, match=r"203\.0\.113\.7"):
        run(Peer, Serve(host="203.0.113.7", port=0))
    monkeypatch.delenv("KEFU_API_KEYS")
    with pytest.raises(ConfigError, match="no API key is set"):
        run(Peer, Serve(host="0.0.0.0", port=0))


def test_it_answers_for_its_health_while_loading_and_ends_when_loading_fails() -> None:
    gate, seen = threading.Event(), []

    def factory():
        gate.wait(10)
        raise EngineError("the model file is damaged", "checksum differs")

    def look() -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5, trust_env=False) as client:

            def up() -> bool:
                try:
                    return client.get("/healthz").status_code == 200
                except httpx.TransportError:
                    return False

            assert until(up, 10)
            ready = client.get("/readyz")
            seen.append((ready.status_code, ready.json()["assistant"]))
            answer = client.post("/v1/chat/completions", json=body())
            seen.append((answer.status_code, answer.json()["error"]["code"]))
        gate.set()

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    watcher = threading.Thread(target=look)
    watcher.start()
    with pytest.raises(EngineError, match="damaged"):
        run(factory, Serve(port=port), records=Records("sqlite://"), log=_Silent())
    watcher.join(5)
    assert seen == [(503, "loading"), (503, "loading")]


def test_a_factory_that_breaks_is_told_by_background_too() -> None:
    def factory():
        raise RuntimeError("boom")

    with pytest.raises(EngineError, match="RuntimeError"), background(factory):
        raise AssertionError("not reached")


def test_background_stops_cleanly_and_frees_its_port() -> None:
    peer = Peer()

    async def factory() -> Peer:
        return peer

    with background(factory, Serve(port=1)) as running:
        with httpx.Client(base_url=running.url, timeout=5, trust_env=False) as client:
            assert client.post("/v1/chat/completions", json={**body(), "model": "kefu"}).status_code == 200
        address = ("127.0.0.1", int(running.url.rpartition(":")[2]))
    assert peer.closed
    socket.create_server(address).close()
    assert not [thread for thread in threading.enumerate() if thread.name in ("kefu-serve", "kefu-records")]


def test_records_open_where_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = open_records(Serve(), tmp_path / "build")
    records.close()
    assert (tmp_path / "build" / "records.db").is_file()
    monkeypatch.setenv("RECORDS_URL", f"sqlite:///{tmp_path}/other.db")
    open_records(Serve(records="env:RECORDS_URL"), tmp_path).close()
    assert (tmp_path / "other.db").is_file()
    (tmp_path / "damaged.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(StorageError, match="records"):
        open_records(Serve(records=f"sqlite:///{tmp_path}/damaged.db"), tmp_path)


class _Silent:
    def __getattr__(self, name: str):
        return lambda *args, **facts: None
