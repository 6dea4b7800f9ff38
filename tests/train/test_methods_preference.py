"""Preferences: every layout reads alike, ids are TRL's own, and each method moves what it should."""

from __future__ import annotations

import json

import pytest

from kefu.errors import InputError
from kefu.train.base import load
from kefu.train.factory import recipe as recipes
from kefu.train.factory import show, train
from kefu.train.factory.register import gates
from kefu.train.methods import dialogue
from kefu.train.methods.preference import encode_pairs, feedback, pair
from kefu.train.quiet import quiet

from .recipes import recipe
from .tiny import FAQ

MEASURED = {"test": "rows.jsonl", "validation_share": 0}  # 48 rows: all learn, all are measured


def preferences():
    """Right answer over the answer of another entry in the same language."""
    rows = []
    for i, (name, language, _, answer, asked) in enumerate(FAQ):
        others = [row[3] for row in FAQ[i + 1 :] + FAQ[:i] if row[1] == language]
        for n, question in enumerate(asked):
            rows += [{"id": f"{name}-{n}-{k}", "prompt": question, "chosen": answer, "rejected": bad} for k, bad in enumerate(others)]
    return rows


def report(result):
    return json.loads((result.artifact.path / "training.json").read_text("utf-8"))


def test_layouts_read_alike():
    good, bad = "七天内可以。", "不行。"
    asked = [{"role": "user", "content": "怎么退款？"}]
    expected = (asked, good, bad)

    def sides(make):
        return {"chosen": make(good), "rejected": make(bad)}

    assert pair({"prompt": "怎么退款？", **sides(str)}) == expected
    assert pair({"prompt": asked, **sides(lambda text: [{"role": "assistant", "content": text}])}) == expected
    assert pair({"prompt": asked, **sides(lambda text: {"role": "assistant", "content": text})}) == expected
    assert pair(sides(lambda text: [*asked, {"role": "assistant", "content": text}])) == expected
    assert pair({"prompt": [{"from": "human", "value": "怎么退款？"}], **sides(lambda text: {"from": "gpt", "value": text})}) == expected
    texts = sides(lambda text: f"\n\nHuman: 怎么退款？\n\nAssistant: {text}")
    assert pair(texts) == expected
    assert pair({**texts, "system": "简短"})[0] == [{"role": "system", "content": "简短"}, *asked]


@pytest.mark.parametrize(("chosen", "rejected"), [("a", None), ("\n\nHuman: a\n\nAssistant: b", "\n\nHuman: c\n\nAssistant: d")])
def test_a_row_that_is_no_preference(chosen, rejected):
    with pytest.raises(InputError, match=r"prompt"):
        pair({"chosen": chosen, "rejected": rejected})


def test_labels_of_feedback():
    for label, good in ((True, True), (0, False), ("好评", True), ("bad", False), (1, True)):
        assert feedback({"prompt": "x", "completion": "y", "label": label})[0][2] is good
    with pytest.raises(InputError, match="neither good nor bad"):
        feedback({"prompt": "x", "completion": "y", "label": "perhaps"})


def test_ids_are_those_of_trl(base):
    from trl import DPOConfig, DPOTrainer

    rows = preferences()[:6]
    with quiet():
        opened = load("base", base)
        ours = encode_pairs(dialogue.encoder(opened, 256, "fail"), rows).items
        from datasets import Dataset

        roles = {"prompt": "user", "chosen": "assistant", "rejected": "assistant"}
        talk = [{key: [{"role": role, "content": row[key]}] for key, role in roles.items()} for row in rows]
        options = DPOConfig(output_dir="/tmp/never", use_cpu=True, bf16=False, gradient_checkpointing=False, report_to="none", max_length=None)
        theirs = DPOTrainer(model=opened.model, args=options, processing_class=opened.tokenizer, train_dataset=Dataset.from_list(talk)).train_dataset
    for mine, row in zip(ours, theirs, strict=True):
        assert {key: row[key] for key in mine} == mine


@pytest.mark.parametrize("method", ["dpo", "kto", "orpo"])
def test_alignment_widens_the_margin(method, base, tmp_path):
    path = recipe(tmp_path, method, str(base), preferences(), train={"max_steps": 25, "learning_rate": 3e-4, "batch_size": 8}, data=MEASURED)
    made = report(train(str(path)))
    assert made["metrics"]["accuracy"]["value"] > 0.7
    assert made["metrics"]["margin"]["low"] > 0
    if method == "kto":
        held = {name: {**number, "on": ""} for name, number in made["metrics"].items()}
        last = gates(recipes.load(str(path)).recipe, {**made, "metrics": held})[-1]  # after: better than a coin
        assert (last.name, last.passed) == ("not worse than before training", True) and last.why.startswith("margin 0 before")
    assert made["ledger"]["dropped"] == {}
    assert made["ledger"]["supervised_share"] > 0.2


def test_dpo_with_adapters(base, tmp_path):
    settings = {"lora": {"rank": 4, "dropout": 0.0}}
    path = recipe(tmp_path, "dpo", str(base), preferences(), train={"max_steps": 15, "learning_rate": 5e-3, "batch_size": 8}, dpo=settings)
    result = train(str(path))
    made = report(result)
    assert made["metrics"]["margin"]["value"] > 0
    assert made["facts"]["merge"]["max_logit_difference"] < 1e-3
    assert (result.artifact.path / "adapter").is_dir()


def test_reward_model_learns_to_tell(base, tmp_path):
    path = recipe(tmp_path, "reward", str(base), preferences(), train={"max_steps": 40, "learning_rate": 1e-3, "batch_size": 8}, data=MEASURED)
    result = train(str(path))
    made = report(result)
    assert made["metrics"]["accuracy"]["value"] > max(0.7, made["metrics_before"]["accuracy"]["value"])
    assert json.loads((result.artifact.path / "task.json").read_text("utf-8"))["task"] == "reward"


def test_same_answers_and_no_question_are_counted(base, tmp_path):
    rows = [*preferences()[:12], {"prompt": "x", "chosen": "a", "rejected": "a"}, {"prompt": "x", "chosen": " ", "rejected": "b"}]
    path = recipe(tmp_path, "dpo", str(base), rows, train={"max_steps": 1}, data={"validation_share": 0})
    ledger = report(train(str(path)))["ledger"]
    assert ledger["dropped"] == {"chosen and rejected are the same": 1, "no answer to choose": 1}
    assert ledger["rows_in"] == 14


def test_show_marks_both_answers(base, tmp_path):
    rows = show(str(recipe(tmp_path, "dpo", str(base), preferences())), count=1)
    assert [mark for _, mark in rows[0]] == [False, True, False, True]
