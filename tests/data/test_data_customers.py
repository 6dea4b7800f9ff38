"""One person has one id in all exports of a company, and no two people share one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kefu import data
from kefu.data.customers import Customers
from kefu.project import Loaded

from .desk import jsonl, rows_of

NAMES = ("张三丰", "李四光", "13800138000")


def test_a_person_in_two_exports_is_one_and_two_people_are_two(project: Callable[..., Loaded], out: Path, tmp_path: Path) -> None:
    for name, people in (("a", NAMES), ("b", NAMES[::-1])):
        rows = [
            {"id": f"{name}{i}", "customer": who, "log": [f"第{i}个问题怎么办理{name}？", f"请在{name}{i}页面办理。"]} for i, who in enumerate(people)
        ]
        (tmp_path / f"{name}.jsonl").write_text(jsonl(rows), "utf-8")
    mapped = {"turns": "log", "customer": "customer", "id": "id"}
    data.build(project(*({"name": name, "shape": "alternating", "path": f"{name}.jsonl", "map": mapped} for name in "ab")), out)
    ids = {row["id"]: row["context"]["customer"]["id"] for row in rows_of(out / "conversations.jsonl")}
    assert [ids[f"a:a{i}"] for i in range(3)] == [ids[f"b:b{i}"] for i in (2, 1, 0)]
    assert len(set(ids.values())) == 3 and not set(ids.values()) & set(NAMES)


def test_a_running_number_is_never_somebodys_own_id() -> None:
    customers = Customers()
    assert customers("customer_2") == "customer_2"
    named = customers("王小明")
    assert named not in ("customer_2", customers(named)) and customers("王小明") == named
    assert customers("") == ""
