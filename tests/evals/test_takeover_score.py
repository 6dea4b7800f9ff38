import pytest

from kefu.evals import takeover
from kefu.evals.scenarios import NEVER


@pytest.mark.parametrize(
    ("label", "handed", "outcome", "credit"),
    [
        (2, 2, "on_time", 1), (2, 3, "late", 1 / 2), (2, 4, "late", 1 / 3), (2, 0, "early", 1 / 3), (0, None, "missed", 0),
        (NEVER, None, "rightly_never", 1), (NEVER, 0, "needless", 0),
    ],
)  # fmt: skip
def test_outcomes_and_credits(label: int, handed: int | None, outcome: str, credit: float) -> None:
    assert takeover.outcome(label, handed) == outcome
    assert takeover.credit(label, handed) == pytest.approx(credit)


def test_unlabelled_is_not_judged() -> None:
    assert takeover.outcome(None, 1) == ""


def test_floor_naive_and_ceiling_stand_beside_the_score() -> None:
    found = takeover.score([(0, 0), (1, 0), (NEVER, None), (NEVER, 1)])
    assert found["score"]["value"] == pytest.approx((1 + 0.5 + 1 + 0) / 4)
    assert found["floor_never"] == {"score": 0.5, "balanced": 0.5}
    assert found["naive_always"] == {"score": pytest.approx(1.5 / 4), "balanced": pytest.approx(0.375)}
    assert found["ceiling_oracle"] == {"score": 1, "balanced": 1}
    assert found["counts"] == {"on_time": 1, "early": 1, "rightly_never": 1, "needless": 1, "late": 0, "missed": 0}


def test_balanced_cannot_be_bought_by_the_mix() -> None:
    found = takeover.score([(0, None)] + [(NEVER, None)] * 99)
    assert found["score"]["value"] == 0.99
    assert found["balanced"] == 0.5


def test_nothing_labelled() -> None:
    assert takeover.score([])["score"]["n"] == 0
