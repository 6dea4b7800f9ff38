"""Agreement against published examples, and what must hold for any answers."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from kefu.data.agreement import alpha, kappa, of_task, table

# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", example C: four observers, twelve units, some missing.
_A = [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None]
_B = [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3]
_C = [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None]
_D = [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None]
PUBLISHED = [[value for value in unit if value is not None] for unit in zip(_A, _B, _C, _D, strict=True)]


@pytest.mark.parametrize(("level", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_of_the_published_example(level, value) -> None:
    found = alpha(PUBLISHED, level)
    assert round(found.value, 3) == value
    assert found.n == 11, "a unit that one person alone answered cannot agree or disagree"
    assert found.low <= found.value <= found.high <= 1


def test_alpha_of_the_published_binary_example() -> None:
    # The same source, example A: two observers, ten units.
    first, second = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert round(alpha(list(zip(first, second, strict=True))).value, 3) == 0.095


def test_kappa_of_a_known_table() -> None:
    # 50 proposals read by two people: both yes 20, both no 15, 5 and 10 apart; observed 0.7, by chance 0.5.
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    found = kappa(pairs)
    assert math.isclose(found.value, 0.4) and found.n == 50 and 0.1 < found.low < 0.4 < found.high < 0.7


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=40))
def test_kappa_is_that_of_scikit_learn(pairs) -> None:
    found = kappa(pairs)
    if len({value for pair in pairs for value in pair}) == 1:
        assert found.value is None
    else:
        theirs = cohen_kappa_score([a for a, _ in pairs], [b for _, b in pairs])
        assert math.isclose(found.value, theirs, abs_tol=1e-9)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), max_size=4), max_size=15), st.sampled_from(["nominal", "ordinal", "interval"]), st.integers(0, 99))
def test_alpha_does_not_depend_on_order(units, level, seed) -> None:
    found = alpha(units, level)
    shuffled = [random.Random(seed).sample(unit, len(unit)) for unit in units]
    random.Random(seed).shuffle(shuffled)
    again = alpha(shuffled, level)
    assert found.n == again.n == sum(len(unit) >= 2 for unit in units)
    assert (found.value is None) == (again.value is None)
    if found.value is not None:
        assert math.isclose(found.value, again.value, abs_tol=1e-9) and found.value <= 1 + 1e-9
        everybody_agrees = all(len(set(unit)) == 1 for unit in units if len(unit) >= 2)
        assert everybody_agrees == math.isclose(found.value, 1)


def test_what_cannot_be_said_is_not_said() -> None:
    assert kappa([]).value is None and alpha([]).value is None and alpha([[1], [2]]).n == 0
    assert alpha([["good", "good"]] * 30).value is None, "one answer only: chance would agree as well"
    assert alpha([["good", "good"], ["bad", "bad"]]).low is None, "two items have no interval"


def test_every_pair_of_labellers_over_what_both_labelled() -> None:
    rules = {str(i): "good" if i < 30 else "bad" for i in range(50)}
    people = {str(i): "good" if i < 25 else "bad" for i in range(45)}
    (row,) = table({"rules": rules, "people": people})
    assert row["between"] == ["rules", "people"] and row["n"] == 45 and row["agreement"] == round(40 / 45, 4)
    assert row["low"] < row["kappa"] < row["high"]
    assert table({"x": {"1": "a"}, "y": {"2": "a"}}) == []
    (same,) = table({"x": {"1": "a", "2": "a"}, "y": {"1": "a", "2": "a"}})
    assert same["kappa"] is None and same["low"] is None and same["agreement"] == 1


def test_measures_of_a_task() -> None:
    answers = {
        "a": {str(i): "good" if i % 2 else "bad" for i in range(20)},
        "b": {str(i): "good" if i % 2 or i == 0 else "bad" for i in range(15)},
    }
    two = of_task("quality", answers)
    assert [one["measure"] for one in two] == ["kappa", "alpha, nominal"] and all(one["n"] == 15 and one["value"] > 0.8 for one in two)
    three = of_task("quality", {**answers, "c": {"3": "unsure"}})
    assert [one["measure"] for one in three] == ["alpha, nominal"]
    turns = of_task("intervention", {"a": {"x": 2, "y": "none", "z": 4}, "b": {"x": 2, "y": 0, "z": 6}})
    assert [(one["of"], one["measure"], one["n"]) for one in turns] == [
        ("needed", "kappa", 3), ("needed", "alpha, nominal", 3), ("turn", "alpha, interval", 2),
    ]  # fmt: skip
    assert of_task("answer", {"a": {"x": {"1": "text"}}}) == []
