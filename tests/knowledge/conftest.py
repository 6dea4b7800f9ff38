"""The shop's knowledge base, built once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kefu.knowledge import KnowledgeBase

from .shop_faq import MANUAL, make, rows


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[KnowledgeBase, dict[str, Any], Path]:
    """(knowledge base, facts, folder)."""
    folder = tmp_path_factory.mktemp("shop")
    manual = folder / "manual.md"
    manual.write_text(MANUAL, "utf-8")
    base, facts = make(folder, rows(), (manual,))
    return base, facts, folder
