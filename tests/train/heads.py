"""What the tests of heads share: labelled rows of a small shop, and a small BERT with a WordPiece vocabulary of characters."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from .recipes import recipe

KINDS = {
    "退款": ["怎么退款", "我要退钱", "退货多久到账"],
    "发票": ["开发票", "电子发票在哪", "报销要发票"],
    "price": ["how much is it", "price of team", "what does it cost"],
}
CITIES, NAMES = ["上海", "北京", "Paris", "New York"], ["王伟", "李娜", "Anna"]
SMALL = {"embedded": {"vocabulary": 400, "layers": 1, "hidden": 32}}


def classes(count: int = 90, seed: int = 1) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    chosen = [rng.choice(list(KINDS)) for _ in range(count)]
    return [{"text": f"{rng.choice(KINDS[name])}{rng.choice(['?', '', ' 谢谢'])}{n}", "label": name} for n, name in enumerate(chosen)]


def tagged(count: int = 120, seed: int = 1) -> list[dict[str, Any]]:
    """Chinese rows by character, English ones by word."""
    rng, rows = random.Random(seed), []
    for _ in range(count):
        city, name = rng.choice(CITIES[:2]), rng.choice(NAMES[:2])
        rows.append({"tokens": [*"请发到", *city, "给", *name], "tags": ["O"] * 3 + ["B-LOC", "I-LOC", "O", "B-PER", "I-PER"]})
        words = rng.choice(CITIES[2:]).split()
        rows.append({"tokens": ["Send", "to", *words, "now", "."], "tags": ["O", "O", "B-LOC", *["I-LOC"] * (len(words) - 1), "O", "O"]})
    return rows


def asked(count: int = 150, seed: int = 1, far: int = 60) -> list[dict[str, Any]]:
    rng, rows = random.Random(seed), []
    for _ in range(count):
        city, days = rng.choice(CITIES), rng.choice("一二三四五") + "天"
        text = f"{rng.choice(['', '您好，'])}发货地是{city}，到货要{days}。" + "其他" * rng.choice([1, far])
        question, answer = rng.choice([("从哪里发货？", city), ("多久到货？", days), ("多少钱？", "")])
        answers = {"text": [answer], "answer_start": [text.index(answer)]} if answer else {"text": [], "answer_start": []}
        rows.append({"question": question, "context": text, "answers": answers})
    return rows


def head(folder: Path, method: str, base: str, rows: list[dict[str, Any]], settings: dict[str, Any] | None = None, **more: Any) -> Path:
    """A recipe of a head; an embedded base is a small one."""
    own = {**(SMALL if base == "embedded" else {}), **(settings or {})}
    steps = {"rehearse": False, **more.pop("train", {})}
    return recipe(folder, method, base, rows, train=steps, **{method.replace("-", "_"): own}, **more)
