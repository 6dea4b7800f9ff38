"""Which rows are learnt, held out and measured: near-repeats on one side, samples that say so, a limit to what may be left out."""

from __future__ import annotations

import csv
import json

import pytest

from kefu.errors import InputError
from kefu.train.factory import train, twins
from kefu.train.factory.data import Splits, hold_out
from kefu.train.factory.data import read as read_rows
from kefu.train.factory.recipe import load

from .heads import classes, head
from .recipes import questions, recipe
from .tiny import write_rows

TOPICS = [
    "年卡可以转让给家人吗", "更衣柜的钥匙找不到了", "团课取消要扣几次次数", "教练课要提前多久预约", "停车场晚上几点关门呀", "发票抬头写错怎么重开",
    "孩子几岁可以单独进场", "泳镜落在池边能找回吗", "会员日有什么优惠活动", "手环坏了要赔多少钱", "储值余额能不能提现呢", "节假日营业时间有变化吗",
]  # fmt: skip


def _report(result):
    return json.loads(result.artifact.file("training.json").read_text("utf-8"))


def test_near_repeats_stay_on_one_side_of_the_draw():
    """Every question stands there three times in other politeness and another order number."""
    rows = [
        {"text": f"{a}{text}{b}", "label": str(n % 2)} for n, text in enumerate(TOPICS) for a, b in (("", ""), ("请问", "？"), ("您好，", "谢谢"))
    ]
    for seed in range(5):
        found = Splits(train=list(rows), ledger={"train": {}})
        hold_out(found, 0.2, seed)
        assert 5 <= len(found.validation) <= 12
        assert not twins.repeated(found.validation, found.train), seed
        assert not any("nearly repeat" in note for note in found.notes)


def test_what_differs_is_no_repeat():
    rows = [{"text": text} for text in TOPICS]
    assert len(set(twins.groups(rows))) == len(rows)
    assert twins.repeated([{"text": "请问怎么退款"}], [{"text": "怎么退款呢"}]) == {0}
    assert twins.repeated([{"text": "看看这张", "image": "a.png"}], [{"text": "看看这张", "image": "b.png"}]) == set()


def test_near_repeats_of_a_test_file_are_counted(tmp_path):
    asked = [f"请问{text}？" if n < 4 else f"全新的问法{n}{text[::-1]}" for n, text in enumerate(TOPICS)]
    write_rows(tmp_path / "test.jsonl", [{"text": text, "label": str(n % 2)} for n, text in enumerate(asked)])
    rows = [{"text": text, "label": str(n % 2)} for n, text in enumerate(TOPICS)]
    path = head(tmp_path, "classification", "embedded", rows, data={"test": "test.jsonl", "validation_share": 0})
    found = read_rows(load(str(path)), "labelled").measured(None, 7)
    assert found.repeats == {0, 1, 2, 3}
    assert any("4 of 12 rows to measure with nearly repeat a row that is learnt" in note for note in found.notes)


def test_all_rows_of_a_test_file_are_measured_and_a_sample_says_so(tmp_path):
    write_rows(tmp_path / "test.jsonl", classes(230, seed=5))
    path = head(tmp_path, "classification", "embedded", classes(30), train={"max_steps": 1}, data={"test": "test.jsonl"})
    assert _report(train(str(path)))["metrics"]["accuracy"]["n"] == 230
    some = train(str(path), ["train.measure_rows=50"])
    assert _report(some)["metrics"]["accuracy"]["n"] == 50
    assert "measured on 50 of 230 rows, drawn by seed 7 (train.measure_rows)" in some.notes
    assert "drawn by seed 7" in some.artifact.file("report.html").read_text("utf-8")


def test_rows_beyond_half_left_out_stop_the_run_and_fewer_are_said(tmp_path):
    shape = {"embedded": {"vocabulary": 400, "layers": 1, "hidden": 32}}
    rows = [{**row, "answer": row["answer"] * (40 if n % 4 else 1)} for n, row in enumerate(questions())]
    steps = {"max_steps": 1, "max_length": 48, "rehearse": False}
    path = recipe(tmp_path, "sft", "embedded", rows, sft=shape, train=steps, data={"validation_share": 0})
    with pytest.raises(InputError, match=r"18 of 24 training rows would be left out \(longer than max_length: 18\).*max_drop_share is 0\.5"):
        train(str(path))
    more = train(str(path), ["train.max_drop_share=0.8"])
    assert any("18 of 24 training rows, 75%, are left out (longer than max_length: 18)" in note for note in more.notes)


def test_a_row_of_no_label_is_a_true_negative_where_several_may_be_right(tmp_path):
    cells = ["退款;物流", "退款", "物流", "物流;发票", "发票", ""]
    rows = [{"text": f"{cell or '随便聊聊'}的问题{n}", "label": cell} for n in range(10) for cell in cells]
    with open(tmp_path / "rows.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["text", "label"])
        writer.writeheader()
        writer.writerows(rows)
    path = head(tmp_path, "classification", "embedded", rows, train={"max_steps": 1}, data={"train": "rows.csv", "test": "rows.csv"})
    made = _report(train(str(path)))
    assert made["ledger"]["dropped"] == {}
    assert sum(one.get("rows of no label (true negatives)", 0) for one in (made["ledger"], made["validation_ledger"])) == 10
    assert made["metrics"]["exact"]["n"] == 60
    rows = [{**row, "label": row["label"].partition(";")[0]} for row in rows]
    single = head(tmp_path / "single", "classification", "embedded", rows, train={"max_steps": 1})
    assert set(_report(train(str(single)))["ledger"]["dropped"]) == {"no label"}


def test_statistics_count_labels_not_joined_strings(tmp_path):
    rows = [{"text": f"{cell}的问题{n}", "label": cell} for n in range(8) for cell in ("退款;物流", "物流;退款", "退款", "物流")]
    made = _report(train(str(head(tmp_path, "classification", "embedded", rows, train={"max_steps": 1}))))
    assert set(made["distribution"]["labels"]) == {"退款", "物流"}
