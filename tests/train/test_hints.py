"""Passages for training rows: found as for a new customer, the row's own question left out."""

from __future__ import annotations

import json

import pytest

from kefu.engines.prompt import PromptStyle
from kefu.project.schema import Knowledge
from kefu.train import run
from kefu.train.hints import FOLDS, Finder
from kefu.train.rows import training, validation

from .tiny import FAQ


@pytest.fixture(scope="module")
def knowledge(data, tmp_path_factory):
    from kefu.knowledge import build

    folder = tmp_path_factory.mktemp("knowledge")
    build(data / "faq.jsonl", [], Knowledge(), folder, 7)
    return folder


def test_own_question_is_not_in_the_base_it_is_asked_of(knowledge, data):
    finder = Finder(knowledge, data, Knowledge(), 2, 7)
    questions = {f"{row[0]}#{n}": q for row in FAQ for n, q in enumerate(row[4][:3])}
    assert len(finder.folds) == FOLDS
    for id, fold in finder.fold.items():
        held = {question for entry in finder.folds[fold].entries for question in entry.questions}
        assert questions[id] not in held
        assert len(held) < len(questions)
    rows = training(data)
    for row in rows.rows:
        hits = finder.train(row)
        assert 1 <= len(hits) <= 2
        assert all(hit.question and hit.answer for hit in hits)
    trained = finder.rates()
    assert trained["n"] == 18
    assert 0.5 < trained["first_right"] <= trained["among_hits"]
    for row in rows.of("faq"):
        finder.held_out(row)
    assert finder.rates()["first_right"] == 1.0
    assert finder.rates()["n"] == 0


def test_run_with_passages(project, knowledge, data, tmp_path):
    facts = run(project(max_steps=2, noise_copies=1, retrieval_context=True, trackers=[]), data, knowledge, tmp_path)
    report = json.loads((tmp_path / "training.json").read_text("utf-8"))
    assert report["hits"]["training"]["n"] > 18  # noisy copies search too
    assert report["hits"]["held_out"]["n"] == len(validation(data).of("faq"))
    assert all(sample["hits"] for sample in report["samples"])
    assert facts["hits"] == report["hits"]


def test_without_a_setting_retrieval_is_measured(project, knowledge, data, tmp_path):
    run(project(max_steps=1, noise_copies=0, retrieval_context=None, trackers=[]), data, knowledge, tmp_path)
    choice = json.loads((tmp_path / "training.json").read_text("utf-8"))["settings"]["retrieval_context"]
    assert choice["value"] is True
    assert "questions it has not seen" in choice["reason"]
    assert PromptStyle.load(tmp_path).max_hits == 1
