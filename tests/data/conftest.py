"""Small projects made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from kefu.project import Loaded, load


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
