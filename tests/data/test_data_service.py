"""The dataset service as a process: what it gives, what it refuses, and that nothing else of the disk can be read."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from kefu.artifacts import Store
from kefu.data.service import serve
from kefu.errors import BusyError, ConfigError, InputError
from kefu.project import load

from .datahouse import built, company, process
from .desk import rows_of


class House:
    """A served project: its root, the artefact, an HTTP client."""

    def __init__(self, root: Path, url: str) -> None:
        self.root, self.url = root, url
        self.artifact = Store(root / "build").newest("data", "shop")
        self.rows = rows_of(self.artifact.file("conversations.jsonl"))
        self.client = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def get(self, path: str, **query: object) -> httpx.Response:
        return self.client.get(path, params=query)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    root = company(tmp_path_factory.mktemp("house") / "shop")
    built(root)
    second = company(root.parent / "second", name="second", talks=3)
    built(second)
    (root / "secret.txt").write_text("not for anyone")
    with process("serve", root, second) as (url, _):
        house = House(root, url)
        with house.client:
            yield house


@pytest.fixture
def shop(house: House, tmp_path: Path) -> Path:
    """A built project of one's own."""
    return Path(shutil.copytree(house.root, tmp_path / "shop"))


def problem(answer: httpx.Response, status: int) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status and answer.json()["title"]
    return answer.json()


def test_every_item_by_pages_is_the_file(house: House) -> None:
    got: list[dict] = []
    for offset in range(0, 1000, 7):
        page = house.get("/v1/datasets/shop/items", limit=7, offset=offset).json()
        assert page["total"] == len(house.rows) and page["dataset"] == f"shop@{house.artifact.path.name}"
        got += page["items"]
        if not page["items"]:
            break
    assert [one["index"] for one in got] == list(range(len(house.rows)))
    assert [{**one["item"], "split": one["split"]} for one in got] == house.rows
    assert all(
        one["label"] == row["label"] and one["human_intervention_idx"] == row["intervention"] for one, row in zip(got, house.rows, strict=True)
    )
    assert house.get("/v1/datasets/shop/items/3").json() == got[3]
    assert house.get("/v1/datasets/shop/items/3/context").json()["context"] == house.rows[3]["context"]


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"split": "train"}, lambda row: row["split"] == "train"),
        ({"language": "zh", "kind": "dialogue"}, lambda row: row["language"] == "zh" and row["kind"] == "dialogue"),
        ({"category": "账户"}, lambda row: row["category"] == "账户"),
        ({"label": "bad"}, lambda row: row["label"] == "bad"),
        ({"intervened": "yes"}, lambda row: row["intervention"] is not None),
        ({"intervened": "no", "kind": "faq"}, lambda row: row["intervention"] is None and row["kind"] == "faq"),
        ({"intervened": "true"}, lambda row: row["intervention"] is not None),
        ({"intervened": "false"}, lambda row: row["intervention"] is None),
        ({"text": "PASSWORD"}, lambda row: any("password" in turn["text"].casefold() for turn in row["turns"])),
        ({"text": "退款", "split": "train"}, lambda row: row["split"] == "train" and any("退款" in turn["text"] for turn in row["turns"])),
        ({"category": "no such"}, lambda row: False),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "rows",
)
def test_filters(house: House, query, fits) -> None:
    wanted = [i for i, row in enumerate(house.rows) if fits(row)]
    assert wanted or query == {"category": "no such"}, "the filter must have something to find"
    page = house.get("/v1/datasets/shop/items", limit=200, **query).json()
    assert [one["index"] for one in page["items"]] == wanted and page["total"] == len(wanted)


def test_what_a_dataset_tells_of_itself(house: House) -> None:
    found = house.get("/v1/datasets/shop").json()
    assert found["size"] == len(house.rows) and found["stats"] == json.loads(house.artifact.file("stats.json").read_text("utf-8"))
    assert found["card"].startswith("# Data of shop") and "good" in found["filters"]["label"]
    import jsonschema_rs

    schema = house.get("/v1/datasets/shop/schema").json()
    assert schema == found["schema"]
    validator = jsonschema_rs.validator_for(schema)
    assert all(validator.is_valid(row) for row in house.rows) and not validator.is_valid({"id": 1})
    assert house.get("/v1/datasets/shop/stats").json() == found["stats"]
    assert house.get("/v1/datasets/shop/ledger").json()["balanced"] is True
    assert house.get("/healthz").json()["datasets"] == ["shop", "second"]


