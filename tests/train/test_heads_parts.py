"""The parts of heads by themselves: likelihoods against brute force, legal tags, offsets, thresholds, metrics."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kefu.errors import InputError
from kefu.train.heads import labels as head
from kefu.train.heads import metrics, spans, tags
from kefu.train.heads.crf import Crf, legal, marginals, viterbi
from kefu.train.heads.encoder import tokenizer
from kefu.train.heads.task import BadRow, Part, Task
from kefu.train.heads.windows import windows

BIO = ["O", "B-A", "I-A", "B-B", "I-B"]


@pytest.fixture(scope="module")
def words():
    return tokenizer(["请把货发到上海给王伟 hello world shipping to New York", "退款 七天 naïve café"] * 3, 400, lower=False)


def random_crf(seed):
    torch.manual_seed(seed)
    crf = Crf(BIO, rate=2.0)
    for part in (crf.transitions, crf.begin, crf.end):
        torch.nn.init.normal_(part)
    return crf


def every(length):
    follow, begin = legal(BIO)
    for path in itertools.product(range(len(BIO)), repeat=length):
        if begin[path[0]] and all(follow[a, b] for a, b in itertools.pairwise(path)):
            yield path


def score(path, emissions, steps, begin, end):
    total = begin[path[0]] + end[path[-1]] + sum(emissions[n, tag] for n, tag in enumerate(path))
    return float(total + sum(steps[a, b] for a, b in itertools.pairwise(path)))


@pytest.mark.parametrize("length", [1, 2, 4])
def test_crf_against_brute_force(length):
    crf = random_crf(length)
    emissions = torch.randn(1, length, len(BIO))
    parts = [part.detach().numpy() for part in crf.scores()]
    scores = {path: score(path, emissions[0].numpy(), *parts) for path in every(length)}
    whole = math.log(sum(map(math.exp, scores.values())))
    yes = torch.ones(1, dtype=torch.bool)
    for path in list(scores)[:: max(1, len(scores) // 9)]:
        loss = crf(emissions, torch.tensor([path]), torch.ones(1, length, dtype=torch.bool), yes, yes)
        assert float(loss.detach()) == pytest.approx(whole - scores[path], abs=1e-4)
    table = emissions[0].numpy().astype(np.float64)
    assert tuple(viterbi(table, *parts)) == max(scores, key=scores.get)
    by_hand = np.zeros((length, len(BIO)))
    for path, value in scores.items():
        for n, tag in enumerate(path):
            by_hand[n, tag] += math.exp(value - whole)
    assert marginals(table, *parts) == pytest.approx(by_hand, abs=1e-5)


def test_crf_of_padded_rows_and_of_windows_is_that_of_each_row():
    crf = random_crf(9)
    emissions = torch.randn(2, 4, len(BIO))
    right = torch.tensor([[1, 2, 0, 3], [2, 2, -100, -100]])  # the second begins inside an entity: a window in the middle of a text
    mask = right >= 0
    first, last = torch.tensor([True, False]), torch.tensor([True, False])
    both = crf(emissions, right, mask, first, last)
    alone = [crf(emissions[i : i + 1, :n], right[i : i + 1, :n], mask[i : i + 1, :n], first[i : i + 1], last[i : i + 1]) for i, n in ((0, 4), (1, 2))]
    assert both.tolist() == pytest.approx([float(one.detach()) for one in alone], abs=1e-5)
    assert (both > 0).all() and both[1] < 100  # its begin is not forbidden, because it is none


def test_crf_gradients_are_right():
    crf = random_crf(3).double()
    emissions = torch.randn(2, 3, len(BIO), dtype=torch.double, requires_grad=True)
    right, yes = torch.tensor([[1, 2, 0], [0, 3, 4]]), torch.ones(2, dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda e: crf(e, right, torch.ones(2, 3, dtype=torch.bool), yes, yes), (emissions,))


@given(st.integers(0, 2**31), st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_no_illegal_tag_is_ever_decoded(seed, length):
    rng = np.random.default_rng(seed)
    follow, begin = legal(BIO)
    shut = [np.where(follow, 0.0, -1e4), np.where(begin, 0.0, -1e4), np.zeros(len(BIO))]
    path = viterbi(rng.normal(size=(length, len(BIO))) * 5, *shut)
    assert begin[path[0]] and all(follow[a, b] for a, b in itertools.pairwise(path))


def test_tags_without_b_may_begin_with_i():
    follow, begin = legal(["O", "I-A", "I-B"])
    assert follow.all() and begin.all()


@given(st.text(st.sampled_from("请发到上海 New.York,123é\u3000(a)'\n"), min_size=1, max_size=80))
@settings(max_examples=80, deadline=None)
def test_units_cover_everything_but_blanks(text):
    found = tags.units_of(text)
    assert "".join(text[a:b] for a, b in found) == "".join(text.split())
    assert all(b <= c for (_, b), (c, _) in itertools.pairwise(found))


def test_tokens_joined_are_running_text():
    text, places = tags.join(["他", "去", "New", "York", "(", "USA", ")", ",", "do", "n't", "！"])
    assert text == "他去New York (USA), don't！"
    assert [text[a:b] for a, b in places] == ["他", "去", "New", "York", "(", "USA", ")", ",", "do", "n't", "！"]


def test_words_of_chinese_become_characters_and_entities_stay_whole():
    one = tags.labelled({"tokens": ["在", "北京大学", "读书"], "tags": ["O", "B-ORG", "O"]}, "bio")
    assert [span for span, _ in tags.entities(one, one.tags)] == [(1, 5, "ORG")]
    assert one.tags == ["O", "B-ORG", "I-ORG", "I-ORG", "I-ORG", "O", "O"]
    other = tags.labelled(
        {"text": "Ship to New York, 王伟", "entities": [{"start": 8, "end": 16, "label": "LOC"}, {"start": 18, "end": 20, "label": "PER"}]}, ""
    )
    assert [(other.text[a:b], kind) for (a, b, kind), _ in tags.entities(other, other.tags)] == [("New York", "LOC"), ("王伟", "PER")]


@pytest.mark.parametrize(
    "row",
    [
        {"tokens": ["a"], "tags": ["O", "O"]}, {"tokens": [], "tags": []}, {"tokens": ["a", " "], "tags": ["O", "O"]}, {"tokens": 3, "tags": 4},
        {"text": "abc", "entities": [{"start": 2, "end": 9, "label": "X"}]}, {"text": "abc", "entities": [{"start": 0, "end": 1}]},
        {"text": "abc", "entities": "no"}, {"text": "abc", "entities": [{"start": True, "end": 2, "label": "X"}]},
    ],
)  # fmt: skip
def test_rows_that_cannot_be_tagged(row):
    with pytest.raises(BadRow):
        tags.labelled(row, "bio")


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_the_answer_of_a_target_is_the_answer(words, data):
    """Whatever is marked as the answer in a window is, by its offsets, the answer's own text."""
    text = data.draw(st.text(st.sampled_from("上海王伟天七退款 hello world,。"), min_size=5, max_size=200).filter(lambda t: t.strip()))
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, min(len(text), start + 12)))
    if text[start:end] != text[start:end].strip():
        return
    found = windows(words, ["从哪里？"], [text], 48, 16)[0]
    seen = 0
    for window in found:
        first, last = spans.target(window, (start, end))
        if last:
            seen += 1
            a, b = window.offsets[first][0], window.offsets[last][1]
            assert a <= start and b >= end
            if text[start].isascii() or text[end - 1].isascii():
                continue  # a word may be one token: then the whole word is marked
            assert text[a:b].strip() == text[start:end]
    covered = set().union(*(range(*offset) for window in found for offset, side in zip(window.offsets, window.side, strict=True) if side == 1))
    assert covered >= {i for i, char in enumerate(text) if not char.isspace()}  # nothing of a long text is lost


