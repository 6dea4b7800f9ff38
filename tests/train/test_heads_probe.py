"""A head fitted to the encoder's vectors before the first step."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from kefu.errors import ConfigError
from kefu.train.factory import train
from kefu.train.factory.data import read
from kefu.train.factory.job import Device, Job
from kefu.train.factory.recipe import load
from kefu.train.heads import probe, windows
from kefu.train.heads.labels import divergence
from kefu.train.methods.classification import Classification
from kefu.train.quiet import quiet

from .heads import classes, head


def loss(logits, right):
    return torch.nn.functional.cross_entropy(logits, right)


@pytest.mark.parametrize("labels", [2, 5])
def test_the_fitted_layer_is_a_logistic_regression(labels):
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(labels)
    right = rng.integers(0, labels, 300)
    rows = (rng.normal(size=(labels, 16))[right] + rng.normal(size=(300, 16))).astype(np.float32) * 3 + 5
    weight, bias = probe.fit(torch.tensor(rows), torch.tensor(right), labels, loss)
    centre = rows.mean(0)
    size = np.linalg.norm(rows - centre, axis=1).mean()
    peer = LogisticRegression(C=10.0, max_iter=2000, tol=1e-8).fit((rows - centre) / size, right)
    said = torch.softmax(torch.tensor(rows) @ weight.T + bias, 1).numpy()
    assert (said.argmax(1) == peer.predict((rows - centre) / size)).mean() > 0.99
    if labels > 2:  # of two labels sklearn has one row of weights, which are pulled half as much
        assert np.abs(said - peer.predict_proba((rows - centre) / size)).max() < 0.02


def test_vectors_that_are_all_alike_give_the_shares_of_the_labels():
    weight, bias = probe.fit(torch.ones(40, 8), torch.tensor([0] * 30 + [1] * 10), 2, loss)
    assert torch.isfinite(weight).all()
    assert torch.softmax(torch.ones(8) @ weight.T + bias, 0)[0] == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("several", [False, True])
def test_a_new_head_on_a_sentence_encoder_starts_fitted(several, sentences, tmp_path):
    rows = [{**row, "label": [row["label"]]} if several else row for row in classes(240)]
    still = {"max_steps": 1, "learning_rate": 1e-12}
    metric = "exact" if several else "accuracy"
    shares = {}
    for start in ("auto", "random"):
        path = head(tmp_path / start, "classification", str(sentences), rows, {"start": start, "wording": "none"}, train=still)
        made = json.loads((train(str(path)).artifact.path / "training.json").read_text("utf-8"))
        shares[start] = made["metrics"][metric]["value"]
        assert ("start" in made["facts"]) == (start == "auto")
    assert shares["auto"] > 0.8 > shares["random"]


def test_two_passes_that_agree_are_no_distance_apart():
    from scipy.stats import entropy

    rng = torch.Generator().manual_seed(1)
    one, two = torch.randn(6, 4, generator=rng), torch.randn(6, 4, generator=rng)
    assert divergence(torch.cat([one, one]), False) == pytest.approx(0, abs=1e-6)
    assert divergence(torch.cat([one, one]), True) == pytest.approx(0, abs=1e-6)
    p, q = torch.softmax(one, 1).numpy(), torch.softmax(two, 1).numpy()
    assert float(divergence(torch.cat([one, two]), False)) == pytest.approx(
        float(np.mean((entropy(p, q, axis=1) + entropy(q, p, axis=1)) / 2)), rel=1e-4
    )
    assert divergence(torch.cat([one, two]), True) > 0


@pytest.mark.parametrize(
    ("count", "own", "epochs"),
    [(60, {}, 10), (2400, {}, 2.5), (60, {"agreement": 0}, 20), (2400, {"agreement": 0}, 5), (60, {"start": "random"}, 20)],
)
def test_epochs_of_a_fitted_head_by_the_rows(count, own, epochs, sentences, tmp_path):
    path = head(tmp_path, "classification", str(sentences), classes(count), own, train={"batch_size": 16})
    loaded, method = load(str(path)), Classification()
    with quiet():
        job = Job(loaded, tmp_path, tmp_path, Device.here(), lambda text, share: None, rows=read(loaded, method.needs))
        method.open(job)
        assert method.defaults(job)["epochs"][0] == epochs


def test_a_head_on_the_first_token_is_not_fitted(tmp_path):
    with pytest.raises(ConfigError, match="pooling: mean"):
        train(str(head(tmp_path, "classification", "embedded", classes(60), {"start": "fitted"}, train={"max_steps": 1})))


@pytest.mark.parametrize("several", [False, True])
def test_the_only_rows_of_a_label_are_not_held_out(several, tmp_path):
    rows = [{"text": f"row {n}", "label": f"rare {n}" if n < 30 else "common"} for n in range(60)]
    rows = [{**row, "label": [row["label"], "any"]} for row in rows] if several else rows
    found = read(load(str(head(tmp_path, "classification", "embedded", rows, data={"validation_share": 0.5}))), "labelled")
    assert {str(row["label"]) for row in found.train} == {str(row["label"]) for row in rows}
    assert {str(row["label"]) for row in found.validation} == {str(rows[-1]["label"])}
    assert len(found.train) + len(found.validation) == 60
    assert found.ledger["train"]["rows"] == len(found.train)


def test_more_labels_than_can_be_fitted(sentences, tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "MOST_LABELS", 2)
    with pytest.raises(ConfigError, match="3 labels are more than 2"):
        train(str(head(tmp_path / "asked", "classification", str(sentences), classes(60), {"start": "fitted"}, train={"max_steps": 1})))
    made = train(str(head(tmp_path / "auto", "classification", str(sentences), classes(60), train={"max_steps": 1})))
    assert "start" not in json.loads((made.artifact.path / "training.json").read_text("utf-8"))["facts"]


def test_held_out_rows_that_repeat_the_learnt_ones_are_told(tmp_path):
    asked = [
        "怎么退会员卡",
        "泳池几点开门",
        "教练课怎么预约",
        "更衣柜打不开了",
        "年卡可以转让吗",
        "停车场收费多少",
        "发票抬头写错了",
        "团课取消要扣次数吗",
    ]
    again = [
        {"text": f"{before}{text}{after}", "label": str(n % 2)}
        for n, text in enumerate(asked)
        for before in ("", "请问")
        for after in ("", "呀", "呢")
    ]
    plain = read(load(str(head(tmp_path / "again", "classification", "embedded", again))), "labelled")
    assert not any("nearly repeat" in note for note in plain.notes), "groups of near-repeats stay on one side"
    orders = [{"text": f"请问订单{n:04}到哪了", "label": str(n % 2)} for n in range(48)]
    alike = read(load(str(head(tmp_path / "alike", "classification", "embedded", orders))), "labelled")
    assert any("nearly repeat a row that is learnt" in note for note in alike.notes), "nothing else could be held out"
    words = [{"text": "".join(chr(0x4E00 + (n * 97 + i * 131) % 5000) for i in range(9)), "label": str(n % 2)} for n in range(48)]
    apart = read(load(str(head(tmp_path / "apart", "classification", "embedded", words))), "labelled")
    assert not any("nearly repeat" in note for note in apart.notes)


def test_a_base_that_does_not_know_the_texts_is_told(tmp_path):
    from types import SimpleNamespace

    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.WordLevel({"[UNK]": 0, "refund": 1, "please": 2}, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="[UNK]")
    said: list[str] = []
    job = SimpleNamespace(tokenizer=tokenizer, say=said.append, recipe=SimpleNamespace(base="minilm"))
    windows.tell_unknown(job, windows.windows(tokenizer, ["refund please"] * 3, None, 16, 2))
    assert said == []
    windows.tell_unknown(job, windows.windows(tokenizer, ["refund please", "怎么 退卡"], None, 16, 2))
    assert len(said) == 1 and said[0].startswith("50% of the texts' tokens are unknown to minilm")