def test_files_arrive_byte_for_byte_with_their_hash(house: House) -> None:
    files = {file["name"]: file for file in house.get("/v1/datasets/shop/files").json()["files"]}
    assert files["messages.train.jsonl"]["training"] and files["messages.train.jsonl"]["split"] == "train"
    assert not files["excluded.jsonl"]["training"]
    for name, file in files.items():
        answer = house.get(f"/v1/datasets/shop/files/{name}")
        assert answer.content == (house.artifact.path / name).read_bytes()
        assert answer.headers["x-content-sha256"] == file["sha256"] == hashlib.sha256(answer.content).hexdigest()
    part = house.client.get("/v1/datasets/shop/files/faq.jsonl", headers={"range": "bytes=10-29"})
    assert part.status_code == 206 and part.content == (house.artifact.path / "faq.jsonl").read_bytes()[10:30]
    problem(house.client.get("/v1/datasets/shop/files/faq.jsonl", headers={"range": "bytes=99999999-"}), 416)
    for name in house.get("/v1/datasets/shop/plots").json()["plots"]:
        answer = house.get(f"/v1/datasets/shop/plots/{name}")
        assert answer.headers["content-type"].startswith("image/") and answer.content == (house.artifact.path / "plots" / name).read_bytes()


def test_what_cannot_change_is_kept_and_what_can_is_asked_for_again(house: House) -> None:
    pinned = house.get(f"/v1/datasets/shop@{house.artifact.path.name}/items/0")
    assert "immutable" in pinned.headers["cache-control"] and "private" in pinned.headers["cache-control"]
    moving = house.get("/v1/datasets/shop/items/0")
    assert moving.headers["cache-control"] == "private, no-cache"
    for path in ("/v1/datasets/shop/items/0", "/v1/datasets/shop/files/faq.jsonl", "/docs"):
        tag = house.get(path).headers["etag"]
        again = house.client.get(path, headers={"if-none-match": tag})
        assert again.status_code == 304 and not again.content


TRAVERSALS = [
    "../manifest.json", "..%2f..%2f..%2f..%2fsecret.txt", "%2e%2e/secret.txt", "..%252fsecret.txt", "%2fetc%2fpasswd", "plots/../../latest",
    "....//secret.txt", "faq.jsonl/../../latest", "faq.jsonl%00.png", "..\\secret.txt", "manifest.json", "plots%2flengths.png",
]  # fmt: skip


@pytest.mark.parametrize("name", TRAVERSALS)
@pytest.mark.parametrize("shelf", ["files", "plots"])
def test_nothing_outside_the_artefact_can_be_read(house: House, shelf: str, name: str) -> None:
    status, body = raw(house.url, f"/v1/datasets/shop/{shelf}/{name}")
    assert status in (400, 404) and json.loads(body)["status"] == status


