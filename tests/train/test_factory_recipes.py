"""Recipes: those that come with kefu, faults, bad rows, and the search for settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from kefu.errors import ConfigError, GateError, InputError
from kefu.pipeline.brief import brief
from kefu.registry import Registry
from kefu.train.factory import methods, train
from kefu.train.factory import recipe as recipes
from kefu.train.factory.search import _gain, search

from .heads import asked, classes, tagged
from .recipes import questions, recipe
from .tiny import write_rows

CAUSAL = ["sft", "freeze", "lora", "qlora", "dpo", "kto", "orpo", "reward", "grpo", "rloo", "ppo", "distill", "incremental"]
TINY = {"train.max_steps=1", "train.batch_size=8", "train.trackers=[]"}


def test_every_method_has_a_recipe_and_a_comment_on_what_it_is_for():
    found = recipes.shipped()
    assert set(methods.TABLE) <= set(found)
    for name, path in found.items():
        assert path.read_text("utf-8").startswith("# ")
        assert yaml.safe_load(path.read_text("utf-8"))["method"] == name
        recipes.load(name)


@pytest.mark.long
@pytest.mark.parametrize("name", CAUSAL)
def test_every_shipped_recipe_runs(name, base, tmp_path, monkeypatch):
    from .test_methods_preference import preferences

    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    asked = [{"messages": [{"role": "user", "content": r["question"]}, {"role": "assistant", "content": r["answer"]}]} for r in questions()]
    for file, rows in (("messages.train", asked), ("new", asked), ("preference.train", preferences()), ("feedback.train", preferences())):
        write_rows(tmp_path / "data" / f"{file}.jsonl", rows)
    made = recipe(tmp_path, "sft", str(base), questions(), name="shop-base", train={"max_steps": 1, "rehearse": False})
    train(str(made))  # a base by the name it has in the registry works for every method
    flags = [*TINY, "base=shop-base"] + ["distill.teacher=shop-base@1"] * (name == "distill")
    if name == "incremental":  # what the base has seen, and rows of a month
        more = [{"question": f"Frage {n}?", "answer": f"Antwort {n}."} for n in range(12)]
        write_rows(tmp_path / "data" / "more.jsonl", [*questions(), *more])
        flags += ["data.train=data/more.jsonl", "incremental.least_new=12", "incremental.most_forgotten=1"]
    if name in ("grpo", "rloo", "ppo"):
        flags.append(f"{name}.max_new_tokens=8")
    result = train(name, flags)
    assert {"model", "task.json", "training.json", "plots"} <= {path.name for path in result.artifact.path.iterdir()}
    assert not result.artifact.verify()


@pytest.mark.parametrize("named", ["shop-base", "shop-base@1"])
def test_a_base_by_its_name_in_the_registry(named, base, tmp_path):
    steps = {"max_steps": 1, "rehearse": False}
    first = train(str(recipe(tmp_path, "sft", str(base), questions(), name="shop-base", train=steps)))
    write_rows(tmp_path / "old.jsonl", questions()[:6])
    path = recipe(tmp_path, "incremental", named, questions(), train=steps, incremental={"old": ["old.jsonl"], "most_forgotten": 1})
    made = train(str(path))
    assert made.entry.parents == ["shop-base@1"]
    assert json.loads((made.artifact.path / "training.json").read_text("utf-8"))["parent"] == str(first.artifact.path)
    with pytest.raises(InputError, match="no model"):
        train(str(path), ["base=shop-bass@1"])


HEADS = {
    "classification": ("classification.train", classes),
    "regression": ("numbers.train", lambda: [{"text": row["text"], "value": n} for n, row in enumerate(classes())]),
    "token-classification": ("tokens.train", tagged),
    "question-answering": ("qa.train", lambda: asked(30, far=1)),
}


@pytest.mark.long
@pytest.mark.parametrize("name", [*HEADS, "multitask", "image-text"])
def test_every_shipped_recipe_of_a_head_runs_and_predicts(name, tmp_path, monkeypatch):
    from kefu.train.predict import predict_file

    from .test_heads_shared import messages, pictures

    monkeypatch.chdir(tmp_path)
    if name == "image-text":
        rows = [{**row, "image": f"data/{row['image']}"} for row in pictures(tmp_path / "data")]
        file = "pictures.train"
    elif name == "multitask":
        rows = [{**row, "sentiment": row["desk"]} for row in messages()]
        file = "crm.train"
    else:
        file, make = HEADS[name]
        rows = make()
    (tmp_path / "data").mkdir(exist_ok=True)
    write_rows(tmp_path / "data" / f"{file}.jsonl", rows)
    result = train(name, list(TINY))
    assert not result.artifact.verify()
    write_rows(tmp_path / "in.jsonl", rows[:9])
    done = predict_file(result.artifact.manifest["name"], tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert (done.rows, done.bad, done.task) == (9, 0, name)


def faults(tmp_path, **more):
    raw = {"name": "a", "method": "sft", "base": "x", "data": {"train": "rows.jsonl"}, **more}
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False), "utf-8")
    with pytest.raises(ConfigError) as caught:
        recipes.load(str(path))
    return "\n".join(caught.value.faults or [caught.value.line()])


def test_all_faults_at_once_with_line_and_nearest_name(tmp_path):
    said = faults(tmp_path, train={"epoch": 2, "schedule": "cosin"}, sft={"smoothing": 1}, lora={"rank": 8})
    assert "r.yaml:7: unknown key 'train.epoch'; did you mean 'train.epochs'?" in said
    assert "train.schedule" in said
    assert "sft.smoothing" in said
    assert "unknown key 'lora'" in said


def test_a_method_and_a_recipe_that_are_not_there(tmp_path):
    assert "did you mean 'lora'?" in faults(tmp_path, method="lorra")
    with pytest.raises(InputError, match="did you mean 'qlora'"):
        recipes.load("qlor")
    with pytest.raises(ConfigError, match="expected key=value"):
        recipes.load("sft", ["train.epochs"])


def run(folder, base, rows, **more):
    return train(str(recipe(folder, "sft", str(base), rows, **more)))


def test_rows_that_teach_nothing(base, tmp_path):
    with pytest.raises(InputError, match=r"every row was left out \(no agent turn that answers a customer: 1\)"):
        run(tmp_path / "a", base, [{"messages": [{"role": "assistant", "content": "hello"}]}])
    with pytest.raises(InputError, match=r"rows\.jsonl is empty"):
        run(tmp_path / "b", base, [])
    long = [{**row, "answer": "".join(chr(0x4E00 + 37 * i) for i in range(50))} for row in questions()]
    with pytest.raises(InputError, match=r"longer than max_length: 24"):
        run(tmp_path / "c", base, long, train={"max_length": 64, "over_length": "drop"}, data={"validation_share": 0})
    with pytest.raises(GateError, match="too long"):
        run(tmp_path / "d", base, long, train={"max_length": 64, "over_length": "fail"})


def test_one_row_is_enough_to_run(base, tmp_path):
    made = run(tmp_path, base, questions()[:1], train={"max_steps": 1})
    assert made.artifact.facts["rows"] == 1


def test_longer_than_the_model_holds_is_said(base, tmp_path):
    made = run(tmp_path, base, questions(), train={"max_steps": 1, "max_length": 100_000})
    choice = json.loads((made.artifact.path / "training.json").read_text("utf-8"))["settings"]["max_length"]
    assert (choice["value"], "fewer than the 100000 asked for" in choice["reason"]) == (512, True)


def test_a_tokenizer_without_a_pad_token(base, tmp_path):
    import shutil

    bare = tmp_path / "bare"
    shutil.copytree(base, bare)
    config = json.loads((bare / "tokenizer_config.json").read_text("utf-8"))
    config.pop("pad_token")
    (bare / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    made = run(tmp_path / "run", bare, questions(), train={"max_steps": 1})
    assert [note for note in made.notes if "has no pad token" in note]


def test_weights_that_are_a_pickle_are_refused(base, tmp_path):
    import shutil

    import torch
    from safetensors.torch import load_file

    bad = tmp_path / "bad"
    shutil.copytree(base, bad)
    torch.save(load_file(bad / "model.safetensors"), bad / "pytorch_model.bin")
    (bad / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"pytorch_model\.bin is a pickle.* is not loaded; .*save_pretrained"):
        run(tmp_path / "run", bad, questions())


def test_columns_by_map_and_a_column_that_is_not_there(base, tmp_path):
    rows = [{"frage": row["question"], "antwort": row["answer"]} for row in questions()]
    made = run(tmp_path / "a", base, rows, data={"map": {"instruction": "frage", "answer": "antwort"}}, train={"max_steps": 1})
    assert made.artifact.facts["rows"] == 22
    with pytest.raises(ConfigError, match=r"data.map: answer: 'Antwort'.*frage, antwort"):
        run(tmp_path / "b", base, rows, data={"map": {"instruction": "frage", "answer": "Antwort"}})
    with pytest.raises(ConfigError, match=r"data\.map: reply"):
        run(tmp_path / "c", base, rows, data={"map": {"reply": "antwort"}})


def test_dialogues_teach_every_turn(base, checkpoint, tmp_path):
    said = [
        ("system", "简短"),
        ("user", "怎么退款？"),
        ("assistant", "七天内可以。"),
        ("user", "发票呢"),
        ("assistant", "在费用中心。"),
        ("user", "谢谢"),
    ]
    rows = [{"messages": [{"role": role, "content": text} for role, text in said]}] * 2
    together = run(tmp_path / "a", base, rows, train={"max_steps": 1})
    ledger = json.loads((together.artifact.path / "training.json").read_text("utf-8"))["ledger"]
    assert (ledger["rows"], ledger["turns_learnt_together"], ledger["turns_learnt_one_by_one"]) == (2, 4, 0)
    apart = run(tmp_path / "b", checkpoint, rows, train={"max_steps": 1})  # its template rewrites history
    ledger = json.loads((apart.artifact.path / "training.json").read_text("utf-8"))["ledger"]
    assert (ledger["rows"], ledger["turns_learnt_together"], ledger["turns_learnt_one_by_one"]) == (4, 0, 4)


def test_search_goes_on_where_it_stopped(base, tmp_path):
    space = {"train.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "train.batch_size": {"choices": [4, 8]}}
    path = recipe(tmp_path, "sft", str(base), questions(), train={"max_steps": 2, "rehearse": False}, search={"space": space, "metric": "loss"})
    first = search(str(path), [], 2)
    assert [trial["number"] for trial in first["trials"]] == [0, 1]
    again = search(str(path), [], 3)
    assert [trial["settings"] for trial in again["trials"]][:2] == [trial["settings"] for trial in first["trials"]]
    assert again["value"] == min(trial["value"] for trial in again["trials"])
    assert again["best"].keys() == space.keys()
    for found in (first, again):
        entry = Registry(tmp_path).resolve(found["entry"])
        assert entry.name == yaml.safe_load(path.read_text("utf-8"))["name"]
        assert (tmp_path / entry.access_point).resolve() == Path(found["model"]).resolve()
        assert entry.settings["train"]["batch_size"] == found["best"]["train.batch_size"]
        assert not Registry(tmp_path).verify(entry)
    rows = Path(again["table"]).read_text("utf-8").splitlines()
    assert len(rows) == 2 + 3
    assert [row for row in rows if "best, registered" in row] == [row for row in rows if f"| {again['value']:.5g} |" in row]
    page = (tmp_path / Registry(tmp_path).resolve(again["entry"]).trials).read_text("utf-8")
    assert page.count("best, registered") == 1 and all(f"{trial['value']:.5g}" in page for trial in again["trials"])
    assert any(again["page"] in line for line in brief(tmp_path, Registry(tmp_path).resolve(again["entry"])))
    assert search(str(path), [], 3)["entry"] == again["entry"]


@pytest.mark.parametrize(
    ("metric", "before", "after", "passed"), [("loss", 2.969, 2.972, False), ("eval_loss", 2.9, 2.5, True), ("f1", 0.4, 0.3, False)]
)
def test_a_search_that_helped_nothing_says_so(metric, before, after, passed):
    name = "loss" if metric == "eval_loss" else metric
    gate = _gain({"metrics_before": {name: {"value": before}}, "metrics": {name: {"value": after}}}, metric)
    assert gate.passed is passed and ("no trial of the space helped" in gate.why) is not passed
    assert _gain({"metrics_before": {}, "metrics": {"f1": {"value": 1}}}, "f1") is None


def test_a_search_space_with_faults(base, tmp_path):
    path = recipe(tmp_path, "sft", str(base), questions(), search={"space": {"train.rate": {"choices": [1]}, "train.epochs": {"low": -1, "high": 2}}})
    with pytest.raises(ConfigError) as caught:
        search(str(path), [], 1)
    assert len(caught.value.faults) == 2
    with pytest.raises(ConfigError, match=r"no `search\.space`"):
        search("prompt", [], 1)


def test_rows_of_a_dataset_folder_and_of_a_project(base, tmp_path):
    dataset = tmp_path / "dataset"
    dataset.mkdir()
    write_rows(dataset / "messages.train.jsonl", questions()[:20])
    write_rows(dataset / "messages.validation.jsonl", questions()[20:])
    made = run(tmp_path / "run", base, [], data={"train": str(dataset)}, train={"max_steps": 1})
    ledger = json.loads((made.artifact.path / "training.json").read_text("utf-8"))["data"]
    assert (ledger["train"]["rows"], ledger["validation"]["rows"], ledger["test"]["rows"]) == (20, 4, 0)
    with pytest.raises(InputError, match="no dataset with rows of kind preference"):
        train(str(recipe(tmp_path / "dpo", "dpo", str(base), [], data={"train": str(dataset)})))


def test_a_data_port_that_is_not_there(base, tmp_path):
    path = recipe(tmp_path, "sft", str(base), [], data={"data_url": "ftp://x", "train": []})
    with pytest.raises(ConfigError, match="not the address of a dataset"):
        train(str(path))
