"""A shipped recipe on rows behind a data port: they take the place of the recipe's own files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
import yaml

from kefu.artifacts import Store
from kefu.errors import ConfigError, InputError
from kefu.train.factory import train

from .recipes import questions
from .tiny import FAQ, write_rows

SMALL = ["train.max_steps=1", "train.rehearse=false", "train.trackers=[]", "train.batch_size=8"]


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """A project whose dataset holds dialogues, preferences and labelled rows, served by `kefu data serve`."""
    root = tmp_path_factory.mktemp("port") / "shop"
    root.mkdir()
    document = {"name": "shop", "data": {"sources": [{"name": "faq", "shape": "faq", "path": "faq.csv"}]}}
    (root / "kefu.yaml").write_text(yaml.safe_dump(document), "utf-8")
    asked = questions()
    with Store(root / "build").publish("data", "shop", "0" * 64, inputs={}, settings={}, seed=7) as draft:
        write_rows(draft.path / "conversations.jsonl", [])
        for name, text in (("stats.json", "{}"), ("card.md", "# shop"), ("ledger.json", "{}")):
            (draft.path / name).write_text(text, "utf-8")
        said = [[{"role": "user", "content": row["question"]}, {"role": "assistant", "content": row["answer"]}] for row in asked]
        write_rows(draft.path / "messages.train.jsonl", [{"messages": one} for one in said[:20]])
        write_rows(draft.path / "messages.validation.jsonl", [{"messages": one} for one in said[20:]])
        write_rows(draft.path / "preference.train.jsonl", [{"prompt": r["question"], "chosen": r["answer"], "rejected": "不知道。"} for r in asked])
        labelled = [{"text": text, "label": row[0]} for row in FAQ for text in row[4]]
        write_rows(draft.path / "classification.train.jsonl", labelled)
    child = subprocess.Popen(
        [sys.executable, "-m", "kefu", "data", "serve", str(root), "--port", "0", "--workers", "1", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "KEFU_DATA_KEYS": ""},
    )  # fmt: skip
    try:
        line = child.stdout.readline()
        assert line, child.stderr.read()
        yield f"{json.loads(line)['url']}/v1/datasets/shop"
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
    finally:
        child.kill()
        child.communicate()


@pytest.mark.parametrize(
    ("recipe", "more", "rows"),
    [
        ("sft", ["sft.embedded={vocabulary: 400, layers: 1, hidden: 32}"], (20, 4)),
        ("dpo", ["base={base}"], (22, 2)),
        ("classification", ["classification.embedded={vocabulary: 400, layers: 1, hidden: 32}", "classification.wording=none"], (22, 2)),
    ],
)
def test_a_shipped_recipe_trains_on_the_rows_of_a_port(port, checkpoint, tmp_path, monkeypatch, recipe, more, rows):
    monkeypatch.chdir(tmp_path)
    flags = [one.replace("{base}", str(checkpoint)) for one in more]
    result = train(recipe, [f"data.data_url={port}", *flags, *SMALL])
    ledger = json.loads((result.artifact.path / "training.json").read_text("utf-8"))["data"]
    assert (ledger["train"]["rows"], ledger["validation"]["rows"]) == rows


def test_files_beside_a_port(port, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="give one of both"):
        train("sft", [f"data.data_url={port}", "data.train=rows.jsonl"])
    with pytest.raises(InputError, match="no rows of kind spans"):
        train("question-answering", [f"data.data_url={port}"])
    write_rows(tmp_path / "own.jsonl", questions()[:3])
    flags = ["data.validation=own.jsonl", "sft.embedded={vocabulary: 400, layers: 1, hidden: 32}"]
    result = train("sft", [f"data.data_url={port}", *flags, *SMALL])
    ledger = json.loads((result.artifact.path / "training.json").read_text("utf-8"))["data"]
    assert ledger["validation"]["rows"] == 3, "named files are read, not the port's"
