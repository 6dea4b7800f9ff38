"""Trackers beside our own report: Weights & Biases offline, and the registry mirrored in MLflow."""

from __future__ import annotations

import importlib.util
import sqlite3

import pytest

from kefu.errors import ConfigError, EngineError
from kefu.registry import Registry
from kefu.registry.mirror import mirror
from kefu.train.factory import train

from .recipes import questions, recipe

SHAPE = {"embedded": {"vocabulary": 400, "layers": 1, "hidden": 32}}


@pytest.mark.long
def test_wandb_is_kept_offline_without_a_key(tmp_path, monkeypatch, capsys):
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_DIR", "WANDB_PROJECT", "WANDB_SILENT"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(name, "x")  # so that what the run sets is taken back afterwards
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    said = []
    path = recipe(tmp_path, "sft", "embedded", questions(), sft=SHAPE, train={"max_steps": 3, "rehearse": False, "trackers": ["wandb"]})
    result = train(str(path), progress=lambda text, share: said.append(text))
    assert result.entry.label == "tiny-sft@1"
    runs = list((tmp_path / "build" / "wandb").glob("offline-run-*/*.wandb"))
    assert len(runs) == 1 and runs[0].stat().st_size > 1000
    assert any("offline" in text for text in said)
    assert capsys.readouterr().out == ""
    import wandb

    assert wandb.run is None
    wandb.teardown()


def test_wandb_that_is_not_installed_is_said_before_any_work(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr("kefu.train.factory.trackers.find_spec", lambda name, *rest: None if name == "wandb" else find(name, *rest))
    path = recipe(tmp_path, "sft", "embedded", questions(), sft=SHAPE, train={"trackers": ["wandb"]})
    with pytest.raises(ConfigError, match=r"kefu\[wandb\]"):
        train(str(path))
    assert not (tmp_path / "build" / "model").exists()


@pytest.mark.long
def test_mlflow_gets_each_entry_once_and_every_change(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    registry = Registry(tmp_path)
    fields = {
        "name": "店铺", "access_point": "build/x", "method": "sft", "created": "now", "hashes": {"model": "1"}, "artifacts": {}, "gates_passed": True,
        "settings": {"train": {"epochs": 3}}, "metrics": {"exact": {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9}}, "release_passed": True,
        "release_reasons": [],
    }  # fmt: skip
    registry.add(fields)
    registry.add({**fields, "hashes": {"model": "2"}})
    assert mirror(tmp_path, registry.entries()) == {"written": ["店铺@1", "店铺@2"], "updated": [], "fresh": []}
    registry.promote("店铺@1")
    assert mirror(tmp_path, registry.entries()) == {"written": [], "updated": ["店铺@1"], "fresh": ["店铺@2"]}
    with sqlite3.connect(tmp_path / "build" / "mlflow.db") as base:
        metrics = dict(base.execute("select key, value from metrics where run_uuid = (select run_uuid from tags where value = '店铺@2')").fetchall())
        stages = sorted(value for (value,) in base.execute("select value from tags where key = 'kefu.stage'"))
        params = base.execute("select distinct key, value from params").fetchall()
    base.close()
    assert metrics == {"exact": 0.5, "exact.low": 0.4, "exact.high": 0.6, "exact.n": 9.0}
    assert stages == ["candidate", "production"] and params == [("train.epochs", "3")]
    with pytest.raises(EngineError, match="takes no mirror"):
        mirror(tmp_path, registry.entries(), "http://127.0.0.1:9")