def raw(url: str, path: str, method: str = "GET", head: str = "", body: bytes = b"") -> tuple[int, bytes]:
    """A request with exactly this path: clients tidy it up."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 10) as line:
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        line.sendall(f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n{head}{length}\r\n".encode() + body)
        got = b"".join(iter(lambda: line.recv(65536), b""))
    top, _, content = got.partition(b"\r\n\r\n")
    return int(top.split()[1]), content


def test_a_link_that_leads_out_of_the_artefact_is_not_followed(shop: Path, tmp_path: Path) -> None:
    artifact = Store(shop / "build").newest("data", "shop")
    outside = tmp_path / "outside"
    outside.write_bytes(artifact.file("faq.jsonl").read_bytes())
    artifact.file("faq.jsonl").unlink()
    (artifact.path / "faq.jsonl").symlink_to(outside)
    with process("serve", shop) as (url, _):
        assert raw(url, "/v1/datasets/shop/files/faq.jsonl")[0] == 404
        assert raw(url, "/v1/datasets/shop/files/messages.train.jsonl")[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/v1/datasets/nobody", 404),
        ("get", "/v1/datasets/shop@00000000", 404),
        ("get", "/v1/datasets/shop/items/99999999999999999999", 404),
        ("get", "/v1/datasets/shop/items/-1", 404),
        ("get", "/v1/datasets/shop/items?limit=0", 400),
        ("get", "/v1/datasets/shop/items?limit=1&limit=2", 400),
        ("get", "/v1/datasets/shop/items?offset=x", 400),
        ("get", "/v1/datasets/shop/items?limits=3", 400),
        ("get", "/v1/datasets/shop/items?split=tset", 400),
        ("get", "/v1/datasets/shop/items?kind=dialog", 400),
        ("get", "/v1/datasets/shop/items?label=terrible", 400),
        ("get", "/v1/datasets/shop/items/0?x=1", 400),
        ("get", "/v1/datasets//shop", 404),
        ("get", "/nothing", 404),
        ("delete", "/v1/datasets", 405),
        ("post", "/v1/datasets/shop/items", 405),
        ("options", "/v1/datasets", 405),
        ("post", "/healthz", 405),
    ],
)
def test_every_fault_is_a_problem_document(house: House, method: str, path: str, status: int) -> None:
    answer = house.client.request(method.upper(), path)
    problem(answer, status)
    if status == 405:
        assert answer.headers["allow"]


def test_faults_of_bodies_and_of_http_itself(house: House) -> None:
    post = house.client.post
    problem(post("/v1/datasets", content=b"{}", headers={"content-type": "text/plain"}), 415)
    assert "name: Field required" in problem(post("/v1/datasets", json={}), 400)["faults"]
    problem(post("/v1/datasets", content=b"{not json", headers={"content-type": "application/json"}), 400)
    problem(post("/v1/datasets", content=b" " * 70_000, headers={"content-type": "application/json"}), 413)
    problem(post("/v1/datasets", json={"name": "shop", "key": "0" * 16}), 404)
    assert post("/v1/datasets", json={"name": "shop", "key": house.artifact.path.name[:8]}).json()["size"] == len(house.rows)
    for sent, status in ((f"/{'a' * 5000}", 414), ("/bad path", 400)):
        assert raw(house.url, sent)[0] == status and json.loads(raw(house.url, sent)[1])["status"] == status
    assert raw(house.url, "/healthz", head=f"X-Long: {'a' * 9000}\r\n")[0] == 431


def test_a_defect_is_a_problem_too_and_tells_nothing(shop: Path) -> None:
    artifact = Store(shop / "build").newest("data", "shop")
    with process("serve", shop) as (url, child):
        path = artifact.file("stats.json")
        path.write_bytes(b"\xff" * path.stat().st_size)
        status, body = raw(url, "/v1/datasets/shop/stats?", head="")
        assert status == 500 and json.loads(body)["detail"] == "a defect of this service; its log says more"
        query = raw(url, "/v1/datasets/shop/stats?name=13912345678")
        assert query[0] == 400
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
        log = child.stderr.read()
        assert "UnicodeDecodeError" in log and "13912345678" not in log


def test_the_short_routes(house: House) -> None:
    post, get = house.client.post, house.client.get
    assert post("/init", json={"path": "second"}).json() == {"status": "loaded", "size": len(rows_of(newest(house.root.parent / "second", "second")))}
    second = get("/get_item/0").json()
    for path in (f"shop@{house.artifact.path.name}", str(house.artifact.path), f"build/data/shop/{house.artifact.path.name}/conversations.jsonl"):
        assert post("/init", json={"path": path}).json() == {"status": "loaded", "size": len(house.rows)}
    at = next(i for i, row in enumerate(house.rows) if row["intervention"] is not None)
    for _ in range(8):  # every worker knows the choice
        item = get(f"/get_item/{at}").json()
        assert item["data"]["dialog"] == house.rows[at]["turns"] and item["intervention_idx"] == house.rows[at]["intervention"]
    assert item["label"] == {"good": 1.0, "fair": 0.5, "bad": 0.0}[house.rows[at]["label"]]
    assert get("/get_item/0").json() == {
        **second, "data": {"dialog": house.rows[0]["turns"], "context": house.rows[0]["context"]}, "label": 1.0, "label_name": "good",
    }  # fmt: skip
    assert get(f"/get_context/{at}").json() == house.rows[at]["context"]
    problem(get("/get_item/100000"), 404)
    for path in ("/etc", "../outside", str(house.root / "secret.txt"), str(house.root / "build"), "a\x00b", "nobody"):
        problem(post("/init", json={"path": path}), 404)
    from PIL import Image

    picture = Image.open(io.BytesIO(get("/visualize").content))
    assert picture.format == "PNG" and picture.width > 800


def newest(root: Path, name: str) -> Path:
    return Store(root / "build").newest("data", name).file("conversations.jsonl")


def test_a_rebuilt_dataset_is_served_under_its_name_and_the_old_one_under_its_key(shop: Path) -> None:
    old = Store(shop / "build").newest("data", "shop")
    with process("serve", shop) as (url, _), httpx.Client(base_url=url, timeout=10, trust_env=False) as client:
        before = client.get("/v1/datasets/shop").json()
        company(shop, talks=24)
        new = built(shop)
        assert client.get("/v1/datasets/shop").json()["size"] == before["size"] + 4
        assert client.get(f"/v1/datasets/shop@{old.path.name}").json() == before
        listed = client.get("/v1/datasets").json()["datasets"]
        assert {(one["key"], one["current"]) for one in listed} == {(new.path.name, True), (old.path.name, False)}


def test_keys(shop: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text("# mine\nfile-key\n")
    with process("serve", shop, "--host", "0.0.0.0", "--keys-file", keys, KEFU_DATA_KEYS="one,two") as (url, _):
        url = url.replace("0.0.0.0", "127.0.0.1")
        with httpx.Client(base_url=url, timeout=10, trust_env=False) as client:
            assert "www-authenticate" in client.get("/v1/datasets").headers
            for given in ("-", "three", "on", "one,two", "# mine"):
                problem(client.get("/v1/datasets", headers={"authorization": f"Bearer {given}"}), 401)
            problem(client.get("/get_item/0"), 401)
            for given in ("one", "two", "file-key"):
                assert client.get("/v1/datasets", headers={"authorization": f"Bearer {given}"}).status_code == 200
            for public in ("/healthz", "/docs", "/openapi.json"):
                assert client.get(public, headers={"host": "data.example.com"}).status_code == 200


def test_without_keys_it_answers_to_this_machine_alone(house: House) -> None:
    for host in ("evil.example.com", "127.0.0.1.evil.example.com:80", ""):
        problem(house.client.get("/v1/datasets", headers={"host": host}), 403)
    assert house.client.get("/v1/datasets", headers={"host": "localhost:1"}).status_code == 200


def test_what_cannot_be_served(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEFU_DATA_KEYS", raising=False)
    root = shop
    with pytest.raises(InputError, match="no built dataset"):
        serve([load(company(tmp_path / "unbuilt", talks=3))])
    with pytest.raises(ConfigError, match="no key is set"):
        serve([load(root)], host="0.0.0.0")
    with pytest.raises(ConfigError, match="two projects are called 'shop'"):
        serve([load(root), load(company(tmp_path / "twin", talks=3))])
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(BusyError, match="in use"):
        serve([load(root)], port=taken.getsockname()[1])


def workers(child: subprocess.Popen, gone: int = 0) -> list[int]:
    """The two workers of a service, once both are there and `gone` is not."""
    deadline = time.monotonic() + 30
    while True:
        found = [int(pid) for pid in Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()]
        if len(found) == 2 and gone not in found:
            return found
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_ends_cleanly_and_a_lost_worker_is_replaced(shop: Path, tmp_path: Path) -> None:
    runtime = tmp_path / "tmp"
    runtime.mkdir()
    with process("serve", shop, TMPDIR=str(runtime)) as (url, child):
        assert raw(url, "/healthz")[0] == 200 and any(runtime.iterdir())
        lost = workers(child)[0]
        os.kill(lost, signal.SIGKILL)
        assert lost not in workers(child, gone=lost) and raw(url, "/healthz")[0] == 200
        assert any(runtime.iterdir()), "a lost worker must not take the indexes with it"
    assert not any(runtime.iterdir()), "indexes are removed at the end"
