"""Precision and recall per type, with 95 % Wilson intervals, of kefu and of Presidio beside it.

    KEFU_REAL_DATA=... python benchmarks/privacy/run.py [--half dev|held] [--rows 4000] [--peer ENVIRONMENT] [--out DIR]

Sets: `presidio_synth` (KEFU_REAL_DATA, see its SOURCE.md; dev part) and the own set of generate.py. A span counts when its type is
right and it overlaps a labelled one; `exact` also wants both ends right. On presidio_synth only the types it labels are judged, and
telephones and cards of any country count as theirs. Presidio is installed into an environment of its own; a missing figure says why.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
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
import generate

from kefu.text.privacy import SCANNED, find

PEER = ("presidio-analyzer==2.2.366", "spacy==3.8.18")
Row = dict[str, Any]
_SYNTH = {
    "PERSON": "person_name",
    "STREET_ADDRESS": "address",
    "CREDIT_CARD": "card",
    "PHONE_NUMBER": "phone",
    "EMAIL_ADDRESS": "email",
    "IBAN_CODE": "iban",
    "US_SSN": "us_ssn",
    "IP_ADDRESS": "ip",
}
_GROUPS = {
    "credit_card": "card",
    "bank_card": "card",
    "us_phone": "phone",
    "uk_phone": "phone",
    "phone": "phone",
    "cn_mobile": "phone",
    "cn_landline": "phone",
    "ipv4": "ip",
    "ipv6": "ip",
}


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    if not n:
        return 0.0, 1.0
    z, p = 1.959964, hits / n
    middle, half = (p + z * z / (2 * n)) / (1 + z * z / n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def synth(folder: Path) -> list[Row]:
    rows = json.loads((folder / "presidio_synth" / "synth_dataset_v2.json").read_text("utf-8"))
    return [
        {
            "text": row["full_text"],
            "spans": [{"start": s["start_position"], "end": s["end_position"], "type": _SYNTH.get(s["entity_type"], "")} for s in row["spans"]],
        }
        for row in rows
    ]


def ours(rows: Iterable[Row]) -> list[list[Row]]:
    return [[{"start": s.start, "end": s.end, "type": s.type} for s in find(row["text"])] for row in rows]


def theirs(python: Path, rows: list[Row]) -> list[list[Row]]:
    given = "".join(json.dumps({"text": row["text"]}) + "\n" for row in rows)
    done = subprocess.run(
        [str(python), str(Path(__file__).with_name("peer.py"))], input=given, capture_output=True, text=True, check=True, timeout=1800
    )
    return [json.loads(line)["spans"] for line in done.stdout.splitlines()]


def score(rows: list[Row], found: list[list[Row]], kind: Callable[[str], str], judged: Iterable[str]) -> list[dict[str, Any]]:
    """One line a type."""
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
    for type in judged:
        n, m = wanted[type], said[type]
        (rl, rh), (pl, ph) = wilson(hits[type], n), wilson(right[type], m)
        lines.append(
            {"type": type, "n": n, "recall": round(hits[type] / n, 4) if n else None, "recall_low": round(rl, 4), "recall_high": round(rh, 4), "exact": round(exact[type] / n, 4) if n else None,
             "found": m, "precision": round(right[type] / m, 4) if m else None, "precision_low": round(pl, 4), "precision_high": round(ph, 4)}
        )  # fmt: skip
    return lines


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
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peer", type=Path, default=Path(os.environ.get("KEFU_CACHE", Path.home() / ".cache" / "kefu")) / "presidio")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "build")
    given = parser.parse_args()
    own = list(generate.rows(given.half, given.rows, given.seed))
    sets: list[tuple[str, list[Row], Callable[[str], str], list[str]]] = [(f"own {given.half}", own, lambda type: type, list(SCANNED))]
    if "KEFU_REAL_DATA" in os.environ:
        sets.append(("presidio_synth", synth(Path(os.environ["KEFU_REAL_DATA"])), lambda type: _GROUPS.get(type, type), [*_SYNTH.values()]))
    else:
        print("presidio_synth: absent, KEFU_REAL_DATA is not set")
    systems: list[tuple[str, Callable[[list[Row]], list[list[Row]]]]] = [("kefu", ours)]
    if not given.no_peer:
        try:
            python = environment(given.peer)
            systems.append(("presidio", lambda rows: theirs(python, rows)))
        except (subprocess.SubprocessError, OSError) as error:
            print(f"presidio: absent, its environment could not be made ({error})")
    given.out.mkdir(parents=True, exist_ok=True)
    with open(given.out / f"{given.half}.csv", "w", newline="") as handle:
        writer = None
        for name, rows, kind, judged in sets:
            for system, run in systems:
                start = time.perf_counter()
                try:
                    found = run(rows)
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
                    if line["n"] or line["found"]:
                        recall = f"{line['recall']:.3f} [{line['recall_low']:.3f}, {line['recall_high']:.3f}]" if line["n"] else "none labelled"
                        precision = (
                            f"{line['precision']:.3f} [{line['precision_low']:.3f}, {line['precision_high']:.3f}]" if line["found"] else "none found"
                        )
                        print(
                            f"  {line['type']:<15} n {line['n']:>4}  recall {recall:<24} exact {line['exact'] or 0:.3f}  precision {precision} of {line['found']}"
                        )


if __name__ == "__main__":
    main()
