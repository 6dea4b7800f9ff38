"""Precision, recall and F1 of all eighteen types, with 95 % Wilson intervals, of kefu and of Presidio beside it.

    KEFU_REAL_DATA=... python benchmarks/privacy/run.py [--half dev|held] [--rows 4000] [--peer ENVIRONMENT | --no-peer] [--out DIR]
    python benchmarks/privacy/run.py --marked blind_dev [--marked FILE] --no-peer
    python benchmarks/privacy/run.py --formatted [--half dev|held] --no-peer

Sets: the own set of generate.py, the second set of cases.py, and `presidio_synth` (KEFU_REAL_DATA, see its SOURCE.md; dev part). `--marked` measures files of
marked sentences (marked.py; `blind_dev.txt` is one) instead, `--formatted` the fifteen types with a form of their own among hard negatives
(formatted.py), and names the patterns with the most faults. A span counts when its type is right and it overlaps a labelled one; `exact`
also wants both ends right. presidio_synth labels telephones and cards of any country: all of ours count as `us_phone` and `credit_card` there.
A type that a set does not label has no recall and no precision: what was found of it is shown as a number. Presidio is installed into an
environment of its own; a missing figure says why.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import time
import venv
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import cases
import formatted
import generate
import marked

from kefu.data.personal import spans as scanned
from kefu.statistics import wilson
from kefu.text.privacy import SCANNED

PEER = ("presidio-analyzer==2.2.366", "spacy==3.8.18")
Row = dict[str, Any]
#: Labels of presidio_synth; an address of a machine is told apart by its colon.
_SYNTH = {
    "PERSON": "person_name",
    "STREET_ADDRESS": "address",
    "CREDIT_CARD": "credit_card",
    "PHONE_NUMBER": "us_phone",
    "EMAIL_ADDRESS": "email",
    "IBAN_CODE": "iban",
    "US_SSN": "us_ssn",
}
_GROUPS = {"bank_card": "credit_card", "uk_phone": "us_phone", "phone": "us_phone", "cn_mobile": "us_phone", "cn_landline": "us_phone"}
_JUDGED = (*_SYNTH.values(), "ipv4", "ipv6")


def interval(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share; everything is possible without a case."""
    return wilson(hits, n) if n else (0.0, 1.0)


def synth(folder: Path) -> list[Row]:
    rows = json.loads((folder / "presidio_synth" / "synth_dataset_v2.json").read_text("utf-8"))
    return [{"text": row["full_text"], "spans": [_label(span) for span in row["spans"]]} for row in rows]


def _label(span: Row) -> Row:
    machine = "ipv6" if ":" in span["entity_value"] else "ipv4"
    kind = machine if span["entity_type"] == "IP_ADDRESS" else _SYNTH.get(span["entity_type"], "")
    return {"start": span["start_position"], "end": span["end_position"], "type": kind}


def ours(rows: Iterable[Row], every: bool) -> list[list[Row]]:
    return [[{"start": s.start, "end": s.end, "type": s.type} for s in scanned(row["text"], every)] for row in rows]


def theirs(python: Path, rows: list[Row]) -> list[list[Row]]:
    given = "".join(json.dumps({"text": row["text"]}) + "\n" for row in rows)
    done = subprocess.run(
        [str(python), str(Path(__file__).with_name("peer.py"))], input=given, capture_output=True, text=True, check=True, timeout=1800
    )
    return [json.loads(line)["spans"] for line in done.stdout.splitlines()]


def score(rows: list[Row], found: list[list[Row]], kind: Callable[[str], str], judged: Iterable[str] = SCANNED) -> list[dict[str, Any]]:
    """One line a type, all eighteen. judged: the types that the set labels."""
    judged = frozenset(judged)
    wanted, hits, exact, said, right = Counter[str](), Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for row, spans in zip(rows, found, strict=True):
        spans = [span | {"type": kind(span["type"])} for span in spans]
        for gold in row["spans"]:
            over = [s for s in spans if s["type"] == gold["type"] and s["start"] < gold["end"] and gold["start"] < s["end"]]
            wanted[gold["type"]] += 1
            hits[gold["type"]] += bool(over)
            exact[gold["type"]] += any((s["start"], s["end"]) == (gold["start"], gold["end"]) for s in over)
        for span in spans:
            said[span["type"]] += 1
            right[span["type"]] += any(g["type"] == span["type"] and span["start"] < g["end"] and g["start"] < span["end"] for g in row["spans"])
    lines = []
    for type in SCANNED:
        n, m = wanted[type], said[type]
        line: dict[str, Any] = {"type": type, "n": n, "found": m}
        # F1 grows with the share of all that was wanted or said that was right, which is a share with an interval like the others.
        share = interval(hits[type], n + m - right[type])
        for name, value, (low, high) in (
            ("recall", hits[type] / n if n else None, interval(hits[type], n)),
            ("precision", right[type] / m if m else None, interval(right[type], m)),
            ("f1", _f1(hits[type] / (n + m - right[type])) if n else None, (_f1(share[0]), _f1(share[1]))),
            ("exact", exact[type] / n if n else None, interval(exact[type], n)),
        ):
            there = value is not None and type in judged
            line |= {
                name: round(value, 4) if there else None,
                f"{name}_low": round(low, 4) if there else None,
                f"{name}_high": round(high, 4) if there else None,
            }
        lines.append(line)
    return lines


