"""A recipe through the one loop: data in, model out."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from kefu.cli.train import app
from kefu.train.factory import show, train

from .recipes import questions, recipe


def test_embedded_recipe(tmp_path, capfd):
    said = []
    path = recipe(tmp_path, "sft", "embedded", questions(), train={"max_steps": 40}, sft={"embedded": {"vocabulary": 400, "layers": 1, "hidden": 32}})
    result = train(str(path), progress=lambda text, share: said.append((text, share)))
    assert capfd.readouterr() == ("", "")
    folder = result.artifact.path
    assert {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja", "generation_config.json"} <= {
        p.name for p in (folder / "model").iterdir()
    }
    task = json.loads((folder / "task.json").read_text("utf-8"))
    assert (task["method"], task["task"], task["needs"]) == ("sft", "generation", "messages")
    report = json.loads((folder / "training.json").read_text("utf-8"))
    assert report["metrics"]["loss"]["value"] < report["metrics_before"]["loss"]["value"]
    assert report["settings"]["max_steps"]["origin"] == "sft.yaml:12"
    assert report["ledger"]["balanced"]
    assert report["memory"]["train"] > report["memory"]["load"] > 0
    assert not (tmp_path / "build" / "checkpoints" / "tiny-sft").exists() or not list((tmp_path / "build" / "checkpoints" / "tiny-sft").iterdir())
    assert any("rehears" in text for text, _ in said)
    again = train(str(path))
    assert again.fresh
    assert again.artifact.path == folder


def test_show(tmp_path, checkpoint):
    path = recipe(tmp_path, "sft", str(checkpoint), questions())
    rows = show(str(path), count=2)
    assert len(rows) == 2
    learnt = [text for text, mark in rows[0] if mark]
    assert learnt == ["七天内可以申请退款。<|im_end|>"]
    piped = CliRunner().invoke(app, ["show", str(path), "--rows", "1"])
    assert not piped.exit_code
    assert "⟦七天内可以申请退款。<|im_end|>⟧" in piped.stdout and piped.stdout.count("⟦") == 1
    asked = show(str(recipe(tmp_path / "prompt", "prompt", str(checkpoint), questions())), count=1)
    assert [mark for _, mark in asked[0]] == [False, False] and asked[0][0][0].startswith("user: 怎么退款？")


def test_settings_of_the_embedded_base_and_where_they_come_from(tmp_path, checkpoint):
    steps = {"max_steps": 1, "rehearse": False}
    flags = ["sft.embedded.vocabulary=400", "sft.embedded.layers=1", "sft.embedded.hidden=32"]
    made = train(str(recipe(tmp_path, "sft", "embedded", questions(), train=steps)), flags)
    settings = json.loads((made.artifact.path / "training.json").read_text("utf-8"))["settings"]
    assert settings["sft.embedded"]["origin"] == "default; vocabulary, layers, hidden: flag"
    made = train(str(recipe(tmp_path / "b", "sft", str(checkpoint), questions(), train=steps)))
    assert not [name for name in json.loads((made.artifact.path / "training.json").read_text("utf-8"))["settings"] if "embedded" in name]
