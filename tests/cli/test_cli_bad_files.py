"""Every file that a user writes, with what no reader may stumble over: one line that names the file, never a traceback, never a hang."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kefu.assistant.rules import RuleBook
from kefu.data import records
from kefu.data.augment import lexicon
from kefu.data.labels.people import _rows
from kefu.errors import KefuError
from kefu.evals import questions, scenarios
from kefu.improve.prices import table
from kefu.knowledge.lexicon import Lexicon
from kefu.project import load
from kefu.project.schema import Source
from kefu.registry import Registry
from kefu.train.factory import recipe

BOMB = "a0: &a0 [" + ",".join("x" * 9) + "]\n" + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10))
YAML = {
    "date": "name: 2026-13-45",
    "digits": "name: " + "9" * 5000,
    "int": "name: !!int abc",
    "float": "name: !!float abc",
    "timestamp": "name: !!timestamp abc",
    "depth": "name: " + "[" * 3000,
    "bomb": BOMB,
}
READERS: dict[str, Callable[[Path], object]] = {
    "kefu.yaml": lambda file: load(file.parent),
    "scenarios.yaml": lambda file: scenarios.load_scenarios([file]),
    "rules.yaml": lambda file: RuleBook([file], [], []),
    "synonyms.yaml": Lexicon.load,
    "words.yaml": lambda file: lexicon.load(str(file)),
    "template.yaml": lambda file: records.load(Source(name="s", path="x.csv", shape="records", template=file.name), file.parent),
    "models.yaml": lambda file: Registry(file.parent).entries(),
    "recipe.yaml": recipe.load,
    "prices.yaml": table.load,
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("fault", YAML)
def test_yaml_that_cannot_be_used_is_one_line(tmp_path: Path, name: str, fault: str) -> None:
    file = tmp_path / name
    file.write_text(YAML[fault])
    with pytest.raises(KefuError) as caught:
        READERS[name](file)
    said = "\n".join([caught.value.line(), *getattr(caught.value, "faults", [])])
    assert caught.value.exit_code == 2
    assert name in said


@pytest.mark.parametrize("value", ["2026-13-45", "9" * 5000, "!!int abc", "[" * 3000])
def test_a_flag_that_cannot_be_used_is_one_line(tmp_path: Path, value: str) -> None:
    (tmp_path / "kefu.yaml").write_text("name: shop\n")
    with pytest.raises(KefuError, match="put it in quotes") as caught:
        load(tmp_path, [f"name={value}"])
    assert len(caught.value.line()) < 1000


@pytest.mark.parametrize("line", ["[" * 100_000, '{"id": "\\ud800", "text": "hi"}', '{"id": ' + "9" * 5000 + "}"])
@pytest.mark.parametrize("read", [questions.load, _rows])
def test_json_lines_that_cannot_be_used_are_one_line(tmp_path: Path, line: str, read: Callable[[Path], object]) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"id": "a"}) + "\n" + line + "\n")
    with pytest.raises(KefuError) as caught:
        read(file)
    said = "\n".join([caught.value.line(), *getattr(caught.value, "faults", [])])
    assert "rows.jsonl:2" in said or "rows.jsonl, line 2" in said