def _f1(share: float) -> float:
    """Of right / (right + missed + false)."""
    return 2 * share / (1 + share)


def shown(line: dict[str, Any]) -> str:
    def part(name: str) -> str:
        low, high = line[f"{name}_low"], line[f"{name}_high"]
        return f"{name} " + (f"{line[name]:.3f} [{low:.3f}, {high:.3f}]" if line[name] is not None else "-".ljust(20))

    if not line["n"]:
        return f"  {line['type']:<15} n    0  none labelled, {line['found']} found"
    return f"  {line['type']:<15} n {line['n']:>4}  {part('recall')}  {part('precision')} of {line['found']:<4}  {part('f1')}  {part('exact')}"


def environment(folder: Path) -> Path:
    """Python of the peer's environment, made when it is not there."""
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PEER], check=True, timeout=1800)
        (folder / "ready").write_text("\n".join(PEER))
    return python


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=["dev", "held"], default="dev")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--marked", action="append", default=[], metavar="FILE", help="a file of marked sentences, or its name when it lies here; only these"
    )
    instead.add_argument("--formatted", action="store_true", help="formatted values among hard negatives; only these")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peer", type=Path, default=Path(os.environ.get("KEFU_CACHE", Path.home() / ".cache" / "kefu")) / "presidio")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "build")
    given = parser.parse_args()
    Set = tuple[str, list[Row], Callable[[str], str], Iterable[str], bool]
    part, plain = "formatted" if given.formatted else "marked" if given.marked else "", lambda type: type
    sets: list[Set] = [(Path(name).stem, list(marked.rows(name)), plain, SCANNED, False) for name in given.marked]
    if given.formatted:
        sets.append((f"formatted {given.half}", list(formatted.rows(given.half, given.seed)), plain, formatted.TYPES, False))
    if not part:
        sets.append((f"own {given.half}", list(generate.rows(given.half, given.rows, given.seed)), plain, SCANNED, False))
        sets.append((f"cases {given.half}", list(cases.rows(given.half, given.seed)), plain, SCANNED, False))
    if part:
        pass
    elif "KEFU_REAL_DATA" in os.environ:
        sets.append(("presidio_synth", synth(Path(os.environ["KEFU_REAL_DATA"])), lambda type: _GROUPS.get(type, type), _JUDGED, True))
    else:
        print("presidio_synth: absent, KEFU_REAL_DATA is not set")
    python: Path | None = None
    if not given.no_peer:
        try:
            python = environment(given.peer)
        except (subprocess.SubprocessError, OSError) as error:
            print(f"presidio: absent, its environment could not be made ({error})")
    given.out.mkdir(parents=True, exist_ok=True)
    file = {"": given.half, "marked": "marked", "formatted": f"formatted_{given.half}"}[part]
    with open(given.out / f"{file}.csv", "w", newline="") as handle:
        writer = None
        for name, rows, kind, judged, every in sets:
            for system in ["kefu"] + (["presidio"] if python else []):
                start = time.perf_counter()
                try:
                    found = theirs(python, rows) if system == "presidio" and python else ours(rows, every)
                except subprocess.SubprocessError as error:
                    print(f"{system} on {name}: absent ({(getattr(error, 'stderr', '') or str(error))[-300:]})")
                    continue
                took = time.perf_counter() - start
                print(f"\n{system} on {name}: {len(rows)} rows, {len(rows) / took:.0f} rows/s (start-up included)")
                for line in score(rows, found, kind, judged):
                    writer = writer or csv.DictWriter(handle, ["set", "system", *line])
                    if handle.tell() == 0:
                        writer.writeheader()
                    writer.writerow({"set": name, "system": system, **line})
                    print(shown(line))
                if given.formatted:
                    print("\n".join(formatted.report(rows, found)))


if __name__ == "__main__":
    main()
