"""Formatted values among hard negatives: the patterns of the benchmark, each drawn a few times, and the set itself."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "privacy"))
import formatted
import run


def test_nothing_is_missed_and_nothing_else_found() -> None:
    """Every pattern of the first half twice: both ends right, and no false alarm on order numbers, versions and hotlines."""
    rows = list(formatted.rows("dev", 11, each=2))
    found = run.ours(rows, False)
    faults = [(row["line"], row["text"], *fault) for row, spans in zip(rows, found, strict=True) for fault in formatted.faults(row, spans)]
    assert not faults, "\n".join(map(str, faults))
    assert {span["type"] for row in rows for span in row["spans"]} == set(formatted.TYPES)
    assert len({row["line"] for row in rows}) == len(formatted.patterns("dev"))


def test_a_type_has_its_count_and_nobodys_texts_are_many() -> None:
    rows = list(formatted.rows("held", 1))
    have = Counter(span["type"] for row in rows for span in row["spans"])
    assert all(have[type] >= n for type, n in formatted.COUNTS.items()) and sum(not row["spans"] for row in rows) >= 2700
    assert len({row["text"] for row in rows}) == len(rows)
    assert rows[:500] == list(itertools.islice(formatted.rows("held", 1), 500)) and rows[0] != next(formatted.rows("held", 2))


def test_the_halves_share_no_pattern() -> None:
    assert not {p.text for p in formatted.patterns("dev")} & {p.text for p in formatted.patterns("held")}


def test_faults_are_told_apart() -> None:
    def span(start: int, end: int, type: str) -> dict[str, object]:
        return {"start": start, "end": end, "type": type, "text": text[start:end]}

    text = "a 138 b 139 c 140"
    row = {"text": text, "spans": [span(2, 5, "cn_mobile"), span(8, 11, "cn_mobile")], "line": 1, "argued": False}
    found = [span(2, 7, "cn_mobile"), span(8, 11, "ipv4"), span(14, 17, "person_name")]
    told = [("cut", "cn_mobile 138 as 138 b"), ("missed", "cn_mobile 139 taken for ipv4"), ("false", "ipv4 139")]
    assert list(formatted.faults(row, found)) == told
    clean = {"text": "v 1.2.3.4", "spans": [], "line": 2, "argued": True}
    lines = "\n".join(formatted.report([row, clean], [found, [span(2, 5, "ipv4")]]))
    assert "nobody's data: 1, 1 with a false alarm" in lines and "without the argued ones: 0, 0" in lines and "faults: 4 in 2 of 2" in lines


@pytest.mark.parametrize(("line", "named"), [("zh|手机<cn_mobil>", "<cn_mobil>"), ("fr|bonjour", "fr|bonjour"), ("zh|", "zh|")])
def test_a_broken_pattern_is_named_with_its_line(line: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "formatted_dev.txt").write_text(f"# a comment\n\n{line}\n", "utf-8")
    monkeypatch.setattr(formatted, "__file__", str(tmp_path / "formatted.py"))
    with pytest.raises(SystemExit, match=f"formatted_dev.txt:3: .*{named.replace('|', '.')}"):
        formatted.patterns("dev")
