"""Every category gives its share to every part, whole groups at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kefu import data
from kefu.data import jobs, minhash, split
from kefu.data.spool import number
from kefu.data.writers import SPLITS
from kefu.pipeline.summary import summarise
from kefu.project import Loaded
from kefu.project.schema import Split

from .desk import dialogue, jsonl, rows_of, table

Make = Callable[..., Loaded]


@given(st.integers(0, 200), st.lists(st.integers(0, 1000), max_size=30))
def test_seats_add_up_and_lie_within_one_of_the_quota(wanted: int, sizes: list[int]) -> None:
    seats = split.apportion(wanted, np.array(sizes))
    assert int(seats.sum()) == (wanted if sum(sizes) else 0)
    for seat, size in zip(seats.tolist(), sizes, strict=True):
        assert not sum(sizes) or abs(seat - wanted * size / sum(sizes)) < 1


@given(
    st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), max_size=100),
    st.sampled_from([0.0, 0.05, 0.1, 0.2]),
    st.sampled_from([0.0, 0.1, 0.2]),
)
def test_no_category_is_held_out_whole_and_no_group_twice(groups: list[list[int]], test: float, validation: float) -> None:
    sizes = np.array([len(group) for group in groups], np.int64)
    strata = np.array([one for group in groups for one in group], np.uint64)
    told = split._held_out(sizes, strata, Split(test=test, validation=validation))
    assert told == split._held_out(sizes, strata, Split(test=test, validation=validation))
    out = [place for places in told.values() for place in places]
    assert len(out) == len(set(out))
    often, gone = (Counter(one for group in some for one in set(group)) for some in (groups, [groups[place] for place in out]))
    small = {name for name, n in often.items() if n < split.FEWEST_IN_STRATUM}
    alone = int(np.isin(strata, list(small)).sum()) * 2 > len(strata)
    assert all(gone[name] < n or (alone and name in small) for name, n in often.items())
    for name, share in (("test", test), ("validation", validation)):
        wanted = max(1, round(len(strata) * share)) if share else 0
        assert sum(int(sizes[place]) for place in told[name]) <= max(wanted * 1.2, wanted + 1)


def test_a_part_of_one_row_is_filled_where_the_category_with_its_seat_has_only_large_groups() -> None:
    sizes, strata = np.array([3, 3, 3, 1, 1, 1, 1, 1]), np.array([7] * 9 + [8] * 5, np.uint64)
    assert len(split._held_out(sizes, strata, Split(test=0.1, validation=0))["test"]) == 1


@given(st.lists(st.integers(6, 60), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_every_category_gives_its_share_where_all_stand_alone(counts: list[int], seed: int) -> None:
    strata = np.repeat(np.arange(len(counts)), counts).astype(np.uint64)
    np.random.default_rng(seed).shuffle(strata)
    told = split._held_out(np.ones(len(strata), np.int64), strata, Split(test=0.2, validation=0.1))
    total = sum(counts)
    for name, share in (("test", 0.2), ("validation", 0.1)):
        assert len(told[name]) == max(1, round(total * share))
    for code, n in enumerate(counts):
        both = sum(int((strata[places] == code).sum()) for places in told.values())
        assert abs(int((strata[told["test"]] == code).sum()) - n * 0.2) < 1
        assert abs(both - n * 0.3) <= 2


def _text(i: int) -> str:
    return "".join(chr(0x4E00 + (i * 131 + k * 977) % 5000) for k in range(16))


def _parts(rows: list[dict[str, str]], key: str) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for row in rows:
        found.setdefault(row[key], Counter())[row["split"]] += 1
    return found


def test_labelled_rows_by_label(tmp_path: Path, project: Make, out: Path) -> None:
    labels = ["退款"] * 100 + ["物流"] * 60 + ["发票"] * 30 + ["投诉"] * 10 + ["其他"] * 2
    (tmp_path / "rows.csv").write_bytes(table([["text", "label"], *([_text(i), label] for i, label in enumerate(labels))]))
    facts = data.build(project({"name": "rows", "shape": "classification", "path": "rows.csv"}), out)
    rows = [{**row, "split": name} for name in SPLITS for row in rows_of(out / f"classification.{name}.jsonl")]
    found = _parts(rows, "label")
    assert facts["examples"] == {"classification": 202}
    assert found["其他"] == {"train": 2}
    assert (found["退款"]["test"], found["物流"]["test"], found["发票"]["test"], found["投诉"]["test"]) == (10, 6, 3, 1)
    assert all(found[name]["validation"] >= 1 for name in ("退款", "物流", "发票", "投诉"))
    card = (out / "card.md").read_text("utf-8")
    assert "### classification, by label" in card and "| 退款 | 80 | 10 | 10 |" in card
    assert "to be in every part: 其他 (2)." in card


def test_conversations_and_faq_by_category(tmp_path: Path, project: Make, out: Path) -> None:
    words = [f"{a}{b}" for a in ("invo", "repo", "cali", "manu", "tera") for b in ("ming", "stone", "quick", "vault")]
    topics = ["退款"] * 60 + ["物流"] * 30 + ["billing"] * 30
    talks = []
    for i, topic in enumerate(topics):
        asked, said = (
            (_text(i), _text(i + 1000))
            if topic != "billing"
            else (f"{words[i % 20]} {words[(i * 7 + 3) % 20]} {words[i * 3 % 20]}", f"see {words[i % 20]} page")
        )
        row = dialogue(i, ("customer", asked), ("staff", said), category=topic)
        talks.append({**row, "customer_id": f"c-{i // 2}"})
    (tmp_path / "logs.jsonl").write_text(jsonl(talks), "utf-8")
    rows = [["id", "category", "question", "similar", "answer"]]
    for i in range(30):
        rows.append([str(i), ["价格", "安装", "保修"][i % 3], _text(5000 + i), "|".join(_text(6000 + i * 10 + k) for k in range(4)), _text(9000 + i)])
    (tmp_path / "faq.csv").write_bytes(table(rows))
    logs = {"name": "logs", "shape": "dialogues", "path": "logs.jsonl", "roles": {"customer": "customer", "staff": "agent"}}
    data.build(project({"name": "faq", "shape": "faq", "path": "faq.csv"}, logs, dedup={"near": False}), out)
    kept = rows_of(out / "conversations.jsonl")
    talks_by = _parts([row for row in kept if row["kind"] == "dialogue"], "category")
    assert all(abs(n["test"] - sum(n.values()) / 10) <= 1 for n in talks_by.values())
    assert all(n["validation"] and abs(n["test"] + n["validation"] - sum(n.values()) / 5) <= 2 for n in talks_by.values())
    asked_by = _parts([row for row in kept if row["kind"] == "faq"], "category")
    assert {name: n["test"] for name, n in asked_by.items()} == {"价格": 5, "安装": 5, "保修": 5}
    sides: dict[str, set[str]] = {}
    for row in kept:
        sides.setdefault(row["group"] or row["id"], set()).add(row["split"])
    assert all(len(found) == 1 for found in sides.values())
    assert "### dialogue, by category" in (out / "card.md").read_text("utf-8")


@dataclass
class Asked:
    id: str
    group: str
    asked: str
    language: str = "zh"
    meta: dict[str, str] = field(default_factory=dict)

    def customer_text(self) -> str:
        return self.asked


def shared_out(rows: list[Asked], wanted: Split) -> split.Sides:
    texts = [jobs.plain(row.asked) for row in rows]
    things = split.Things(
        np.array([int.from_bytes(jobs.order(7, row.id)[:8], "big") for row in rows], np.uint64),
        np.array([number(row.group) for row in rows], np.uint64),
        np.zeros(len(rows), np.uint64), np.zeros(len(rows), np.uint16), ["zh"],
        minhash.Buckets(iter(minhash.bands(texts, jobs.LEAK)), len(rows)), rows.__getitem__,
    )  # fmt: skip
    return split.whole_groups(things, wanted, 7)


@given(
    st.lists(st.tuples(st.integers(0, 12), st.one_of(st.integers(0, 2), st.integers(3, 60))), min_size=1, max_size=150),
    st.sampled_from([0.05, 0.15, 1.0]),
)
@settings(max_examples=40, deadline=None)
def test_neither_customer_nor_question_stands_on_two_sides(given_rows: list[tuple[int, int]], most: float) -> None:
    """Whatever is frequent: what stays is apart by customer and by question, and what goes has its like on another side."""
    rows = [Asked(str(i), f"c{customer}", _text(question)) for i, (customer, question) in enumerate(given_rows)]
    told = shared_out(rows, Split(test=0.2, validation=0.1, max_group_share=most))
    stays = [i for i in range(len(rows)) if i not in told.gone]
    for key in ("group", "asked"):
        sides: dict[str, set[int]] = {}
        for i in stays:
            sides.setdefault(getattr(rows[i], key), set()).add(int(told.sides[i]))
        assert all(len(found) == 1 for found in sides.values()), key
    for one, other in told.gone.items():
        assert rows[one].asked == rows[other].asked and other not in told.gone and told.sides[one] != told.sides[other]
    if most == 1.0:
        assert not told.gone and not told.account.frequent


def test_questions_that_everybody_asks_do_not_tie_all_customers_together() -> None:
    """Three of ten rows ask where the parcel is; every customer asks it. Without a limit that is one group and nothing can be held out."""
    rows = [Asked(f"r{i}", f"c{i // 10}", "我的包裹现在到哪里了呀？单号" + str(i) if i % 10 < 3 else _text(i)) for i in range(1000)]
    chained = shared_out(rows, Split(test=0.1, validation=0.1, max_group_share=1.0))
    assert Counter(chained.sides.tolist())[0] == 1000
    told = shared_out(rows, Split(test=0.1, validation=0.1))
    stays = Counter(int(side) for i, side in enumerate(told.sides) if i not in told.gone)
    assert min(stays[1], stays[2]) >= 60 and len(told.gone) < 100
    both = shared_out(rows, Split(test=0.1, validation=0.1, frequent="both"))
    assert not both.gone and 90 <= Counter(both.sides.tolist())[2] <= 120 and both.account.frequent == 300


def test_an_empty_part_is_told_with_its_reason_and_the_way_out(project: Make, out: Path, tmp_path: Path) -> None:
    asked = ["运费到底谁出", "我没有收到货怎么办", "满一百减二十怎么算", "升级以后不能登录了", "链接打不开了怎么办"]
    talks = [
        {**dialogue(i, ("customer", f"{asked[i % 5]}，单号{i * 7919}"), ("staff", f"已登记，编号{i * 31}")), "customer_id": f"c-{i % 23}"}
        for i in range(230)
    ]
    (tmp_path / "logs.jsonl").write_text(jsonl(talks), "utf-8")
    logs = {"name": "logs", "shape": "dialogues", "path": "logs.jsonl", "roles": {"customer": "customer", "staff": "agent"}}
    facts = data.build(project(logs, dedup={"near": False}), out)
    assert facts["splits"] == {"train": 230, "validation": 0, "test": 0}
    (fault,) = facts["split_faults"]
    assert "validation has 0 of the 23 asked for" in fault and "data.split.frequent: both" in fault and "5 questions" in fault
    assert fault in (out / "card.md").read_text("utf-8").split("## Ledger")[1] and fault in summarise("data", facts)
    other = data.build(project(logs, dedup={"near": False}, split={"frequent": "both"}), out.with_name("other"))
    assert min(other["splits"]["validation"], other["splits"]["test"]) >= 15 and "may stand on both sides" in other["split_faults"][0]


def test_one_customer_id_for_everybody_is_told(project: Make, out: Path, tmp_path: Path) -> None:
    talks = [{**dialogue(i, ("customer", _text(i)), ("staff", _text(i + 700))), "customer_id": "guest" if i % 25 else f"c{i}"} for i in range(100)]
    (tmp_path / "logs.jsonl").write_text(jsonl(talks), "utf-8")
    logs = {"name": "logs", "shape": "dialogues", "path": "logs.jsonl", "roles": {"customer": "customer", "staff": "agent"}}
    facts = data.build(project(logs, dedup={"near": False}), out)
    assert "96 rows are one group" in facts["split_faults"][0] and "guest" in facts["split_faults"][0]
