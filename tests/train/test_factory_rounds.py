"""A monthly round: what is new is found out, old rows stay, held-out rows stay held out, and nothing is done twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from kefu.errors import ConfigError, InputError
from kefu.registry import Registry
from kefu.train.factory import rounds, train
from kefu.train.factory.data import Splits

from .recipes import questions, recipe
from .tiny import write_rows

ASKED = {
    "企业版每月99元。": ["企业版多少钱？", "企业版价格", "企业版怎么收费", "企业版一个月多少", "企业版贵不贵", "想买企业版"],
    "Enterprise costs 99 yuan a month.": ["How much is Enterprise?", "Enterprise price", "Enterprise fee", "What does Enterprise cost?",
                                          "cost of Enterprise", "price for Enterprise"],
}  # fmt: skip
NEW = [{"question": question, "answer": answer} for answer, asked in ASKED.items() for question in asked]
STEPS = {"epochs": 3, "learning_rate": 2e-3, "batch_size": 12, "rehearse": False, "evaluations": 1}
EASY = {"least_new": 10, "most_forgotten": 1, "least_gain": -1, "replay": 1}


def _bare(base):
    """The checkpoint alone, without what kefu keeps beside it."""
    folder = base.parent.parent / "bare"
    return folder if folder.exists() else shutil.copytree(base, folder)


@pytest.fixture(scope="module")
def shop(base, tmp_path_factory):
    """A folder with a registered first model, `shop-sft`, trained on the old questions."""
    folder = tmp_path_factory.mktemp("shop")
    first = recipe(folder, "sft", str(_bare(base)), questions(), name="shop-sft", train={"max_steps": 2, "rehearse": False, "learning_rate": 1e-4})
    train(str(first))
    return folder


@pytest.fixture
def month(shop, tmp_path):
    """`month(new, **settings)`: the folder of the shop copied, with a round's recipe and its rows."""
    copied = shutil.copytree(shop, tmp_path / "shop")

    def make(new=NEW, old=None, **blocks):
        rows = [*(questions() if old is None else old), *new]
        own = {"name": "shop-monthly", "train": STEPS, "incremental": EASY, **blocks}
        return recipe(copied, "incremental", own.pop("base", "shop-sft"), rows, **own)

    return make


def record(result):
    return rounds.Seen.read(result.artifact.path / rounds.FILE)


def test_a_round_learns_what_is_new_and_the_next_finds_nothing(month):
    path = month()
    made = train(str(path))
    training = json.loads((made.artifact.path / "training.json").read_text("utf-8"))
    told = training["facts"]["round"]
    assert (told["from"], told["new_rows"], told["known_rows"]) == ("shop-sft@1", 12, 24)
    assert told["replayed_rows"] == training["ledger"]["replayed_rows"] > 0 and told["old_rows_were_held_out"]
    assert training["forgetting"]["token_f1"]["after"] == training["metrics"]["old_token_f1"]["value"]
    assert made.entry.label == "shop-monthly@1" and made.entry.parents == ["shop-sft@1"] and made.entry.stage == "candidate"
    first = rounds.Seen.read(next(path.parent.glob("build/model/shop-sft/*/rows.json")))
    mine = record(made)
    assert first.held <= mine.held and first.train <= mine.train and not mine.train & mine.held
    assert len(mine.train | mine.held) == 36
    again = train(str(path))
    assert again.idle == "nothing new since shop-monthly@1: all 36 rows are known to it"
    assert again.entry.label == "shop-monthly@1" and len(Registry(path.parent).entries()) == 2
    write_rows(path.parent / "rows.jsonl", [*questions(), *NEW, {"question": "新开了哪些门店？", "answer": "上海店。"}])
    assert train(str(path)).idle.startswith("too few new rows since shop-monthly@1: 1 of 37, 10 are asked")


def test_a_round_that_learnt_too_little_is_not_gone_on_from(month):
    path = month(incremental={**EASY, "least_gain": 1, "promote": True})
    made = train(str(path))
    failed = [gate.name for gate in made.entry.gates if not gate.passed]
    assert "learnt the new rows" in failed and made.entry.stage == "candidate"
    again = train(str(path))  # its parent is still the model that passed, and the very same round is there already
    assert again.fresh and not again.idle and again.entry.label == "shop-monthly@1"


def test_promoted_when_every_gate_passed_and_gone_on_from(month):
    path = month(incremental={**EASY, "promote": True}, gates={"loss": {"at_most": 1000}})
    made = train(str(path))
    assert all(gate.passed for gate in made.entry.gates), made.entry.gates
    assert made.entry.stage == "production"
    assert train(str(path)).entry.label == "shop-monthly@1"


