"""Rows a second and peak memory of `kefu data build`, one process and two, beside Data-Juicer with like operators.

    python benchmarks/data_build/run.py --sizes 10000 100000 --out benchmarks/data_build/results.csv

Data-Juicer (package py-data-juicer) gets an environment of its own under --work, made when missing. Both read the same seeded file
(conversations.py). Data-Juicer sees one text a row, the turns joined, and runs: Unicode repair, HTML, white space, e-mail and mobile
number replaced, length filter, exact and MinHash duplicates. kefu runs all its operators: reading and mapping of columns, senders'
roles, HTML, normalisation, twenty kinds of personal data, merging, exact and near duplicates, mining of standard replies, quality and
take-over labels, splits without leakage, seven files, ledger and pictures. The time is the whole command's, start included; CPU time
is what all its processes used, and holds on a machine that others use too. Memory is the greatest sum of resident sets over the process
tree, seen every 0.2 s; pages that processes share count once for each.

A run that fails or takes longer than --limit has an empty figure and its reason.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from conversations import write

PEER = ("py-data-juicer==1.6.1", "aiohttp")  # it imports aiohttp without asking for it
FIELDS = ["rows", "what", "seconds", "rows_per_second", "cpu_seconds", "rows_per_cpu_second", "peak_mb", "kept", "reason"]

KEFU = """name: bench
data:
  workers: {workers}
  sources:
    - {{name: logs, shape: dialogues, path: {rows}}}
"""

JUICER = """project_name: bench
dataset_path: {rows}
export_path: {out}/kept.jsonl
work_dir: {out}
np: 2
use_cache: false
open_monitor: false
open_tracer: false
process:
  - fix_unicode_mapper:
  - clean_html_mapper:
  - whitespace_normalization_mapper:
  - clean_email_mapper:
      repl: '[EMAIL]'
  - replace_content_mapper:
      pattern: '(?<!\\d)1[3-9]\\d{{9}}(?!\\d)'
      repl: '[PHONE]'
  - text_length_filter:
      min_len: 4
      max_len: 20000
  - document_deduplicator:
      lowercase: true
      ignore_non_character: true
  - document_minhash_deduplicator:
      tokenization: character
      window_size: 4
      jaccard_threshold: 0.9
      num_permutations: 256
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=[10_000, 100_000])
    parser.add_argument("--work", type=Path, default=Path("/tmp/kefu-bench-data"))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results.csv"))
    parser.add_argument("--limit", type=float, default=3600, help="seconds a run may take")
    parser.add_argument("--spare", type=float, default=2.0, help="GB of the machine's memory that a run must leave; it is stopped where it does not")
    parser.add_argument("--only", choices=["kefu", "peer"], help="leave the other out")
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2], help="processes of kefu, one run for each")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    figures: list[dict[str, Any]] = []
    for size in given.sizes:
        rows = given.work / f"{size}.jsonl"
        if not rows.is_file():
            write(rows, size)
        ours = [_shown(_kefu(rows, size, workers, given)) for workers in given.workers] if given.only != "peer" else []
        peer = [_shown(_peer(rows, size, given))] if given.only != "kefu" else []
        figures += [*ours, *peer]
        if ours and peer and ours[-1]["rows_per_second"] and peer[0]["rows_per_second"]:
            by = {key: ours[-1][key] / peer[0][key] for key in ("rows_per_second", "rows_per_cpu_second")}
            said = f"{by['rows_per_second']:.1f} by the clock and {by['rows_per_cpu_second']:.1f} by CPU time"
            print(f"{size} rows: {ours[-1]['what']} is {said} times Data-Juicer", flush=True)
        with open(given.out, "w", newline="", encoding="utf-8") as handle:
            table = csv.DictWriter(handle, FIELDS)
            table.writeheader()
            table.writerows(figures)


def _shown(figure: dict[str, Any]) -> dict[str, Any]:
    print("  ".join(f"{key} {figure[key]}" for key in FIELDS if figure[key] != ""), flush=True)
    return figure


