"""Distillation and monthly tuning."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from safetensors.torch import load_file

from kefu.errors import ConfigError, GateError
from kefu.train.factory import train
from kefu.train.methods.incremental import Incremental, Settings

from .recipes import questions, recipe
from .tiny import write_rows


def report(result):
    return json.loads((result.artifact.path / "training.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def teacher(base, tmp_path_factory):
    """The base trained to the end."""
    folder = tmp_path_factory.mktemp("teacher")
    steps = {"epochs": 15, "learning_rate": 3e-3, "batch_size": 8}
    result = train(str(recipe(folder, "sft", str(base), questions(), train=steps, data={"validation_share": 0})))
    return result.artifact.path / "model"


ALL = {"test": "rows.jsonl", "validation_share": 0}


def test_student_learns_the_teachers_answers(base, teacher, tmp_path):
    steps = {"epochs": 10, "learning_rate": 3e-3, "batch_size": 8}
    made = report(train(str(recipe(tmp_path, "distill", str(base), questions(), train=steps, data=ALL, distill={"teacher": str(teacher)}))))
    assert made["facts"]["taught"]["asked"] == 24
    assert made["metrics"]["token_f1"]["value"] > made["metrics_before"]["token_f1"]["value"]


def test_student_is_judged_by_the_teacher(base, teacher, tmp_path):
    steps = {"max_steps": 12, "learning_rate": 2e-3, "batch_size": 12, "rehearse": False}
    settings = {"teacher": str(teacher), "lesson": "policy", "max_new_tokens": 24}
    made = report(train(str(recipe(tmp_path, "distill", str(base), questions(), train=steps, data=ALL, distill=settings))))
    assert made["metrics"]["loss"]["value"] < made["metrics_before"]["loss"]["value"]


def test_policy_needs_one_vocabulary(base, checkpoint, tmp_path):
    settings = {"teacher": str(checkpoint), "lesson": "policy"}
    with pytest.raises(ConfigError, match="different vocabularies"):
        train(str(recipe(tmp_path, "distill", str(base), questions(), distill=settings)))


NEW = [
    {"question": q, "answer": "企业版每月99元。" if "企" in q else "Enterprise costs 99 yuan a month."}
    for q in ("企业版多少钱？", "企业版价格", "企业版怎么收费", "How much is Enterprise?", "Enterprise price", "monthly fee of Enterprise")
]


def run(folder, teacher, **settings):
    steps = {"epochs": 20, "learning_rate": 2e-3, "batch_size": 6}
    path = recipe(folder, "incremental", str(teacher), NEW, train=steps, data=ALL, incremental={"old": ["old.jsonl"], **settings})
    write_rows(folder / "old.jsonl", questions())
    return report(train(str(path)))


def test_replay_keeps_the_old_and_learns_the_new(teacher, tmp_path):
    made = run(tmp_path, teacher, replay=4, most_forgotten=0.2)
    assert made["ledger"]["replayed_rows"] == 24
    assert made["metrics"]["token_f1"]["value"] > made["metrics_before"]["token_f1"]["value"]
    assert made["forgetting"]["token_f1"]["worse_by"] <= 0.2 and "after" in made["forgetting"]["loss"]
    assert made["parent"] == str(teacher)


def test_forgetting_fails_the_run(teacher, tmp_path):
    with pytest.raises(GateError, match="forgot what it knew"):
        run(tmp_path, teacher, replay=0, most_forgotten=0.0)
    assert not list((tmp_path / "build").glob("model/*/*/manifest.json"))


def test_forgetting_is_seen_in_the_loss_where_the_answers_were_never_right(tmp_path):
    """Token F1 was nothing before and cannot fall."""
    nothing = {"value": 0.0, "low": 0.0, "high": 0.18, "n": 18}
    losses = [{"value": v, "low": v - 0.3, "high": v + 0.3, "n": 18} for v in (7.056, 8.691, 7.4)]
    method, job = Incremental(), SimpleNamespace(settings=Settings(), facts={}, work=tmp_path)
    method.was = {"old_token_f1": nothing, "old_loss": losses[0]}
    with pytest.raises(GateError, match=r"loss on old answers rose from 7\.056 to 8\.691, 0\.2 is allowed"):
        method.judge(job, {"old_token_f1": nothing, "old_loss": losses[1]})
    assert job.facts["forgetting"]["loss"]["worse_by"] == 1.635 and job.facts["forgetting"]["token_f1"]["worse_by"] == 0
    method.judge(job, {"old_token_f1": nothing, "old_loss": losses[2]})  # the intervals meet


def test_continue_records_the_parent(base, teacher, tmp_path):
    path = recipe(tmp_path, "sft", str(base), questions(), train={"max_steps": 1, "learning_rate": 1e-9}, data={"validation_share": 0})
    made = train(str(path), continue_from=str(teacher))
    assert report(made)["parent"] == str(teacher)
    ours, theirs = load_file(made.artifact.path / "model" / "model.safetensors"), load_file(teacher / "model.safetensors")
    assert all((ours[name] - theirs[name]).abs().max() < 1e-6 for name in theirs)
