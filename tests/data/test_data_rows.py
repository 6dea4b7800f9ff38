"""Labelled rows in the build: on the disk and not in memory, the same whoever does the work, together where they belong together."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kefu import data
from kefu.artifacts import fingerprint_files
from kefu.data import dedup, spool, stock, workers
from kefu.data.compared import compared
from kefu.data.differences import explain
from kefu.data.jobs import CleanSetup
from kefu.data.tasks import KINDS, Example
from kefu.data.tasks.example import pack, unpack
from kefu.data.tasks.job import ExampleJob
from kefu.project import Loaded
from kefu.project.schema import Clean

from .desk import jsonl, rows_of

Make = Callable[..., Loaded]
CLASSES = {"name": "classes", "shape": "classification", "path": "classes.jsonl", "map": {"text": "text", "label": "label"}}
PAIRS = {"name": "pairs", "shape": "preference", "path": "pairs.jsonl"}
QUESTIONS = {"name": "questions", "shape": "qa", "path": "questions.jsonl"}
TAGGED = {"name": "tagged", "shape": "tags", "path": "tagged.jsonl"}
LABELS = ["发票", "报表", "权限", "refund", "card lost"]


def words(r: random.Random, chinese: bool) -> str:
    if chinese:
        return "".join(chr(0x4E00 + r.randrange(3000)) for _ in range(24))
    return " ".join("".join(r.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(r.randrange(3, 9))) for _ in range(7))


def classes(count: int, seed: int = 3) -> Iterator[dict[str, Any]]:
    """Texts of their own in both languages; one in ten again, nearly so, or with another label; some with a phone number."""
    r = random.Random(seed)
    last: list[tuple[str, str]] = []
    for _ in range(count):
        draw, label = r.random(), r.choice(LABELS)
        if last and draw < 0.1:
            text, of_first = r.choice(last)
            yield {"text": text + r.choice(["", "！", "啊", " please"]), "label": of_first if r.random() < 0.7 else label}
            continue
        text = words(r, r.random() < 0.6) + (f" 13{r.randrange(10**9):09d}" if draw > 0.95 else "")
        last = [*last[-50:], (text, label)]
        yield {"text": text, "label": label}


def company(folder: Path, count: int) -> None:
    r = random.Random(8)
    (folder / "classes.jsonl").write_text(jsonl(list(classes(count))) + '{"broken": \n', "utf-8")
    pairs = [{"prompt": words(r, True), "chosen": words(r, False), "rejected": words(r, True)} for _ in range(count // 4)]
    (folder / "pairs.jsonl").write_text(jsonl([*pairs, *({**pair, "rejected": pair["rejected"] + "啊"} for pair in pairs[:5])]), "utf-8")
    (folder / "questions.jsonl").write_text(jsonl(list(questions(count // 8))), "utf-8")
    tagged = [{"tokens": [words(r, True)[:3], "在", "上海"], "tags": ["B-PER", "O", "B-LOC"]} for _ in range(count // 4)]
    (folder / "tagged.jsonl").write_text(jsonl(tagged), "utf-8")


def questions(count: int) -> Iterator[dict[str, Any]]:
    """Of every text: a question under one title, the same one under another (it goes), and another question under that."""
    r = random.Random(4)
    for i in range(count):
        text = words(r, True)
        answers = {"text": [text[3:8]], "answer_start": [3]}
        first = words(r, True)
        for title, question in ((f"甲{i}", first), (f"乙{i}", first), (f"乙{i}", words(r, True))):
            yield {"title": title, "context": text, "question": question, "answers": answers}


def prints(out: Path) -> dict[str, str]:
    return fingerprint_files([path for path in out.rglob("*") if path.is_file()], out)


def test_the_bytes_do_not_depend_on_who_does_the_work(tmp_path: Path, project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    company(tmp_path, 400)
    monkeypatch.setattr(workers, "_ALONE", 1)
    monkeypatch.setattr(workers, "BATCH", 64)
    found = []
    for count in (1, 2):
        out = tmp_path / f"out{count}"
        facts = data.build(project(CLASSES, PAIRS, QUESTIONS, TAGGED, workers=count), out)
        found.append(prints(out))
        assert not (out / spool.FOLDER).exists()
    monkeypatch.undo()
    data.build(project(CLASSES, PAIRS, QUESTIONS, TAGGED, workers=1), tmp_path / "whole")
    assert found[0] == found[1] == prints(tmp_path / "whole")  # nor on how it is cut into batches
    assert {"exact duplicate", "near-duplicate", "broken JSON"} <= set(facts["dropped_reasons"])
    assert facts["masked"]["cn_mobile"] and facts["contradictions"]["same text, different labels"]
    assert set(facts["examples"]) == {"preference", "classification", "tokens", "qa"}


def test_rows_are_not_kept(tmp_path: Path, project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rows there are, only those of a batch are in memory, while they are cleaned, split and written."""
    company(tmp_path, 1200)
    monkeypatch.setattr(workers, "BATCH", 32)
    alive: dict[str, list[int]] = {"cleaned": [], "split": [], "written": []}

    def counted(owner: type, method: str, name: str, every: int = 1) -> None:
        plain, calls = getattr(owner, method), iter(range(10**9))

        def counting(*args: Any, **named: Any) -> Any:
            if next(calls) % every == 0:
                alive[name].append(sum(type(one) is Example for one in gc.get_objects()))
            return plain(*args, **named)

        monkeypatch.setattr(owner, method, counting)

    counted(stock.Stock, "take", "cleaned")
    counted(stock.Stock, "whole_groups", "split")
    counted(Example, "as_dict", "written", 100)
    gc.collect()
    facts = data.build(project(CLASSES, PAIRS, workers=1), tmp_path / "out")
    assert sum(facts["examples"].values()) > 1200
    assert min(map(len, alive.values())) >= 2 and len(alive["cleaned"]) > 40
    assert max(map(max, alive.values())) <= 2 * 32, alive


