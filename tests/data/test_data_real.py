"""The two real data sets, by configuration alone (`--run-real-data`, KEFU_REAL_DATA)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kefu import data
from kefu.project import load

pytestmark = [pytest.mark.real_data, pytest.mark.skipif("KEFU_REAL_DATA" not in os.environ, reason="KEFU_REAL_DATA is not set")]


@pytest.mark.parametrize(("name", "rows", "kept"), [("bitext_llm", 3603, 3500), ("star", 5322, 4700)])
def test_real_data(root: Path, tmp_path: Path, name: str, rows: int, kept: int) -> None:
    facts = data.build(load(root / "benchmarks" / name), tmp_path / "out")
    assert facts["rows"] == rows and facts["balanced"]
    assert facts["conversations"] >= kept
    assert facts["conversations"] + sum(facts["dropped_reasons"].values()) == rows
