"""A build in batches: the same bytes whoever does the work, nothing lost when somebody is killed, memory that stays flat."""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kefu import data
from kefu.artifacts import fingerprint_files
from kefu.conversation import Conversation, Turn
from kefu.data import spool as spools
from kefu.data import workers
from kefu.errors import ConfigError, GateError, InputError, KefuError
from kefu.project import Loaded

from .desk import ZH, dialogue, jsonl, rows_of, table

Make = Callable[..., Loaded]
LOGS = {"name": "logs", "shape": "dialogues", "path": "logs.jsonl"}
FAQ = {"name": "faq", "shape": "faq", "path": "faq.csv"}
TOPICS = ["发票", "报表", "成员", "网页", "合同", "权限", "移动端", "打印机", "日志", "季度付款", "回收站", "共享链接"]


def talks(count: int, seed: int = 3) -> Iterator[dict[str, Any]]:
    """Dialogues with words of their own, some of them twice, some nearly so, with persons' data and unknown senders."""
    r = random.Random(seed)
    made: list[dict[str, Any]] = []
    for i in range(count):
        draw = r.random()
        if made and draw < 0.1:
            row = json.loads(json.dumps(r.choice(made[-50:])))
            row["messages"][-1]["text"] += "" if draw < 0.05 else "哈"
        else:
            own = "".join(chr(0x4E00 + r.randrange(3000)) for _ in range(24))
            topic = r.choice(TOPICS)
            phone = f"，我的手机是13{r.randrange(10**9):09d}" if draw > 0.9 else ""
            row = dialogue(
                i,
                ("customer", f"<b>{topic}</b>在{own[:12]}里打不开{phone}，第{r.randrange(10**6)}次了"),
                ("staff", f"您好，{topic}请在设置里重新打开，{own[12:]}"),
                (r.choice(["customer", "customer", "陌生人"]), "好的谢谢"),
                category=topic,
            )
            made.append(row)
        row["ticket_id"], row["customer_id"] = f"T{i if draw < 0.99 else 1}", f"c-{r.randrange(count // 3)}"
        yield row


def company(folder: Path, count: int) -> None:
    with open(folder / "logs.jsonl", "w", encoding="utf-8") as handle:
        for i, row in enumerate(talks(count)):
            handle.write(jsonl([row]) if i % 97 else '{"broken": \n')
    (folder / "faq.csv").write_bytes(table(ZH))


def prints(out: Path) -> dict[str, str]:
    return fingerprint_files([path for path in out.rglob("*") if path.is_file()], out)


