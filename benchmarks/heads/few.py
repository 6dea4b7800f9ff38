"""Classifiers learnt from few rows: kefu's default recipe beside scikit-learn's TF-IDF and logistic regression, on the same rows.

    KEFU_REAL_DATA=folder python benchmarks/heads/few.py banking77 [--labels 8] [--rows 50,100,200,500] [--base minilm] [--csv FILE]

Rows are drawn at random (seeded) from the training side of `run.py`, as a company's first labels come: rare labels may be missing. What is
measured is the held-out side, the same rows for both. `--labels`: only the commonest. The peer is scikit-learn as it comes (words, C=1),
and with C=20, which suits few rows better; `p` is McNemar's against the better of the two.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import run
import yaml
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from kefu.artifacts import write_jsonl
from kefu.statistics import mcnemar, wilson
from kefu.train.factory import train
from kefu.train.predict import predict_file

MEASURED = 500


def peer(rows: run.Rows, held: run.Rows, strength: float) -> list[str]:
    texts, labels = [row["text"] for row in rows], [row["label"] for row in rows]
    fitted = make_pipeline(TfidfVectorizer(), LogisticRegression(C=strength, max_iter=1000)).fit(texts, labels)
    return [str(said) for said in fitted.predict([row["text"] for row in held])]


def own(rows: run.Rows, held: run.Rows, base: str, work: Path, settings: Sequence[str]) -> tuple[list[str], float]:
    work.mkdir(parents=True, exist_ok=True)
    write_jsonl(work / "train.jsonl", rows)
    write_jsonl(work / "held.jsonl", [{"text": row["text"]} for row in held])
    recipe = {"name": "few", "method": "classification", "base": base, "data": {"train": "train.jsonl"}, "train": {"trackers": []}}
    (work / "recipe.yaml").write_text(yaml.safe_dump(recipe), "utf-8")
    started = time.process_time()
    made = train(str(work / "recipe.yaml"), list(settings), force=True)
    spent = time.process_time() - started
    if made is None:
        raise SystemExit(1)
    predict_file(str(made.artifact.path), work / "held.jsonl", work / "said.jsonl")
    return [json.loads(line)["label"] for line in (work / "said.jsonl").read_text("utf-8").splitlines()], spent


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=["banking77", "clinc150", "dstc11_intent", "bitext_intent"])
    parser.add_argument("--labels", type=int, default=0)
    parser.add_argument("--rows", default="50,100,200,500")
    parser.add_argument("--base", default="minilm")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--work", type=Path, default=Path("build/heads/few"))
    parser.add_argument("--csv", type=Path)
    given = parser.parse_args(arguments)
    _, rows, held, blocks = run.SETS[given.dataset]()
    outside = blocks.get("classification", {}).get("other", "")
    common = [label for label, _ in Counter(row["label"] for row in rows).most_common() if label != outside][: given.labels or None]
    rows, held = ([row for row in some if row["label"] in common] for some in (rows, held))
    random.Random(f"rows {given.seed}").shuffle(rows)
    random.Random("held out").shuffle(held)
    held, base = held[:MEASURED], str(run.minilm()) if given.base == "minilm" else given.base
    for count in (int(part) for part in given.rows.split(",")):
        some = rows[:count]
        peers = [[said == row["label"] for said, row in zip(peer(some, held, strength), held, strict=True)] for strength in (1.0, 20.0)]
        theirs = max(peers, key=sum)
        said, seconds = own(some, held, base, given.work / f"{given.dataset}-{len(common)}-{count}", given.set)
        ours = [one == row["label"] for one, row in zip(said, held, strict=True)]
        line: dict[str, Any] = {
            "dataset": given.dataset, "labels": len(common), "rows": len(some), "labels_met": len({row["label"] for row in some}),
            "base": given.base, "settings": " ".join(given.set), "seed": given.seed, "n": len(held),
            "tfidf": round(sum(peers[0]) / len(held), 4), "tfidf_c20": round(sum(peers[1]) / len(held), 4), "kefu": round(sum(ours) / len(held), 4),
            "low": round(wilson(sum(ours), len(held))[0], 4), "high": round(wilson(sum(ours), len(held))[1], 4),
            "p": round(mcnemar(ours, theirs)["p"], 4), "cpu_seconds": round(seconds, 1),
        }  # fmt: skip
        print(json.dumps(line), flush=True)
        if given.csv:
            fresh = not given.csv.exists()
            with open(given.csv, "a", newline="", encoding="utf-8") as handle:
                writer = csv.DictWriter(handle, list(line))
                writer.writerows([dict(zip(line, line, strict=True))] if fresh else [])
                writer.writerow(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
