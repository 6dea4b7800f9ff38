"""The command line as a user meets it: its output and its exit code; where the process itself matters, a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli_commands import kefu

HELP = ["init", "check", "run", "doctor", "data", "train", "predict", "export", "eval", "models", "chat", "serve", "improve", "prices"]


def test_help_names_every_verb_and_imports_nothing_heavy() -> None:
    script = "import sys, runpy; sys.argv=['kefu','--help']\ntry: runpy.run_module('kefu', run_name='__main__')\nexcept SystemExit: pass\n"
    script += "heavy={'torch','transformers','sklearn','polars','openvino','fastapi','sqlalchemy','matplotlib','numpy'}&set(sys.modules)\n"
    script += "print('HEAVY', sorted(heavy))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert "HEAVY []" in done.stdout
    assert all(f"  {verb} " in done.stdout for verb in HELP)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "/nowhere"], "kefu init DIR"),
        (["run", "--bogus"], "No such option"),
        (["frobnicate"], "No such command"),
        (["run", "{shop}", "--until", "lunch"], "no stage 'lunch'"),
        (["run", "{shop}", "--until", "all"], "no stage 'all'"),
        (["check", "{shop}", "--set", "assistant.name=@x"], "put it in quotes"),
        (["check", "{shop}", "--set", "assistant.guard.off=[scope.wether]"], "no built-in rule 'scope.wether'"),
        (["check", "{shop}", "--set", "assistant.texts={farewell: {zh: 再见}}"], "assistant.texts has no text 'farewell'"),
        (["check", "{shop}", "--set", "data.clean.boilerplate=['(']"], "no regular expression"),
        (["check", "{shop}", "--set", "train.hidden=100"], "use 96 or 128"),
        (["check", "{shop}", "--set", "train.epoch=2"], "train.epochs"),
        (["models", "show", "{shop}"], "kefu run"),
        (["chat", "{shop}", "--out", "r.jsonl"], "--out needs --batch"),
        (["chat", "{shop}", "--batch", "/nowhere/q.jsonl"], "cannot read /nowhere/q.jsonl"),
        (["init", "{shop}"], "not empty"),
        (["data", "stats", "{shop}"], "never built"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(tmp_path: Path, arguments: list[str], said: str) -> None:
    shop = tmp_path / "shop"
    assert kefu("init", str(shop)).returncode == 0
    done = kefu(*[argument.replace("{shop}", str(shop)) for argument in arguments])
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_errors_are_json_when_asked_for(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kefu", "check", str(tmp_path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"], document["error"]) == (2, False, "InputError")
    assert done.stderr == ""


def test_init_writes_a_project_without_faults_and_never_overwrites(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    document = json.loads(kefu("init", str(shop), "--json").stdout)
    assert str(shop / "kefu.yaml") in document["files"]
    checked = json.loads(kefu("check", str(shop), "--settings", "--json").stdout)
    origins = {row["key"]: row["origin"] for row in checked["settings"]}
    assert origins["assistant.name"].startswith("kefu.yaml:")
    assert origins["export.precision"] == "default"


def test_check_reports_all_faults_at_once(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    kefu("init", str(shop))
    (shop / "raw" / "faq.csv").unlink()
    (shop / "scenarios" / "basic.yaml").write_text("- {id: a, kind: new_custmer, language: zh, turns: [{say: 你好}]}\n", "utf-8")
    done = kefu("check", str(shop), "--set", "train.base=./no-such-folder", "--set", "serve.keys_file=keys.txt")
    assert done.returncode == 2
    for part in ("faq.csv", "new_customer", "no-such-folder", "keys.txt"):
        assert part in done.stderr


def test_outside_a_project_the_folder_is_named(tmp_path: Path) -> None:
    for verb in ("chat", "check", "run"):
        done = kefu(verb, cwd=tmp_path)
        assert done.returncode == 2
        assert f"no project in {tmp_path.resolve()}: there is no kefu.yaml" in done.stderr


def test_settings_show_their_meaning(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    kefu("init", str(shop))
    rows = {row["key"]: row for row in json.loads(kefu("check", str(shop), "--settings", "--json").stdout)["settings"]}
    assert all(row["meaning"] for row in rows.values())
    shown = kefu("check", str(shop), "--settings").stdout
    assert f"{rows['train.patience']['value']!r}  (default)  {rows['train.patience']['meaning']}" in shown
    assert kefu("check", "--settings", "--markdown", cwd=tmp_path).stdout.startswith("# Settings")


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A project whose sources are as companies export them, and one that nobody can guess."""
    (tmp_path / "kefu.yaml").write_text(
        "name: odd\ndata:\n  sources:\n    - {name: nobody, shape: faq, path: a.csv}\n    - {name: guessed, shape: faq, path: b.csv}\n"
        "  clean: {off_topic: ['^退']}\n",
        "utf-8",
    )
    (tmp_path / "a.csv").write_text("a,b,c\n1,2,3\n4,5,6\n", "utf-8")
    (tmp_path / "b.csv").write_bytes("标题;内容;备注\n退款怎么办？;三天内退回;无\n退货多久？;当天办理;急\n".encode("gb18030"))
    return tmp_path


