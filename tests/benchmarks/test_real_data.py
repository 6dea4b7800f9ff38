"""The real-data projects in reduced form: the whole pipeline, unchanged code, little training."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.real_data, pytest.mark.timeout(1500)]


def kefu(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "kefu", *arguments], capture_output=True, text=True, timeout=1400, check=False)


def test_bitext_goes_the_whole_way(root: Path, tmp_path: Path) -> None:
    assert "KEFU_REAL_DATA" in os.environ, "set KEFU_REAL_DATA to the folder that holds bitext_llm/train.csv"
    project = tmp_path / "bitext_llm"
    shutil.copytree(root / "benchmarks" / "bitext_llm", project, ignore=shutil.ignore_patterns("build", "models.yaml"))
    done = kefu("run", str(project), "--json", "--set", "train.max_steps=30", "--set", "eval.held_out=60", "--set", "export.gates.samples=10")
    document = json.loads(done.stdout)
    assert done.returncode in (0, 1), done.stderr
    facts = {row["stage"]: row["facts"] for row in document["stages"]}
    assert facts["data"]["rows"] == 3603
    assert facts["data"]["balanced"]
    assert facts["eval"]["held_out.right"]["n"] == 60
    assert facts["eval"]["held_out.right"]["value"] > 0.8


def test_star_dialogues_give_a_ledger_that_adds_up(root: Path, tmp_path: Path) -> None:
    project = tmp_path / "star"
    shutil.copytree(root / "benchmarks" / "star", project, ignore=shutil.ignore_patterns("build", "models.yaml"))
    done = kefu("run", str(project), "--json", "--until", "knowledge")
    document = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout
    facts = {row["stage"]: row["facts"] for row in document["stages"]}
    assert facts["data"]["rows"] == 5322
    assert facts["data"]["balanced"]
    assert facts["knowledge"]["entries"] > 50
