"""A gateway for each test that asks for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from served import Desk, starter


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """`serving(peer=..., keys=..., operator_keys=..., **settings)` starts a gateway that stops with the test."""
    with starter(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One gateway for the tests of a file that only ask."""
    with starter(tmp_path_factory.mktemp("shared")) as start:
        yield start()


@pytest.fixture
def desk(serving: Callable[..., Desk]) -> Desk:
    return serving()
