"""Sketches keep their promised error whatever the data, and merge to what one sketch of everything would say."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kefu.conversation import Conversation, Turn
from kefu.data import plots, tokens
from kefu.data.page import page
from kefu.data.profile import profile
from kefu.data.sketch import ALPHA, Distinct, Quantiles, Samples, Top
from kefu.errors import InputError

numbers = st.lists(
    st.one_of(st.integers(0, 10**9), st.floats(0, 1e12, allow_nan=False, allow_infinity=False).filter(lambda x: x == 0 or x > 1e-6)),
    min_size=1,
    max_size=80,
)


def merged(parts: list[Any]) -> Any:
    return reduce(lambda one, other: one.merge(other), parts)


@settings(max_examples=200, deadline=None)
@given(numbers, st.floats(0, 1))
def test_every_quantile_is_within_its_bound(values: list[float], share: float) -> None:
    sketch = Quantiles()
    for value in values:
        sketch.add(value)
    true = sorted(values)[int(share * (len(values) - 1))]
    assert abs(sketch.quantile(share) - true) <= ALPHA * true + 1e-9
    assert (sketch.count, sketch.least, sketch.most) == (len(values), min(values), max(values))
    assert sum(sketch.histogram([0, 1, 100, 1e6, float("inf")])) == len(values)


@settings(max_examples=100, deadline=None)
@given(numbers, st.integers(0, 80))
def test_merged_quantiles_are_those_of_everything(values: list[float], cut: int) -> None:
    parts = []
    for part in (values[:cut], values[cut:]):
        sketch = Quantiles()
        for value in part:
            sketch.add(value)
        parts.append(sketch)
    whole = Quantiles()
    for value in values:
        whole.add(value)
    both = merged(parts)
    assert both.bins == whole.bins and both.quantile(0.5) == whole.quantile(0.5) and both.total == pytest.approx(whole.total)


def test_quantiles_refuse_what_they_cannot_hold_and_stay_small() -> None:
    sketch = Quantiles()
    for bad in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not a number"):
            sketch.add(bad)
    assert sketch.quantile(0.5) == 0 and sketch.summary() == {} and sketch.mean == 0
    for i in range(1, 200_000, 7):
        sketch.add(i)
    assert len(sketch.bins) < 700


@pytest.mark.parametrize("count", [0, 1, 10, 1000, 50_000])
def test_distinct_counts_are_within_four_standard_errors(count: int) -> None:
    left, right = Distinct(), Distinct()
    for i in range(count):
        (left if i % 3 else right).add(f"问题{i}")
        left.add(f"问题{i // 2}")
    assert abs(left.merge(right).estimate() - count) <= 4 * 1.04 / 64 * count + 0.5
    with pytest.raises(ValueError, match="precision"):
        Distinct().merge(Distinct(10))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("abcdefghijklmnop"), max_size=300), st.integers(1, 12), st.integers(0, 300))
def test_frequent_things_are_short_by_at_most_the_bound(names: list[str], size: int, cut: int) -> None:
    parts = []
    for part in (names[:cut], names[cut:]):
        top = Top(size)
        for name in part:
            top.add(name)
        parts.append(top)
    both, true = merged(parts), Counter(names)
    assert both.total == len(names) and len(both.counts) <= size
    assert both.lost <= len(names) / (size + 1)
    for name, n in true.items():
        assert n - both.lost <= both.counts[name] <= n


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 500), unique=True, max_size=60), st.integers(0, 60))
def test_samples_do_not_depend_on_order_or_parts(keys: list[int], cut: int) -> None:
    def of(part: list[int]) -> Samples:
        samples = Samples(5)
        for key in part:
            samples.add(str(key), key)
        return samples

    assert of(keys).items() == of(keys[::-1]).items() == merged([of(keys[:cut]), of(keys[cut:])]).items()


def rows(count: int) -> list[Conversation]:
    return [
        Conversation(
            f"c{i}", [Turn("customer", f"怎么退款 {i % 7} <script>alert()</script> $x$", "2026-03-02T09:15"), Turn("agent", "好的" * (i % 30 + 1))],
            kind="faq" if i % 3 == 0 else "dialogue",
            language="zh" if i % 2 else "en", category=("账户与登录", "", "Billing & $")[i % 3],
            label=("good", "fair", "bad", None)[i % 4], intervention=0 if i % 5 == 0 else None,
        )
        for i in range(count)
    ]  # fmt: skip


def test_a_profile_of_parts_is_the_profile_of_the_whole() -> None:
    every = rows(120)
    whole, parts = profile(every), merged([profile(every[:31]), profile(every[31:90]), profile(every[90:])])
    assert parts == whole
    assert whole.conversations == 120 and whole.hours == {(0, 9): 120} and whole.months.counts == {"2026-03": 120}
    assert whole.repeated_share == pytest.approx(1 - 7 / 120, abs=0.02)


LEDGER = {
    "balanced": True,
    "steps": [
        {"step": "read a", "unit": "rows", "in": 12, "added": 0, "kept": 10, "merged": 0, "changed": 0, "dropped": {"broken <JSON>": 2}},
        {"step": "clean", "unit": "conversations", "in": 10, "added": 0, "kept": 9, "merged": 0, "changed": 1, "dropped": {"off-topic": 1}},
    ],
}


@pytest.mark.parametrize("count", [0, 10])
def test_the_page_stands_alone_and_escapes_what_customers_write(count: int) -> None:
    text = page("店铺 <b>", profile(rows(count)), LEDGER, {"masked": {"phone": 3}})
    assert "<script" not in text and "店铺 &lt;b&gt;" in text
    assert not re.search(r"(?:src|href)=[\"']?https?:", text), "nothing may be fetched"
    assert text.count("<svg") >= 5
    if count >= 10:
        assert "账户与登录" in text and "broken &lt;JSON&gt;" in text


@pytest.mark.pictures
def test_pictures_need_no_list_of_rows(tmp_path: Path) -> None:
    def stream():  # type: ignore[no-untyped-def]
        yield from rows(50)

    facts = plots.visualise(stream(), tmp_path / "a")
    assert {"months.png", "hours.png", "languages.svg"} <= set(facts["plots"])
    with pytest.raises(InputError, match="does not exist"):
        plots.visualise(tmp_path / "none.jsonl", tmp_path / "b")


def test_tokens_are_counted_and_the_oldest_turns_cut(tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    made = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    tokenizer = tokens.load(tmp_path)
    talk = Conversation("x", [Turn("customer", "one two three"), Turn("agent", "four five"), Turn("customer", "six")])
    whole, cut = tokens.view(talk, tokenizer), tokens.view(talk, tokenizer, 3)
    assert whole["tokens"] == 6 == whole["kept"] and whole["turns_cut"] == 0
    assert [turn["cut"] for turn in cut["turns"]] == [True, False, False] and cut["kept"] == 3
    assert whole["turns"][1]["pieces"] == ["four", "five"]
    gathered = profile([talk], tokens.counter(tokenizer))
    assert gathered.tokens["dialogue"].most == 6 and "tokens" in plots.usable(gathered)
    with pytest.raises(InputError, match=r"no tokenizer\.json"):
        tokens.load(tmp_path / "none")
    (tmp_path / "tokenizer.json").write_text(json.dumps({"a": 1}), "utf-8")
    with pytest.raises(InputError, match="is not a tokenizer"):
        tokens.load(tmp_path)