def test_windows_of_one_text_lose_nothing(words):
    text = "请把货发到上海给王伟，谢谢。" * 20
    found = windows(words, [text, "短"], None, 32, 8)
    assert len(found[0]) > 5 and len(found[1]) == 1
    covered = set().union(*(range(*offset) for window in found[0] for offset in window.offsets))
    assert covered == set(range(len(text)))
    assert all(len(window.ids) <= 32 for window in found[0])


def test_a_question_that_fills_a_window_has_none(words):
    assert windows(words, ["问" * 60], ["上海"], 48, 16) == [[]]


def test_the_best_span_of_a_window(words):
    window = windows(words, ["问"], ["上海王伟"], 32, 4)[0][0]
    table = np.full((len(window.ids), 2), -5.0)
    places = [n for n, side in enumerate(window.side) if side == 1]
    table[places[-1], 0] = table[places[0], 1] = 9.0  # start after end: no span
    top, (a, b), none = spans.best(window, table, 48)
    assert a < b and none == -10.0 and top < 18


def test_the_limit_of_no_answer_is_where_most_is_right():
    assert -1 < spans.limit([3.0, 2.0, -1.0, -2.0], [True, True, False, False], [1.0, 1.0, 0.0, 0.0]) < 2
    assert spans.limit([1.0, 2.0], [True, True], [1.0, 1.0]) < 1.0


