"""The command line as a user meets it: a real process, its output and its exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HELP = ["init", "check", "run", "doctor", "data", "train", "export", "eval", "models", "chat", "serve", "improve"]


def kefu(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "kefu", *arguments], capture_output=True, text=True, cwd=cwd, timeout=120, check=False)


def test_help_names_every_verb_and_imports_nothing_heavy() -> None:
    script = "import sys, runpy; sys.argv=['kefu','--help']\ntry: runpy.run_module('kefu', run_name='__main__')\nexcept SystemExit: pass\n"
    script += "heavy={'torch','transformers','sklearn','polars','openvino','fastapi','sqlalchemy','matplotlib','numpy'}&set(sys.modules)\n"
    script += "print('HEAVY', sorted(heavy))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert "HEAVY []" in done.stdout
    assert all(f"  {verb} " in done.stdout for verb in HELP)


@pytest.mark.parametrize("verb", HELP)
def test_every_verb_has_help(verb: str) -> None:
    done = kefu(verb, "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "/nowhere"], "kefu init DIR"),
        (["run", "--bogus"], "No such option"),
        (["frobnicate"], "No such command"),
        (["run", "{shop}", "--until", "lunch"], "no stage 'lunch'"),
        (["run", "{shop}", "--until", "all"], "no stage 'all'"),
        (["check", "{shop}", "--set", "assistant.name=@x"], "is not YAML; put it in quotes"),
        (["check", "{shop}", "--set", "assistant.guard.off=[scope.wether]"], "no built-in rule 'scope.wether'"),
        (["check", "{shop}", "--set", "assistant.texts={farewell: {zh: 再见}}"], "assistant.texts has no text 'farewell'"),
        (["check", "{shop}", "--set", "data.clean.boilerplate=['(']"], "no regular expression"),
        (["check", "{shop}", "--set", "train.hidden=100"], "use 96 or 128"),
        (["check", "{shop}", "--set", "train.epoch=2"], "train.epochs"),
        (["models", "show", "{shop}"], "kefu run"),
        (["chat", "{shop}", "--batch", "q.jsonl"], "--batch and --out go together"),
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
    done = kefu("check", str(tmp_path), "--json")
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


def test_doctor_says_what_is_there() -> None:
    done = kefu("doctor", "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)["checks"]}
    assert rows["extra train"]["ok"]
    assert "torch" in rows["extra train"]["detail"]
    assert done.returncode == (0 if all(row["ok"] for name, row in rows.items() if name != "Chinese font") else 1)
