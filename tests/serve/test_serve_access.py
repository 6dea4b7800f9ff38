"""Who may call, from where; and that no key and no personal data reaches a log, a metric or a record."""

from __future__ import annotations

from pathlib import Path

import pytest
from served import body, until

from kefu.access import is_loopback, keys_from_environment
from kefu.errors import ConfigError, InputError
from kefu.project.schema import Serve
from kefu.serve import keys

KEY, OPERATOR = "sk-canary-3f9a27d1c0", "op-canary-77b1e2"
PHONE, EMAIL, CARD, ID = "13912345678", "zhang.san@example.com", "4111111111111111", "11010519491231002X"


def load(environment: dict[str, str], root: Path = Path(), **settings) -> keys.Access:
    return keys.load(Serve(**settings), root, environment)


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.4", False),
        ("kefu.example.com", False),
    ],
)
def test_a_host_that_others_can_reach_needs_a_key(host: str, alone: bool) -> None:
    assert is_loopback(host) is alone
    if alone:
        assert not load({}, host=host).customers
    else:
        with pytest.raises(ConfigError, match="no API key is set"):
            load({}, host=host)
    assert load({"KEFU_API_KEYS": KEY}, host=host).customers


def test_keys_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "keys.txt").write_text(f"# staff\n\n  {KEY}  \nsk-second\n")
    access = load({"KEFU_API_KEYS": "sk-third"}, tmp_path, keys_file="keys.txt")
    assert all(access.customers.match(key.encode()) for key in (KEY, "sk-second", "sk-third"))
    assert not access.customers.match(b"# staff")
    assert not access.customers.match(b"")
    (tmp_path / "empty.txt").write_text("# none\n")
    with pytest.raises(ConfigError, match="holds no key"):
        load({}, tmp_path, keys_file="empty.txt")
    with pytest.raises(InputError, match="cannot read"):
        load({}, tmp_path, keys_file="missing.txt")
    with pytest.raises(ConfigError, match="only commas"):
        load({"KEFU_API_KEYS": " , ,"})


def test_pages_and_probes_are_open_but_the_api_is_not(serving) -> None:
    desk = serving(keys=KEY)
    with desk.client() as client:
        for path in ("/", "/operator", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics", "/pages.json"):
            assert client.get(path).status_code == 200, path
        assert client.get("/pages.json").json()["key_needed"] is True
        for method, path in (
            ("GET", "/v1/models"),
            ("POST", "/v1/chat/completions"),
            ("POST", "/v1/ratings"),
            ("GET", "/v1/conversations/a"),
            ("GET", "/v1/nothing"),
        ):
            answer = client.request(method, path)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"] == "Bearer"
        for header in (KEY, f"Basic {KEY}", "Bearer", "Bearer  x", f"Bearer {KEY}x", f"Bearer {KEY[:-1]}"):
            assert client.get("/v1/models", headers={"authorization": header}).status_code == 401, header
        assert client.get("/v1/models", headers={"authorization": f"bearer {KEY}"}).status_code == 200


def test_operators_have_keys_of_their_own(serving) -> None:
    closed = serving(keys=KEY)
    with closed.client(KEY) as client:
        answer = client.get("/v1/operator/conversations")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "operators_closed")
    desk = serving(keys=KEY, operator_keys=OPERATOR)
    for key, status in ((KEY, 401), (OPERATOR, 200), ("", 401)):
        with desk.client(key) as client:
            assert client.get("/v1/operator/conversations").status_code == status
    with desk.client(OPERATOR) as client:
        assert client.get("/v1/models").status_code == 401


def test_a_conversation_belongs_to_its_key(serving) -> None:
    desk = serving(keys="sk-one,sk-two")
    with desk.client("sk-one") as one, desk.client("sk-two") as two:
        answer = one.post("/v1/chat/completions", json=body("退款", conversation_id="c-1")).json()
        desk.records.flush()
        assert two.get("/v1/conversations/c-1").status_code == 404
        assert two.post("/v1/chat/completions", json=body("退款", conversation_id="c-1")).status_code == 404
        assert two.post("/v1/conversations/c-1/handoff", json={}).status_code == 404
        assert two.post("/v1/ratings", json={"reply_id": answer["id"], "score": 1}).status_code == 404
        desk.records.flush()
        assert [message.text for message in desk.records.transcript("c-1") if message.role == "customer"] == ["退款"], (
            "nothing of another key is kept"
        )
        assert one.get("/v1/conversations/c-1").status_code == 200
        assert one.post("/v1/ratings", json={"reply_id": answer["id"], "score": 1}).status_code == 200