def test_a_source_that_cannot_be_guessed_is_an_error_that_helps(odd: Path) -> None:
    done = kefu("data", "show", str(odd), "--source", "nobody")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no column looks like question and answer: it has 'a', 'b', 'c'" in done.stderr


def test_what_was_guessed_is_said_and_a_source_without_a_conversation_says_why(odd: Path) -> None:
    shown = kefu("data", "show", str(odd), "--source", "guessed", "--json")
    assert shown.returncode == 2, "every row is off-topic"
    assert "gives no conversation" in json.loads(shown.stdout)["message"]
    assert "off-topic: 2" in json.loads(shown.stdout)["message"]
    (odd / "kefu.yaml").write_text((odd / "kefu.yaml").read_text("utf-8").replace("'^退'", ""), "utf-8")
    done = kefu("data", "show", str(odd), "--source", "guessed")
    assert done.returncode == 0
    assert "三天内退回" in done.stdout
    for said in ("b.csv read as csv, gb18030, cells separated by semicolons", "question = 标题", "columns not used: 备注"):
        assert said in done.stderr
        assert said not in done.stdout
    facts = json.loads(kefu("data", "show", str(odd), "--source", "guessed", "--json").stdout)["reading"]
    assert facts["files"]["b.csv"]["encoding"] == "gb18030"


def test_who_builds_the_data_is_explained_and_checked() -> None:
    said = " ".join(kefu("data", "build", "--help").stdout.split())
    assert "--workers" in said and "--engine <local|ray>" in said and "equal byte for byte" in said and "kefu[ray]" in said
    done = kefu("data", "build", ".", "--engine", "spark")
    assert done.returncode == 2 and "'spark' is not one of 'local', 'ray'" in done.stderr


def test_doctor_says_what_is_there() -> None:
    done = kefu("doctor", "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)["checks"]}
    assert rows["extra train"]["ok"]
    assert "torch" in rows["extra train"]["detail"]
    extras = {f"extra {name}" for name in ("ray", "encoder", "sql", "presidio", "search", "deck", "prompt", "wandb", "mlflow")}
    assert {name for name, row in rows.items() if row["optional"]} == {"Chinese font", *extras}
    assert done.returncode == (0 if all(row["ok"] or row["optional"] for row in rows.values()) else 1)


def test_an_interrupt_inside_asyncio_leaves_no_traceback(tmp_path: Path) -> None:
    """A waiting task (a job at a provider) is ended by SIGTERM: one line, 130."""
    script = (
        "import asyncio, gc, os, signal, sys\nfrom kefu.cli.edge import guarded\n"
        "async def wait():\n    await asyncio.sleep(0.1)\n    os.kill(os.getpid(), signal.SIGTERM)\n    await asyncio.sleep(30)\n"
        "async def both():\n    await asyncio.gather(wait(), asyncio.sleep(20))\n"
        "def app(**_):\n    asyncio.run(both())\n"
        "code = guarded(app)\ngc.collect()\nsys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr and "interrupted" in done.stderr
