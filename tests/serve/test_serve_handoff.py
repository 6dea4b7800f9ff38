"""From the assistant to a person and back, over HTTP."""

from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from served import body, until

from kefu.records import Records

DESK = "/v1/operator/conversations"


@pytest.mark.parametrize(
    ("ask", "queue", "joined"),
    [("我要人工", "人工客服正在赶来", "人工客服已接入"), ("a human please", "A person is on the way", "A person has joined")],
)
def test_the_whole_way_and_back(desk, ask: str, queue: str, joined: str) -> None:
    with desk.client() as client:

        def say(text: str) -> dict:
            return client.post("/v1/chat/completions", json=body(text, conversation_id="c-1")).json()

        def act(step: str, **more) -> int:
            return client.post(f"{DESK}/c-1/{step}", json={"operator": "小王", **more}).status_code

        first = say(ask)
        assert (first["kefu"]["state"], first["kefu"]["handoff"]) == ("waiting", True)
        begun = desk.peer.begun
        said = [say(text)["choices"][0]["message"]["content"] for text in (ask, ask, ask)]
        assert said[0].startswith(queue)
        assert said[1:] == ["", ""], "the state is told once"
        assert [(c["conversation_id"], c["state"], c["reason"]) for c in client.get(DESK).json()["conversations"]] == [
            ("c-1", "waiting", "asks_person")
        ]
        assert act("reply", text="早了") == 409
        assert act("take") == 200
        assert act("take") == 409
        assert say(ask)["choices"][0]["message"]["content"].startswith(joined)
        assert say(ask)["choices"][0]["message"]["content"] == ""
        assert act("reply", text="您好，请讲") == 200
        view = client.get("/v1/conversations/c-1").json()
        assert (view["state"], view["operator"], [m["text"] for m in view["messages"]]) == ("human", "小王", ["您好，请讲"])
        assert client.get("/v1/conversations/c-1", params={"after": view["messages"][-1]["id"]}).json()["messages"] == []
        assert [seen.meta["owner"] for seen in desk.peer.seen[begun:]] == ["waiting"] * 3 + ["human"] * 2  # asked, and kept silent
        begun = desk.peer.begun
        assert act("release") == 200
        assert act("reply", text="晚了") == 409
        assert say("退款")["kefu"]["state"] == "bot"
        assert desk.peer.begun == begun + 1
        assert desk.peer.seen[-1].meta == {"owner": "bot"}
        kept = [m["role"] for m in client.get(f"{DESK}/c-1").json()["messages"]]
        assert kept == ["customer", "agent", "customer", "customer", "customer", "customer", "customer", "operator", "customer", "agent"]
        metrics = client.get("/metrics").text
        assert all(f'kefu_handoffs_total{{step="{step}"}} 1.0' in metrics for step in ("ask", "take", "release"))


def test_who_has_heard_the_operator_is_not_told_that_one_joined(desk) -> None:
    with desk.client() as client:
        for text in ("我要人工", "在吗"):
            client.post("/v1/chat/completions", json=body(text, conversation_id="c-1"))
        for step, more in (("take", {}), ("reply", {"text": "您好，我是小王"})):
            assert client.post(f"{DESK}/c-1/{step}", json={"operator": "小王", **more}).status_code == 200
        answer = client.post("/v1/chat/completions", json=body("订单坏了", conversation_id="c-1")).json()
        assert (answer["choices"][0]["message"]["content"], answer["kefu"]["state"]) == ("", "human")


def test_danger_is_answered_whoever_owns_the_conversation(desk) -> None:
    with desk.client() as client:

        def say(text: str) -> tuple[str, str]:
            answer = client.post("/v1/chat/completions", json=body(text, conversation_id="c-1")).json()
            return answer["choices"][0]["message"]["content"], answer["kefu"]["state"]

        say("我要人工")
        assert say("我不想活了") == ("请马上拨打热线。", "waiting")
        client.post(f"{DESK}/c-1/take", json={"operator": "小王"})
        assert say("我不想活了") == ("请马上拨打热线。", "human")


