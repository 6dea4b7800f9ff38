"""What a user sees of a recipe's keys: the reference, the command, and errors of --set that never point into the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from kefu.errors import ConfigError
from kefu.improve.prices.tokens import usage
from kefu.train.factory import methods, recipe
from kefu.train.factory.reference import own, page, shared
from kefu.train.methods.preference import feedback

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_models_say() -> None:
    assert (ROOT / "docs" / "recipes.md").read_text("utf-8") == page(), "run: kefu train settings --markdown > docs/recipes.md"


def test_every_shared_key_is_explained() -> None:
    assert [one.key for one in shared() if one.key.startswith(("train.", "data.")) and not one.description] == []


@pytest.mark.parametrize("name", sorted(methods.TABLE))
def test_a_method_and_its_recipe_show_the_same_keys(name: str) -> None:
    assert all(one.key.startswith(name.replace("-", "_") + ".") for one in own(name))
    assert not any("typing." in one.type or "<class" in one.type for one in own(name))


@pytest.mark.parametrize(
    ("given", "flag", "said"),
    [
        ("multitask", "multitask.heads.intent.nonsense=1", "known here: task, column, multi_label, weight"),
        ("image-text", "image-text.stride=1", "did you mean 'image_text'"),
        ("dpo", "dpo.lora.rnak=1", "did you mean 'dpo.lora.rank'"),
        ("sft", "data.train=", "data.train"),
    ],
)
def test_a_wrong_flag_is_the_flags_fault(given: str, flag: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        recipe.load(given, [flag])
    line = caught.value.line()
    assert said in line and "/recipes/" not in line and ".yaml" not in line


def test_a_head_of_the_recipe_can_be_taken_away_and_a_file_stands_for_a_list() -> None:
    heads = recipe.load("multitask", ["multitask.heads.entities=null"]).settings.heads  # type: ignore[attr-defined]
    assert "entities" not in heads and "intent" in heads
    assert recipe.load("incremental", ["incremental.old=a.jsonl"]).settings.old == ["a.jsonl"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("label", "good"), [("👍", True), ("👎", False), ("👍🏽", True), ("👎🏿", False), ("❌", False), ("✔️", True), (1, True), (0, False)]
)
def test_thumbs_say_good_and_bad(label: object, good: bool) -> None:
    assert feedback({"prompt": "怎么退款", "completion": "七天内可以", "label": label})[0][2] is good


def test_prices_read_the_columns_that_training_reads(tmp_path: Path) -> None:
    said = '[{"role": "user", "content": "怎么退款"}, {"role": "assistant", "content": "七天内可以"}]'
    (tmp_path / "a.jsonl").write_text('{"对话": ' + said + '}\n{"问题": "怎么退款", "答案": "七天内可以"}\n', "utf-8")
    (tmp_path / "b.jsonl").write_text('{"messages": ' + said + '}\n{"messages": ' + said + "}\n", "utf-8")
    assert usage(tmp_path / "a.jsonl").as_dict() | {"name": ""} == usage(tmp_path / "b.jsonl").as_dict() | {"name": ""}
