"""Personal data in ids and in names of files reaches nothing that a build writes, and what is the same stays the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kefu import data
from kefu.data import naming
from kefu.project import Loaded

Make = Callable[..., Loaded]
SECRETS = ("anna.secret@corp.com", "13700137000", "13611112222", "张三", "1380013")


def test_ids(project: Make, tmp_path: Path, out: Path) -> None:
    rows = [
        "id,question,answer",
        "anna.secret@corp.com,怎么查询物流信息呢,请在订单页面点击物流查询",
        "13700137000,发票怎么开具给公司,请在订单详情点击申请发票",
    ]
    rows += ["7,运费由谁来承担呢,质量问题由我们承担运费"]
    (tmp_path / "张三 13611112222.csv").write_text("\n".join(rows), "utf-8")
    talks = [
        {
            "conversation": f"138001380{i:02d}",
            "turns": [
                {"role": "customer", "text": f"你好我想问第{chr(0x4E01 + 97 * i)}{chr(0x5E01 + 61 * i)}个订单什么时候发货"},
                {"role": "agent", "text": f"已经记录第{chr(0x4E01 + 97 * i)}个订单，明天下午发货"},
            ],
        }
        for i in range(8)
    ]
    (tmp_path / "talks.jsonl").write_text("\n".join(json.dumps(one, ensure_ascii=False) for one in talks), "utf-8")
    columns = {"id": "id", "question": "question", "answer": "answer"}
    made = project(
        {"name": "faq", "shape": "faq", "path": "张三 13611112222.csv", "map": columns},
        {"name": "talks", "shape": "dialogues", "path": "talks.jsonl", "map": {"id": "conversation", "turns": "turns"}},
    )
    data.build(made, out)
    for file in out.rglob("*"):
        if file.is_file() and file.suffix in (".md", ".json", ".jsonl"):
            text = file.read_text("utf-8")
            assert not [secret for secret in SECRETS if secret in text], file.name
    entries = {row["id"]: row for row in lines(out / "faq.jsonl")}
    assert set(entries) == {naming.id_of("anna.secret@corp.com"), naming.id_of("13700137000"), "7"}
    named = {row["answer_id"] for row in lines(out / "messages.train.jsonl")} - {""}
    assert named and named <= set(entries)
    groups = {row["group"] for row in lines(out / "conversations.jsonl") if row["kind"] != "faq"}
    assert len(groups) == 8


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_names() -> None:
    assert naming.id_of("HY-1042") == "HY-1042" and naming.id_of("") == "" and naming.id_of("123456") == "123456"
    assert naming.id_of("13700137000") == naming.id_of("13700137000") != naming.id_of("13700137001")
    assert naming.path_of("raw/faq.csv") == "raw/faq.csv" and naming.path_of("raw/*.csv") == "raw/*.csv"
    hidden = naming.path_of("raw/13611112222/客服 2024.csv")
    assert "1361111" not in hidden and hidden.startswith("raw/file-") and hidden.endswith("/客服 2024.csv")