def test_a_customer_who_takes_the_call_back_is_answered_again(desk) -> None:
    with desk.client() as client:

        def say(text: str) -> tuple[str, str]:
            answer = client.post("/v1/chat/completions", json=body(text, conversation_id="c-1")).json()
            return answer["choices"][0]["message"]["content"], answer["kefu"]["state"]

        say("我要人工")
        assert say("不用了，退款多久") == ("您好，退款在三个工作日内到账。", "bot")
        assert client.get(DESK).json()["conversations"] == []
        say("我要人工")
        client.post(f"{DESK}/c-1/take", json={"operator": "小王"})
        assert say("不用了，退款多久")[1] == "human"


def test_two_operators_take_at_once_and_one_gets_it(desk) -> None:
    with desk.client() as client, ThreadPoolExecutor(6) as pool:
        for i in range(4):
            assert client.post(f"/v1/conversations/c-{i}/handoff", json={"language": "zh"}).json()["notice"].startswith("好的")
            answers = list(pool.map(lambda name, i=i: client.post(f"{DESK}/c-{i}/take", json={"operator": name}), ["甲", "乙", "丙", "丁"]))
            assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
            winner = next(answer.json()["operator"] for answer in answers if answer.status_code == 200)
            assert all(winner in answer.json()["error"]["message"] for answer in answers if answer.status_code == 409)


def test_the_button_asks_once_and_the_customer_can_go_back(desk) -> None:
    with desk.client() as client:
        path = "/v1/conversations/c-1/handoff"
        first, second = client.post(path, json={"language": "en"}).json(), client.post(path, json={"language": "en"}).json()
        assert first["state"] == second["state"] == "waiting"
        assert first["notice"].startswith("You have been put in the queue")
        assert second["notice"] == ""
        assert client.delete(path, params={"language": "en"}).json() == {
            "conversation_id": "c-1",
            "state": "bot",
            "operator": "",
            "notice": "You are back with the assistant. Please go on.",
        }
        assert client.get(DESK).json()["conversations"] == []
        assert client.delete("/v1/conversations/none/handoff").status_code == 404


def test_another_operator_needs_force_to_give_back(desk) -> None:
    with desk.client() as client:
        client.post("/v1/conversations/c-1/handoff", json={})
        client.post(f"{DESK}/c-1/take", json={"operator": "甲"})
        assert client.post(f"{DESK}/c-1/release", json={"operator": "乙"}).status_code == 409
        assert client.post(f"{DESK}/c-1/release", json={"operator": "乙", "force": True}).json()["state"] == "bot"
        assert client.post(f"{DESK}/nobody/take", json={"operator": "甲"}).status_code == 404


def test_an_operators_number_reaches_the_customer_but_not_the_records(desk) -> None:
    with desk.client() as client:
        client.post("/v1/conversations/c-1/handoff", json={})
        client.post(f"{DESK}/c-1/take", json={"operator": "甲"})
        stored = client.post(f"{DESK}/c-1/reply", json={"operator": "甲", "text": "请拨打 13912345678"}).json()
        assert stored["text"] == "请拨打 [手机号_1]"
        assert client.get("/v1/conversations/c-1").json()["messages"][0]["text"] == "请拨打 13912345678"


def test_a_caller_without_a_conversation_is_not_put_in_the_queue(desk) -> None:
    with desk.client() as client:
        answer = client.post("/v1/chat/completions", json=body("我要人工")).json()["kefu"]
        assert (answer["handoff"], answer["state"]) == (True, "bot")  # nobody could reach this customer again
        assert client.get(DESK).json()["conversations"] == []
        named = client.post("/v1/chat/completions", json=body("我要人工"), headers={"x-conversation-id": "c-9"})
        assert named.headers["x-conversation-id"] == "c-9"
        assert named.json()["kefu"]["state"] == "waiting"


