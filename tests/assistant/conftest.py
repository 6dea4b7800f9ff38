"""A real knowledge base over the made-up company."""

from __future__ import annotations

import pytest

from kefu.assistant import Assistant
from kefu.knowledge import KnowledgeBase
from kefu.project.schema import Assistant as Settings

from .support_desk import COMPANY, make_kb


@pytest.fixture(scope="session")
def kb(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    return make_kb(tmp_path_factory.mktemp("company"), COMPANY)


@pytest.fixture(scope="session")
def assistant(kb: KnowledgeBase) -> Assistant:
    return Assistant(kb, None, Settings())
