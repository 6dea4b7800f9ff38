"""Each head from its rows to a model that answers: from scratch, on an encoder, on a decoder; and rows that cannot be used."""

from __future__ import annotations

import json
import random

import pytest
import torch
from safetensors.torch import load_file, save_file

from kefu.errors import ConfigError, GateError, InputError
from kefu.train.factory import show, train
from kefu.train.quiet import quiet

from .heads import asked, classes, head, tagged


def report(result):
    return json.loads((result.artifact.path / "training.json").read_text("utf-8"))


def task(result):
    return json.loads((result.artifact.path / "task.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """A BERT of one layer with a vocabulary of characters, as a checkpoint without a head."""
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("bert")
    signs = sorted({c for row in [*classes(), *asked()] for c in json.dumps(row, ensure_ascii=False).lower()} | set("abcdefghijklmnopqrstuvwxyz"))
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *signs, *(f"##{c}" for c in signs)]), "utf-8")
    with quiet():
        words = BertTokenizer(vocab=str(folder / "vocab.txt"), model_max_length=64)
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=len(words), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, max_position_embeddings=64
        )
        BertModel(config).save_pretrained(folder)
        words.save_pretrained(folder)
    return folder


def test_labels_from_scratch(tmp_path):
    result = train(str(head(tmp_path, "classification", "embedded", classes(), train={"max_steps": 40})))
    made = report(result)
    assert made["metrics"]["accuracy"]["value"] > 0.8 > made["metrics_before"]["accuracy"]["value"]
    assert set(task(result)["labels"]) == {"退款", "发票", "price"}
    config = json.loads((result.artifact.path / "model" / "config.json").read_text("utf-8"))
    assert list(config["id2label"].values()) == task(result)["labels"]
    assert {"asked", "expected", "said", "after"} <= made["samples"][0].keys()
    assert made["ledger"]["supervised"] == made["ledger"]["rows"]


@pytest.mark.parametrize("method", ["classification", "regression", "token-classification", "question-answering"])
def test_heads_on_an_encoder_and_on_a_decoder(method, bert, base, tmp_path):
    numbers = [{"text": row["text"], "value": len(row["text"])} for row in classes()]
    rows = {"classification": classes(), "regression": numbers, "token-classification": tagged(30), "question-answering": asked(30, far=1)}[method]
    for name, checkpoint in (("encoder", bert), ("decoder", base)):
        made = report(train(str(head(tmp_path / name, method, str(checkpoint), rows, train={"max_steps": 3, "rehearse": True}))))
        assert made["run"]["steps"] == 3
        assert made["ledger"]["balanced"]
        assert all(number["n"] > 0 for number in made["metrics"].values())


def test_several_labels_and_their_thresholds(tmp_path):
    rng = random.Random(3)
    rows = []
    for _ in range(240):
        on = [name for name in ("A", "B", "C") if rng.random() < {"A": 0.5, "B": 0.3, "C": 0.15}[name]]
        said = "".join(rng.choice("bcdfghjkmn") for _ in range(12))  # else all rows of a set of labels would repeat each other
        rows.append({"text": " ".join([*(f"word{name}" for name in on), said]), "labels": on})
    result = train(str(head(tmp_path, "classification", "embedded", rows, train={"max_steps": 140}, data={"validation_share": 0.3})))
    assert report(result)["metrics"]["micro_f1"]["value"] > 0.9
    assert len(task(result)["thresholds"]) == 3
    assert task(result)["multi_label"]


def test_several_labels_in_one_cell_of_a_table(tmp_path):
    cells = ["退款;物流", "退款", "物流", "物流;发票", "发票"]
    rows = [{"text": f"{cell}的问题", "label": cell} for cell in cells * 8]
    result = train(str(head(tmp_path / "found", "classification", "embedded", rows, train={"max_steps": 1})))
    assert set(task(result)["labels"]) == {"退款", "物流", "发票"}
    assert task(result)["multi_label"]
    assert any("';'" in note for note in result.notes)
    for settings in ({"label_separator": ""}, {"multi_label": False}):
        result = train(
            str(head(tmp_path / str(len(settings)) / next(iter(settings)), "classification", "embedded", rows, settings, train={"max_steps": 1}))
        )
        assert set(task(result)["labels"]) == set(cells)


def test_rare_labels_weigh_more(tmp_path):
    """One label stands in a tenth of the rows, which the text does not tell apart: only its weight can make it be said."""
    rows = [{"text": "the same words", "label": "rare" if n % 10 == 0 else "common"} for n in range(200)]
    said = {}
    for kind in ("none", "balanced"):
        path = head(
            tmp_path / kind,
            "classification",
            "embedded",
            rows,
            {"weights": kind},
            train={"max_steps": 30},
            data={"validation_share": 0, "test": "rows.jsonl"},
        )
        result = train(str(path))
        said[kind] = report(result)["samples"][0]["after"]
    assert float(said["none"].split()[1]) > 0.8
    assert float(said["balanced"].split()[1]) < 0.65


def test_what_belongs_to_no_label(tmp_path):
    rows = [*classes(150), *({"text": f"天气 weather {n} 下雨", "label": "oos"} for n in range(30))]
    settings = {"other": "oos", "other_examples": "calibrate"}
    result = train(
        str(
            head(
                tmp_path, "classification", "embedded", rows, settings, train={"max_steps": 60}, data={"validation_share": 0.3, "test": "rows.jsonl"}
            )
        )
    )
    assert "oos" not in task(result)["labels"]
    assert task(result)["sure"] > 0
    assert report(result)["ledger"]["dropped"]["kept for the limit of `other`"] > 10
    assert report(result)["metrics"]["other_recall"]["value"] > 0.5


def test_numbers(tmp_path):
    rows = [{"text": "urgent " + "very " * (n % 9), "score": 100 + 10 * (n % 9)} for n in range(150)]
    result = train(str(head(tmp_path, "regression", "embedded", rows, train={"max_steps": 80})))
    made = report(result)["metrics"]
    assert made["spearman"]["value"] > 0.8
    assert made["mae"]["value"] < 15  # in the rows' own unit: they spread over 80
    assert 130 < task(result)["mean"] < 150


@pytest.mark.parametrize("crf", [True, False])
def test_entities_of_both_languages(crf, tmp_path):
    result = train(str(head(tmp_path, "token-classification", "embedded", tagged(), {"crf": crf}, train={"max_steps": 100})))
    assert report(result)["metrics"]["entity_f1"]["value"] > 0.9
    saved = load_file(result.artifact.path / "model" / "model.safetensors")
    assert ("crf.transitions" in saved) == crf


def test_a_crf_goes_on_where_it_was(tmp_path):
    path = head(tmp_path, "token-classification", "embedded", tagged(20), {"crf": True}, train={"max_steps": 20}, data={"validation_share": 0})
    first = train(str(path))
    before = load_file(first.artifact.path / "model" / "model.safetensors")["crf.transitions"]
    again = train(str(path), ["train.learning_rate=1e-9"], continue_from=str(first.artifact.path))
    assert torch.allclose(load_file(again.artifact.path / "model" / "model.safetensors")["crf.transitions"], before, atol=1e-6)
    assert before.abs().max() > 0


def test_a_head_for_other_labels_starts_anew_and_one_for_the_same_goes_on(tmp_path):
    first = train(str(head(tmp_path / "a", "classification", "embedded", classes(), train={"max_steps": 30})))
    kept = {"train": {"max_steps": 1, "learning_rate": 1e-9}}
    same = report(train(str(head(tmp_path / "b", "classification", str(first.artifact.path), classes(seed=2), **kept))))
    assert same["metrics_before"]["accuracy"]["value"] > 0.8
    other = [{**row, "label": {"退款": "x", "发票": "y", "price": "z"}[row["label"]]} for row in classes()]
    anew = train(str(head(tmp_path / "c", "classification", str(first.artifact.path), other, **kept)))
    weights = [load_file(run.artifact.path / "model" / "model.safetensors")["classifier.weight"] for run in (first, anew)]
    assert not torch.allclose(*weights, atol=1e-3)


def test_answers_with_their_place_in_long_texts(tmp_path):
    rows = asked(160, far=25)
    settings = {"embedded": {"vocabulary": 400, "layers": 2, "hidden": 64}}
    more = {"train": {"max_steps": 170, "max_length": 64}, "data": {"validation_share": 0.2}}
    result = train(str(head(tmp_path, "question-answering", "embedded", rows, settings, **more)))
    made = report(result)
    assert made["metrics"]["f1"]["value"] > 0.7
    assert made["ledger"]["windows_added"] > 40
    assert made["ledger"]["rows_in"] == made["ledger"]["rows"]
    assert "no_answer" in task(result)


def test_nested_questions_are_unfolded_and_texts_stay_on_one_side(tmp_path):
    from .tiny import write_rows

    flat = asked(24, far=1)
    nested = [
        {"title": "t", "paragraphs": [{"context": one["context"], "qas": [
            {"id": f"q{n}-{k}", "question": one["question"],
             "answers": [{"text": t, "answer_start": s} for t, s in zip(*one["answers"].values(), strict=True)]} for k in range(2)]}]}
        for n, one in enumerate(flat)
    ]  # fmt: skip
    path = head(tmp_path, "question-answering", "embedded", [], train={"max_steps": 1})
    write_rows(tmp_path / "rows.jsonl", nested)
    made = report(train(str(path)))
    assert made["data"]["train"]["rows"] + made["data"]["validation"]["rows"] == 48
    assert made["data"]["validation"]["rows"] % 2 == 0


def test_conll_files_are_read(tmp_path):
    lines = [
        "\n".join(f"{n}\t{token}\t{tag}\t-" for n, (token, tag) in enumerate(zip(row["tokens"], row["tags"], strict=True), 1)) for row in tagged(20)
    ]
    path = head(tmp_path, "token-classification", "embedded", [], train={"max_steps": 1}, data={"train": "rows.conll"})
    (tmp_path / "rows.conll").write_text("\n\n".join(["1\tHello\tO\t-", *lines]) + "\n", "utf-8")
    made = report(train(str(path)))
    assert made["data"]["train"]["read"] == 41
    assert made["ledger"]["dropped"] == {}


def test_how_a_batch_is_split_changes_nothing(tmp_path):
    def weights(method, rows, name, **steps):
        path = head(tmp_path / name, method, "embedded", rows, train={"max_steps": 4, "batch_size": 8, "dropout": 0.0, **steps})
        return load_file(train(str(path)).artifact.path / "model" / "model.safetensors")

    for method, rows in (("classification", classes(40)), ("token-classification", tagged(20))):
        one, four = (weights(method, rows, f"{method}{n}", accumulate=n) for n in (1, 4))
        assert max(float((one[name] - four[name]).abs().max()) for name in one) < 1e-4


@pytest.mark.parametrize(
    ("method", "rows", "said"),
    [
        ("classification", [], "empty"),
        ("classification", [{"text": "a", "label": "x"}], "nothing to tell apart"),
        ("classification", [{"text": "a", "label": ""}, {"text": "b", "label": None}], "no training row has a label"),
        ("classification", [{"words": "a", "kind": "x"}] * 2, "no column looks like text and label"),
        ("classification", [{"text": "", "label": "x"}, {"text": " ", "label": "y"}], "every row was left out .no text: 2"),
        ("regression", [{"text": "a", "value": 3}] * 3, "all training rows say 3"),
        ("regression", [{"text": "a", "value": "NaN"}, {"text": "b", "value": "4,5"}], "no training row has a number"),
        ("token-classification", [{"tokens": ["a", "b"], "tags": ["O", "O"]}], "nothing to tag"),
        ("token-classification", [{"tokens": ["a", "b"], "tags": ["O"]}], "nothing to tag"),
        (
            "question-answering",
            [{"question": "q?", "context": "abc", "answers": {"text": ["z"], "answer_start": [0]}}],
            "answer is not in the context: 1",
        ),
    ],
)
def test_rows_that_teach_nothing(method, rows, said, tmp_path):
    with pytest.raises(InputError, match=said):
        train(str(head(tmp_path, method, "embedded", rows, train={"max_steps": 1})))


def test_one_row_of_each_label_is_enough_to_run(tmp_path):
    rows = [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]
    assert train(str(head(tmp_path, "classification", "embedded", rows, train={"max_steps": 1}))).artifact.facts["rows"] == 2


def test_labels_that_no_training_row_has_are_named(tmp_path):
    from .tiny import write_rows

    path = head(tmp_path, "classification", "embedded", classes(), train={"max_steps": 1}, data={"validation": "held.jsonl"})
    write_rows(tmp_path / "held.jsonl", [*classes(10, seed=4), {"text": "天气", "label": "weather"}])
    result = train(str(path))
    assert any("1 of 11 measured rows have labels that no training row has (weather)" in note for note in result.notes)
    assert report(result)["validation_ledger"]["dropped"] == {"label not in the training rows": 1}
    assert report(result)["metrics"]["accuracy"]["n"] == 11


def test_long_texts_by_policy(tmp_path):
    rows = [{**row, "text": row["text"] * (30 if n % 3 == 0 else 1)} for n, row in enumerate(classes(30))]
    steps = {"max_steps": 1, "max_length": 32}
    cut = report(train(str(head(tmp_path / "a", "classification", "embedded", rows, train=steps, data={"validation_share": 0}))))["ledger"]
    assert (cut["texts_read_in_windows"], cut["dropped"]) == (10, {})
    assert cut["rows"] > 60
    steps["over_length"] = "drop"
    left = report(train(str(head(tmp_path / "b", "classification", "embedded", rows, train=steps, data={"validation_share": 0}))))["ledger"]
    assert left["dropped"] == {"longer than max_length": 10}
    steps["over_length"] = "fail"
    with pytest.raises(GateError, match="too long"):
        train(str(head(tmp_path / "c", "classification", "embedded", rows, train=steps)))


def test_settings_that_cannot_be(tmp_path):
    with pytest.raises(ConfigError, match="a window has 32 tokens"):
        train(str(head(tmp_path, "classification", "embedded", classes(), {"stride": 30}, train={"max_steps": 1, "max_length": 32})))
    with pytest.raises(ConfigError, match="multiple of 32"):
        train(str(head(tmp_path / "b", "classification", "embedded", classes(), {"embedded": {"hidden": 40}})))
    with pytest.raises(InputError, match="of several labels none may be right"):
        rows = [{"text": "a", "label": ["x", "y"]}, {"text": "b", "label": ["y"]}]
        train(str(head(tmp_path / "c", "classification", "embedded", rows, {"other": "x"})))


def test_a_pickle_is_no_base(bert, tmp_path):
    import shutil

    bad = tmp_path / "bad"
    shutil.copytree(bert, bad)
    torch.save(load_file(bad / "model.safetensors"), bad / "pytorch_model.bin")
    (bad / "model.safetensors").unlink()
    with pytest.raises(InputError, match="safetensors"):
        train(str(head(tmp_path / "run", "classification", str(bad), classes())))


def test_a_crf_that_is_not_in_the_file(tmp_path):
    from kefu.train.predict.opening import open_model

    result = train(str(head(tmp_path, "token-classification", "embedded", tagged(20), {"crf": True}, train={"max_steps": 1})))
    file = result.artifact.path / "model" / "model.safetensors"
    save_file({name: value for name, value in load_file(file).items() if not name.startswith("crf.")}, file, {"format": "pt"})
    with quiet(), pytest.raises(InputError, match="no usable CRF"):
        open_model(str(result.artifact.path), tmp_path, 8, 8)


def test_show_says_what_is_learnt(tmp_path):
    rows = show(str(head(tmp_path / "a", "classification", "embedded", classes())), count=1)
    assert rows[0][-1][1] and rows[0][-1][0].startswith(" → ")
    rows = show(str(head(tmp_path / "b", "token-classification", "embedded", tagged())), count=1)
    assert any(mark and "[B-LOC]" in text for text, mark in rows[0])
    rows = show(str(head(tmp_path / "c", "question-answering", "embedded", asked(20, far=1))), count=20)
    assert any(mark and text.strip() in ("上海", "北京", "Paris", "New York") for row in rows for text, mark in row)


KILLED = """
import os, signal, sys
from kefu.train.factory import train
def watch(text, share):
    if text.startswith("step 11 of"):
        os.kill(os.getpid(), signal.SIGKILL)
train(sys.argv[1], progress=watch)
"""


@pytest.mark.long
@pytest.mark.parametrize("method", ["token-classification", "multitask"])
def test_a_killed_run_goes_on_bit_for_bit(method, tmp_path):
    import signal
    import subprocess
    import sys

    from .test_heads_shared import HEADS, messages

    rows, settings = (messages(), {"heads": HEADS}) if method == "multitask" else (tagged(40), {"crf": True})
    steps = {"max_steps": 16, "batch_size": 8, "save_every": 4}
    paths = [head(tmp_path / name, method, "embedded", rows, settings, train=steps) for name in ("whole", "killed")]
    whole = train(str(paths[0]))
    killed = subprocess.run([sys.executable, "-c", KILLED, str(paths[1])], capture_output=True, text=True, check=False, timeout=200)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    resumed = train(str(paths[1]), resume=True)
    for file in sorted((whole.artifact.path / "model").glob("*.safetensors")):
        assert file.read_bytes() == (resumed.artifact.path / "model" / file.name).read_bytes()
