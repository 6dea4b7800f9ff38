"""Near-duplicates planted in real questions and conversations, Chinese and English: recall of each kind of damage, and what is wrongly joined.

    KEFU_REAL_DATA=folder python benchmarks/dedup/run.py [--half tuned|held] [--texts 400] [--csv FILE] [--show 5]

The texts are those of the projects beside this folder (`benchmarks/NAME/kefu.yaml`); every second text, by a hash of its words, belongs to the half
that was looked at while the rule was made, the other half to the figures that are told (`--half held`). Of each kind of damage (`damage.py`)
texts are planted among the others, and of each kind of change that asks for something else. Wilson 95 % intervals. Compared:

    kefu          bands, candidates and differences as `kefu data build` uses them
    datasketch    MinHash LSH with 128 permutations over character shingles, at 0.9, 0.7 and 0.5

What the systems find among the texts themselves, before anything is planted, is left out of the texts.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from beside import Peer
from damage import DAMAGE, NEGATIVE, PAIRS, Corpus, Turns

from kefu.conversation import Conversation
from kefu.data import dedup, minhash
from kefu.data.exclusions import Exclusions
from kefu.data.ledger import Ledger
from kefu.data.reading import read
from kefu.data.spool import number
from kefu.data.tasks.example import Example
from kefu.project import load
from kefu.statistics import wilson
from kefu.text.normalise import fold
from kefu.text.segment import is_han, shingles

HERE = Path(__file__).parents[1]
FROM = {
    ("zh", "questions"): ["cmrc2018", "crosswoz", "multiwoz_zh"],
    ("en", "questions"): ["banking77", "clinc150", "bitext_intent"],
    ("zh", "conversations"): ["crosswoz", "multiwoz_zh"],
    ("en", "conversations"): ["star", "multiwoz21", "sgd"],
}
LENGTH = {"questions": (6, 160), "conversations": (80, 6000)}


def texts_of(language: str, level: str, half: str, wanted: int, rng: random.Random) -> list[Turns]:
    """A sample of the half, no two the same."""
    found: dict[str, Turns] = {}
    for name in FROM[language, level]:
        project = load(HERE / name)
        with TemporaryDirectory() as folder, Exclusions(Path(folder)) as exclusions:
            for source in project.settings.data.sources:
                for one in read(source, project, Ledger(), exclusions, Path(folder)):
                    for turns in turns_of(one, level):
                        said = "\n".join(words for _, words in turns)
                        low, high = LENGTH[level]
                        fits = low <= len(said) <= high and (language == "zh") == (sum(map(is_han, said)) * 2 > len(said))
                        if fits and number(fold(said)) % 2 == (half == "held"):
                            found.setdefault(fold(said), turns)
    kept = [found[key] for key in sorted(found)]
    return rng.sample(kept, min(wanted, len(kept)))


def turns_of(one: Conversation | Example, level: str) -> list[Turns]:
    """The conversation, or each of its questions of some length."""
    if isinstance(one, Example):
        return [[("", one.customer_text())]] if level == "questions" else []
    if level == "questions":
        return [[("", turn.text)] for turn in one.turns if turn.role == "customer"]
    return [[(turn.role, turn.text) for turn in one.turns if turn.role in ("customer", "agent")]]


def kefu(texts: Sequence[Turns]) -> set[tuple[int, int]]:
    plain = ["".join(fold(words) for _, words in turns).replace(" ", "") for turns in texts]
    numbers = list(range(len(texts)))
    buckets = minhash.Buckets(minhash.slight_bands(plain), len(texts))
    gone = dedup.near_texts(numbers, buckets, lambda n: texts[n], 0.9)
    return {(min(n, one.original), max(n, one.original)) for n, one in gone.items()}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--half", choices=["tuned", "held"], default="tuned")
    options.add_argument("--texts", type=int, default=400)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--show", type=int, default=0, help="failures of each kind to print")
    options.add_argument("--only", default="", help="zh/questions and the like")
    options.add_argument("--no-peer", action="store_true")
    options.add_argument("--csv", default="")
    options.add_argument("--peer", type=Path, default=Path(os.environ.get("KEFU_CACHE", Path.home() / ".cache" / "kefu")) / "datasketch")
    given = options.parse_args()
    peer = None if given.no_peer else Peer(given.peer)
    rows: list[dict[str, object]] = []
    for language, level in FROM:
        if given.only and given.only != f"{language}/{level}":
            continue
        rng = random.Random(f"{language}/{level}/{given.half}/{given.seed}")
        texts = texts_of(language, level, given.half, given.texts, rng)
        again = {j for _, j in kefu(texts)}
        texts = [turns for i, turns in enumerate(texts) if i not in again]
        corpus = Corpus(language, texts)
        print(f"{language} {level}: {len(texts)} texts, {len(again)} that repeat another one left out", flush=True)
        for kind, want in [*((kind, True) for kind in (*DAMAGE, *PAIRS)), *((kind, False) for kind in NEGATIVE)]:
            base, copies = planted(texts, kind, corpus, rng)
            if len(copies) < 20:
                continue
            every = base + [copy for _, copy in copies]
            truth = {(i, len(base) + n) for n, (i, _) in enumerate(copies)}
            rows += [report(name, found, seconds, truth, (language, level, kind), want) for name, found, seconds in answers(every, peer)]
            show(rows, every, truth, want, kefu(every) if given.show else set(), given.show)
    if given.csv:
        with open(given.csv, "w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return 0


def planted(texts: Sequence[Turns], kind: str, corpus: Corpus, rng: random.Random) -> tuple[list[Turns], list[tuple[int, Turns]]]:
    """The texts, and copies of them with the place of each original."""
    base, copies = list(texts), []
    for i, turns in enumerate(texts):
        if kind in PAIRS:
            base[i], copy = PAIRS[kind](turns, corpus, rng)
            copies.append((i, copy))
        elif copy := {**DAMAGE, **NEGATIVE}[kind](turns, corpus, rng):
            copies.append((i, copy))
    return base, copies


def answers(texts: Sequence[Turns], peer: Peer | None) -> list[tuple[str, set[tuple[int, int]], float]]:
    started = time.perf_counter()
    found = [("kefu", kefu(texts), time.perf_counter() - started)]
    if peer:
        sets = [shingles("\n".join(words for _, words in turns)) for turns in texts]
        found += [(f"datasketch {threshold}", *peer(sets, threshold)) for threshold in (0.9, 0.7, 0.5)]
    return found


def report(
    name: str, found: set[tuple[int, int]], seconds: float, truth: set[tuple[int, int]], what: tuple[str, str, str], want: bool
) -> dict[str, object]:  # fmt: skip
    right, n = len(found & truth), len(truth)
    low, high = wilson(right, n)
    row = {"language": what[0], "level": what[1], "kind": what[2], "must be": "found" if want else "kept", "system": name, "n": n}
    row |= {"joined": right, "share": round(right / n, 3), "low": round(low, 3), "high": round(high, 3)}
    row |= {"others joined": len(found - truth), "seconds": round(seconds, 2)}
    if name == "kefu" or not want:
        print(f"  {'recall' if want else 'wrongly joined':<15}{what[2]:<22}{name:<15}{row['share']:.3f} [{row['low']:.3f}, {row['high']:.3f}] n={n}"
              f"  other pairs {row['others joined']}  {seconds:.1f} s", flush=True)  # fmt: skip
    return row


def show(
    rows: list[dict[str, object]], texts: Sequence[Turns], truth: set[tuple[int, int]], want: bool, found: set[tuple[int, int]], most: int
) -> None:
    if not most:
        return
    for i, j in sorted(truth - found if want else truth & found)[:most] + sorted(found - truth)[:1]:
        pairs = [(a[1], b[1]) for a, b in zip(texts[i], texts[j], strict=False) if a != b][:6]
        print("      ", *(f"{a[:200]!r} | {b[:200]!r}" for a, b in pairs), sep="\n        ")


if __name__ == "__main__":
    sys.exit(main())
