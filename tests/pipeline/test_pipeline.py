"""`kefu run` on a small project, as a user runs it: what is redone, what stays fresh, what a stop leaves behind."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from kefu.artifacts import Store
from kefu.project import load

QUICK = ["--set", "train.max_steps=12", "--set", "export.gates.samples=8", "--set", "export.gates.agreement=0.8"]


def kefu(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "kefu", *arguments], capture_output=True, text=True, timeout=600, check=False)


def stages(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    document: dict[str, Any] = json.loads(done.stdout)
    assert "stages" in document, done.stdout + done.stderr
    return {row["stage"]: row["status"] for row in document["stages"]}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project run once, with a model that had no time to learn."""
    shop = tmp_path_factory.mktemp("pipeline") / "shop"
    kefu("init", str(shop))
    _labelled(shop)
    done = kefu("run", str(shop), "--json", *QUICK)
    assert done.returncode in (0, 1), done.stderr
    assert stages(done)["smoke"] == "done"
    return shop


def _labelled(shop: Path) -> None:
    """A source of labelled rows beside the conversations, one text in it with two labels."""
    rows = [(f"第{i}次问：{text}", label) for i in range(12) for text, label in (("怎么退卡", "退卡"), ("泳池几点开", "泳池"))]
    text = "".join(f"{text},{label}\n" for text, label in [("文本", "标签"), *rows, ("退钱吧", "退卡"), ("退钱吧", "泳池")])
    (shop / "raw" / "labels.csv").write_text(text, "utf-8")
    settings = yaml.safe_load((shop / "kefu.yaml").read_text("utf-8"))
    source = {"name": "labels", "shape": "classification", "path": "raw/labels.csv", "map": {"text": "文本", "label": "标签"}}
    settings["data"]["sources"].append(source)
    (shop / "kefu.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), "utf-8")


def test_the_whole_way_leaves_a_registered_model_and_a_report(ran: Path) -> None:
    models = json.loads(kefu("models", "list", str(ran), "--json").stdout)["models"]
    assert [model["version"] for model in models] == [1]
    assert models[0]["stage"] == ("production" if models[0]["release_passed"] else "candidate")
    assert {"data", "knowledge", "train", "export", "template", "code"} <= set(models[0]["hashes"])
    assert kefu("models", "verify", str(ran)).returncode == 0
    report = (ran / "build" / "report.html").read_text("utf-8")
    assert "data:image/png;base64," in report
    assert "1 text carries different labels" in report
    assert "<td>退钱吧</td>" in report
    failures = [json.loads(line)["id"] for line in next((ran / "build" / "eval").glob("*/*/failures.jsonl")).read_text("utf-8").splitlines()]
    assert failures
    assert all(f"<b>{name}</b>" in report for name in failures), "every failed case can be reached"
    for part in ("questions answered wrongly", "your own scenarios", "shipped with kefu", "This is not what the assistant says"):
        assert part in report
    assert not any(word in report for word in ("http-equiv", '<script src="', '<link rel="stylesheet"'))
    smoke = json.loads(next((ran / "build" / "smoke").glob("*/*/smoke.json")).read_text("utf-8"))
    assert {check["name"]: check["passed"] for check in smoke["checks"]}["FAQ hit, zh"] is True


@pytest.mark.long
def test_a_projects_model_is_made_again_from_what_was_recorded(ran: Path) -> None:
    before = (ran / "models.yaml").read_text("utf-8"), sorted(path for path in (ran / "build").rglob("manifest.json"))
    done = kefu("models", "replay", str(ran), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["model"], found["same"], found["weights"]) == ("shop@1", "weights", True)
    assert ((ran / "models.yaml").read_text("utf-8"), sorted(path for path in (ran / "build").rglob("manifest.json"))) == before


def test_questions_from_a_file_with_bad_lines_and_the_terminal(ran: Path, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"text": "怎么开发票"}\nbroken\n{"id": "b", "text": "hello"}\n', "utf-8")
    done = kefu("chat", str(ran), "--batch", str(tmp_path / "q.jsonl"))
    assert done.returncode == 1
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["1", "b"]
    assert "q.jsonl:2: not JSON" in done.stderr
    assert "2 lines, 2 replies, 1 bad line left out" in done.stderr
    document = json.loads(kefu("chat", str(ran), "--batch", str(tmp_path / "q.jsonl"), "--json").stdout)
    assert (document["ok"], len(document["rows"]), len(document["bad_lines"])) == (False, 2, 1)
    talk = subprocess.run(
        [sys.executable, "-m", "kefu", "chat", str(ran)],
        input="我要转人工\n/help\nexit\nnever asked\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert talk.stdout.count("hand-off]") == 1
    assert "/new    a new conversation" in talk.stdout
    assert kefu("models", "diff", str(ran)).returncode == 2
    assert len(kefu("models", "show", str(ran)).stdout.splitlines()) <= 24
    assert len(kefu("models", "show", str(ran), "--all").stdout.splitlines()) > 60


def test_a_second_run_computes_nothing(ran: Path) -> None:
    again = stages(kefu("run", str(ran), "--json", *QUICK))
    assert {name for name, status in again.items() if status == "done"} <= {"check", "registry", "report"}
    assert len(json.loads(kefu("models", "list", str(ran), "--json").stdout)["models"]) == 1


def test_a_changed_scenario_redoes_the_evaluation_and_not_the_training(ran: Path) -> None:
    file = ran / "scenarios" / "basic.yaml"
    before = file.read_text("utf-8")
    file.write_text(before.replace("明天上海会下雨吗", "明天北京会下雪吗"), "utf-8")
    again = stages(kefu("run", str(ran), "--json", *QUICK))
    file.write_text(before, "utf-8")
    assert {name: again[name] for name in ("data", "knowledge", "train", "export", "eval")} == {
        "data": "fresh", "knowledge": "fresh", "train": "fresh", "export": "fresh", "eval": "done",
    }  # fmt: skip


def test_a_touched_but_equal_export_stops_at_the_data(ran: Path) -> None:
    file = ran / "raw" / "chats.jsonl"
    before = file.read_bytes()
    file.write_bytes(before + b"\n\n")
    again = stages(kefu("run", str(ran), "--json", "--until", "train", *QUICK))
    file.write_bytes(before)
    assert (again["data"], again["knowledge"], again["train"]) == ("done", "fresh", "fresh")


def test_a_changed_answer_redoes_what_depends_on_it(ran: Path, tmp_path: Path) -> None:
    copy = tmp_path / "shop"
    shutil.copytree(ran, copy)
    file = copy / "raw" / "faq.csv"
    file.write_text(file.read_text("utf-8").replace("不满收8元运费", "不满收9元运费"), "utf-8")
    again = stages(kefu("run", str(copy), "--json", "--until", "knowledge", *QUICK))
    assert (again["data"], again["knowledge"]) == ("done", "done")
    faq = next((copy / "build" / "data" / "shop").glob("*/faq.jsonl")).parent.parent
    newest = faq / (faq / "latest").read_text().strip()[:16]
    assert "不满收9元运费" in (newest / "faq.jsonl").read_text("utf-8")


def alive(session: int) -> list[str]:
    """Command lines of the processes of a session that are no zombies."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, *_, owner = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(owner) == session and state != "Z":
                found.append((folder / "cmdline").read_text().replace("\0", " "))
    return found


def stopped(shop: Path, stop: signal.Signals, moment: Callable[[], None], *arguments: str) -> int:
    """Start a run, stop it at the moment, and look for anything that appears whole and is not."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kefu", "run", str(shop), *arguments], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    moment()
    process.send_signal(stop)
    _, said = process.communicate(timeout=60)
    assert process.returncode in ((-9, 0, 1) if stop is signal.SIGKILL else (130, 0, 1)), said
    if process.returncode == 130:
        assert "interrupted" in said
    until = time.monotonic() + 20
    while left := alive(process.pid):
        assert time.monotonic() < until, f"a child lives on: {left}"
        time.sleep(0.1)
    for manifest in (shop / "build").glob("*/*/*/manifest.json"):
        if not manifest.parent.name.startswith(".draft"):
            recorded = json.loads(manifest.read_text("utf-8"))["files"]
            assert all((manifest.parent / name).stat().st_size == entry["bytes"] for name, entry in recorded.items())
    return process.returncode


