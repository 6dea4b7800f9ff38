"""Small projects made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from kefu.project import Loaded, load


@pytest.fixture(autouse=True)
def pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take nine tenths of the time of a small build: they are drawn where a test is marked so, and in every build by a process."""
    if request.node.get_closest_marker("pictures") is None:
        monkeypatch.setattr("kefu.data.plots.visualise", lambda gathered, out: {"plots": [], "chinese_font": "none"})


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Loaded]:
    """Write kefu.yaml from sources (dicts) and load it; files are put into the same folder beforehand."""

    def make(*sources: dict[str, Any], **data: Any) -> Loaded:
        (tmp_path / "kefu.yaml").write_text(yaml.safe_dump({"name": "t", "data": {"sources": list(sources), **data}}, allow_unicode=True), "utf-8")
        return load(tmp_path)

    return make


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"
