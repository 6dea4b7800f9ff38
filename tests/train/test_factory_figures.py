"""Intervals of a run's metrics: never outside what can be, never certain of a few rows."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kefu.train.factory import figures, meaning, methods
from kefu.train.factory.report import compared
from kefu.train.heads import metrics
from kefu.train.report import _ends, plot_loss


@settings(deadline=None)
@given(st.lists(st.floats(0, 50), min_size=1, max_size=20))
def test_a_mean_of_losses_is_never_below_nothing(losses):
    found = figures.mean(losses, figures.POSITIVE)
    assert found["low"] is None or 0 <= found["low"] <= found["value"] + 1e-5 <= found["high"] + 2e-5


def test_one_row_or_equal_rows_claim_no_interval():
    assert figures.mean([2.5], figures.POSITIVE)["low"] is None
    assert figures.mean([0.0, 0.0, 0.0], figures.POSITIVE)["high"] is None
    assert figures.mean([1.0, 3.0])["low"] < 0  # a margin may be negative


@pytest.mark.parametrize("said", ["right", "wrong"])
def test_few_rows_all_alike_are_not_certain(said):
    expected = [f"label {i % 3}" for i in range(9)]
    found = metrics.labels(expected, expected if said == "right" else ["none"] * 9)
    for number in found.values():
        assert number["value"] == (1.0 if said == "right" else 0.0)
        assert number["high"] - number["low"] > 0.2
    close = metrics.answers([["a"], ["b"]], ["a", "b"] if said == "right" else ["x", "y"])["f1"]
    assert 0 <= close["low"] < close["high"] <= 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), min_size=1, max_size=25))
def test_f1_of_labels_stays_between_nothing_and_one(pairs):
    for number in metrics.labels([a for a, _ in pairs], [b for _, b in pairs]).values():
        assert 0 <= number["low"] <= number["value"] <= number["high"] <= 1


def test_a_correlation_and_errors_stay_where_they_can_be():
    found = metrics.numbers([1.0, 2.0, 3.0], [1.1, 2.0, 2.7])
    assert -1 <= found["spearman"]["low"] < found["spearman"]["high"] <= 1
    assert found["mae"]["low"] >= 0
    assert found["rmse"]["low"] >= 0


def test_the_bootstrap_of_a_mean_is_the_interval_of_the_mean():
    values = numpy.random.default_rng(3).random(80)
    drawn, straight = figures.resampled(lambda rows: float(values[rows].mean()), 80), figures.mean(list(values), figures.UNIT)
    assert drawn["low"] == pytest.approx(straight["low"], abs=0.01)
    assert drawn["high"] == pytest.approx(straight["high"], abs=0.01)


def _document(before, after):
    return {"general": {}, "former": {}, "baseline": {}, "metrics_before": {"exact": before}, "metrics": {"exact": after}}


def test_no_verdict_on_a_few_rows():
    (row,) = compared(_document(figures.share([False] * 4), figures.share([True] * 4)))
    assert row["better"] == "too few rows to compare"
    (row,) = compared(_document(figures.share([False] * 20), figures.share([True] * 20)))
    assert row["better"] == "better"


@pytest.mark.parametrize("losses", [[(1, 0.69315), (2, 0.69297)], [(1, -0.04), (2, -0.13)], [(1, 4.0), (2, 0.5)], [(1, 0.0), (2, 0.0)], [(7, 0.693)]])
def test_every_point_of_a_loss_lies_inside_its_picture(losses):
    low, high = _ends(min(v for _, v in losses), max(v for _, v in losses))
    assert all(low <= value < high for _, value in losses)
    assert low == 0 or low < min(v for _, v in losses)


def test_the_picture_says_what_the_loss_is(tmp_path):
    plot_loss({"train_loss": [(1, 0.69)], "validation_loss": [(1, 0.7)], "best_step": 1}, tmp_path / "loss.png", meaning.loss("dpo"))
    drawn = (tmp_path / "loss.svg").read_text("utf-8")
    assert "DPO loss of a pair" in drawn and "per learnt token" not in drawn
    assert all(method in meaning._LOSS or method in ("prompt", "provider", "token-classification", "question-answering") for method in methods.TABLE)


def test_preferred_and_moved_are_told_apart():
    said = meaning.metrics("orpo", ["prefers_chosen", "accuracy", "unknown"])
    assert set(said) == {"prefers_chosen", "accuracy"} and "gained more" in said["accuracy"]
    assert meaning.metrics("incremental", ["old_token_f1"])["old_token_f1"].startswith("of the old questions")
