"""Several heads on one encoder, pictures with texts, and heads on the mean over tokens."""

from __future__ import annotations

import json
import random

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from kefu.errors import ConfigError, InputError
from kefu.train.factory import train
from kefu.train.heads.shared import Adapters, Fusion, mean_of
from kefu.train.predict import predict_file

from .heads import classes, head
from .tiny import write_rows


def report(result):
    return json.loads((result.artifact.path / "training.json").read_text("utf-8"))


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def messages(count=160, seed=1):
    """`tier` stands in the knowledge alone, `desk` depends on the domain alone: without fusion and adapter neither can be learnt."""
    rng, rows = random.Random(seed), []
    for _ in range(count):
        kind, city, haste = rng.choice(["退款", "发票"]), rng.choice(["上海", "北京"]), rng.randrange(4)
        tier, domain = rng.random() < 0.5, rng.choice("ab")
        text = f"我要{kind}，地址{city}" + "快" * haste
        place = text.index(city)
        rows.append({
            "text": text, "intent": kind, "urgency": haste * 2.0, "entities": [{"start": place, "end": place + 2, "label": "LOC"}],
            "domain": domain, "desk": f"desk {domain}", "knowledge": "会员 金牌 客户" if tier else "普通 用户", "tier": "vip" if tier else "plain",
        })  # fmt: skip
    for n in range(0, count, 5):
        rows[n]["intent"] = None
    return rows


HEADS = {"intent": {}, "tier": {}, "desk": {}, "urgency": {"task": "regression"}, "entities": {"task": "token-classification"}}


@pytest.mark.parametrize("fusion", ["gated", "attended"])
def test_heads_learn_together_from_text_domain_and_knowledge(fusion, tmp_path):
    path = head(
        tmp_path,
        "multitask",
        "embedded",
        messages(),
        {"heads": HEADS, "fusion": fusion, "adapter": 8},
        train={"max_steps": 120, "learning_rate": 3e-3},
    )
    result = train(str(path))
    made = report(result)["metrics"]
    assert min(made[name]["value"] for name in ("intent.accuracy", "tier.accuracy", "desk.accuracy", "entities.entity_f1")) > 0.9
    assert made["urgency.spearman"]["value"] > 0.7
    assert made["intent.accuracy"]["n"] < made["tier.accuracy"]["n"]  # rows without an intent are not counted for it
    rows = messages(6, seed=9)
    write_rows(tmp_path / "in.jsonl", [*rows, {"text": ""}, {"text": rows[0]["text"], "domain": "unknown"}])
    assert predict_file(str(result.artifact.path), tmp_path / "in.jsonl", tmp_path / "out.jsonl").bad == 1
    said = lines(tmp_path / "out.jsonl")
    assert [one["heads"]["tier"]["label"] for one in said[:6]] == [row["tier"] for row in rows]
    assert [one["heads"]["entities"]["entities"][0]["text"] for one in said[:6]] == [row["text"][7:9] for row in rows]
    assert said[7]["heads"].keys() == HEADS.keys()


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({}, ConfigError, "multitask.heads is empty"),
        ({"heads": {"mood": {}}}, InputError, "no training row has a column 'mood'"),
        ({"heads": {"urgency": {"column": "intent", "task": "regression"}}}, InputError, "no two different numbers"),
        ({"heads": {"intent": {"task": "token-classification"}}}, InputError, "nothing to tag"),
        ({"heads": {"same": {}}}, InputError, "nothing to tell apart"),
    ],
)
def test_heads_that_have_nothing_to_learn(settings, error, said, tmp_path):
    rows = [{**row, "same": "x"} for row in messages(10)]
    with pytest.raises(error, match=said):
        train(str(head(tmp_path, "multitask", "embedded", rows, settings, train={"max_steps": 1})))


def test_adapter_and_fusion_begin_as_nothing_and_leave_alone_what_has_none():
    torch.manual_seed(0)
    states, known = torch.randn(3, 5, 8), torch.randn(3, 4, 8)
    mask = torch.tensor([[1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]])
    domain = torch.tensor([0, -1, 1])
    adapters = Adapters(2, 8, 4)
    assert torch.equal(adapters(states, domain), states)
    torch.nn.init.normal_(adapters.up)
    moved = adapters(states, domain)
    assert torch.equal(moved[1], states[1]) and not torch.equal(moved[0], states[0])
    for attended in (False, True):
        fusion = Fusion(8, attended)
        assert torch.equal(fusion(states, known, mask), states)
        torch.nn.init.normal_(fusion.into.weight)
        joined = fusion(states, known, mask)
        assert torch.equal(joined[1], states[1]) and joined.isfinite().all()
        poisoned = known.clone()
        poisoned[0, 2:] = 1e4  # behind the mask
        assert torch.allclose(fusion(states, poisoned, mask), joined)
    assert torch.allclose(mean_of(known, mask)[0], known[0, :2].mean(0))
    assert torch.equal(mean_of(known, mask)[1], torch.zeros(8))


