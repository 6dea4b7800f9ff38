"""Options for the parts that need more than this checkout."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-readme", action="store_true", help="run the README's commands (needs the demo to have run)")
    parser.addoption("--run-real-data", action="store_true", help="run the real-data projects in KEFU_REAL_DATA")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for marker, flag in (("readme", "--run-readme"), ("real_data", "--run-real-data")):
            if item.get_closest_marker(marker) and not config.getoption(flag):
                item.add_marker(pytest.mark.skip(reason=f"{flag} was not given"))


@pytest.fixture(autouse=True)
def edge_left_as_found() -> Iterator[None]:
    """A command line run in this process changes the way signals and results are treated; the next test starts clean."""
    from kefu.cli.edge import OUTPUT

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    OUTPUT.machine = False
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def root() -> Path:
    """The checkout."""
    return ROOT
