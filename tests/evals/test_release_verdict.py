from typing import Any

from kefu import statistics
from kefu.evals import release
from kefu.project.schema import Release


def report(
    score: float = 0.95, glitches: float = 0.0, difference: float = 0.3, p: float = 1e-6, baseline: str = "prompt_faq", n: int = 400
) -> dict[str, Any]:
    share = statistics.share([i < round(score * n) for i in range(n)], "cases")
    return {
        "scenarios": {"score": share}, "questions": None, "signature": {"own_scenarios": 1},
        "glitch_rate": statistics.share([i < round(glitches * n) for i in range(n)], "replies"),
        "comparisons": [{"case": "all", "baseline": baseline, "difference": difference, "p": p, "n": n, "how": "exact McNemar, two-sided"}],
    }  # fmt: skip


def test_a_good_report_passes_and_lists_its_rules() -> None:
    found = release.verdict(report(), Release())
    assert (found["passed"], found["reasons"]) == (True, [])
    assert [rule["what"] for rule in found["rules"]] == ["scenarios handled", "replies with undesired behaviour", "compared with prompt_faq"]


def test_the_lower_end_decides_not_the_value() -> None:
    few = release.verdict(report(score=0.85, n=40), Release(min_score=0.8))
    many = release.verdict(report(score=0.85, n=4000), Release(min_score=0.8))
    assert not few["passed"]
    assert few["reasons"][0].startswith("scenarios handled 0.85 [0.71, 0.93] (n=40): the lower end 0.709 is below the limit 0.8")
    assert many["passed"]


def test_the_upper_end_of_the_glitch_rate_decides() -> None:
    assert not release.verdict(report(glitches=0.04, n=100), Release(max_glitch_rate=0.05))["passed"]
    assert release.verdict(report(glitches=0.01, n=4000), Release(max_glitch_rate=0.05))["passed"]


def test_a_baseline_must_be_beaten_with_significance() -> None:
    assert not release.verdict(report(difference=0.01, p=0.4), Release())["passed"]
    assert not release.verdict(report(difference=-0.2, p=1e-9), Release())["passed"]
    assert release.verdict(report(difference=0.01, p=0.4), Release(beat_baselines=False))["passed"]


def test_a_part_alone_must_not_be_significantly_better() -> None:
    assert release.verdict(report(difference=-0.01, p=0.4, baseline="faq"), Release())["passed"]
    refused = release.verdict(report(difference=-0.1, p=0.001, baseline="faq"), Release())
    assert "is worse than its part faq alone: -0.100 on 400 cases, p 0.001" in refused["reasons"][0]


def test_questions_are_limited_in_and_out_of_scope() -> None:
    whole = report()
    good, bad = statistics.share([True] * 200), statistics.share([True] * 100 + [False] * 100)
    whole["questions"] = {"all": {"right": good, "wrong": statistics.share([False] * 200), "turned_away": bad}}
    (reason,) = release.verdict(whole, Release())["reasons"]
    assert reason.startswith("out-of-scope questions turned away 0.50")


def test_an_assistant_that_answers_held_out_questions_wrongly_is_refused() -> None:
    for n, wrong, passed, judged in ((200, 82, False, True), (200, 10, True, True), (20, 15, False, True), (20, 4, True, True), (6, 5, True, False)):
        whole = report()
        whole["held_out"] = {"all": {"wrong": statistics.share([i < wrong for i in range(n)])}}
        found = release.verdict(whole, Release())
        assert found["passed"] is passed
        assert (not found["unjudged"]) is judged, "what is not judged is said"


def test_without_a_single_question_of_the_company_nothing_is_proved() -> None:
    bare = report() | {"signature": {"own_scenarios": 0}}
    assert release.verdict(bare, Release())["reasons"] == [
        "nothing of the company was asked: no held-out question (data.split), no eval.questions, no scenario of the project's own"
    ]