def test_a_base_whose_rows_nobody_recorded(month, base):
    with pytest.raises(ConfigError, match=r"nothing says which rows .* was trained on"):
        train(str(month(base=str(_bare(base)))))


def test_old_rows_must_be_there(month):
    with pytest.raises(ConfigError, match="none of the rows it was trained on is in the data"):
        train(str(month(old=[])))


def test_a_damaged_record_is_said(month):
    path = month()
    file = next(path.parent.glob("build/model/shop-sft/*/rows.json"))
    file.chmod(0o644)
    file.write_text('{"train": 3}', "utf-8")
    with pytest.raises(InputError, match=r"rows\.json cannot be read"):
        train(str(path))


def test_a_projects_model_keeps_its_name(month):
    path = month(name="shop-sft")
    text = Registry(path.parent).path.read_text("utf-8")
    folder = Registry(path.parent).entries()[0].artifacts["model"]
    Registry(path.parent).path.write_text(text.replace(f"model: {folder}", f"train: {folder}"), "utf-8")
    with pytest.raises(ConfigError, match="whole assistant of a project"):
        train(str(path))


def test_what_makes_a_row_the_same():
    row = {"question": "怎么退款？", "answer": "七天内 可以。", "where": "a.jsonl:1"}
    chat = [{"role": "system", "content": "你是客服"}, {"role": "user", "content": "怎么退款？"}, {"role": "assistant", "content": "七天内  可以。"}]
    asked = {"instruction": row["question"], "answer": row["answer"], "id": "7", "where": "b.csv:9"}
    assert rounds.mark(asked) == rounds.mark({"messages": chat, "where": "c"}) == rounds.mark({"messages": chat[1:]})
    assert rounds.mark(asked) != rounds.mark({**asked, "answer": "七天内不可以。"})


PARTS = st.lists(st.integers(0, 40), max_size=40)


@settings(max_examples=60, deadline=None)
@given(PARTS, PARTS, PARTS, st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)), st.booleans())
def test_a_row_keeps_its_side(train_rows, validation, test, learnt, held, taken):
    def row(n):
        return {"instruction": f"Frage {n}", "answer": f"{n}", "where": str(n)}

    def names(numbers):
        return {rounds.mark(row(n)) for n in numbers}

    rows = Splits(*([row(n) for n in part] for part in (train_rows, validation, test)))
    rows.ledger = {"train": {}, "validation": {"taken from the training rows": 1} if taken else {}, "test": {}}
    seen = rounds.Seen(names(learnt), names(held - learnt))
    rounds.divide(rows, seen, 0.1, 7)
    parts = (rows.train, rows.validation, rows.test, rows.old, rows.old_held)
    assert sorted(one["where"] for part in parts for one in part) == sorted(map(str, [*train_rows, *validation, *test]))
    assert rounds.marks(rows.old) <= seen.train and rounds.marks(rows.old_held) <= seen.held
    assert not rounds.marks([*rows.train, *rows.validation, *rows.test]) & (seen.train | seen.held)


KILLED = """
import os, signal, sys
from kefu.train.factory import train
def watch(text, share):
    if text.startswith("step 5 "):
        os.kill(os.getpid(), signal.SIGKILL)
train(sys.argv[1], progress=watch)
"""


@pytest.mark.long
def test_a_killed_round_goes_on_by_itself_bit_for_bit(month, tmp_path):
    steps = {**STEPS, "epochs": 4, "save_every": 2, "evaluations": 1}
    path = month(train=steps)
    other = shutil.copytree(path.parent, tmp_path / "other")
    whole = train(str(other / path.name))
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], capture_output=True, text=True, check=False, timeout=200)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    assert not list(path.parent.glob("build/model/shop-monthly/*/manifest.json"))
    said = []
    made = train(str(path), progress=lambda text, share: said.append(text))
    assert any(line.startswith("going on with the round that was interrupted (checkpoint-4") for line in said)
    ours, theirs = (load_file(one.artifact.path / "model" / "model.safetensors") for one in (made, whole))
    assert all((ours[name] == theirs[name]).all() for name in theirs)


@pytest.mark.long
def test_two_at_once_make_one_model(month):
    path = month()
    command = [sys.executable, "-m", "kefu", "train", str(path), "--json"]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) for _ in range(2)]
    found = [json.loads(run.communicate(timeout=400)[0]) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], found
    assert sorted(bool(one.get("idle")) or one["fresh"] for one in found) == [False, True]
    assert {one["name"] for one in found} == {"shop-monthly@1"}
    assert [entry.label for entry in Registry(Path(path).parent).entries()] == ["shop-sft@1", "shop-monthly@1"]
