"""Columns of a recipe's rows found by name and content, or the columns there are and the flag that names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kefu.errors import ConfigError, InputError
from kefu.train.base import locate
from kefu.train.factory import recipe, search
from kefu.train.factory.data import columns, read

ROWS = [{"工单内容": f"我的快递第{i}天还没到", "意图": ["物流", "退款"][i % 2], "渠道": "微信"} for i in range(20)]


def test_columns_of_labelled_rows_are_found_and_said() -> None:
    told, why = columns(ROWS, "labelled", {}, "x.csv")
    assert told == {"text": "工单内容"} and "text = 工单内容" in why and "data.map" in why
    assert columns(ROWS, "labelled", {"text": "渠道", "label": "意图"}, "x.csv") == ({"text": "渠道", "label": "意图"}, "")
    assert columns([{"text": "a", "label": "b"}], "labelled", {}, "x") == ({}, "")
    better = [{"问题": "年卡多少钱", "好回答": "三千六百元", "差回答": "不知道"}]
    assert columns(better, "preference", {}, "x.jsonl")[0] == {"chosen": "好回答", "rejected": "差回答"}


def test_columns_that_cannot_be_told_are_named_with_the_flag() -> None:
    with pytest.raises(InputError, match=r"it has 'a', 'b'; say which: --set data\.map\.text=COLUMN --set data\.map\.label=COLUMN"):
        columns([{"a": 1, "b": 2}] * 5, "labelled", {}, "x.csv")


def test_rows_of_a_recipe_carry_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = ["工单内容,意图", *(f"{row['工单内容']},{row['意图']}" for row in ROWS)]
    (tmp_path / "x.csv").write_text("\n".join(lines), "utf-8-sig")
    rows = read(recipe.load("classification", ["data.train=x.csv"]), "labelled")
    assert rows.train[0]["text"].startswith("我的快递") and rows.train[0]["label"] in ("物流", "退款") and "columns found" in rows.notes[0]


def test_what_goes_on_from_a_trained_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be the start here.*goes on from a trained one.*kefu train sft") as caught:
        locate("embedded", tmp_path / "embedded", "base")
    assert "or use `base: embedded`" not in caught.value.line()


@pytest.mark.parametrize("name", sorted(recipe.shipped()))
def test_every_shipped_recipe_that_trains_has_a_space_to_search(name: str) -> None:
    loaded = recipe.load(name)
    space = search.usual(loaded)
    assert bool(space) == (loaded.recipe.method not in ("prompt", "provider"))
    for key, span in space.items():
        for value in span.choices or [span.low]:
            recipe.load(name, [f"{key}={value}"])
    if space:
        assert "train.learning_rate" not in search.usual(recipe.load(name, ["train.learning_rate=0.001"]))
