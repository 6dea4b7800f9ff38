"""docs/settings.md is what the schema says, and what it shows can be read."""

import json
import re
from pathlib import Path

import yaml

from kefu.assistant.rules import RuleBook
from kefu.evals.questions import load as load_questions
from kefu.evals.scenarios import load_scenarios
from kefu.knowledge.lexicon import Lexicon
from kefu.pipeline.reference import reference
from kefu.project.describe import describe, settings


def test_the_committed_page_is_up_to_date(root: Path) -> None:
    assert (root / "docs" / "settings.md").read_text("utf-8") == reference(), "run: kefu check --settings --markdown > docs/settings.md"


def test_every_setting_is_explained() -> None:
    assert len(settings()) > 90
    assert [one.key for one in settings() if not one.description] == []
    assert len({one.key for one in settings()}) == len(settings())


def test_keys_of_a_project_find_their_sentence() -> None:
    assert describe("train.patience") == next(one.description for one in settings() if one.key == "train.patience")
    assert "column" in describe("data.sources.0.map.question")
    assert describe("nothing.of.the.kind") == ""


def test_the_examples_of_the_page_are_read_by_kefu(tmp_path: Path) -> None:
    blocks = re.findall(r"```(\w+)\n(.*?)```", reference(), re.DOTALL)
    files = []
    for i, (kind, text) in enumerate(blocks):
        files.append(tmp_path / f"{i}.{kind}")
        files[-1].write_text(text, "utf-8")
    questions, scenarios, rules, synonyms = files
    assert json.loads(blocks[0][1].splitlines()[1])["answer_id"] is None
    assert len(load_questions(questions)) == 2
    assert [one.id for one in load_scenarios([scenarios])] == ["zh-return-01"]
    assert {row["id"] for row in yaml.safe_load(rules.read_text("utf-8"))} <= {rule.id for rule in RuleBook([rules]).rules}
    assert "espresso_machine" in {concept for concepts in Lexicon.load(synonyms).phrases.values() for concept in concepts}