def test_the_bytes_do_not_depend_on_who_does_the_work(tmp_path: Path, project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    company(tmp_path, 700)
    found = []
    with monkeypatch.context() as patched:
        patched.setattr(workers, "_ALONE", 1)
        patched.setattr("kefu.data.workers.BATCH", 64)
        for count in (1, 2):
            out = tmp_path / f"out{count}"
            facts = data.build(project(FAQ, LOGS, workers=count), out)
            found.append(prints(out))
            assert not (out / spools.FOLDER).exists()
    data.build(project(FAQ, LOGS, workers=1), tmp_path / "whole")
    found.append(prints(tmp_path / "whole"))  # nor on how it is cut into batches
    assert found[0] == found[1] == found[2]
    assert {"exact duplicate", "near-duplicate", "broken JSON"} <= set(facts["dropped_reasons"])
    assert facts["splits"]["test"] and facts["masked"]["cn_mobile"]


def test_messages_of_a_conversation_stand_anywhere(tmp_path: Path, project: Make) -> None:
    said = {row["ticket_id"]: row["messages"] for row in talks(60)}
    rows = [{"cid": name, "sender": one["from"], "text": one["text"], "n": n} for name, turns in said.items() for n, one in enumerate(turns)]
    columns = {"conversation": "cid", "role": "sender", "text": "text", "order": "n"}
    source = {"name": "chat", "shape": "messages", "path": "chat.jsonl", "map": columns}
    found = []
    for name in ("sorted", "mixed"):
        (tmp_path / "chat.jsonl").write_text(jsonl(rows), "utf-8")
        data.build(project(source, dedup={"near": False}), tmp_path / name)
        found.append({tuple(turn["text"] for turn in row["turns"]) for row in rows_of(tmp_path / name / "conversations.jsonl")})
        random.Random(1).shuffle(rows)
    assert found[0] == found[1] and len(found[0]) > 45


# -- bad days ------------------------------------------------------------------------------------------------

WORK = """
import os, signal
class Work:
    def __init__(self, setup): self.setup = setup
    def __call__(self, batch):
        if batch in self.setup["kill"] and not os.path.exists(self.setup["mark"] + str(batch)):
            open(self.setup["mark"] + str(batch), "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        if batch == self.setup.get("always"):
            os.kill(os.getpid(), signal.SIGKILL)
        if batch == self.setup.get("wrong"):
            from kefu.errors import ConfigError
            raise ConfigError("data.x is wrong", "for a reason", "correct it", faults=["one"])
        return batch * 2
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "dying_work.py").write_text(WORK, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setattr(workers, "_ALONE", 0)
    from dying_work import Work  # type: ignore[import-not-found]

    return Work


def test_a_killed_worker_costs_nothing_but_time(tmp_path: Path, work: Any) -> None:
    with workers.crew("local", 2, tmp_path) as crew:
        setup = {"kill": [0, 7, 8], "mark": str(tmp_path / "mark")}
        assert list(crew.map(work, setup, range(30))) == [2 * i for i in range(30)]
        assert len(list(tmp_path.glob("mark*"))) == 3


def test_a_batch_that_always_kills_is_named_in_one_line(tmp_path: Path, work: Any) -> None:
    with (
        workers.crew("local", 2, tmp_path) as crew,
        pytest.raises(InputError, match=r"a worker process died 3 times.*set data\.workers: 1") as caught,
    ):
        list(crew.map(work, {"kill": [], "mark": "", "always": 3}, range(30)))
    assert "\n" not in caught.value.line()


def test_an_error_comes_from_a_worker_as_it_is(tmp_path: Path, work: Any) -> None:
    with workers.crew("local", 2, tmp_path) as crew, pytest.raises(ConfigError, match=r"data\.x is wrong: for a reason; correct it") as caught:
        list(crew.map(work, {"kill": [], "mark": "", "wrong": 5}, range(30)))
    assert caught.value.faults == ["one"] and caught.value.fix == "correct it"


def _started(tmp_path: Path, count: int) -> subprocess.Popen[str]:
    company(tmp_path, count)
    (tmp_path / "kefu.yaml").write_text("name: t\ndata: {workers: 2, sources: [{name: logs, shape: dialogues, path: logs.jsonl}]}\n", "utf-8")
    command = [sys.executable, "-m", "kefu", "data", "build", str(tmp_path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _workers_of(running: subprocess.Popen[str]) -> list[int]:
    """The worker processes, once they are at work."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and running.poll() is None:
        found = [pid for pid in _children(running.pid) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        if len(found) == 2:
            return found
        time.sleep(0.05)
    raise AssertionError(f"no workers: {running.communicate()}")


def _gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if not [
            pid for pid in pids if Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        ]:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_kill_and_interrupt_leave_nothing(tmp_path: Path) -> None:
    """kill -9 of the parent ends its workers too; the next run sweeps the draft; an interrupt is one line and 130."""
    running = _started(tmp_path, 6000)
    children = _workers_of(running)
    os.kill(running.pid, signal.SIGKILL)
    running.communicate(timeout=60)
    assert _gone(children)
    assert not list((tmp_path / "build").glob("data/t/*/manifest.json"))
    running = _started(tmp_path, 6000)
    children = _workers_of(running)
    assert len(list((tmp_path / "build").glob("data/t/.draft-*"))) == 1  # only the one at work
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130 and said.strip().splitlines()[-1].startswith("error: interrupted"), said
    assert "Traceback" not in said
    assert _gone(children)
    assert not list((tmp_path / "build").rglob(spools.FOLDER))


LIMITED = """
import resource, sys
if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
    sys.argv = ["kefu", "data", "build", sys.argv[2]]
    from kefu.cli import main
    main()
"""


@pytest.mark.parametrize("most", [pytest.param(40_000, marks=pytest.mark.long), 400_000])  # the first batch, and later ones
def test_a_file_that_may_not_grow_leaves_nothing(tmp_path: Path, most: int) -> None:
    """What waits on the disk meets the limit first: whoever meets it, one line is said and no draft stays."""
    company(tmp_path, 2500)
    (tmp_path / "limited.py").write_text(LIMITED, "utf-8")
    (tmp_path / "kefu.yaml").write_text("name: t\ndata: {workers: 1, sources: [{name: logs, shape: dialogues, path: logs.jsonl}]}\n", "utf-8")
    command = [sys.executable, str(tmp_path / "limited.py"), str(most), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("error: cannot write") and "free disk space" in done.stderr
    assert not [path for path in (tmp_path / "build").glob("data/*/*") if path.name != ".lock" and path.suffix != ".lock"]


# -- nothing goes in silence -----------------------------------------------------------------------------------


def test_a_step_that_finds_most_rows_of_no_use_says_so(tmp_path: Path, project: Make, out: Path) -> None:
    rows = [dialogue(i, ("customer", f"第{i}个问题{chr(0x4E00 + i)}"), *([("staff", "好的，已处理")] if i % 3 == 0 else [])) for i in range(60)]
    (tmp_path / "logs.jsonl").write_text(jsonl(rows), "utf-8")
    facts = data.build(project(LOGS, clean={"max_drop_share": 0.7}), out)
    assert facts["conversations"] == 20
    assert "clean: 40 of 60 conversations were of no use (no agent answer 40); excluded.jsonl lists them" in facts["notes"]


def test_half_a_surrogate_does_not_stop_the_build(tmp_path: Path, project: Make, out: Path) -> None:
    rows = [row for row in talks(30) if row["messages"][-1]["from"] != "陌生人"]
    (tmp_path / "logs.jsonl").write_text(jsonl(rows)[:-1].replace("好的谢谢", "好的\\ud83d谢谢") + "\n", "utf-8")
    assert data.build(project(LOGS), out)["conversations"] >= 3


def test_a_dataset_class_may_look_at_all_that_stay(tmp_path: Path, project: Make, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_ALONE", 0)
    monkeypatch.setattr("kefu.data.workers.BATCH", 16)
    company(tmp_path, 100)
    (tmp_path / "own.py").write_text(
        "from kefu.data import SupportDataset\n"
        "class Own(SupportDataset):\n"
        "    def label(self, conversation):\n"
        "        return f'{len(self)}-{self[len(self) - 1].id}-{self.conversations[0].label}'\n",
        "utf-8",
    )
    facts = data.build(project(LOGS, dataset_class="own.py:Own", workers=2), out)
    last = rows_of(out / "conversations.jsonl")[-1]
    assert facts["labels"]["dialogue"] == {f"{facts['conversations']}-{last['id']}-None": facts["conversations"]}


@pytest.mark.parametrize("by", ["rules", pytest.param("classifier", marks=pytest.mark.long)])
def test_conversations_that_people_label_are_not_held(
    tmp_path: Path, project: Make, out: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:  # fmt: skip
    """Only those of a batch and those that people labelled are in memory while they are labelled; what people said holds."""
    monkeypatch.setattr(workers, "BATCH", 16)
    company(tmp_path, 600)
    label = [{"id": f"logs:T{i}", "label": ["good", "fair", "bad"][i % 3], "intervention": 0 if i % 2 else None} for i in range(60)]
    (tmp_path / "people.jsonl").write_text(jsonl(label), "utf-8")
    held: list[int] = []
    plain = spools.Spool.replace

    def replace(self: Any, index: int, line: bytes) -> None:
        if index % 10 == 0:
            held.append(sum(type(one) is Conversation for one in gc.get_objects()))
        plain(self, index, line)

    monkeypatch.setattr(spools.Spool, "replace", replace)
    gc.collect()
    before = sum(type(one) is Conversation for one in gc.get_objects())
    facts = data.build(project(FAQ, LOGS, workers=1, labels={"by": by, "people": "people.jsonl"}), out)
    assert facts["conversations"] > 500 and len(held) > 50
    assert max(held) - before <= 60 + 16 * 4, held
    said = {row["id"]: (row["label"], row["intervention"]) for row in label}
    rows = {row["id"]: (row["label"], row["intervention"]) for row in rows_of(out / "conversations.jsonl")}
    assert len(both := said.keys() & rows.keys()) > 40 and all(said[name] == rows[name] for name in both)


def test_who_does_the_work_is_no_reason_to_do_it_again(tmp_path: Path, project: Make) -> None:
    from kefu.pipeline.run import Outcome
    from kefu.pipeline.stages import PLANS

    company(tmp_path, 20)
    plans = [PLANS["data"](loaded, Outcome(loaded)) for loaded in (project(LOGS), project(LOGS, workers=2, engine="ray"))]
    assert plans[0].settings == plans[1].settings and plans[0].inputs == plans[1].inputs


# -- the parts -------------------------------------------------------------------------------------------------


def test_seen_is_a_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools.Seen, "_NEWEST", 8)
    r, seen, truth = random.Random(1), spools.Seen(), set()
    for _ in range(2000):
        value = r.choice([r.randrange(500), 2**64 - 1 - r.randrange(500)])
        assert seen.add(value) == (value not in truth)
        truth.add(value)
        assert len(seen) == len(truth)


def test_a_shelf_gives_back_what_it_was_given(tmp_path: Path) -> None:
    shelf = spools.Shelf(tmp_path)
    things: list[Any] = [("a", 1), {"x": [None, 2.5]}, "字\ud800"]
    places = [shelf.put(thing) for thing in things]
    assert list(shelf) == things and [shelf.get(place) for place in reversed(places)] == things[::-1]
    assert list(spools.Shelf(tmp_path)) == [] and not list(tmp_path.iterdir())
    shelf.close()


def test_a_wide_column_gives_its_parts(tmp_path: Path) -> None:
    column = spools.Column("u4", 3, tmp_path)
    blocks = [np.arange(12, dtype=np.uint32).reshape(3, 4), np.arange(30, 36, dtype=np.uint32).reshape(3, 2)]
    for block in blocks:
        column.extend(block.tobytes())
    assert column.part(1).tolist() == [4, 5, 6, 7, 32, 33]
    column.close()


def test_a_spool_keeps_order_and_replacements(tmp_path: Path) -> None:
    spool = spools.Spool(tmp_path, spools.unpack)
    talks_ = [Conversation(f"c{i}", [Turn("customer", f"问{i}"), Turn("bot", "答", "2026-01-01T00:00:00")], meta={"a": [i]}) for i in range(5)]
    lines = [spools.pack(one) for one in talks_]
    spool.extend(b"".join(lines), np.array([len(line) for line in lines], np.uint32).tobytes())
    assert list(spool) == talks_
    talks_[2].category = "改了" * 50
    spool.replace(2, spools.pack(talks_[2]))
    assert list(spool) == talks_
    kept = spool.seal(np.array([0, 2, 4]))
    assert [one.id for one in kept] == ["c0", "c2", "c4"] and kept[1] == talks_[2]
    spool.close()
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="the dataset class asks for other conversations"):
        len(spools.Kept(tmp_path / "gone", tmp_path / "gone.npy"))


@pytest.mark.parametrize(
    "error", [InputError("a", "b", "c"), ConfigError("a", faults=["x"]), GateError("a", "b", layer="data"), KefuError("only what")]
)
def test_errors_cross_processes_whole(error: KefuError) -> None:
    import pickle

    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - its own
    assert type(again) is type(error) and again.as_dict() == error.as_dict() and str(again) == str(error)


# -- long --------------------------------------------------------------------------------------------------------

MEASURE = """
import resource, sys
from pathlib import Path
from kefu import data
from kefu.project import load
if __name__ == "__main__":
    facts = data.build(load(Path(sys.argv[1])), Path(sys.argv[2]))
    print(facts["rows"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_memory_stays_flat(tmp_path: Path) -> None:
    """The parent takes less than a kilobyte a conversation more at 40,000 rows than at 10,000 (they are 500 bytes of JSON each, and
    were some 20 KB each when all were held)."""
    (tmp_path / "measure.py").write_text(MEASURE, "utf-8")
    peaks = []
    for count in (10_000, 40_000):
        folder = tmp_path / str(count)
        folder.mkdir()
        company(folder, count)
        (folder / "kefu.yaml").write_text("name: t\ndata: {workers: 1, sources: [{name: logs, shape: dialogues, path: logs.jsonl}]}\n", "utf-8")
        done = subprocess.run(
            [sys.executable, str(tmp_path / "measure.py"), str(folder), str(folder / "out")], capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout.split()[1]))
    assert (peaks[1] - peaks[0]) * 1024 / 30_000 < 1024, peaks


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_killed_anywhere_and_run_again_gives_the_same_bytes(tmp_path: Path) -> None:
    """kill -9 of the command or of one worker, at random moments; what stands in the end is what an undisturbed run gives."""
    made = []
    for name, kills in (("calm", 0), ("killed", 4)):
        folder = tmp_path / name
        folder.mkdir()
        r, lives, began = random.Random(5), 8.0, time.monotonic()
        for _ in range(kills):
            running = _started(folder, 5000)
            children = _workers_of(running)
            time.sleep(r.random() * lives)
            os.kill(r.choice([running.pid, children[0]]), signal.SIGKILL)
            running.communicate(timeout=300)
            if running.returncode == 0:
                break  # a worker's death cost nothing but time
            assert _gone(children)
        _, said = _started(folder, 5000).communicate(timeout=300)
        (done,) = (path.parent for path in (folder / "build").glob("data/t/*/manifest.json"))
        made.append({key: value for key, value in prints(done).items() if key != "manifest.json"})
        assert not list((folder / "build").glob("data/t/.draft-*")), said
        lives = max(lives, time.monotonic() - began)
    assert made[0] == made[1]


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")  # Ray warns of its own settings and leaves sockets open
def test_ray_with_a_node_killed_gives_the_same_bytes(tmp_path: Path, project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two nodes; one dies while batches are under way."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    company(tmp_path, 3000)
    data.build(project(FAQ, LOGS, workers=1), tmp_path / "one")
    monkeypatch.setattr("kefu.data.workers.BATCH", 64)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        other = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, logging_level="ERROR", log_to_driver=False)
        killed = []

        def progress(stage: str, share: float) -> None:
            if "cleaning" in stage and not killed:
                killed.append(stage)
                _kill_soon(cluster, other)

        data.build(project(FAQ, LOGS, engine="ray"), tmp_path / "ray", progress)
        assert killed and sum(node["Alive"] for node in ray.nodes()) == 1
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert prints(tmp_path / "ray") == prints(tmp_path / "one")


def _kill_soon(cluster: Any, node: Any) -> None:
    """Not gracefully, and when its worker is at work."""
    import threading

    timer = threading.Timer(3, lambda: cluster.remove_node(node, allow_graceful=False))
    timer.start()