@pytest.mark.parametrize("stop", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_stopped_anywhere_nothing_looks_whole_and_a_rerun_goes_on(tmp_path: Path, stop: signal.Signals) -> None:
    shop = tmp_path / "shop"
    kefu("init", str(shop))
    stopped(shop, stop, lambda: time.sleep(random.Random(stop).uniform(1.0, 9.0)), "--until", "knowledge")
    done = kefu("run", str(shop), "--until", "knowledge", "--json")
    assert done.returncode == 0, done.stdout
    assert not list((shop / "build").glob("*/*/.draft-*"))


@pytest.mark.parametrize(
    ("stage", "stop"),
    [
        ("train", signal.SIGINT),
        ("export", signal.SIGKILL),
        pytest.param("eval", signal.SIGINT, marks=pytest.mark.long),
        pytest.param("smoke", signal.SIGKILL, marks=pytest.mark.long),
        pytest.param("train", signal.SIGKILL, marks=pytest.mark.long),
        pytest.param("export", signal.SIGINT, marks=pytest.mark.long),
        pytest.param("eval", signal.SIGKILL, marks=pytest.mark.long),
        pytest.param("smoke", signal.SIGINT, marks=pytest.mark.long),
    ],
)
def test_stopped_in_a_stage_that_stage_is_done_again_and_no_other(ran: Path, tmp_path: Path, stage: str, stop: signal.Signals) -> None:
    shop = tmp_path / "shop"
    shutil.copytree(ran, shop)
    shutil.rmtree(shop / "build" / stage)
    wait = random.Random(f"{stage}{stop}").uniform(0.0, 0.5)

    def under_way() -> None:
        until = time.monotonic() + 120
        while not list((shop / "build").glob(f"{stage}/*/.draft-*")):
            assert time.monotonic() < until, f"{stage} did not begin"
            time.sleep(0.02)
        time.sleep(wait)

    code = stopped(shop, stop, under_way, *QUICK)
    again = kefu("run", str(shop), "--json", *QUICK)
    assert stages(again)[stage] == ("done" if code in (130, -9) else "fresh"), again.stdout
    assert {status for name, status in stages(again).items() if name in ("data", "knowledge", "train", "export") and name != stage} == {"fresh"}
    assert not list((shop / "build").glob("*/*/.draft-*"))
    assert kefu("models", "verify", str(shop)).returncode == 0


def test_nothing_is_promoted_when_the_smoke_test_fails(ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kefu.errors import GateError
    from kefu.pipeline import run, smoke

    shop = tmp_path / "shop"
    shutil.copytree(ran, shop)
    (shop / "models.yaml").unlink()
    shutil.rmtree(shop / "build" / "smoke")

    def broken(*_: Any) -> dict[str, Any]:
        raise GateError("smoke check 'FAQ hit, zh' failed", "no answer", layer="serve")

    monkeypatch.setattr(smoke, "smoke", broken)
    settings = [part for part in QUICK if part != "--set"]
    with pytest.raises(GateError):
        run(load(shop, [*settings, "eval.release.min_score=0", "eval.release.max_glitch_rate=1", "eval.release.beat_baselines=false"]))
    models = json.loads(kefu("models", "list", str(shop), "--json").stdout)["models"]
    assert [(model["release_passed"], model["stage"]) for model in models] == [(True, "candidate")]


def test_two_runs_at_once_one_is_told_to_wait(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    kefu("init", str(shop))
    project = load(shop, [])
    with Store(project.build).lock():  # as the first run holds it, for as long as this test wants
        second = kefu("run", str(shop), "--until", "data")
    assert second.returncode == 2
    assert f"process {os.getpid()} is running on it" in second.stderr
    assert kefu("run", str(shop), "--until", "data").returncode == 0


def test_a_refused_release_is_exit_code_1_and_is_not_promoted(ran: Path, tmp_path: Path) -> None:
    copy = tmp_path / "shop"
    shutil.copytree(ran, copy)
    done = kefu("run", str(copy), "--json", *QUICK, "--set", "eval.release.min_score=0.999")
    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert document["failure"]["layer"] == "evaluation"
    assert "is in production, but no longer passes" in document["failure"]["message"]
    assert kefu("models", "promote", str(copy), "@latest").returncode == 1
    shown = kefu("run", str(copy), *QUICK, "--set", "eval.release.min_score=0.999")
    line = next(line for line in shown.stderr.splitlines() if " registry " in line)
    assert line.startswith("! ")
    assert "not released: " in line
    assert "kefu serve" not in shown.stdout
    assert "--model shop@1" in shown.stdout
    (copy / "models.yaml").unlink()
    again = json.loads(kefu("run", str(copy), "--json", *QUICK, "--set", "eval.release.min_score=0.999").stdout)
    assert (again["stage"], "stays a candidate" in again["failure"]["message"]) == ("candidate", True)


def test_check_reads_the_first_rows_of_every_source(tmp_path: Path) -> None:
    kefu("init", str(tmp_path / "shop"))
    settings = tmp_path / "shop" / "kefu.yaml"
    (tmp_path / "shop" / "raw" / "empty.jsonl").write_text("", "utf-8")
    sources = "\n    - {name: old, shape: faq, path: raw/empty.jsonl}"
    sources += "\n    - {name: twin, shape: faq, path: raw/faq.csv, map: {question: 问提, answer: 答案}}"
    settings.write_text(settings.read_text("utf-8").replace("  sources:", f"  sources:{sources}", 1), "utf-8")
    done = kefu("check", str(tmp_path / "shop"))
    assert done.returncode == 2
    assert "empty.jsonl is empty" in done.stderr
    assert "has no column '问提'" in done.stderr


def test_an_answer_that_does_not_exist_is_told_before_anything_is_trained(ran: Path, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shutil.copytree(ran, shop)
    (shop / "asked.jsonl").write_text('{"id": "q", "text": "怎么开发票", "language": "zh", "answer_id": "F999"}\n', "utf-8")
    done = kefu("run", str(shop), "--json", *QUICK, "--set", "eval.questions=asked.jsonl", "--force", "train")
    assert done.returncode == 2
    assert "answer 'F999' does not exist" in done.stderr + done.stdout
    assert len(list((shop / "build" / "train").glob("*/*"))) == len(list((ran / "build" / "train").glob("*/*")))
