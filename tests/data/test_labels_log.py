"""The label logs: nothing lost, nothing twice, whoever writes and whatever dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kefu.data.labelling import LabelLog, read_logs
from kefu.data.labelling.queue import order, swapped
from kefu.errors import ConfigError


def test_the_last_answer_holds_and_the_history_stays(tmp_path: Path) -> None:
    log = LabelLog(tmp_path, "李雷")
    first, new = log.write("quality", "t-1", "good", "op-1", "d")
    again, twice = log.write("quality", "t-1", "good", "op-1", "d")
    assert new and not twice and again == first and first.revision == 1
    assert log.write("quality", "t-1", "bad", "op-2", "d")[0].revision == 2
    log.write("category", "t-1", "退款", "op-3", "d")
    assert {item: answer.value for item, answer in log.current("quality").items()} == {"t-1": "bad"}
    fresh = LabelLog(tmp_path, "李雷")
    assert fresh.current("quality") == log.current("quality") and fresh.current("category")["t-1"].value == "退款"
    rows = [json.loads(line) for line in log.path.read_text("utf-8").splitlines()]
    assert [(row["value"], row["revision"]) for row in rows] == [("good", 1), ("bad", 2), ("退款", 1)]


def test_undo_goes_back_step_by_step_and_once_for_each_op(tmp_path: Path) -> None:
    log = LabelLog(tmp_path, "a")
    for op, item, value in (("1", "x", "good"), ("2", "x", "bad"), ("3", "y", "good")):
        log.write("quality", item, value, op, "d")
    log.write("category", "x", "c", "4", "d")
    assert log.undo("quality", "u1").item == "y" and set(log.current("quality")) == {"x"}
    assert log.undo("quality", "u1").item == "y" and log.current("quality")["x"].value == "bad"
    assert log.undo("quality", "u2").value == "good" and log.current("quality")["x"].value == "good"
    assert LabelLog(tmp_path, "a").undo("quality", "u3").value is None
    assert log.undo("quality", "u4") is None and log.current("quality") == {}
    assert log.current("category")["x"].value == "c"
    assert log.write("quality", "x", "bad", "5", "d")[0].revision == 5, "revisions go on, they never start again"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from(["good", "bad", "undo"])), max_size=25))
def test_any_history_reads_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]]) -> None:
    log = LabelLog(tmp_path_factory.mktemp("log"), "a")
    held: list[dict[str, str]] = [{}]
    for number, (item, said) in enumerate(steps):
        if said == "undo":
            log.undo("quality", f"op{number}")
            held = held[:-1] or [{}]
        else:
            log.write("quality", item, said, f"op{number}", "d")
            held.append({**held[-1], item: said})
    for one in (log, LabelLog(log.path.parent, "a")):
        assert {item: answer.value for item, answer in one.current("quality").items()} == held[-1]


def test_half_a_row_is_counted_and_harms_no_other(tmp_path: Path) -> None:
    log = LabelLog(tmp_path, "a")
    log.write("quality", "x", "good", "1", "d")
    with open(log.path, "ab") as handle:
        handle.write(b'{"op": "2", "task": "qual')
    for reader in (log, LabelLog(tmp_path, "a")):
        assert set(reader.current("quality")) == {"x"}
    log.write("quality", "y", "bad", "2", "d")
    other = LabelLog(tmp_path, "a")
    assert {item: answer.value for item, answer in other.current("quality").items()} == {"x": "good", "y": "bad"} and other.torn == 1
    log.path.write_text("")  # put back by hand, or another branch checked out
    assert log.current("quality") == {}


def test_threads_and_tabs_write_at_once(tmp_path: Path) -> None:
    logs = [LabelLog(tmp_path, "a") for _ in range(4)]

    def work(n: int) -> None:
        for i in range(15):
            logs[n].write("quality", f"t-{i % 5}", "good", f"op-{n}-{i}", "d")
            logs[n].write("quality", f"t-{i % 5}", "good", f"op-0-{i}", "d")  # everybody sends the first one's too

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = [json.loads(line) for line in logs[0].path.read_text("utf-8").splitlines()]
    assert len(rows) == len({row["op"] for row in rows}) == 60
    for item in {row["item"] for row in rows}:
        revisions = [row["revision"] for row in rows if row["item"] == item]
        assert revisions == list(range(1, len(revisions) + 1)), "every revision once and in order"


_WRITER = """
    import sys, time
    from pathlib import Path
    from kefu.data.labelling import LabelLog
    log = LabelLog(Path(sys.argv[1]), "a")
    for i in range(100000):
        log.write("quality", f"t-{i}", "good" * 50, f"{sys.argv[2]}-{i}", "d")
        print(i, flush=True)
