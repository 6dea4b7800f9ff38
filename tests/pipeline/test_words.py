"""Lines of a run and of a model, for people."""

from pathlib import Path

from kefu.data.findings import lines
from kefu.pipeline.brief import brief
from kefu.pipeline.summary import summarise
from kefu.registry import Entry


def test_nothing_dropped_is_said_in_words() -> None:
    facts = {"rows": 3, "conversations": 3, "dropped_reasons": {}, "masked": {}}
    assert "(nothing dropped)" in summarise("data", facts)
    assert "(dropped: no answer 2)" in summarise("data", facts | {"dropped_reasons": {"no answer": 2}})


def test_a_refusal_stands_beside_the_registration() -> None:
    assert summarise("registry", {"model": "a@1", "stage": "candidate", "reasons": ["too few right", "glitches"]}) == (
        "a@1 registered (candidate), not released: too few right; glitches"
    )
    assert summarise("registry", {"model": "a@1", "stage": "candidate", "reasons": []}) == (
        "a@1 registered, in production once the smoke test has passed"
    )


def test_usual_files_are_not_worth_a_line_and_unusual_ones_are() -> None:
    usual = {"files": {"a.csv": {"format": "csv", "encoding": "utf-8", "delimiter": ","}}, "map": {"question": "q"}, "guessed": [], "broken": 0}
    assert lines("a", usual, quiet=True) == []
    assert lines("a", usual) == ["a: a.csv read as csv, utf-8, cells separated by commas", "a: columns as mapped: question = q"]
    odd = {
        "files": {"b.csv": {"format": "csv", "encoding": "gb18030", "delimiter": "\t"}}, "columns": ["q", "a", "more", "deep", "deep.x"],
        "map": {"question": "q", "answer": "a", "category": "deep.x"}, "guessed": ["answer"], "broken": 2,
    }  # fmt: skip
    assert lines("b", odd, quiet=True) == [
        "b: b.csv read as csv, gb18030, cells separated by tabs",
        "b: columns guessed: answer = a",
        "b: columns not used: more",
        "b: 2 broken rows left out (excluded.jsonl)",
    ]


def test_a_model_fits_on_one_screen_even_when_its_artefacts_are_gone(tmp_path: Path) -> None:
    number = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10}
    entry = Entry(
        name="a", version=2, parent=1, access_point="build/e", method="sft", created="2026-01-01T00:00:00Z", release_reasons=["too few right"],
        artifacts={"data": "build/d"}, metrics={"score": number, "summary": "x"}, hyperparameters={"epochs": {"value": 1.23456}},
    )  # fmt: skip
    said = brief(tmp_path, entry)
    assert len(said) <= 22
    text = "\n".join(said)
    assert "a@2  candidate" in text
    assert "0.50 [0.40, 0.60] (n=10)" in text
    assert "refused: too few right" in text
    assert "gone (" in text
    assert "epochs 1.235" in text
