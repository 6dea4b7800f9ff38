import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kefu import statistics


@given(st.lists(st.integers(), min_size=1).map(sorted), st.integers(1, 100))
def test_the_nearest_rank_leaves_no_more_above_it_than_it_says(values: list[int], percent: int) -> None:
    found = statistics.nearest_rank(values, percent)
    assert sum(value <= found for value in values) * 100 >= percent * len(values) > sum(value < found for value in values) * 100


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (8, 10), (83, 100), (10, 10), (1, 1), (500, 1000)])
def test_wilson_is_scipys(hits: int, n: int) -> None:
    known = stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert statistics.wilson(hits, n) == pytest.approx((known.low, known.high), abs=1e-12)


def test_wilson_known_value_from_the_literature() -> None:
    # Newcombe 1998, Statistics in Medicine 17:857, table I: 81 of 263.
    low, high = statistics.wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


def test_share_of_nothing_has_no_value() -> None:
    assert statistics.show(statistics.share([])) == "- (n=0)"


def test_show_carries_interval_and_n() -> None:
    assert statistics.show(statistics.share([True] * 83 + [False] * 17)) == "0.83 [0.74, 0.89] (n=100)"


def test_bootstrap_mean_covers_and_repeats() -> None:
    generator = random.Random(1)
    values = [generator.gauss(3, 1) for _ in range(400)]
    first, again = statistics.mean(values, seed=3), statistics.mean(values, seed=3)
    assert first == again
    spread = 1.96 * stats.tstd(values) / math.sqrt(len(values))
    assert first["low"] == pytest.approx(first["value"] - spread, abs=0.02)
    assert first["high"] == pytest.approx(first["value"] + spread, abs=0.02)
    assert statistics.mean(values, seed=4)["low"] != first["low"]


def test_mean_of_one_value_claims_no_interval() -> None:
    assert statistics.mean([0.5])["low"] is None
    assert statistics.show(statistics.mean([0.5])) == "0.50 (n=1)"


def test_clustered_share_widens_when_replies_hang_together() -> None:
    together = [[True] * 5] * 4 + [[False] * 5] * 16
    apart = [[True, False, False, False, False]] * 20
    wide, narrow = statistics.clustered_share(together), statistics.clustered_share(apart)
    assert wide["value"] == narrow["value"] == 0.2
    assert wide["high"] - wide["low"] > 1.5 * (narrow["high"] - narrow["low"])
    plain = statistics.wilson(20, 100)
    assert (narrow["low"], narrow["high"]) == pytest.approx(plain, abs=1e-6)  # never narrower than independent replies


def test_clustered_share_of_none_has_an_upper_end() -> None:
    assert statistics.clustered_share([[False] * 2] * 50)["high"] == pytest.approx(statistics.wilson(0, 100)[1], abs=1e-6)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (3, 9), (10, 2), (25, 25), (700, 650)])
def test_mcnemar_is_the_exact_binomial_test(b: int, c: int) -> None:
    first = [True] * b + [False] * c + [True] * 5
    second = [False] * b + [True] * c + [True] * 5
    result = statistics.mcnemar(first, second)
    known = stats.binomtest(b, b + c).pvalue if b + c else 1.0
    assert result["p"] == pytest.approx(known, rel=1e-9)
    assert (result["only_first"], result["only_second"]) == (b, c)


def test_pairs_must_pair() -> None:
    with pytest.raises(ValueError, match="unequal length"):
        statistics.mcnemar([True, False], [True])


def _spread(values: list[float]) -> tuple[float, float]:
    found = statistics.bounded_mean(values)
    return found["low"], found["high"]


@pytest.mark.parametrize("hits", range(11))
def test_of_zeros_and_ones_the_bounded_interval_is_wilsons(hits: int) -> None:
    assert _spread([1.0] * hits + [0.0] * (10 - hits)) == pytest.approx(statistics.wilson(hits, 10), abs=1e-6)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_a_bounded_interval_stays_in_its_bounds_and_is_never_certain(values: list[float]) -> None:
    found = statistics.bounded_mean(values)
    assert 0 <= found["low"] <= found["value"] <= found["high"] <= 1
    assert found["high"] - found["low"] > 0.5 / (len(values) + 4)


def test_values_that_hardly_differ_have_a_narrower_interval_than_shares_but_not_at_once() -> None:
    low, high = _spread([0.3] * 100)
    share_low, share_high = statistics.wilson(30, 100)
    assert high - low < (share_high - share_low) / 3
    assert _spread([0.3] * 2)[1] > 0.6


def test_a_bounded_interval_covers() -> None:
    generator = random.Random(5)
    drawn = [[generator.betavariate(0.5, 0.5) for _ in range(10)] for _ in range(400)]
    assert sum(low <= 0.5 <= high for low, high in map(_spread, drawn)) / 400 > 0.93


def test_a_correlation_has_its_own_bounds() -> None:
    low, high = statistics.bounded(1.0, 0.0, 4, -1.0, 1.0)
    assert (low, high) == (pytest.approx(2 * statistics.wilson(4, 4)[0] - 1), 1.0)


def test_figures_are_compared_only_where_that_can_be_done() -> None:
    high, low = statistics.share([True] * 50), statistics.share([False] * 50)
    assert statistics.apart(low, high) == (True, "beyond the intervals")
    assert statistics.apart(high, high) == (False, "within the intervals")
    assert statistics.apart(low, statistics.share([True] * 4)) == (None, "too few rows to compare")
    assert statistics.apart(statistics.figure(1.0, None, None, 9, ""), high) == (None, "no interval to compare by")
    assert statistics.apart(low, {**high, "on": "the training rows"}) == (None, "no verdict: measured on the training rows")
    assert statistics.show({**high, "on": "the training rows"}).endswith("(n=50, on the training rows)")
