"""A Chinese and English set with known spans, drawn by a seed: sentences of sentences.yaml, values of values.py.

python benchmarks/privacy/generate.py --half dev --rows 4000 --seed 1 > dev.jsonl
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parent))
import values

_words = str.split
_SLOT = re.compile(r"\{(\w+)\}")
_TYPE = {"name_zh": "person_name", "name_en": "person_name", "address_zh": "address", "address_en": "address", "password": "secret"}
_SERVICES = tuple(
    _words("10086 10010 10000 95588 95533 95555 12345 12315 110 120 400-810-8888 400-700-1234 4008123123 800-820-8820 12306 96110 95338")
)


def _noise(r: random.Random, slot: str) -> str:
    if slot == "p":
        return r.choice([f"{r.randint(1, 9999)}", f"{r.randint(1, 9999)}.{r.randint(0, 99):02}", f"{r.randint(1, 99)},{r.randint(100, 999)}.00"])
    if slot == "d":
        return r.choice(
            [
                f"{r.randint(2019, 2026)}-{r.randint(1, 12):02}-{r.randint(1, 28):02}",
                f"{r.randint(2019, 2026)}/{r.randint(1, 12)}/{r.randint(1, 28)}",
                f"{r.randint(2019, 2026)}{r.randint(1, 12):02}{r.randint(1, 28):02}",
            ]
        )
    if slot == "t":
        return f"{r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}"
    if slot == "v":
        return (
            f"{r.randint(1, 12)}.{r.randint(0, 20)}.{r.randint(0, 20)}.{r.randint(0, 9)}"
            if r.random() < 0.5
            else f"v{r.randint(1, 12)}.{r.randint(0, 20)}.{r.randint(0, 99)}"
        )
    if slot == "year":
        return str(r.randint(1998, 2025))
    if slot == "service":
        return r.choice(_SERVICES)
    if slot == "n11m":  # an order number that looks like a mobile
        return "1" + r.choice("3589") + values.digits(r, 9)
    if slot == "n3x":
        return r.choice("23456") + values.digits(r, 2)
    return values.digits(r, int(slot.removeprefix("n")), "123456789")


def rows(half: str, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """`{"id", "text", "spans": [{"start", "end", "type", "text"}]}`; a quarter of the rows hold nobody's numbers only."""
    written = Path(__file__).with_name("sentences.yaml").read_text("utf-8")
    every, first = yaml.safe_load(written), yaml.safe_load(re.sub(r"(?m)^  # held out from here\n(?:  - .*\n)+", "", written))
    sentences = {key: first[key] if half == "dev" else every[key][len(first[key]) :] for key in every}
    r = random.Random(f"{half}-{seed}")
    for i in range(count):
        language = r.choice(["zh", "zh", "en"])
        sentence = r.choice(sentences[("nobodys_" if i % 4 == 0 else "") + language])
        text, spans, last = "", [], 0
        for slot in _SLOT.finditer(sentence):
            text += sentence[last : slot.start()]
            key = slot.group(1)
            if key in values.MAKERS:
                value = values.MAKERS[key](r)
                spans.append({"start": len(text), "end": len(text) + len(value), "type": _TYPE.get(key, key), "text": value})
            else:
                value = _noise(r, key)
            text += value
            last = slot.end()
        yield {"id": i + 1, "text": text + sentence[last:], "spans": spans}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--half", choices=["dev", "held"], default="dev")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for row in rows(given.half, given.rows, given.seed):
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
