"""Whole runs at tiny scale through the real TRL."""

from __future__ import annotations

import json

import pytest

from kefu.engines.prompt import PromptStyle
from kefu.errors import ConfigError, InputError
from kefu.train import mask_view, run

from .tiny import write_rows


def weights(folder):
    from safetensors.numpy import load_file

    return load_file(folder / "model" / "model.safetensors")


def test_embedded_run(project, data, tmp_path, capfd):
    said = []
    facts = run(project(max_steps=30, noise_copies=2), data, tmp_path / "no-knowledge", tmp_path, lambda text, share: said.append((text, share)))
    assert capfd.readouterr() == ("", "")  # quiet: no bars, no advice, no warnings
    shares = [share for _, share in said]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert any("step 30 of 30" in text for text, _ in said)

    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"} <= names
    assert PromptStyle.load(tmp_path).kind == "compact"
    assert (tmp_path / "plots" / "loss.png").stat().st_size > 5_000
    assert list((tmp_path / "tb").glob("events.*"))
    assert not (tmp_path / "checkpoints").exists()

    report = json.loads((tmp_path / "training.json").read_text("utf-8"))
    assert report["settings"]["max_steps"] == {"value": 30, "origin": "kefu.yaml:9"}
    assert report["settings"]["learning_rate"]["origin"] == "computed"
    ledger = report["ledger"]
    assert ledger["balanced"]
    assert ledger["rows"] == report["data"]["rows"] == sum(report["data"]["length_histogram"].values()) == facts["rows"]
    assert 0.2 < ledger["supervised_share"] < 0.8
    assert report["data"]["kinds"]["dialogue"] == 7
    assert report["data"]["languages"].keys() == {"zh", "en"}
    assert report["data"]["left_out"] == {"no question before the answer": 2}
    run_ = report["run"]
    assert run_["steps"] == 30
    assert run_["train_loss"][-1][1] < run_["train_loss"][0][1]
    best = min(run_["validation_loss"], key=lambda point: point[1])
    assert best[0] == run_["best_step"]
    assert facts["validation_loss"] == best[1]
    assert report["held_out"]["n"] == 6
    assert {"question", "hits", "expected", "before", "after", "held_out"} == report["samples"][0].keys()
    assert report["environment"]["packages"]["trl"]


def test_the_same_seed_gives_the_same_weights(project, data, tmp_path):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        run(project(max_steps=2, noise_copies=1, seed=seed, trackers=[]), data, tmp_path, tmp_path / name)
    a, b, c = (weights(tmp_path / name) for name in "abc")
    assert all((a[key] == b[key]).all() for key in a)
    assert not all((a[key] == c[key]).all() for key in a)
    assert not (tmp_path / "a" / "tb").exists()


def test_a_checkpoint_folder_takes_the_ordinary_path(project, data, checkpoint, tmp_path):
    facts = run(project(base=str(checkpoint), max_steps=3, trackers=[]), data, tmp_path, tmp_path / "out")
    assert facts["base"] == str(checkpoint)
    report = json.loads((tmp_path / "out" / "training.json").read_text("utf-8"))
    assert report["settings"]["learning_rate"]["value"] == 2e-5
    assert report["settings"]["noise_copies"]["value"] == 0
    style = PromptStyle.load(tmp_path / "out")
    assert (style.kind, style.company, style.template_kwargs) == ("full", "云极", {"enable_thinking": False})
    template = (checkpoint / "chat_template.jinja").read_text("utf-8")
    assert (tmp_path / "out" / "model" / "chat_template.jinja").read_text("utf-8") == template  # the checkpoint's own, untouched
    before, after = weights_of(checkpoint), weights(tmp_path / "out")
    assert before.keys() == after.keys()
    assert any((before[key] != after[key]).any() for key in before)
    row = {"id": "x", "language": "zh", "messages": [{"role": "user", "content": "怎么退款？"}, {"role": "assistant", "content": "七天内。"}]}
    assert mask_view(tmp_path / "out" / "model", row)[1] == ("七天内。<|im_end|>", True)


def weights_of(folder):
    from safetensors.numpy import load_file

    return load_file(folder / "model.safetensors")


def test_interrupt_leaves_the_run(project, data, tmp_path):
    def stop(text, share):
        if text.startswith("step 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(project(max_steps=50, trackers=[]), data, tmp_path, tmp_path / "out", stop)
    assert not (tmp_path / "out" / "training.json").exists()


def test_nothing_to_train_on(project, tmp_path):
    write_rows(tmp_path / "faq.jsonl", [])
    with pytest.raises(InputError, match="nothing to train on"):
        run(project(), tmp_path, tmp_path, tmp_path / "out")


def test_every_row_too_long(project, data, tmp_path):
    with pytest.raises(InputError, match=r"longer than max_length 32; raise train.max_length"):
        run(project(max_length=32, over_length="drop"), tmp_path_with_long_rows(tmp_path), tmp_path, tmp_path / "out")


def tmp_path_with_long_rows(folder):
    write_rows(folder / "faq.jsonl", [{"id": "a", "answer": "".join(chr(0x4E00 + 37 * i) for i in range(100)), "questions": ["怎么退款？"]}])
    return folder


def test_unknown_base(project, data, tmp_path):
    with pytest.raises(ConfigError, match="no such folder"):
        run(project(base="./absent"), data, tmp_path, tmp_path / "out")


def test_a_tracker_that_is_not_installed(project, data, tmp_path, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "wandb" else find(name, *rest))
    with pytest.raises(ConfigError, match="pip install wandb"):
        run(project(trackers=["wandb"]), data, tmp_path, tmp_path / "out")
