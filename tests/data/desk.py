"""Pieces of a support desk for the tests."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def table(rows: list[list[Any]], encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    """A CSV file's bytes."""
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    return buffer.getvalue().encode(encoding)


ZH = [
    ["编号", "分类", "标准问题", "相似问法", "答案"],
    ["Z1", "套餐", "团队版怎么收费？", "团队版多少钱|团队版报价", "团队版每位成员每月29元。"],
    ["Z2", "套餐", "企业版怎么收费？", "企业版多少钱|企业版报价", "企业版每位成员每月59元。"],
    ["Z3", "退款", "年付能退款吗？", "买了一年不想用了|年费退还", "年付超过7天可退剩余整月的费用。"],
]


def dialogue(number: int, *said: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"ticket_id": f"T{number}", "customer_id": f"c-{number}", "messages": [{"from": sender, "text": text} for sender, text in said], **more}


def jsonl(rows: list[Any]) -> str:
    return "".join((row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n" for row in rows)
