"""P4: tokens a second of supervised tuning, beside a bare PyTorch loop on the same batches and beside TRL as it comes.

    python benchmarks/train_speed/run.py [--sizes 1,3,10] [--rows 512] [--batch 32] [--repeats 5] [--csv FILE]

    kefu    what `kefu run` and `kefu train` do: TRL's trainer with kefu's sampler, curves, progress and checks
    bare    forward, backward, clip, AdamW, cosine schedule over the very batches that kefu's loader gave, with no mask (padding is on the right)
    trl     SFTTrainer with the same arguments and its own random order

Rows are token ids drawn with the lengths of support answers (log-normal, median 45, 12 to 200); weights are random. Each repeat runs the three
one after the other from the same weights, and ratios are taken within a repeat, so that noise of the machine meets all three. Tokens are those
of rows, padding not counted. CPU time stands beside wall time, because only it is comparable on a busy machine.
"""

from __future__ import annotations

import argparse
import copy
import csv
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from transformers import PrinterCallback, get_cosine_schedule_with_warmup

from kefu.train.base import Base, embedded_model, embedded_tokenizer
from kefu.train.encode import IGNORE, Encoded
from kefu.train.factory.arguments import Run
from kefu.train.factory.fit import fit
from kefu.train.quiet import quiet
from kefu.train.sft import dataset, sft_trainer

SIZES = {"1": (4, 128), "3": (6, 192), "10": (8, 320), "30": (10, 512)}
RATE, WARMUP = 1e-3, 5


def base_of(size: str) -> Base:
    """A model of about that many million parameters, its tokenizer learnt from nothing but the bytes."""
    layers, hidden = SIZES[size]
    tokenizer = embedded_tokenizer([" ".join(str(i * 7919 % 9973) for i in range(4000))], 2048)
    return Base("bench", embedded_model(tokenizer, layers=layers, hidden=hidden, context=256, seed=7), tokenizer, embedded=True)


def rows_of(count: int, vocabulary: int) -> list[Encoded]:
    chance = random.Random(11)
    rows = []
    for _ in range(count):
        size = max(12, min(200, round(math.exp(chance.gauss(math.log(45), 0.6)))))
        ids = [chance.randrange(260, vocabulary) for _ in range(size)]
        rows.append(Encoded(ids, [IGNORE] * (size // 3) + ids[size // 3 :], size // 3))
    return rows


def spec(out: Path, steps: int, batch: int) -> dict[str, Any]:
    return Run(
        work=out, steps=steps, rows_per_pass=batch, accumulate=1, learning_rate=RATE, every=steps, evaluate=False, save=False, cuda=False, bf16=False,
        seed=7, warmup_steps=WARMUP,
    ).keywords()  # fmt: skip


def run_kefu(base: Base, rows: list[Encoded], steps: int, batch: int, out: Path) -> None:
    lengths = [len(row.ids) for row in rows]
    fit(sft_trainer(base, spec(out, steps, batch), dataset(rows), None, lengths, batch), lambda *_: None, lengths=lengths)


def run_trl(base: Base, rows: list[Encoded], steps: int, batch: int, out: Path) -> None:
    from trl import SFTConfig, SFTTrainer

    arguments = SFTConfig(**spec(out, steps, batch), max_length=None)
    trainer = SFTTrainer(model=base.model, args=arguments, processing_class=base.tokenizer, train_dataset=dataset(rows))
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def batches_of(base: Base, rows: list[Encoded], steps: int, batch: int, out: Path) -> list[dict[str, torch.Tensor]]:
    """The batches of kefu's loader, epoch by epoch."""
    trainer = sft_trainer(base, spec(out, steps, batch), dataset(rows), None, [len(row.ids) for row in rows], batch)
    found: list[dict[str, torch.Tensor]] = []
    loader = trainer.get_train_dataloader()
    while len(found) < steps:
        found += [{"input_ids": one["input_ids"], "labels": one["labels"]} for one in loader]
    return found[:steps]


def run_bare(base: Base, batches: list[dict[str, torch.Tensor]]) -> None:
    model = base.model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0)
    schedule = get_cosine_schedule_with_warmup(optimizer, WARMUP, len(batches))
    for one in batches:
        model(**one).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """(wall seconds, CPU seconds)."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def measure(size: str, count: int, batch: int, epochs: int, repeats: int) -> list[dict[str, Any]]:
    base = base_of(size)
    rows = rows_of(count, len(base.tokenizer))
    steps = math.ceil(count / batch) * epochs
    tokens = sum(len(row.ids) for row in rows) * epochs
    start = copy.deepcopy(base.model.state_dict())
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, quiet():
        out = Path(folder)
        batches = batches_of(base, rows, steps, batch, out)
        systems: dict[str, Callable[[], None]] = {
            "bare": lambda: run_bare(base, batches),
            "kefu": lambda: run_kefu(base, rows, steps, batch, out),
            "trl": lambda: run_trl(base, rows, steps, batch, out),
        }
        for repeat in range(-1, repeats):  # the first round warms up
            order = list(systems)
            random.Random(repeat).shuffle(order)
            for name in order:
                base.model.load_state_dict(start)
                wall, cpu = timed(systems[name])
                if repeat >= 0:
                    found.append({"millions": round(base.parameters / 1e6, 1), "system": name, "repeat": repeat, "tokens": tokens,
                                  "wall_s": round(wall, 3), "cpu_s": round(cpu, 3)})  # fmt: skip
    return found


def shown(rows: list[dict[str, Any]]) -> None:
    for size in dict.fromkeys(row["millions"] for row in rows):
        mine = [row for row in rows if row["millions"] == size]
        bare = {row["repeat"]: row for row in mine if row["system"] == "bare"}
        for name in ("bare", "kefu", "trl"):
            own = [row for row in mine if row["system"] == name]
            rate = [row["tokens"] / row["wall_s"] for row in own]
            ratio = [bare[row["repeat"]]["cpu_s"] / row["cpu_s"] for row in own]
            print(
                f"{size:>5} M  {name:<5} {median(rate):>8.0f} tokens/s [{min(rate):.0f}, {max(rate):.0f}]   "
                f"of the bare loop by CPU time: {median(ratio):.2f} [{min(ratio):.2f}, {max(ratio):.2f}]  n={len(own)}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", default="1,3,10", help=f"millions of parameters: {', '.join(SIZES)}")
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--csv", type=Path)
    chosen = parser.parse_args()
    found: list[dict[str, Any]] = []
    for size in chosen.sizes.split(","):
        if size not in SIZES:
            sys.exit(f"no size {size}; known: {', '.join(SIZES)}")
        found += measure(size, chosen.rows, chosen.batch, chosen.epochs, chosen.repeats)
    shown(found)
    if chosen.csv:
        with chosen.csv.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, list(found[0]))
            writer.writeheader()
            writer.writerows(found)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread(s)")


if __name__ == "__main__":
    main()