def stocked(rows: list[Example], folder: Path, threshold: float) -> stock.Stock[Example]:
    setup = CleanSetup(Clean(mask_pii=False).model_dump(), 7, threshold, {"s": None})
    made: stock.Stock[Example] = stock.Stock(spool.Spool(folder, unpack), threshold)
    made.take(ExampleJob(setup)([("s", row) for row in rows]))
    made.alive = np.ones(len(made.spool), bool)
    return made


@pytest.mark.parametrize("threshold", [0.6, 0.8, 0.9])
def test_near_duplicates_are_those_that_comparing_all_finds(tmp_path: Path, threshold: float) -> None:
    """Rows of both languages, with up to three words put in, of three labels: the candidates hold nearly all pairs."""
    r = random.Random(11)
    rows: list[Example] = []
    for i in range(600):
        chinese = i % 2 == 0
        text = " ".join(words(r, chinese) for _ in range(r.randrange(1, 5)))
        if i > 60 and r.random() < 0.7:
            text = rows[r.randrange(i - 40, i) // 2 * 2 + i % 2 - 2].values["text"]
            for _ in range(r.randrange(1, 4)):
                place = r.choice([n for n, char in enumerate(text) if chinese or char == " "] + [len(text)])
                text = text[:place] + r.choice(["啊", "呢", "吧"] if chinese else [" the", " please", " in"]) + text[place:]
        rows.append(Example(f"s:{i}", "classification", {"text": text, "label": r.choice("abc")}, language="zh" if chinese else "en"))
    made = stocked(rows, tmp_path, threshold)
    found = made.alike(np.arange(len(made.spool)), lambda number: [("", made.spool[number].text())])
    made.close()
    kept = list(made.spool)
    made.spool.close()
    read = [compared([("", one.text())]) for one in kept]
    forms = dedup.Forms(range(len(kept)), lambda number: [("", kept[number].text())])
    expected: dict[int, int] = {}
    stay: list[int] = []
    for j, one in enumerate(kept):
        for i in stay:
            if (
                kept[i].values["label"] == one.values["label"]
                and kept[i].language == one.language
                and explain(read[i], read[j], threshold, forms.rare)
            ):
                expected[j] = i
                break
        else:
            stay.append(j)
    assert len(found.keys() & expected.keys()) >= 0.9 * len(found.keys() | expected.keys()) > 10  # of two the fuller stays, and frees others


def test_questions_on_one_text_stay_together_when_the_one_between_them_goes(tmp_path: Path, project: Make) -> None:
    """Two titles share a text through a question that is dropped as a duplicate; what is left of both is still on one side."""
    (tmp_path / "questions.jsonl").write_text(jsonl(list(questions(40))), "utf-8")
    facts = data.build(project(QUESTIONS), tmp_path / "out")
    assert facts["dropped_reasons"] == {"exact duplicate": 40}
    sides: dict[str, set[str]] = {}
    for side in ("train", "validation", "test"):
        for row in rows_of(tmp_path / "out" / f"qa.{side}.jsonl"):
            sides.setdefault(row["context"], set()).add(side)
    assert len(sides) == 40 and all(len(one) == 1 for one in sides.values())
    assert {side for one in sides.values() for side in one} == {"train", "validation", "test"}


def test_half_a_surrogate_does_not_stop_the_build(tmp_path: Path, project: Make) -> None:
    text = jsonl(list(classes(30))).replace('"text": "', '"text": "\\ud83d', 1)
    (tmp_path / "classes.jsonl").write_text(text, "utf-8")
    assert data.build(project(CLASSES), tmp_path / "out")["examples"]["classification"] > 20


def test_an_example_comes_back_from_the_disk_as_it_was() -> None:
    values = {"context": "上海在东边。", "question": "在哪", "title": "", "answers": {"text": ["东边"], "answer_start": [3]}}
    one = Example("s:1", "qa", values, language="zh", category="地理", source="a.jsonl#1", group="s/上海", flags=["x"])
    assert unpack(pack(one)) == one and one.kind in KINDS


LIMITED = """
import resource, sys
if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
    sys.argv = ["kefu", "data", "build", sys.argv[1]]
    from kefu.cli import main
    main()
"""
PROJECT = "name: t\ndata: {workers: 1, sources: [{name: rows, shape: classification, path: classes.jsonl, map: {text: text, label: label}}]}\n"


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "classes.jsonl").write_text(jsonl(list(classes(1500))), "utf-8")
    (tmp_path / "kefu.yaml").write_text(PROJECT, "utf-8")
    (tmp_path / "limited.py").write_text(LIMITED, "utf-8")
    command = [sys.executable, str(tmp_path / "limited.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("error: cannot write") and "free disk space" in done.stderr
    assert not [path for path in (tmp_path / "build").glob("data/*/*") if path.suffix != ".lock" and path.name != ".lock"]


MEASURE = """
import resource, sys
from pathlib import Path
from kefu import data
from kefu.project import load
if __name__ == "__main__":
    facts = data.build(load(Path(sys.argv[1])), Path(sys.argv[2]))
    print(facts["rows"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_memory_stays_flat(tmp_path: Path) -> None:
    """Less than a kilobyte a labelled row more at 40,000 rows than at 10,000."""
    (tmp_path / "measure.py").write_text(MEASURE, "utf-8")
    peaks = []
    for count in (10_000, 40_000):
        folder = tmp_path / str(count)
        folder.mkdir()
        with open(folder / "classes.jsonl", "w", encoding="utf-8") as handle:
            handle.writelines(jsonl([row]) for row in classes(count))
        (folder / "kefu.yaml").write_text(PROJECT, "utf-8")
        command = [sys.executable, str(tmp_path / "measure.py"), str(folder), str(folder / "out")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout.split()[1]))
    assert (peaks[1] - peaks[0]) * 1024 / 30_000 < 1024, peaks