"""


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    for turn in range(3):
        children = [
            subprocess.Popen([sys.executable, "-c", textwrap.dedent(_WRITER), str(tmp_path), f"{turn}{n}"], stdout=subprocess.PIPE, text=True)
            for n in range(2)
        ]
        for child in children:
            child.stdout.readline()
        time.sleep(0.15 * (turn + 1))
        for child in children:
            os.kill(child.pid, signal.SIGKILL)
        for n, child in enumerate(children):
            acknowledged |= {f"{turn}{n}-{i}" for i in [0, *map(int, child.communicate()[0].split())]}
    log = LabelLog(tmp_path, "a")
    log.write("quality", "after", "good", "after", "d")
    ops = [json.loads(line)["op"] for line in log.path.read_text("utf-8").splitlines() if line.strip() and line.endswith("}")]
    assert acknowledged <= set(ops) and len(ops) == len(set(ops)) and len(acknowledged) > 6


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a" * 41, " a", "a\n", "x\x00"])
def test_names_that_are_no_file_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="annotator"):
        LabelLog(tmp_path, name)


def test_logs_of_a_project(tmp_path: Path) -> None:
    assert read_logs(tmp_path) == []
    for name in ("乙", "甲", "Han Meimei"):
        LabelLog(tmp_path / "labels", name).write("quality", "x", "good", name, "d")
    assert sorted(log.annotator for log in read_logs(tmp_path)) == sorted(["乙", "甲", "Han Meimei"])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(0, 120), st.floats(0, 1), st.integers(0, 9))
def test_queues_share_what_they_should_and_leave_nothing_out(people: int, size: int, overlap: float, seed: int) -> None:
    items, names = [f"t-{i}" for i in range(size)], [f"p{n}" for n in range(people)]
    queues = [order(items, name, names, overlap, seed) for name in names]
    assert all(len(queue) == len(set(queue)) for queue in queues)
    assert set().union(*map(set, queues)) == set(range(size))
    everybody = set.intersection(*map(set, queues)) if queues else set()
    for i in range(size):
        holders = sum(i in queue for queue in queues)
        assert holders == (people if i in everybody else 1)
    assert queues == [order(items, name, names, overlap, seed) for name in names], "the same again"


def test_shared_items_come_early_and_each_has_an_order_of_their_own() -> None:
    items, names = [f"t-{i}" for i in range(400)], ["a", "b", "c"]
    queues = {name: order(items, name, names, 0.25, 7) for name in names}
    shared = set.intersection(*map(set, queues.values()))
    assert 60 < len(shared) < 140
    begun = set(queues["a"][:40]) & set(queues["b"][:40])
    assert len(begun) >= 10, "forty answers each must already share some"
    assert queues["a"][:10] != queues["b"][:10]
    assert [i for i in queues["a"] if i in shared] != [i for i in queues["b"] if i in shared]
    joined = order(items, "a", [*names, "d"], 0.25, 7)
    assert set(joined) <= set(queues["a"]), "whoever joins takes items and brings none back"
    sides = [swapped(item, "a", 7) for item in items]
    assert 140 < sum(sides) < 260 and sides != [swapped(item, "b", 7) for item in items]
