"""The whole evaluation on a small company: floor, ceiling, files, determinism."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from kefu import evals
from kefu.assistant.reply import Reply
from kefu.conversation import Conversation
from kefu.errors import ConfigError, InputError
from kefu.project import Loaded
from kefu.statistics import show

SYSTEMS = ("assistant", "faq", "prompt_faq", "do_nothing")


Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def run(scripted: type, knowledge: Path) -> Run:
    def run(project: Loaded, assistant: Any = None, systems: Sequence[str] = SYSTEMS, **given: Any) -> dict[str, Any]:
        return evals.run(project, assistant or scripted(), knowledge=knowledge, data=project.root / "data", systems=systems, **given)

    return run


@pytest.fixture(scope="module")
def report(shared_project: Loaded, run: Run) -> dict[str, Any]:
    return run(shared_project)


def test_the_floor_is_low_and_the_oracle_is_perfect(report: dict[str, Any]) -> None:
    floor, ceiling = report["systems"]["do_nothing"], report["systems"]["oracle"]
    assert floor["scenarios"]["score"]["value"] < 0.1
    assert floor["questions"]["all"]["right"]["value"] == floor["questions"]["all"]["turned_away"]["value"] == 0
    assert floor["held_out"]["all"]["right"]["value"] == 0
    assert floor["glitch_rate"]["value"] == 1
    assert ceiling["scenarios"]["score"]["value"] == ceiling["scenarios"]["checks"]["value"] == 1
    assert ceiling["questions"]["all"]["right"]["value"] == ceiling["questions"]["all"]["turned_away"]["value"] == 1
    assert ceiling["takeover"]["score"]["value"] == 1
    assert ceiling["glitch_rate"]["value"] == 0, ceiling["undesired"]


def test_the_assistant_stands_between(report: dict[str, Any]) -> None:
    assert report["score"] == report["systems"]["assistant"]["scenarios"]["score"]
    assert report["systems"]["do_nothing"]["scenarios"]["score"]["value"] < report["score"]["value"] < 1
    assert report["questions"]["all"]["right"]["value"] == 1
    assert report["questions"]["all"]["turned_away"]["value"] == 1
    assert report["scenarios"]["by_origin"]["own"]["value"] == 1
    assert report["held_out"]["all"]["in_scope"] == {"right": 1, "refused": 1}


def test_every_number_carries_interval_n_and_how(report: dict[str, Any]) -> None:
    from kefu.evals.report import figures

    found = list(figures(report))
    assert len(found) > 40
    for place, number in found:
        assert number["how"], place
        assert number["n"] >= 0
        if "low" in number and number["value"] is not None and number["n"] > 1:
            assert number["low"] <= number["value"] <= number["high"], place


def test_comparisons_are_paired_over_all_cases(report: dict[str, Any]) -> None:
    rows = {(row["baseline"], row["case"]): row for row in report["comparisons"]}
    cases = report["signature"]["scenarios"] + report["signature"]["questions"] + report["signature"]["held_out"]
    assert rows["do_nothing", "all"]["n"] == cases
    assert rows["do_nothing", "all"]["p"] < 0.001
    assert rows["prompt_faq", "questions"]["difference"] > 0  # quoting BM25 answers what is out of scope
    assert not any(row["baseline"] == "oracle" for row in report["comparisons"])


def test_the_report_says_what_the_baseline_is(report: dict[str, Any]) -> None:
    assert "no untuned generic model" in report["systems"]["prompt_faq"]["note"]
    text = "\n".join(evals.lines(report))
    assert "no untuned generic model" in text
    assert show(report["score"]) in text
    assert "release: refused" in text  # a handful of cases proves nothing


def test_the_same_again(project: Loaded, run: Run) -> None:
    first, again = run(project), run(project)
    for one in (first, again):
        assert one.pop("timings")["n"] > 0
    assert first == again


def test_files(project: Loaded, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    facts = run(project, out=out)
    whole = json.loads((out / "eval.json").read_text("utf-8"))
    assert facts["score"] == whole["score"]
    assert facts["release"]["passed"] is whole["release"]["passed"] is False
    assert len(json.dumps(facts)) < 5000
    failures = [json.loads(line) for line in (out / "failures.jsonl").read_text("utf-8").splitlines()]
    assert failures
    for case in failures:
        assert case["turns"][0]["customer"]
        assert case["reasons"] or any(turn["undesired"] for turn in case["turns"])
    table = list(csv.DictReader((out / "eval.csv").read_text("utf-8").splitlines()))
    assert {row["system"] for row in table} == {*SYSTEMS, "oracle"}
    assert any(row["number"] == "scenarios.score" and row["how"] for row in table)


def test_an_assistant_that_always_fails_is_evaluated_all_the_same(project: Loaded, run: Run) -> None:
    class Broken:
        engine = style = None

        async def answer(self, conversation: Conversation) -> Reply:
            raise KeyError("weights")

    report = run(project, Broken())
    assert report["score"]["value"] == 0
    assert report["errors"] == report["signature"]["scenarios"] + report["signature"]["questions"] + report["signature"]["held_out"]
    assert report["undesired"]["error"] == report["signature"]["scenarios"]
    assert not report["release"]["passed"]


def test_without_baselines_floor_and_ceiling_stay(project: Loaded, run: Run) -> None:
    from kefu.project import load

    plain = load(project.root, ["eval.baselines=false"])
    assert list(run(plain)["systems"]) == ["assistant", "do_nothing", "oracle"]


def test_scenarios_can_be_skipped(project: Loaded, run: Run) -> None:
    from kefu.project import load

    assert run(load(project.root, ["eval.skip=[g-*]"]))["signature"]["scenarios"] == 2
    without = run(load(project.root, ["eval.skip=[own-en, g-zh-stocks]"]))["signature"]
    assert without["own_scenarios"] == 1
    with pytest.raises(ConfigError, match="no scenario is left"):
        run(load(project.root, ["eval.skip=['*']"]))
    with pytest.raises(ConfigError) as caught:
        run(load(project.root, ["eval.skip=[g-zh-stock]"]))
    assert caught.value.faults == ["eval.skip: no scenario matches 'g-zh-stock'; did you mean 'g-zh-stocks'?"]


def test_a_part_that_is_missing_is_named(project: Loaded, run: Run) -> None:
    report = run(project, systems=("assistant", "lm"))
    assert report["absent"] == {"lm": "the assistant has no model (assistant.model: false)"}
    assert any("lm" in line and "not measured" in line for line in evals.lines(report))


def test_an_unknown_system_is_refused(project: Loaded, run: Run) -> None:
    with pytest.raises(InputError, match="no system named 'gpt'"):
        run(project, systems=("gpt",))


def test_scenarios_that_expect_unknown_answers_stop_before_any_reply(project: Loaded, run: Run) -> None:
    own = project.root / "own.yaml"
    own.write_text(own.read_text("utf-8").replace("is: Z1", "is: Z9"), "utf-8")
    with pytest.raises(ConfigError, match="'Z9', which does not exist"):
        run(project)


def test_progress_rises_to_one(project: Loaded, run: Run) -> None:
    seen: list[float] = []
    run(project, progress=lambda words, part: seen.append(part))
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1)
