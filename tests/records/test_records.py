"""Records: masked, never lost in silence, ownership atomic."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kefu.conversation import Turn
from kefu.errors import ConfigError, MissingExtra, StorageError
from kefu.records import Asked, Exchange, Rating, Records, ReplyRecord

PHONE, EMAIL, CARD = "13912345678", "li.wei@example.com", "4111 1111 1111 1111"


@pytest.fixture
def records(tmp_path: Path):
    store = Records(f"sqlite:///{tmp_path}/records.db")
    yield store
    store.close(1)


def exchange(name: str, *texts: str, reply: str | None = "好的", id: str = "", **more) -> Exchange:
    turns = tuple(Turn("customer" if i % 2 == 0 else "agent", text) for i, text in enumerate(texts))
    record = None if reply is None else ReplyRecord(id or f"r-{name}-{len(texts)}", reply, "faq", sources=("Z001",), **more)
    return Exchange(name, turns, record, "zh")


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


def test_personal_data_is_masked_in_every_column(records: Records, tmp_path: Path) -> None:
    said = f"我的手机号是{PHONE}，邮箱 {EMAIL}"
    receipt = {"query": said, "hits": [{"id": "Z001", "note": f"card {CARD}"}], PHONE: 1}
    records.put(exchange("a", said, reply=f"已记录 {PHONE}", receipt=receipt, id="r1"))
    records.put(exchange("b", f"My card is {CARD}, mail {EMAIL}", reply="ok"))
    records.put(Rating("r1", "a", 1, f"打 {PHONE} 没人接"))
    assert records.flush()
    records.ask("c", reason=f"请回电 {PHONE}", by="customer")
    records.take("c", "王")
    message = records.say("c", "王", f"请联系 {EMAIL}")
    assert message is not None
    assert EMAIL not in message.text
    stored = [m.text for m in records.transcript("a")]
    assert stored == ["我的手机号是[手机号_1]，邮箱 [邮箱_1]", "已记录 [手机号_1]"]
    assert "[CARD" in records.transcript("b")[0].text or "[BANK" in records.transcript("b")[0].text or "[CREDIT" in records.transcript("b")[0].text
    records.close()
    raw = everything(tmp_path)
    assert "手机号_1".encode() in raw
    for canary in (PHONE, EMAIL, CARD, CARD.replace(" ", "")):
        assert canary.encode() not in raw


def test_a_history_sent_again_is_stored_once(records: Records) -> None:
    records.put(exchange("a", "一", reply="答一", id="r1"))
    records.put(exchange("a", "一", "答一", "二", reply="答二", id="r2"))
    assert records.flush()
    assert [(m.role, m.text) for m in records.transcript("a")] == [("customer", "一"), ("agent", "答一"), ("customer", "二"), ("agent", "答二")]


def test_a_history_unknown_here_is_stored_whole(records: Records) -> None:
    records.ask("a", reason="customer", by="customer")  # the row stands before the first turn arrives
    records.put(exchange("a", "hello", "hi", "and refunds?", reply="three days"))
    assert records.flush()
    assert [m.text for m in records.transcript("a")] == ["hello", "hi", "and refunds?", "three days"]


def test_a_retry_is_stored_once_but_a_repeated_message_to_a_person_twice(records: Records) -> None:
    records.put(exchange("a", "退款", reply="", id="r1", outcome="error"))
    records.put(exchange("a", "退款", reply="三天", id="r2"))
    records.put(exchange("a", "退款", "三天", "在吗", reply=None))
    records.put(exchange("a", "退款", "三天", "在吗", "在吗", "在吗", reply=None))
    assert records.flush()
    assert [m.text for m in records.transcript("a")] == ["退款", "三天", "在吗", "在吗"]
    assert records.counts()["replies"] == 2


def test_a_later_rating_replaces_the_earlier_and_cases_carry_the_conversation(records: Records) -> None:
    records.put(exchange("a", "怎么退款", reply="不知道", id="r1"))
    records.put(exchange("a", "怎么退款", "不知道", "到底怎么退", reply="三天", id="r2"))
    for score in (5, 1):
        records.put(Rating("r1", "a", score, "没用"))
    records.put(Rating("gone", "a", 1))
    assert records.flush()
    bad = list(records.cases(score_at_most=2))
    assert [(case.reply_id, case.score, case.comment) for case in bad] == [("r1", 1, "没用")]
    assert [turn.text for turn in bad[0].conversation.turns] == ["怎么退款", "不知道"]
    assert len(list(records.cases())) == 2
    assert records.reply_place("r1") == ("a", "")
    assert records.reply_place("gone") is None


def test_of_many_operators_exactly_one_takes(records: Records) -> None:
    for round_ in range(5):
        name = f"c{round_}"
        assert records.ask(name, reason="x", by="customer")
        with ThreadPoolExecutor(8) as pool:
            took = list(pool.map(lambda i, name=name: records.take(name, f"operator-{i}"), range(8)))
        assert took.count(True) == 1
        owner = records.owner(name)
        assert owner is not None
        assert (owner.state, owner.operator, owner.version) == ("human", f"operator-{took.index(True)}", 2)


def test_each_step_is_allowed_only_from_its_state(records: Records) -> None:
    assert not records.take("none", "王")
    assert records.ask("a", reason="x", by="customer")
    assert not records.ask("a", reason="x", by="customer")
    assert records.say("a", "王", "早了") is None
    assert records.take("a", "王")
    assert records.say("a", "李", "不是我的") is None
    assert not records.release("a", "李", only_owner=True)
    assert records.say("a", "王", "您好") is not None
    assert records.release("a", "王", only_owner=True)
    assert not records.release("a", "王")
    assert records.owner("a").state == "bot"
    assert records.ask("a", reason="again", by="assistant")
    assert records.counts()["handoffs"] == 4


def test_a_state_is_told_once(records: Records) -> None:
    records.ask("a", reason="x", by="customer")
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(lambda _: records.tell_once("a", "waiting"), range(4))) == [False, False, False, True]
    records.take("a", "王")
    assert not records.tell_once("a", "waiting")
    assert records.tell_once("a", "human")


def test_the_inbox_shows_who_waits_the_longest_first(records: Records) -> None:
    for name in ("a", "b", "c"):
        records.put(exchange(name, f"{name} 的问题 {PHONE}", reply=None))
        records.flush()
        records.ask(name, reason="投诉", by="assistant", language="zh")
        time.sleep(0.002)
    records.take("b", "王")
    records.release("c", "王")
    found = records.inbox()
    assert [(w.conversation_id, w.state, w.operator) for w in found] == [("a", "waiting", ""), ("b", "human", "王")]
    assert found[0].last_text == "a 的问题 [手机号_1]"


def test_an_absent_database_loses_nothing_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "records.db"
    records = Records(f"sqlite:///{file}")
    records.ping()
    lock = sqlite3.connect(file, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    records.put(exchange("a", "你好"))
    records.put(Asked("a", "x", "assistant"))
    deadline = time.monotonic() + 10
    while not records.health().degraded and time.monotonic() < deadline:
        time.sleep(0.05)
    health = records.health()
    assert health.degraded
    assert health.reason == "OperationalError"
    assert (health.queued, health.written, health.lost) == (2, 0, 0)
    with pytest.raises(StorageError):
        records.ask("b", reason="x", by="customer")
    lock.execute("ROLLBACK")
    lock.close()
    assert records.flush(15)
    assert not records.health().degraded
    assert records.owner("a").state == "waiting"
    assert records.close() == 0


def test_what_does_not_fit_the_queue_is_counted_as_lost(tmp_path: Path) -> None:
    file = tmp_path / "records.db"
    records = Records(f"sqlite:///{file}", room=3)
    records.ping()
    lock = sqlite3.connect(file, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    for i in range(8):
        records.put(exchange(f"c{i}", "你好"))
    lock.execute("ROLLBACK")
    lock.close()
    assert records.flush(15)
    health = records.health()
    assert health.written + health.lost == 8
    assert health.lost >= 1
    assert records.counts()["conversations"] == health.written
    assert records.close() == health.lost


def test_one_record_that_cannot_be_written_takes_no_neighbour_with_it(records: Records) -> None:
    records.put(exchange("a", "一"))
    records.put(exchange("b", "二", prompt_tokens=10**30))  # no database has room for this number
    records.put(exchange("c", "三"))
    assert records.flush()
    health = records.health()
    assert (health.written, health.lost, health.degraded) == (2, 1, False)
    assert [records.owner(name) is not None for name in "abc"] == [True, False, True]


def test_text_that_no_database_can_hold_is_cleaned(records: Records) -> None:
    records.put(exchange("a", "零\x00字节 \ud800 代理"))
    assert records.flush()
    assert records.transcript("a")[0].text == "零字节 ? 代理"


def test_an_identifier_that_is_personal_data_is_hashed(records: Records) -> None:
    records.ping()
    assert records.opaque("chat-3f2a") == "chat-3f2a"
    hashed = records.opaque(PHONE)
    assert PHONE not in hashed
    assert hashed == records.opaque(PHONE)


@pytest.mark.parametrize(
    "identifier",
    [
        "user-13800138000",
        "u_13800138000",
        "wx.13800138000",
        "tel.138-0013-8000",
        "id110101199003078515",
        "6222021234567890123_a",
        "1:3:8:0:0:1:3:8000",
    ],
)
def test_an_identifier_with_the_digits_of_a_number_is_hashed_and_found_again(records: Records, tmp_path: Path, identifier: str) -> None:
    name = records.opaque(identifier)
    assert not {identifier, "13800138000"} & {name}
    assert records.opaque(identifier) == records.opaque(name) == name
    records.put(exchange(name, "怎么退款"))
    assert records.flush()
    assert records.owner(records.opaque(identifier)) is not None


def test_identifiers_that_kefu_makes_stay(records: Records) -> None:
    for name in ("conv-" + "13800138000" + "a" * 21, "c-42", "order-desk-7"):
        assert records.opaque(name) == name
    assert records.opaque("conv-13800138000") != "conv-13800138000"


def test_what_was_told_earlier_is_masked_in_the_reply_and_the_receipt(records: Records) -> None:
    turns = (Turn("customer", "我叫欧阳娜娜"), Turn("agent", "您好"), Turn("customer", "欧阳娜娜的订单呢"))
    reply = ReplyRecord("r-1", "欧阳娜娜您好", receipt={"query": "欧阳娜娜的订单呢", "kind": "answer"})
    records.put(Exchange("a", turns, reply))
    assert records.flush()
    (case,) = records.cases()
    assert case.receipt == {"query": "[姓名_1]的订单呢", "kind": "answer"}
    assert [turn.text for turn in case.conversation.turns] == ["我叫[姓名_1]", "您好", "[姓名_1]的订单呢", "[姓名_1]您好"]


def test_urls_that_can_never_work_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"serve\.records"):
        Records("not a url")
    with pytest.raises(ConfigError):
        Records("nosuchdialect://x/y")
    with pytest.raises(MissingExtra):
        Records("mssql+pymssql://u:secret@localhost/x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="cannot make"):
        Records(f"sqlite:///{tmp_path}/file/sub/records.db")


def test_a_database_of_another_version_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/records.db"
    first = Records(url)
    first.ping()
    first.close()
    with sqlite3.connect(tmp_path / "records.db") as connection:
        connection.execute("UPDATE facts SET value = '99' WHERE name = 'schema'")
    connection.close()
    second = Records(url)
    with pytest.raises(StorageError, match="another version"):
        second.ping()
    second.close(0.1)


def test_an_identifier_is_hashed_alike_before_and_after_the_first_write(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    first = Records(url)
    name = first.opaque("13812345678")
    first.ping()
    assert first.opaque("13812345678") == name != "13812345678"
    first.close()
    again = Records(url)
    assert again.opaque("13812345678") == name, "every process knows it under the same name"
    assert Records(f"sqlite:///{tmp_path / 'other.db'}").opaque("13812345678") != name
    again.close()
