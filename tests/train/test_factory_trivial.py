"""What learnt nothing is not released: the trivial peer of each method, the rule, and promotion."""

from __future__ import annotations

import json
import math
import re

import pytest
from typer.testing import CliRunner

from kefu.cli.models import app
from kefu.errors import GateError, InputError
from kefu.registry import Registry
from kefu.train.factory import figures, train, trivial
from kefu.train.heads import metrics, peers

from .heads import classes, head, tagged
from .recipes import questions, recipe

STILL = {"max_steps": 1, "learning_rate": 1e-9}


def _judged(peer, after, before=None):
    return {gate.name: gate for gate in trivial.gates({"metrics": after, "metrics_before": before or {}, "baseline": peer})}


def test_one_class_for_every_row_is_no_better_than_the_peer():
    right = ["退款"] * 14 + ["发票"] * 6
    peer = trivial.made(peers.LABEL, peers.labels(right, right, 7), ("accuracy", "macro_f1"))
    assert peer["metrics"]["accuracy"]["value"] == 0.7
    gate = _judged(peer, metrics.labels(right, ["退款"] * 20))["better than a trivial answer"]
    assert not gate.passed and "trivial peer 0.7" in gate.why
    assert _judged(peer, metrics.labels(right, right))["better than a trivial answer"].passed


def test_the_mean_is_the_peer_of_numbers():
    right = [float(n % 7) for n in range(80)]
    peer = trivial.made(peers.NUMBER, peers.numbers(right, right), ("mae", "rmse"))
    assert not _judged(peer, metrics.numbers(right, [3.01] * 80))["better than a trivial answer"].passed
    assert _judged(peer, metrics.numbers(right, [n + 0.1 for n in right]))["better than a trivial answer"].passed


def test_sets_drawn_or_always_the_same():
    right = [{"a", "b"} if n % 2 else {"a"} for n in range(40)]
    found = peers.sets(right, right, 7)
    assert found["micro_f1"]["value"] >= metrics.label_sets(right, [{"a"}] * 40)["micro_f1"]["value"]
    assert not _judged(trivial.made("", found, ("micro_f1",)), metrics.label_sets(right, [{"a", "b"}] * 40))["better than a trivial answer"].passed


def test_none_of_the_main_figures_may_be_worse_than_the_peer():
    """Rare labels found at the price of most rows: macro F1 gains, accuracy falls below always saying the frequent one."""
    peer = trivial.made("", {"accuracy": trivial.fixed(0.9, 200), "macro_f1": trivial.fixed(0.3, 200)}, ("accuracy", "macro_f1"))
    after = {"accuracy": figures.share([True] * 100 + [False] * 100), "macro_f1": {"value": 0.5, "low": 0.4, "high": 0.6, "n": 200}}
    assert not _judged(peer, after)["better than a trivial answer"].passed


def test_a_figure_of_the_gate_that_fell_is_found_behind_one_that_did_not():
    peer = trivial.made("", {}, ("accuracy",), ("macro_f1",))
    was = {"accuracy": figures.share([True] * 50 + [False] * 50), "macro_f1": {"value": 0.5, "low": 0.45, "high": 0.55, "n": 100}}
    now = {**was, "macro_f1": {"value": 0.2, "low": 0.15, "high": 0.25, "n": 100}}
    gate = _judged(peer, now, was)["not worse than before training"]
    assert not gate.passed and "macro f1 0.5 before, 0.2 after" in gate.why


def test_too_few_rows_are_no_verdict():
    peer = trivial.made("", {"accuracy": trivial.fixed(0.5, 3)}, ("accuracy",))
    gate = _judged(peer, {"accuracy": figures.share([False] * 3)})["better than a trivial answer"]
    assert gate.passed and "too few rows to compare" in gate.why


@pytest.mark.parametrize("method", ["classification", "token-classification"])
def test_a_head_that_learnt_nothing_is_refused_and_promoted_only_for_a_reason(method, tmp_path):
    rows = (
        classes(60)
        if method == "classification"
        else [{"tokens": [*row["tokens"], str(n)], "tags": [*row["tags"], "O"]} for n, row in enumerate(tagged(30))]
    )
    settings = {"wording": "none"} if method == "classification" else {}
    result = train(str(head(tmp_path, method, "embedded", rows, settings, train=STILL, data={"validation_share": 0.4})))
    failed = [gate for gate in result.entry.gates if not gate.passed]
    assert [gate.name for gate in failed] == ["better than a trivial answer"] and "trivial peer" in failed[0].why
    training = json.loads(result.artifact.file("training.json").read_text("utf-8"))
    assert set(training["baseline"]["main"][0]) <= set(training["baseline"]["metrics"])
    for page in ("report.html", "report.md"):
        text = result.artifact.file(page).read_text("utf-8")
        assert "trivial peer" in text and "A model passes when" in text
    registry = Registry(tmp_path)
    assert registry.entries()[0].trivial["metrics"] == training["baseline"]["metrics"]
    with pytest.raises(GateError, match="better than a trivial answer"):
        registry.promote("@latest")
    with pytest.raises(InputError, match="--force without a reason"):
        registry.promote("@latest", force=True)
    done = CliRunner().invoke(app, ["promote", str(tmp_path), "--force", "--reason", "演示用，不上线"])
    assert done.exit_code == 0, done.output
    assert registry.resolve("@production").forced == "演示用，不上线"
    entry, file = registry.entries()[0], tmp_path / "models.yaml"
    assert registry.verify(entry) == []
    whole = file.read_text("utf-8")
    name, number = next(iter(entry.metrics.items()))
    number["value"] = number["high"]
    assert any(f"metrics: {name} is" in fault for fault in registry.verify(entry))
    file.write_text(re.sub(r"(metrics:\n\s+\w+:\n\s+value: )\S+", r"\g<1>9.95", whole, count=1), "utf-8")
    with pytest.raises(InputError, match=r"outside its interval|lies between 0 and 1"):
        registry.entries()


def test_a_language_model_at_the_loss_of_chance_is_refused(tmp_path):
    shape = {"embedded": {"vocabulary": 400, "layers": 1, "hidden": 32}}
    rows = [{**row, "question": f"{row['question']} {n}"} for n in range(3) for row in questions()]
    blocks = {"sft": shape, "train": {**STILL, "rehearse": False}, "data": {"test": "rows.jsonl"}}
    result = train(str(recipe(tmp_path, "sft", "embedded", rows, **blocks)))
    training = json.loads(result.artifact.file("training.json").read_text("utf-8"))
    assert training["baseline"]["metrics"]["loss"]["value"] <= round(math.log(400), 5)
    assert "better than a trivial answer" in [gate.name for gate in result.entry.gates if not gate.passed]


def test_rewards_that_are_all_the_same_are_no_signal(tmp_path, base):
    (tmp_path / "zero.py").write_text("def none(histories, said, right):\n    return [0.0] * len(said)\n")
    rows = [{"prompt": row["question"], "reference": row["answer"]} for row in questions()]
    blocks = {
        "grpo": {"rewards": ["zero.py:none"], "generations": 2, "max_new_tokens": 4, "beta": 0.0},
        "train": {"max_steps": 1, "batch_size": 4, "rehearse": False},
    }
    result = train(str(recipe(tmp_path, "grpo", str(base), rows, **blocks)))
    assert any("nothing could be learnt from the rewards" in note for note in result.notes)
    assert "the reward tells answers apart" in [gate.name for gate in result.entry.gates if not gate.passed]
