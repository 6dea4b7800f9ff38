"""Learning from rewards: what counts as one, and that each method raises it without running away."""

from __future__ import annotations

import json
import math

import pytest
import torch

from kefu.errors import ConfigError
from kefu.train.factory import train
from kefu.train.methods.ppo_trainer import Repeated, advantages

from .recipes import questions, recipe


def report(result):
    return json.loads((result.artifact.path / "training.json").read_text("utf-8"))


SAMPLING = {"temperature": 1.3, "max_new_tokens": 24, "beta": 0.02}


@pytest.mark.parametrize("method", ["grpo", "rloo"])
def test_rewards_do_not_fall(method, base, tmp_path):
    steps = {"max_steps": 6, "learning_rate": 3e-4, "batch_size": 48, "rehearse": False}
    data = {"test": "rows.jsonl", "validation_share": 0}
    settings = {method: {**SAMPLING, "temperature": 1.0, "generations": 8}}
    made = report(train(str(recipe(tmp_path, method, str(base), questions(), train=steps, data=data, **settings))))
    assert made["metrics"]["token_f1"]["value"] >= made["metrics_before"]["token_f1"]["value"]
    assert made["logged"]["reward"][-1][1] > 0
    assert made["ledger"]["rows"] == 24


def test_ppo_raises_the_reward_and_stays_near(base, tmp_path):
    steps = {"max_steps": 18, "learning_rate": 3e-4, "batch_size": 24, "rehearse": False}
    data = {"test": "rows.jsonl", "validation_share": 0}
    result = train(str(recipe(tmp_path, "ppo", str(base), questions(), train=steps, data=data, ppo=SAMPLING)))
    made = report(result)
    kl = [number for _, number in made["logged"]["kl"]]
    assert abs(kl[0]) < 1e-3  # the first answers are the base's own
    assert all(math.isfinite(number) for number in kl)
    assert max(kl) > 0.01
    rewards = [number for _, number in made["logged"]["reward"]]
    assert sum(rewards[-5:]) / 5 > sum(rewards[:5]) / 5 - 0.05
    assert made["metrics"]["token_f1"]["value"] >= made["metrics_before"]["token_f1"]["value"] - 0.05
    from safetensors.torch import load_file

    assert (
        load_file(result.artifact.path / "model" / "model.safetensors").keys() == load_file(base / "model.safetensors").keys()
    )  # no value head left


def test_ppo_that_runs_away_is_stopped(base, tmp_path):
    settings = {**SAMPLING, "beta": 0.0, "most_kl": 0.01}
    path = recipe(tmp_path, "ppo", str(base), questions(), train={"max_steps": 20, "learning_rate": 1e-2, "batch_size": 24}, ppo=settings)
    with pytest.raises(Exception, match="runs away"):
        train(str(path))


def test_generalised_advantage_by_hand():
    rewards, values = torch.tensor([[0.0, 1.0, 5.0]]), torch.tensor([[0.5, 0.25, 9.0]])
    answer = torch.tensor([[1.0, 1.0, 0.0]])
    made, returns = advantages(rewards, values, answer, discount=1.0, gae=0.5)
    assert made.tolist() == [[-0.25 + 0.5 * 0.75, 0.75, 0.0]]
    assert returns.tolist() == [[0.625, 1.0, 0.0]]


def test_each_batch_is_repeated_and_epochs_differ():
    sampler = Repeated(10, 4, 7, 3)
    sampler.set_epoch(0)
    first = list(sampler)
    assert len(first) == len(sampler) == 24
    assert first[:4] == first[4:8] == first[8:12]
    sampler.set_epoch(1)
    assert list(sampler) != first
    sampler.set_epoch(0)
    assert list(sampler) == first


def test_a_reward_of_the_users_own(base, tmp_path):
    (tmp_path / "mine.py").write_text(
        "def polite(prompts, completions, references):\n    return [float('Billing' in c) for c in completions]\n", "utf-8"
    )
    settings = {**SAMPLING, "generations": 4, "rewards": ["mine.py:polite", "length"], "weights": [1.0, 0.1]}
    path = recipe(tmp_path, "rloo", str(base), questions(), train={"max_steps": 2, "batch_size": 8}, rloo=settings)
    assert 0 <= report(train(str(path)))["metrics"]["reward"]["value"] <= 1.1


def test_a_reward_model_judges(base, tmp_path):
    from .test_methods_preference import preferences

    train(str(recipe(tmp_path, "reward", str(base), preferences(), train={"max_steps": 2, "batch_size": 8})))
    settings = {**SAMPLING, "generations": 4, "rewards": ["model:tiny-reward"]}
    path = recipe(tmp_path, "grpo", str(base), questions(), train={"max_steps": 2, "batch_size": 8}, grpo=settings)
    assert math.isfinite(report(train(str(path)))["metrics"]["reward"]["value"])


@pytest.mark.parametrize(
    ("reward", "said"),
    [
        ("nice", "model:FOLDER"),
        ("gone.py:f", "no file"),
        ("bad.py:f", "fails when loaded"),
        ("few.py:f", "three lists"),
        ("short.py:f", "0 numbers"),
    ],
)
def test_a_reward_that_is_none(reward, said, base, tmp_path):
    (tmp_path / "bad.py").write_text("1/0\n", "utf-8")
    (tmp_path / "few.py").write_text("def f(a): return []\n", "utf-8")
    (tmp_path / "short.py").write_text("def f(a, b, c): return []\n", "utf-8")
    with pytest.raises(ConfigError, match=said):
        train(str(recipe(tmp_path, "grpo", str(base), questions(), grpo={"rewards": [reward]})))


def test_a_batch_that_is_no_multiple_of_the_group(base, tmp_path):
    with pytest.raises(ConfigError, match="groups of 8"):
        train(str(recipe(tmp_path, "grpo", str(base), questions(), train={"batch_size": 12})))
