"""N-grams beside an encoder: what they learn, how they are weighed, what of them is believed when it is read again."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from kefu.errors import InputError
from kefu.train.factory import train
from kefu.train.heads import wording as module
from kefu.train.heads.wording import WORDING_FILE, Wording, pool
from kefu.train.predict import predict_file

from .heads import KINDS, classes, head
from .tiny import write_rows

NAMES = sorted(KINDS)


def learnt(count=60, most=3, seed=1):
    rows = [row for row in classes(count, seed=seed) if row["label"] in NAMES[:most]]
    return Wording.learn([row["text"] for row in rows], [NAMES.index(row["label"]) for row in rows], most, 0)


@pytest.mark.parametrize("labels", [2, 3])
def test_n_grams_tell_labels_apart_in_both_languages(labels, tmp_path):
    made = learnt(most=labels)
    asked = ["退款退款", "ＰＲＩＣＥ of it？", "发票", "", "🙂"] if labels == 3 else ["怎么退款呢", "price?"]
    said = made.scores(asked)
    assert np.exp(said).sum(1) == pytest.approx(1, abs=1e-4)
    held = [row for row in classes(40, seed=9) if row["label"] in NAMES[:labels]]
    right = [NAMES[i] == row["label"] for i, row in zip(made.scores([row["text"] for row in held]).argmax(1), held, strict=True)]
    assert np.mean(right) > 0.9
    made.save(tmp_path)
    assert (Wording.load(tmp_path, labels).scores(asked) == said).all()


def test_the_number_of_weights_is_bounded(monkeypatch):
    free = learnt()
    assert len(free.columns) > 400
    monkeypatch.setattr(module, "MOST_NUMBERS", 3 * 1000)
    rng = random.Random(0)
    texts = ["".join(chr(0x4E00 + rng.randrange(3000)) for _ in range(30)) + NAMES[n % 3] for n in range(90)]
    made = Wording.learn(texts, [n % 3 for n in range(90)], 3, 0)
    assert made.weights.shape == (1000, 3)
    assert (made.scores(texts).argmax(1) == [n % 3 for n in range(90)]).all()  # the commonest n-grams were kept


def test_texts_without_any_word():
    made = Wording.learn(["🙂", "!!", "🙂", "?"], [0, 1, 0, 0], 2, 0)
    assert np.exp(made.scores(["🙂", "word"])) == pytest.approx(np.array([[0.75, 0.25]] * 2), abs=1e-3)


@pytest.mark.parametrize("poison", ["gone", "labels", "nan", "order", "beyond", "short", "cut"])
def test_a_poisoned_file_is_refused(poison, tmp_path):
    learnt().save(tmp_path)
    path = tmp_path / WORDING_FILE
    held = load_file(str(path))
    if poison == "gone":
        path.unlink()
    elif poison == "cut":
        path.write_bytes(path.read_bytes()[:-10])
    elif poison == "short":
        del held["idf"]
    elif poison == "nan":
        held["weights"][0, 0] = np.nan
    elif poison == "order":
        held["columns"] = held["columns"][::-1].copy()
    elif poison == "beyond":
        held["columns"][-1] = 2 * module.BUCKETS
    if poison in ("short", "nan", "order", "beyond"):
        save_file(held, str(path))
    with pytest.raises(InputError, match=WORDING_FILE):
        Wording.load(tmp_path, 4 if poison == "labels" else 3)


def test_the_better_of_two_gets_the_weight():
    rng = np.random.default_rng(1)
    right = rng.integers(0, 3, 400)
    good = np.log(np.full((400, 3), 0.05) + 0.85 * np.eye(3)[np.where(rng.random(400) < 0.9, right, (right + 1) % 3)])
    noise = rng.normal(size=(400, 3))
    assert pool(noise, good, right)[1] > 2
    heat, weight = pool(good, noise, right)
    assert weight < 0.2
    assert 0.5 < heat < 2
    other = np.log(np.full((400, 3), 0.05) + 0.85 * np.eye(3)[np.where(rng.random(400) < 0.9, right, (right + 2) % 3)])
    _, weight = pool(good, other, right)
    assert 0.5 < weight < 2  # errors in different places: both count
    assert ((good + weight * other).argmax(1) == right).mean() > (good.argmax(1) == right).mean()


def test_a_few_held_out_rows_move_the_weight_and_many_settle_it():
    rng = np.random.default_rng(2)
    right = rng.integers(0, 4, 2000)
    good, noise = np.log(np.full((2000, 4), 0.02) + 0.92 * np.eye(4)[np.where(rng.random(2000) < 0.9, right, 0)]), rng.normal(size=(2000, 4)) * 4
    weights = [pool(noise[:n], good[:n], right[:n])[1] for n in (1, 12, 2000)]
    assert 0.3 < weights[0] < weights[1] < weights[2]
    assert ((noise[12:] + weights[1] * good[12:]).argmax(1) == right[12:]).mean() > 0.8


def test_a_head_with_its_wording_is_measured_saved_and_read_again(tmp_path):
    rows = classes(240)
    path = head(tmp_path / "with", "classification", "embedded", rows, train={"max_steps": 3}, data={"validation_share": 0.3})
    result = train(str(path))
    made = json.loads((result.artifact.path / "training.json").read_text("utf-8"))
    task = json.loads((result.artifact.path / "task.json").read_text("utf-8"))
    assert task["wording"] > 0.5  # three steps teach an encoder nothing
    assert made["metrics"]["accuracy"]["value"] > 0.95
    assert any("n-grams of the wording" in note for note in result.notes)
    write_rows(tmp_path / "in.jsonl", [{"text": sample["asked"]} for sample in made["samples"]])
    predict_file(str(result.artifact.path), tmp_path / "in.jsonl", tmp_path / "out.jsonl", batch=3)
    said = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [f"{row['label']} {row['probability']:.3f}" for row in said] == [sample["after"] for sample in made["samples"]]
    without = train(str(path), ["classification.wording=none"]).artifact
    assert not (without.path / "model" / WORDING_FILE).exists()
    assert "wording" not in json.loads(without.file("task.json").read_text("utf-8"))


def test_pairs_and_few_rows_do_without(sentences, tmp_path):
    for name, base, rows in (("pairs", "embedded", [{**row, "other": "x"} for row in classes(240)]), ("few", str(sentences), classes(24))):
        result = train(str(head(tmp_path / name, "classification", base, rows, train={"max_steps": 1}, data={"validation_share": 0.3})))
        assert not (result.artifact.path / "model" / WORDING_FILE).exists()


def test_few_rows_for_an_encoder_from_scratch_are_told_apart_by_their_wording(tmp_path):
    rows = {"train": "rows.jsonl", "test": "rows.jsonl"}
    result = train(str(head(tmp_path, "classification", "embedded", classes(30), train={"max_steps": 2}, data=rows)))
    made = json.loads((result.artifact.path / "training.json").read_text("utf-8"))
    assert made["facts"]["wording"]["n"] < 10
    assert made["metrics"]["accuracy"]["value"] > 0.9