def test_thresholds_are_the_best_f1():
    shares = np.array([[0.9], [0.8], [0.3], [0.35], [0.2], [0.1], [0.32], [0.31]])
    truth = np.array([[1], [1], [1], [1], [0], [0], [1], [0]], dtype=bool)
    (limit,) = head.thresholds(shares, truth)
    tries = {t: f1(shares[:, 0] >= t, truth[:, 0]) for t in np.linspace(0, 1, 101)}
    assert f1(shares[:, 0] >= limit, truth[:, 0]) == pytest.approx(max(tries.values()))
    assert head.thresholds(shares, np.zeros((8, 1), dtype=bool)) == [0.5]


def f1(said, right):
    return 2 * (said & right).sum() / (said.sum() + right.sum())


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["退款;物流", "退款", "物流", "物流;发票", "发票"], ";"),
        (["a|b", "b|c", "a", "b", "c"], "|"),
        (["退款，物流", "物流，退款", "退款", "物流"], "，"),
        (["Cards, lost", "Cards, stolen", "Fees"], ""),  # a comma of the name
        (["shop/refund", "shop|refund", "shop|late", "mail|refund", "mail|late"], ""),  # paths: no part stands alone
        (["a;b"] * 9 + ["a", "b"], ""),  # one name, though its halves are names too
        ([["a", "b"], "a;c", None, "", "a", "c", "c;a"], ";"),
        ([], ""),
    ],
)
def test_what_separates_labels_in_a_cell(cells, found):
    assert head.separator(cells) == found
    if found:
        assert head.given(f" 退款 {found}物流{found}{found}退款", found) == ["退款", "物流"]


def test_temperature_finds_the_scale_that_was_taken_away():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 4)) * 1.5
    chosen = [rng.choice(4, p=row) for row in head.softmax(logits)]
    assert head.temperature(logits * 3, chosen) == pytest.approx(3, rel=0.1)
    assert head.temperature(logits[:5], chosen[:5]) == 1.0


def test_outside_is_told_from_inside():
    limit = head.outside([0.9, 0.8, 0.7, 0.3, 0.2], [True, True, True, False, False], [True] * 3 + [False] * 2)
    assert 0.3 < limit < 0.7
    assert head.outside([0.9], [True], [True]) == 0.0


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=60), st.floats(0.5, 0.99))
def test_no_more_than_agreed_are_taken_for_other(sure, share):
    inside = [True] * len(sure)
    limit = head.keeping([*sure, 0.0], [*inside, False], share)
    if limit is None:
        assert int((1 - share) * len(sure) + 1e-9) == 0
        return
    assert sum(s >= limit for s in sure) >= share * len(sure) - 1e-6
    if len(set(sure)) == len(sure) and (1 - share) * len(sure) >= 1:
        assert sum(s < limit for s in sure) == int((1 - share) * len(sure) + 1e-9)
    assert head.keeping([0.5], [False], share) is None


def test_other_is_weighed_against_the_best_class():
    part = Part(task="classification", labels=["a", "other", "b"], other="other", sure=0.5)
    shares = np.array([[0.3, 0.29, 0.41], [0.3, 0.4, 0.3], [0.05, 0.9, 0.05], [1, 0, 0]])
    assert [head.decide(row, part)[0] for row in shares] == ["b", "other", "other", "a"]
    assert head.decide(shares[1], part.model_copy(update={"sure": 0.4})) == ["a"]
    assert head.decide(shares[0], part.model_copy(update={"sure": 0.6})) == ["other"]
    alone = Part(task="classification", labels=["a", "b"], other="other", sure=0.6)
    assert [head.decide(row, alone)[0] for row in ([0.55, 0.45], [0.3, 0.7])] == ["other", "b"]


def test_weights_leave_the_size_of_the_loss_alone():
    from collections import Counter

    counts = Counter(a=90, b=10)
    for kind in ("none", "root", "balanced"):
        made = head.weights(counts, ["a", "b"], kind)
        assert sum(w * counts[label] for w, label in zip(made, "ab", strict=True)) == pytest.approx(100)
    assert head.weights(counts, ["a", "b"], "balanced")[1] == pytest.approx(5)