def test_answers_go_on_without_the_database_and_everything_is_written_after(desk) -> None:
    with desk.client() as client:
        assert client.post("/v1/chat/completions", json=body("一", conversation_id="c-0")).status_code == 200
        client.post("/v1/conversations/c-held/handoff", json={})
        assert desk.records.flush()
        lock = sqlite3.connect(desk.folder / "records.db", isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
        for i in range(6):
            answer = client.post("/v1/chat/completions", json=body("退款", conversation_id=f"c-{i}"))
            assert (answer.status_code, answer.json()["kefu"]["tier"]) == (200, "faq")
        handed = client.post("/v1/chat/completions", json=body("人工", conversation_id="c-late")).json()
        assert handed["kefu"]["state"] == "waiting"
        assert client.post("/v1/chat/completions", json=body("在吗", conversation_id="c-late")).json()["kefu"]["tier"] == "person"
        assert client.post("/v1/chat/completions", json=body("在吗", conversation_id="c-held")).json()["kefu"]["tier"] == "person", (
            "a person's conversation stays theirs"
        )
        assert until(lambda: client.get("/readyz").json()["records"]["degraded"], 8)
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["records"]["queued"] >= 8
        assert "kefu_records_degraded 1.0" in client.get("/metrics").text
        inbox = client.get(DESK)
        assert (inbox.status_code, inbox.json()["error"]["code"]) == (503, "records_unavailable")
        lock.execute("ROLLBACK")
        lock.close()
        assert desk.records.flush(15)
        assert until(lambda: not client.get("/readyz").json()["records"]["degraded"], 8)
        assert client.get("/readyz").json()["records"]["lost"] == 0
        assert {c["conversation_id"] for c in client.get(DESK).json()["conversations"]} == {"c-late", "c-held"}
        assert desk.records.counts()["replies"] == 8


def test_a_database_that_swallows_calls_holds_up_neither_answers_nor_probes(serving, tmp_path) -> None:
    class BlackHole(Records):
        """Accepts every call and answers none, like a server behind a dropped route."""

        back = threading.Event()

        def ping(self) -> None:
            self.back.wait(20)

        def owner(self, conversation_id: str):
            self.back.wait(20)
            return super().owner(conversation_id)

    desk = serving(records=BlackHole(f"sqlite:///{tmp_path}/hole.db"))
    with desk.client() as client:
        took = []
        for i in range(4):
            began = time.monotonic()
            assert client.post("/v1/chat/completions", json=body(conversation_id=f"c-{i}")).status_code == 200
            took.append(time.monotonic() - began)
        assert took[0] < 6
        assert max(took[1:]) < 1.5, "only the first found out; nobody else waits"
        began = time.monotonic()
        ready = client.get("/readyz")
        assert time.monotonic() - began < 1.5
        assert (ready.status_code, ready.json()["records"]["degraded"], ready.json()["records"]["reason"]) == (200, True, "no answer in time")
        BlackHole.back.set()
        assert until(lambda: not client.get("/readyz").json()["records"]["degraded"], 10)


def test_ratings(desk) -> None:
    with desk.client() as client:
        answer = client.post("/v1/chat/completions", json=body()).json()
        for score in (5, 1):
            assert client.post("/v1/ratings", json={"reply_id": answer["id"], "score": score, "comment": "不对"}).json() == {
                "reply_id": answer["id"],
                "score": score,
            }
        for wrong in ({"reply_id": answer["id"], "score": 6}, {"reply_id": answer["id"]}, {"reply_id": answer["id"], "score": True}):
            assert client.post("/v1/ratings", json=wrong).status_code == 400
        assert client.post("/v1/ratings", json={"reply_id": "chatcmpl-none", "score": 1}).status_code == 404
    assert desk.records.flush()
    assert [(case.score, case.comment) for case in desk.records.cases(score_at_most=2)] == [(1, "不对")]


def test_a_telephone_number_as_id_or_operator_stays_out_of_the_records(desk) -> None:
    with desk.client() as client:
        client.post("/v1/chat/completions", json=body("我要人工", conversation_id="user-13800138000"))
        kept = client.get(DESK).json()["conversations"][0]["conversation_id"]
        refused = client.post(f"{DESK}/{kept}/take", json={"operator": "13800138000"})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "operator")
        assert client.post(f"{DESK}/user-13800138000/take", json={"operator": "小王"}).status_code == 200, "the customer's own id is known too"
        assert client.post(f"{DESK}/{kept}/reply", json={"operator": "小王", "text": "您好"}).status_code == 200
        assert [m["text"] for m in client.get("/v1/conversations/user-13800138000").json()["messages"]] == ["您好"]
    desk.records.flush()
    files = list(desk.folder.glob("*.db*"))
    assert files
    assert b"13800138000" not in b"".join(file.read_bytes() for file in files)