def test_an_open_server_does_not_answer_to_a_foreign_name(shared) -> None:
    with shared.client() as client:
        for host, status in (("evil.example.com", 403), ("evil.example.com:8000", 403), ("localhost:1", 200), ("127.0.0.1", 200), ("[::1]:80", 200)):
            assert client.get("/v1/models", headers={"host": host}).status_code == status, host


def test_pages_of_other_origins_are_allowed_only_when_named(serving) -> None:
    asked = {
        "origin": "https://shop.example.com",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    with serving().client() as client:
        assert "access-control-allow-origin" not in client.options("/v1/chat/completions", headers=asked).headers
    with serving(keys=KEY, allow_origins=["https://shop.example.com"]).client() as client:
        assert client.options("/v1/chat/completions", headers=asked).headers["access-control-allow-origin"] == "https://shop.example.com"
        other = client.options("/v1/chat/completions", headers={**asked, "origin": "https://evil.example.com"})
        assert "access-control-allow-origin" not in other.headers


def test_no_key_and_no_personal_data_in_any_sink(serving) -> None:
    desk = serving(keys=KEY, operator_keys=OPERATOR)
    words = f"我叫张三丰，手机 {PHONE}，邮箱 {EMAIL}，卡号 {CARD}，身份证 {ID}"
    with desk.client(KEY) as client, desk.client(OPERATOR) as operator:
        for text in (words, f"{words} break", f"{words} defect", f"{words} half", f"call me: {PHONE}, {EMAIL}"):
            for stream in (False, True):
                client.post("/v1/chat/completions", json=body(text, words, "好的", stream=stream, user=PHONE))
        answer = client.post("/v1/chat/completions", json=body(f"{words} 人工", conversation_id=PHONE)).json()
        assert answer["kefu"]["state"] == "waiting"
        client.post("/v1/ratings", json={"reply_id": answer["id"], "score": 1, "comment": words})
        assert desk.records.flush(30), desk.records.health()
        seen = client.get(f"/v1/conversations/{PHONE}")
        assert seen.status_code == 200, seen.text
        assert seen.json()["state"] == "waiting"
        client.get(f"/nothing/{PHONE}?q={EMAIL}")
        client.post("/v1/chat/completions", content=words.encode())
        client.get("/v1/models", headers={"authorization": f"Bearer {KEY}-wrong"})
        name = operator.get("/v1/operator/conversations").json()["conversations"][0]["conversation_id"]
        assert operator.post(f"/v1/operator/conversations/{name}/take", json={"operator": "王"}).status_code == 200
        assert operator.post(f"/v1/operator/conversations/{name}/reply", json={"operator": "王", "text": f"请打 {PHONE}"}).status_code == 200
        metrics = client.get("/metrics").text
    assert desk.records.flush()
    desk.records.close()
    stored = b"".join(path.read_bytes() for path in desk.folder.iterdir())
    assert "[手机号_1]".encode() in stored  # the words did arrive
    log = desk.log.getvalue()
    assert log.count('"request"') >= 12
    for canary in (KEY, OPERATOR, PHONE, EMAIL, CARD, ID):
        assert canary not in log
        assert canary not in metrics
        assert canary.encode() not in stored
    assert "张三丰" not in log + metrics


def test_old_requests_are_forgotten_by_the_rate_limit_without_a_thread() -> None:
    from limits import RateLimitItemPerSecond
    from limits.strategies import MovingWindowRateLimiter

    from kefu.serve.middleware import _Window

    window = _Window()
    limiter, item = MovingWindowRateLimiter(window), RateLimitItemPerSecond(5)
    assert [limiter.hit(item, "a") for _ in range(7)] == [True] * 5 + [False] * 2
    assert until(lambda: limiter.hit(item, "a"), 3)
    for i in range(50):
        limiter.hit(item, f"k{i}")
    assert len(window.events) >= 50
    assert until(lambda: not window.timer.is_alive(), 2)
    import time

    time.sleep(1.1)
    window._sweep_at = 0.0
    limiter.hit(item, "last")
    assert sum(map(len, window.events.values())) <= 2
    assert not window.timer.is_alive()


def test_keys_that_are_no_characters_are_said_without_the_key() -> None:
    with pytest.raises(ConfigError, match="KEFU_API_KEYS is not UTF-8") as caught:
        keys_from_environment("KEFU_API_KEYS", {"KEFU_API_KEYS": "secret-one,a\udcff"})
    assert "secret-one" not in caught.value.line()
