"""Threads of a training: the rule is the same whenever it is asked, and the measurement is one."""

from __future__ import annotations

import json
import os

import pytest
from typer.testing import CliRunner

from kefu.cli.app import app
from kefu.cli.edge import OUTPUT
from kefu.train import threads


def test_the_rule(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads.choose(10**9, False) == (3, "OMP_NUM_THREADS")
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert threads.choose(threads.SMALL - 1, False)[0] == 1
    cores = threads.choose(threads.SMALL, False)[0]
    assert cores >= 1
    assert threads.choose(threads.SMALL - 1, True)[0] == cores
    monkeypatch.setenv("OMP_NUM_THREADS", "many")  # torch would not know what to do with it either
    assert threads.choose(1, False)[0] == 1


def test_the_fewest_that_are_as_fast():
    speeds = [threads.Speed(1, 970.0), threads.Speed(2, 1000.0), threads.Speed(4, 600.0)]
    assert threads.best(speeds).threads == 1
    assert threads.best([threads.Speed(1, 500.0), threads.Speed(2, 1000.0)]).threads == 2


def test_measured_in_processes_of_their_own():
    (one,) = threads.measure(1, seconds=0.2)
    assert one.threads == 1
    assert one.tokens > 0


def test_doctor_tells_it(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})  # one count is measured
    monkeypatch.setattr(OUTPUT, "machine", True)
    done = CliRunner().invoke(app, ["doctor", "--threads", "--json"])
    row = next(row for row in json.loads(done.stdout)["checks"] if row["name"] == "threads")
    assert row["ok"], row
    assert "tokens/s" in row["detail"]