def test_metrics_by_hand():
    made = metrics.labels(["a", "a", "b", "c"], ["a", "b", "b", "x"])
    assert made["accuracy"]["value"] == 0.5
    assert made["macro_f1"]["value"] == pytest.approx((2 / 3 + 2 / 3 + 0) / 3, abs=1e-5)
    sets = metrics.label_sets([{"a", "b"}, set()], [{"a"}, set()])
    assert (sets["exact"]["value"], sets["micro_f1"]["value"], sets["macro_f1"]["value"]) == (0.5, pytest.approx(2 / 3, abs=1e-5), 0.5)
    found = metrics.entities([{(0, 2, "A"), (3, 4, "B")}], [{(0, 2, "A"), (3, 5, "B"), (6, 7, "A")}])
    assert (found["precision"]["value"], found["recall"]["value"]) == (pytest.approx(1 / 3, abs=1e-5), 0.5)
    assert found["entity_f1"]["value"] == pytest.approx(0.4)
    said = metrics.answers([["七天内"], [], ["Paris", "in Paris"]], ["七天", "", "in paris."])
    assert said["exact"]["value"] == pytest.approx(2 / 3, abs=1e-5)
    assert said["f1"]["value"] == pytest.approx((0.8 + 1 + 1) / 3, abs=1e-5)
    assert said["no_answer_recall"]["value"] == 1.0
    line = metrics.numbers([1, 2, 3, 4], [2, 3, 4, 5])
    assert (line["mae"]["value"], line["rmse"]["value"], line["spearman"]["value"]) == (1.0, 1.0, 1.0)
    numbers = [number for many in (made, found, said, line) for number in many.values() if number["low"] is not None]
    assert all(number["low"] <= number["value"] <= number["high"] for number in numbers)
    assert line["mae"]["low"] is None  # errors that are all alike claim no interval


def test_metrics_of_nothing_are_no_numbers():
    assert {number["value"] for number in metrics.labels([], []).values()} == {None}
    assert metrics.numbers([], [])["rmse"]["n"] == 0


AB = '{"task": "classification", "labels": ["a", "b"], '


@pytest.mark.parametrize(
    "poison",
    [
        "[]", "not json", "{" * 5000, '{"task": "eval"}', '{"task": "classification", "labels": ["a"]}',
        '{"task": "classification", "labels": ["a", "a"]}', '{"task": "regression", "spread": NaN}', '{"task": "regression", "spread": 0}',
        '{"task": "token-classification", "labels": {"a": 1}}', AB + '"model": "../../secret"}', AB + '"model": "/etc"}', AB + '"model": ".."}',
        AB + '"thresholds": [0.5]}', AB + '"temperature": -1}', AB + '"max_length": 99999999999}',
    ],
)  # fmt: skip
def test_a_poisoned_task_file_is_refused(poison, tmp_path):
    (tmp_path / "task.json").write_text(poison, "utf-8")
    with pytest.raises(InputError, match=r"task\.json cannot be used"):
        Task.read(tmp_path)


def test_errors_come_first_by_confidence_and_classes_are_counted():
    from kefu.train.heads.decisions import Decision, summary

    right = [Decision(f"right {n}", frozenset(["退款"]), frozenset(["退款"]), 0.99) for n in range(8)]
    wrong = [Decision(f"wrong {n}", frozenset(["发票"]), frozenset(["退款"]), 0.5 + n / 10) for n in range(3)]
    found = summary([*right, *wrong], True)
    assert [one["text"] for one in found["errors"]] == ["wrong 2", "wrong 1", "wrong 0"] and found["wrong"] == 3
    refund = found["classes"][0]
    assert (refund["name"], refund["rows"], refund["recall"]["value"], refund["precision"]["n"]) == ("退款", 8, 1.0, 11)
    assert found["confused"] == [{"truth": "发票", "said": "退款", "rows": 3, "of": 3}]
    names, cells = found["matrix"]["names"], found["matrix"]["cells"]
    assert cells[names.index("发票")][names.index("退款")] == 3 and cells[names.index("退款")][names.index("退款")] == 8


def test_what_is_not_quite_one_is_not_shown_as_one():
    from kefu.statistics import show

    shown = [show({"value": v, "low": None, "high": None, "n": 200}) for v in (0.995, 0.9996, 1.0, 0.004, 0.5)]
    assert [one.partition(" ")[0] for one in shown] == ["0.995", "0.9996", "1.00", "0.004", "0.50"]