def test_heads_that_do_not_fit_their_file(tmp_path):
    result = train(str(head(tmp_path, "multitask", "embedded", messages(20), {"heads": HEADS}, train={"max_steps": 1})))
    file = result.artifact.path / "task.json"
    task = json.loads(file.read_text("utf-8"))
    task["heads"]["tier"]["labels"] = ["vip"] * 1 + ["plain", "third"]
    file.write_text(json.dumps(task), "utf-8")
    write_rows(tmp_path / "in.jsonl", messages(2))
    with pytest.raises(InputError, match="does not fit"):
        predict_file(str(result.artifact.path), tmp_path / "in.jsonl", tmp_path / "out.jsonl")


def test_a_sentence_encoder_is_read_by_its_mean_and_goes_on(sentences, tmp_path):
    for method, rows in (("classification", classes(seed=3)), ("regression", [{"text": r["text"], "value": len(r["text"])} for r in classes()])):
        made = train(
            str(head(tmp_path / method, method, str(sentences), rows, train={"max_steps": 30, "batch_size": 32, "learning_rate": 1e-3}))
        ).artifact.path
        assert json.loads((made / "task.json").read_text("utf-8"))["pooling"] == "mean"
        assert set(load_file(made / "model" / "heads.safetensors")) == {"heads.0.weight", "heads.0.bias"}
        write_rows(tmp_path / "in.jsonl", rows[:8])
        predict_file(str(made), tmp_path / "in.jsonl", tmp_path / "out.jsonl")
        said = lines(tmp_path / "out.jsonl")
        if method == "classification":
            assert [one["label"] for one in said] == [row["label"] for row in rows[:8]]
            again = report(train(str(head(tmp_path / "on", method, str(made), rows, train={"max_steps": 1, "learning_rate": 1e-9}))))
            assert again["metrics_before"]["accuracy"]["value"] > 0.8  # its head went on


def pictures(folder, count=90):
    folder.mkdir(parents=True)
    rng, rows = random.Random(1), []
    names = ["red", "green", "blue"]
    for n in range(count):
        shown, told = rng.choice(names), rng.choice(names)
        colour = [rng.randrange(40) for _ in names]
        colour[names.index(shown)] = 200 + rng.randrange(50)
        Image.new("RGB", (40, 30), tuple(colour)).save(folder / f"{n}.png")
        rows.append({"image": f"{n}.png", "text": f"the {told} box", "label": shown, "other": told})
    return rows


def test_pictures_with_texts(tmp_path):
    rows = pictures(tmp_path / "p")
    settings = {"contrast": 0.1}
    result = train(str(head(tmp_path / "p", "image-text", "embedded", rows, settings, train={"max_steps": 80})))
    assert report(result)["metrics"]["accuracy"]["value"] > 0.9
    (tmp_path / "p" / "torn.png").write_bytes(b"\x89PNG\r\n")
    bad = [
        {"image": "gone.png", "text": "a"},
        {"image": "torn.png", "text": "a"},
        {"image": "http://x/y.png", "text": "a"},
        {"image": "1.png", "text": ""},
    ]
    write_rows(tmp_path / "p" / "in.jsonl", [*rows[:5], *bad])
    done = predict_file(str(result.artifact.path), tmp_path / "p" / "in.jsonl", tmp_path / "out.jsonl", scores=True)
    said = lines(tmp_path / "out.jsonl")
    assert (done.answered, done.bad) == (5, 4)
    assert [one["label"] for one in said[:5]] == [row["label"] for row in rows[:5]]
    assert all(-1 <= one["similarity"] <= 1 for one in said[:5])
    for one, word in zip(said[5:], ("no picture 'gone.png'", "cannot be read", "by address", "no text"), strict=True):
        assert word in one["error"]


def test_pictures_lie_beside_the_rows_and_lost_ones_are_said_in_short(tmp_path):
    rows = pictures(tmp_path / "data", 12)
    write_rows(tmp_path / "data" / "rows.jsonl", rows)
    lost = [{"image": f"gone{n}.png", "text": "a", "label": rows[n % 2]["label"]} for n in range(30)]
    write_rows(tmp_path / "lost.jsonl", lost)
    given = ["data.train=data/rows.jsonl", "data.validation_share=0", "train.max_steps=1", "train.rehearse=false", "train.trackers=[]"]
    path = head(tmp_path, "image-text", "embedded", lost)
    result = train(str(path), [*given, "data.validation=lost.jsonl"])
    assert report(result)["ledger"]["rows"] == len(rows)
    with pytest.raises(InputError, match=r"30 pictures are not there \('gone0.png', 'gone1.png', 'gone2.png', \.\.\.\); looked in ") as caught:
        train(str(path), ["data.train=lost.jsonl", *given[1:]])
    assert len(caught.value.line()) < 500


def test_a_base_that_reads_no_pictures(base, tmp_path):
    with pytest.raises(InputError, match=r"cannot prepare pictures|give a CLIP checkpoint"):
        train(str(head(tmp_path / "p", "image-text", str(base), pictures(tmp_path / "p", 6), train={"max_steps": 1})))
