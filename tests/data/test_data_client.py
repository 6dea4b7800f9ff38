"""The client: a sequence like the one on the disk, patient with a bad line, strict with bytes."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from kefu.artifacts import Store
from kefu.data import SupportDataset
from kefu.data.client import RemoteDataset
from kefu.errors import ConfigError, EngineError, InputError
from kefu.pipeline.run import run
from kefu.project import load
from kefu.train import rows, source

from .datahouse import built, company, process


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    root = company(tmp_path_factory.mktemp("client") / "shop", talks=230)
    built(root)
    with process("serve", root) as (url, _):
        yield root, url


def newest(root: Path) -> Path:
    return Store(root / "build").newest("data", "shop").path


def test_it_is_the_same_sequence_as_the_file(served: tuple[Path, str]) -> None:
    root, url = served
    local = SupportDataset.from_file(newest(root) / "conversations.jsonl")
    for address in (url, f"{url}/", f"{url}/v1/datasets/shop", f"{url}/v1/datasets/shop@{newest(root).name}"):
        remote = RemoteDataset(address)
        assert len(remote) == len(local) > 200, "more than one page"
    assert list(remote) == list(local.conversations)
    for index in (0, 3, 199, 200, len(local) - 1, -1, -len(local)):
        assert remote[index] == local[index]
        assert remote.get_context(index) == local.get_context(index)
    assert remote[198:203] == local.conversations[198:203]
    for index in (len(local), -len(local) - 1):
        with pytest.raises(IndexError):
            remote[index]
    assert remote.stats["conversations"] == len(local)
    wanted = [c for c in local.conversations if c.intervention is not None]
    assert list(remote.where(intervened="yes")) == wanted and len(wanted) > 0
    assert list(remote.where(category="no such")) == []


def test_training_rows_through_the_port_are_those_of_the_disk_byte_for_byte(served: tuple[Path, str], tmp_path: Path) -> None:
    root, url = served
    own = newest(root)
    other = company(tmp_path / "other", name="other", talks=5)
    project = load(other, [f"train.data_url={url}/v1/datasets/shop"])
    folder = source.folder(project, own)
    assert folder.is_relative_to(other / "build" / "remote") and not (folder / "conversations.jsonl").exists()
    copied = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {"faq.jsonl", "messages.train.jsonl", "messages.validation.jsonl", "questions.validation.jsonl"} <= set(copied)
    assert all(content == (own / name).read_bytes() for name, content in copied.items())
    assert rows.training(folder) == rows.training(own) and rows.validation(folder) == rows.validation(own)
    assert rows.training(own).rows, "there must be something to compare"
    times = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    (folder / "faq.jsonl").write_text("damaged")
    assert source.folder(project, own) == folder
    assert (folder / "faq.jsonl").read_bytes() == copied["faq.jsonl"], "a damaged copy is fetched again"
    assert {name: t for name, t in times.items() if name != "faq.jsonl"} == {
        path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != "faq.jsonl"
    }
    assert source.folder(load(other), own) == own and source.remote_files(load(other)) == {}


def test_training_is_stale_when_the_data_behind_the_port_change(served: tuple[Path, str], tmp_path: Path) -> None:
    from kefu.pipeline.stages import PLANS

    _, url = served
    other = company(tmp_path / "other", name="other", talks=5)
    outcome = run(load(other, ["train.retrieval_context=false"]), until="knowledge")
    own = PLANS["train"](load(other), outcome).inputs
    project = load(other, [f"train.data_url={url}"])
    inputs = PLANS["train"](project, outcome).inputs
    assert "train.data_url/messages.train.jsonl" in inputs and not any(name.startswith("data/") for name in inputs)
    assert "data/messages.train.jsonl" in own
    again = company(tmp_path / "again", talks=6)
    built(again)
    with process("serve", again) as (second, _):
        assert PLANS["train"](load(other, [f"train.data_url={second}"]), outcome).inputs != inputs


@contextmanager
def line(*answers: object) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers in turn: a status, bytes as they go over the wire, or None (hangs up)."""
    asked: list[str] = []
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers.get('authorization', '')}".strip())
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, int):
                self.send_response(answer)
                self.send_header("location", "http://127.0.0.1:9/stolen")
                self.end_headers()
            elif answer is not None:
                self.wfile.write(answer)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def http(body: bytes, length: int | None = None) -> bytes:
    return f"HTTP/1.1 200 OK\r\ncontent-length: {len(body) if length is None else length}\r\n\r\n".encode() + body


DESCRIBED = b'{"dataset": "shop@0123456789abcdef", "name": "shop", "key": "0123456789abcdef", "size": 0, "stats": {}}'


def test_a_bad_line_is_tried_again_and_a_refusal_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with line(None, 503, http(DESCRIBED, length=500), http(DESCRIBED)) as (url, asked):
        assert len(RemoteDataset(f"{url}/v1/datasets/shop", wait_s=0.01)) == 0
        assert len(asked) == 4
    for status, error, tries in ((404, InputError, 1), (401, ConfigError, 1), (302, InputError, 1), (500, EngineError, 1), (503, EngineError, 3)):
        with line(status) as (url, asked), pytest.raises(error):
            RemoteDataset(f"{url}/v1/datasets/shop", wait_s=0.01, tries=3)
        assert len(asked) == tries, status
    with line(http(b"<html>")) as (url, asked), pytest.raises(InputError, match="no kefu data service"):
        RemoteDataset(f"{url}/v1/datasets/shop")
    with pytest.raises(EngineError, match="2 tries"):
        RemoteDataset("http://127.0.0.1:9/v1/datasets/shop", wait_s=0.01, tries=2)
    monkeypatch.setenv("KEFU_DATA_KEY", "from-the-environment")
    with line(http(DESCRIBED)) as (url, asked):
        RemoteDataset(f"{url}/v1/datasets/shop")
        assert asked == ["/v1/datasets/shop Bearer from-the-environment"]


@pytest.mark.parametrize("address", ["", "shop", "ftp://host/v1/datasets/x", "http://", "http://user:pass@host:1/v1/datasets/x", "http://h/?x=1"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RemoteDataset(address)
    assert "pass" not in str(caught.value)


def test_a_file_that_arrives_damaged_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with line(http(DESCRIBED), http(b"what came", length=20), http(b"what came")) as (url, asked):
        remote = RemoteDataset(f"{url}/v1/datasets/shop", wait_s=0.01)
        with pytest.raises(InputError, match="arrived damaged"):
            remote.fetch("faq.jsonl", tmp_path / "faq.jsonl", sha256="0" * 64)
        assert len(asked) == 3, "the broken stream was tried again, the wrong bytes were not"
    assert not list(tmp_path.iterdir())
