"""Near-duplicates planted in Chinese and English support texts: what is found, what is wrongly joined.

    python benchmarks/dedup/run.py [--texts 400] [--csv FILE]

Every text is made here from parts of our own. Copies are planted by editing a share of the characters (dropped and doubled ones), or,
at 0 %, by posting the text again with other case, marks, blanks and a particle more. Beside them stand near misses that must not be
joined: another price, a negation, another product. Compared, on the same texts:

    kefu          near.pairs at the threshold, then near.same_meaning (what `data.dedup` does)
    pairs only    near.pairs without the guard
    datasketch    MinHash LSH with 128 permutations, over the same character shingles
    by words      the same over text.split(), as its documentation begins

datasketch gets an environment of its own, made when it is missing; it is given the shingles or words and its time is that of hashing
and asking. Precision and recall of pairs with Wilson 95 % intervals.
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
import venv
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import IO, cast

from kefu.data import near
from kefu.statistics import wilson
from kefu.text.segment import shingles

ZH = (
    ["我昨天在你们官网买的", "上周朋友送给我的", "公司统一采购的", "活动时抢到的", "去年双十一下单的", "在门店直接拿的"],
    ["蓝牙耳机", "扫地机器人", "电热水壶", "儿童手表", "投影仪", "空气净化器", "折叠自行车", "行车记录仪"],
    ["充不进电", "开机没有声音", "屏幕一直闪", "连不上手机", "收到时外壳裂了", "用了不久就发烫", "按键没反应", "总是自动关机"],
    ["已经试过重启也没用", "说明书上没有写怎么处理", "客服电话一直占线", "急着明天出差要用", "家里老人在等着用", "发票还留着"],
    ["请问可以换一台新的吗", "想知道维修要等几天", "能不能先寄一个备用的", "希望全额退给我", "该把它寄到哪个地址", "保修期还剩多久"],
)
EN = (
    [
        "I bought on your website yesterday",
        "my friend gave me last week",
        "our office ordered in bulk",
        "I got in the spring sale",
        "I picked up in the store",
    ],
    ["wireless headphones", "robot vacuum", "electric kettle", "kids watch", "projector", "air purifier", "folding bike", "dash camera"],
    [
        "will not charge",
        "makes no sound",
        "has a flickering screen",
        "cannot find my phone",
        "arrived with a cracked case",
        "gets very hot",
        "keeps shutting down",
    ],
    [
        "I restarted it several times already",
        "the manual says nothing about it",
        "your hotline is always busy",
        "I need it for a trip tomorrow",
        "I still have the receipt",
    ],
    [
        "can you send a replacement",
        "how long would a repair take",
        "where should I ship it to",
        "please refund the whole amount",
        "is it still under warranty",
    ],
)
NEAR_MISS = {
    "zh": [("能", "不能"), ("耳机", "音箱"), ("手表", "平板"), ("投影仪", "打印机"), ("净化器", "加湿器")],
    "en": [("can ", "cannot "), ("headphones", "speakers"), ("kettle", "toaster"), ("projector", "printer"), ("will not", "will")],
}


def base(language: str, rng: random.Random) -> str:
    parts = [rng.choice(options) for options in (ZH if language == "zh" else EN)]
    price = rng.randrange(19, 4999)
    if language == "zh":
        return f"{parts[0]}{parts[1]}，花了{price}元，{parts[2]}，{parts[3]}，{parts[4]}？"
    return f"The {parts[1]} {parts[0]} for {price} dollars {parts[2]}, {parts[3]}, {parts[4]}?"


def edited(text: str, share: float, rng: random.Random) -> str:
    """That share of the characters (digits left alone) dropped or doubled; 0: the text as it is posted again."""
    if not share:
        chinese = any("\u4e00" <= char <= "\u9fff" for char in text)
        again = text.rstrip("？?") + rng.choice(("。", "？？", "呢？") if chinese else ("??", " please?", "!"))
        return again.replace("，", " ", 1) if chinese else again.lower().replace(", ", ",  ", 1)
    places = [i for i, char in enumerate(text) if not char.isdigit()]
    chosen = set(rng.sample(places, max(1, round(share * len(places)))))
    return "".join(char if i not in chosen else rng.choice(("", char * 2)) for i, char in enumerate(text))


def missed(text: str, language: str, rng: random.Random) -> str:
    """Nearly the same text that asks something else."""
    swaps = [pair for pair in NEAR_MISS[language] if pair[0] in text]
    if swaps and rng.random() < 0.5:
        return text.replace(*rng.choice(swaps), 1)
    digits = next(i for i, char in enumerate(text) if char.isdigit())
    return text[:digits] + str((int(text[digits]) % 9) + 1) + text[digits + 1 :]


def planted(language: str, count: int, share: float, seed: int) -> tuple[list[str], list[int]]:
    """Texts and the origin of each: a third has an edited copy (same origin), a third a near miss (another origin)."""
    rng = random.Random(f"{language}/{share}/{seed}")
    texts: list[str] = []
    origins: list[int] = []
    for i in range(count):
        text = base(language, rng)
        texts.append(text)
        origins.append(i)
        if i % 3 == 0:
            texts.append(edited(text, share, rng))
            origins.append(i)
        elif i % 3 == 1:
            texts.append(missed(text, language, rng))
            origins.append(-i - 1)
    return texts, origins


PEER = "datasketch==2.0.0"
Found = set[tuple[int, int]]
System = Callable[[Sequence[str], float], tuple[Found, float]]


def kefu(texts: Sequence[str], threshold: float) -> Found:
    return {(i, j) for i, j, _ in near.pairs(texts, threshold) if near.same_meaning(texts[i], texts[j])}


def pairs_only(texts: Sequence[str], threshold: float) -> Found:
    return {(i, j) for i, j, _ in near.pairs(texts, threshold)}


class Peer:
    """datasketch, in a process of its own environment."""

    def __init__(self, folder: Path) -> None:
        python = folder / "bin" / "python"
        if not (folder / "ready").exists():
            venv.create(folder, with_pip=True, clear=True)
            subprocess.run([str(python), "-m", "pip", "install", "-q", PEER], check=True, timeout=1800)
            (folder / "ready").write_text(PEER)
        command = [str(python), str(Path(__file__).with_name("peer.py"))]
        running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": ""})
        self._ask, self._told = cast("IO[str]", running.stdin), cast("IO[str]", running.stdout)

    def __call__(self, sets: list[set[str]], threshold: float) -> tuple[Found, float]:
        print(json.dumps({"threshold": threshold, "sets": [sorted(one) for one in sets]}), file=self._ask, flush=True)
        told = json.loads(self._told.readline())
        return {(i, j) for i, j in told["pairs"]}, told["seconds"]


def timed(find: Callable[[Sequence[str], float], Found]) -> System:
    def run(texts: Sequence[str], threshold: float) -> tuple[Found, float]:
        started = time.perf_counter()
        found = find(texts, threshold)
        return found, time.perf_counter() - started

    return run


def systems(folder: Path) -> dict[str, System]:
    """Those that can run here; why the peer cannot is printed."""
    found: dict[str, System] = {"kefu": timed(kefu), "pairs only": timed(pairs_only)}
    try:
        peer = Peer(folder)
    except (subprocess.SubprocessError, OSError) as error:
        print(f"datasketch: absent, its environment could not be made ({error})")
        return found
    found["datasketch"] = lambda texts, threshold: peer([shingles(text) for text in texts], threshold)
    found["by words"] = lambda texts, threshold: peer([set(text.split()) for text in texts], threshold)
    return found


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--texts", type=int, default=400)
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--csv", default="")
    options.add_argument("--peer", type=Path, default=Path(os.environ.get("KEFU_CACHE", Path.home() / ".cache" / "kefu")) / "datasketch")
    given = options.parse_args()
    compared = systems(given.peer)
    rows = []
    for language in ("zh", "en"):
        for share in (0.0, 0.01, 0.03, 0.06):
            texts, origins = planted(language, given.texts, share, given.seed)
            truth = {(i, j) for i, j in combinations(range(len(texts)), 2) if origins[i] == origins[j]}
            for threshold in (0.7, 0.8, 0.9):
                for name, system in compared.items():
                    found, took = system(texts, threshold)
                    right = len(found & truth)
                    precision, recall = (wilson(right, n) if n else (0.0, 1.0) for n in (len(found), len(truth)))
                    row: dict[str, object] = {"language": language, "edited": share, "threshold": threshold, "system": name, "texts": len(texts)}
                    row |= {"planted": len(truth), "found": len(found), "right": right, "precision": round(right / len(found), 3) if found else ""}
                    row |= {"precision_low": round(precision[0], 3), "precision_high": round(precision[1], 3), "recall": round(right / len(truth), 3)}
                    row |= {"recall_low": round(recall[0], 3), "recall_high": round(recall[1], 3), "seconds": round(took, 3)}
                    rows.append(row)
                    last = rows[-1]
                    print(
                        f"{language}  edited {share:.0%}  threshold {threshold:.1f}  {name:<11} precision {last['precision'] or '-':>5} "
                        f"[{last['precision_low']}, {last['precision_high']}] of {len(found):<4} recall {last['recall']:.3f} "
                        f"[{last['recall_low']}, {last['recall_high']}] of {len(truth)}  {took:.2f} s",
                        flush=True,
                    )
    if given.csv:
        with open(given.csv, "w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