def _kefu(rows: Path, size: int, workers: int, given: argparse.Namespace) -> dict[str, Any]:
    folder = given.work / f"kefu-{size}-{workers}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "kefu.yaml").write_text(KEFU.format(workers=workers, rows=rows), "utf-8")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    what = f"kefu, {workers} process{'es' * (workers > 1)}"
    figure = _measure([sys.executable, "-m", "kefu", "data", "build", str(folder)], what, size, given, environment)
    figure["kept"] = _lines(next(folder.glob("build/data/bench/*/conversations.jsonl"), None))
    shutil.rmtree(folder / "build", ignore_errors=True)
    return figure


def _peer(rows: Path, size: int, given: argparse.Namespace) -> dict[str, Any]:
    try:
        program = _environment(given.work / "data-juicer")
    except subprocess.CalledProcessError as error:
        return {**dict.fromkeys(FIELDS, ""), "rows": size, "what": "Data-Juicer", "reason": f"not installed: {str(error)[:200]}"}
    texts = given.work / f"{size}.text.jsonl"
    if not texts.is_file():
        _as_texts(rows, texts)
    out = given.work / f"juicer-{size}"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    recipe = out / "recipe.yaml"
    recipe.write_text(JUICER.format(rows=texts, out=out), "utf-8")
    environment = {**os.environ, "PYTHONPATH": "", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "DATA_JUICER_CACHE_HOME": str(out)}
    figure = _measure([str(program), "--config", str(recipe)], "Data-Juicer, 2 processes", size, given, environment)
    figure["kept"] = _lines(out / "kept.jsonl")
    if not figure["kept"]:
        figure.update(rows_per_second="", rows_per_cpu_second="", reason=figure["reason"] or "it wrote no rows")
    return figure


def _environment(folder: Path) -> Path:
    program = folder / "bin" / "dj-process"
    if not program.is_file():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(folder / "bin" / "pip"), "install", "-q", *PEER], check=True)
    return program


def _as_texts(rows: Path, texts: Path) -> None:
    """Broken lines are left out: Data-Juicer would stop at them."""
    import json

    with open(rows, encoding="utf-8") as source, open(texts, "w", encoding="utf-8") as target:
        for line in source:
            try:
                messages = json.loads(line)["messages"]
            except ValueError:
                continue
            target.write(json.dumps({"text": "\n".join(message["text"] for message in messages)}, ensure_ascii=False) + "\n")


def _measure(command: list[str], what: str, size: int, given: argparse.Namespace, environment: dict[str, str]) -> dict[str, Any]:
    log = given.work / "last.log"
    started, peak, reason = time.perf_counter(), 0, ""
    with open(log, "w", encoding="utf-8") as said:
        running = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=environment, cwd=given.work, start_new_session=True)
        while (ended := os.wait4(running.pid, os.WNOHANG))[0] == 0:
            peak = max(peak, _resident(running.pid))
            if time.perf_counter() - started > given.limit:
                reason = f"longer than {given.limit:g} s"
            elif (left := _available()) < given.spare * 2**30:
                reason = f"at {peak / 2**20:.0f} MB the machine had {left / 2**30:.1f} GB left"
            if reason:
                os.killpg(running.pid, signal.SIGKILL)
            time.sleep(0.2)
    seconds, (_, status, used) = time.perf_counter() - started, ended
    running.returncode = os.waitstatus_to_exitcode(status)
    cpu = used.ru_utime + used.ru_stime
    if running.returncode and not reason:
        reason = f"exit {running.returncode}: " + " ".join(log.read_text("utf-8", "replace").strip().splitlines()[-1:])[-200:]
    good = not reason
    return {
        "rows": size, "what": what, "seconds": round(seconds, 1) if good else "", "rows_per_second": round(size / seconds) if good else "",
        "cpu_seconds": round(cpu, 1) if good else "", "rows_per_cpu_second": round(size / cpu) if good else "",
        "peak_mb": round(peak / 2**20) if good else "", "kept": "", "reason": reason,
    }  # fmt: skip


def _available() -> int:
    """Bytes the machine can still give."""
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable:"))
    return int(line.split()[1]) * 1024


def _resident(pid: int) -> int:
    """Bytes of the process and all its descendants."""
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            total += int(Path(f"/proc/{one}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except (OSError, IndexError):
            continue
    return total


def _lines(path: Path | None) -> int | str:
    if path is None or not path.is_file():
        return ""
    with open(path, "rb") as handle:
        return sum(1 for _ in handle)


if __name__ == "__main__":
    main()
