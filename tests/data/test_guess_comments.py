"""Tickets whose comments have a column each: nobody's words are lost, and the asker's own comments are the customer's."""

from __future__ import annotations

from pathlib import Path

import pytest

from kefu import data
from kefu.data import times
from kefu.data.check import check_source
from kefu.data.guess import append, propose
from kefu.project import load

from .desk import table

JIRA = [
    ["Summary", "Issue key", "Status", "Reporter", "Assignee", "Created", "Description", "Comment", "Comment", "Comment"],
    [
        "Parcel",
        "SD-1",
        "Closed",
        "anna",
        "lisa",
        "01/Mar/24 10:00 AM",
        "Where is my parcel?",
        "01/Mar/24 10:22 AM;lisa;It left our depot; twice.",
        "01/Mar/24 11:22 AM;anna;Thanks and the invoice?",
        "01/Mar/24 12:22 PM;lisa;It is in\nthe parcel.",
    ],
    [
        "Crash",
        "SD-2",
        "Closed",
        "tom",
        "lisa",
        "02/Mar/24 10:00 AM",
        "My app crashes on start.",
        "02/Mar/24 10:22 AM;lisa;Please update to version four.",
        "",
        "",
    ],
    ["Refund", "SD-3", "Closed", "eva", "mei", "03/Mar/24 10:00 AM", "When do I get my refund?", "03/Mar/24 10:22 AM;mei;Within three days.", "", ""],
]
NOTED = [
    ["工单号", "问题描述", "状态", "客户姓名", "跟进记录1", "跟进记录2"],
    ["T1001", "发票什么时候能开出来？", "已关闭", "王小明", "已为您登记，三天内开出", "客户：好的谢谢"],
    ["T1002", "退款怎么还没到账？", "已关闭", "李雷", "2024-05-01 10:22 小王：财务今天处理，预计明天到账", ""],
    ["T1003", "衣服尺码不对可以换吗？", "已关闭", "韩梅", "七天内可以换货，运费我们承担", "新的已经发出"],
]
EXPECTED = {
    "jira": [
        [
            ("customer", "Where is my parcel?"),
            ("agent", "It left our depot; twice."),
            ("customer", "Thanks and the invoice?"),
            ("agent", "It is in\nthe parcel."),
        ],
        [("customer", "My app crashes on start."), ("agent", "Please update to version four.")],
        [("customer", "When do I get my refund?"), ("agent", "Within three days.")],
    ],
    "noted": [
        [("customer", "发票什么时候能开出来？"), ("agent", "已为您登记，三天内开出"), ("customer", "好的谢谢")],
        [("customer", "退款怎么还没到账？"), ("agent", "财务今天处理，预计明天到账")],
        [("customer", "衣服尺码不对可以换吗？"), ("agent", "七天内可以换货，运费我们承担，新的已经发出")],
    ],
}


@pytest.mark.parametrize(("name", "rows"), [("jira", JIRA), ("noted", NOTED)])
def test_a_column_a_comment(tmp_path: Path, name: str, rows: list[list[str]]) -> None:
    (tmp_path / f"{name}.csv").write_bytes(table(rows))
    best = propose(tmp_path / f"{name}.csv")[0]
    assert best.block["shape"] == "dialogues" and best.confidence >= 0.4, best.yaml()
    append(best, tmp_path / "shop")
    loaded = load(tmp_path / "shop")
    check_source(loaded.settings.data.sources[0], loaded)
    assert [[(turn.role, turn.text) for turn in one.turns] for one in data.preview(loaded, name, 9, mask=False)] == EXPECTED[name]


def test_numbered_columns_of_something_else_are_no_comments(tmp_path: Path) -> None:
    rows = [
        ["问题", "答案", "相似问1", "相似问2"],
        *[[f"怎么退款{i}", f"三天内原路退回您的第{i}个账户", f"退款流程{i}", f"如何退钱{i}"] for i in range(20)],
    ]
    (tmp_path / "faq.csv").write_bytes(table(rows))
    assert propose(tmp_path / "faq.csv")[0].block["map"]["similar"] == "相似问*"


@pytest.mark.parametrize("text", ["01/Mar/24 10:22 AM", "1 Mar 2024 10:22", "01-March-2024 10:22:00"])
def test_months_by_name(text: str) -> None:
    assert times.iso(text) == "2024-03-01T10:22:00"
