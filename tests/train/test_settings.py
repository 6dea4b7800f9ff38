"""Computed settings: each with an origin and a reason, and the token budget respected."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kefu.project.schema import Train
from kefu.train.settings import TOKEN_BUDGET, Measured, choose, length, passages

DEMO = Measured(
    embedded=True, parameters=1_100_000, context=512, cuda=False, cuda_bf16=False, cpu_bf16=True,
    faq_rows=700, faq_tokens=45_000, dialogue_rows=1_000, dialogue_tokens=90_000, longest=180,
)  # fmt: skip


def plan(facts: Measured, **given: object):
    settings = Train.model_validate(given)
    limit = length(settings, facts.longest, facts.embedded, facts.context)
    origins = {f"train.{key}": "kefu.yaml:3" for key in given}
    return choose(settings, origins, facts, limit, passages(settings, origins, 0.5))


def planned_tokens(facts: Measured, made) -> float:
    return made["epochs"] * (facts.faq_tokens * (1 + made["noise_copies"]) + facts.dialogue_tokens * made["dialogue_share"])


def test_embedded_defaults():
    made = plan(DEMO)
    assert (made["learning_rate"], made["noise_copies"], made["batch_size"], made["max_length"], made["bf16"]) == (
        3e-3,
        4,
        8,
        192,
        False,
    )
    assert planned_tokens(DEMO, made) == pytest.approx(TOKEN_BUDGET, rel=0.01)
    for name in ("learning_rate", "noise_copies", "batch_size", "epochs", "token_budget", "max_length", "bf16"):
        choice = made.choices[name]
        assert choice.origin == "computed", name
        assert choice.reason, name


def test_given_values_win_and_keep_their_origin():
    made = plan(DEMO, epochs=2.5, noise_copies=1, learning_rate=1e-3, batch_size=8, max_length=64)
    assert made.choices["epochs"].as_dict() == {"value": 2.5, "origin": "kefu.yaml:3"}
    assert (made["noise_copies"], made["learning_rate"], made["batch_size"], made["max_length"]) == (1, 1e-3, 8, 64)
    assert made.choices["max_length"].origin == "kefu.yaml:3"


@pytest.mark.parametrize("scale", [1, 10, 100])
def test_the_budget_holds_at_any_size(scale):
    facts = replace(DEMO, faq_rows=700 * scale, faq_tokens=45_000 * scale, dialogue_rows=1_000 * scale, dialogue_tokens=90_000 * scale)
    made = plan(facts)
    assert planned_tokens(facts, made) <= TOKEN_BUDGET * 1.01
    assert plan(facts, token_budget=100_000)["epochs"] < made["epochs"]
    if scale == 100:
        assert made["noise_copies"] == 0
        assert made["dialogue_share"] < 0.1
        assert "raise train.token_budget" in made.choices["epochs"].reason


def test_a_small_set_is_not_repeated_for_ever():
    facts = replace(DEMO, faq_rows=30, faq_tokens=1_500, dialogue_rows=0, dialogue_tokens=0)
    made = plan(facts)
    assert made["batch_size"] == 8
    steps = made["epochs"] * 30 * 6 / 8
    assert 150 < steps < 500


def test_checkpoint_defaults():
    facts = replace(DEMO, embedded=False, parameters=600_000_000, context=32_768)
    made = plan(facts)
    assert (made["learning_rate"], made["noise_copies"], made["epochs"], made["batch_size"], made["max_length"]) == (2e-5, 0, 3.0, 16, 1024)
    assert made["token_budget"] is None
    assert made["rows_per_pass"] == 2
    assert made["bf16"] is True
    assert plan(replace(facts, cpu_bf16=False))["bf16"] is False
    assert plan(replace(facts, cuda=True))["bf16"] is False
    assert plan(replace(facts, cuda=True, cuda_bf16=True))["bf16"] is True
    for asked in (1, 3, 7, 12, 17):
        assert asked % plan(facts, batch_size=asked)["rows_per_pass"] == 0
    assert plan(replace(facts, context=256))["max_length"] == 256
    assert plan(replace(facts, context=256), max_length=900)["max_length"] == 256


def test_passages_by_base_and_measured_retrieval():
    assert passages(Train(base="Qwen/Qwen3-0.6B"), {}, 0.1).value is True
    good, bad, unknown = (passages(Train(), {}, share) for share in (0.52, 0.11, None))
    assert (good.value, bad.value, unknown.value) == (True, False, False)
    assert "52%" in good.reason
    given = passages(Train(retrieval_context=False), {"train.retrieval_context": "kefu.yaml:3"}, 0.9)
    assert given.as_dict() == {"value": False, "origin": "kefu.yaml:3"}
