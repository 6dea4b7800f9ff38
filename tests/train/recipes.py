"""What the tests of recipes share: rows of a small shop, and a recipe written and run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .tiny import FAQ, write_rows


def questions(per_answer: int = 4) -> list[dict[str, Any]]:
    """Question and answer rows, Chinese and English."""
    return [{"id": f"{row[0]}-{n}", "question": q, "answer": row[3]} for row in FAQ for n, q in enumerate(row[4][:per_answer])]


def recipe(folder: Path, method: str, base: str, rows: list[dict[str, Any]], **blocks: Any) -> Path:
    """A recipe file with its rows beside it; `blocks` are merged into the recipe."""
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "rows.jsonl", rows)
    raw: dict[str, Any] = {"name": f"tiny-{method}", "method": method, "base": base, "data": {"train": "rows.jsonl"}, "train": {"trackers": []}}
    for key, value in blocks.items():
        raw[key] = {**raw.get(key, {}), **value} if isinstance(value, dict) else value
    path = folder / f"{method}.yaml"
    path.write_text(yaml.safe_dump(raw, allow_unicode=True), "utf-8")
    return path
