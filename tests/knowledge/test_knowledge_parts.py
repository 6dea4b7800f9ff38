"""The pieces under a search, against slow and obvious versions of themselves."""

from __future__ import annotations

import numpy as np
import pytest

from kefu.errors import ConfigError, InputError
from kefu.knowledge import judge as judging
from kefu.knowledge import ridge
from kefu.knowledge.analyse import Analyser
from kefu.knowledge.documents import names, passages
from kefu.knowledge.fit import Choice, Logistic, fit_logistic, fit_ranker
from kefu.knowledge.index import SIGNALS, Index, Question
from kefu.knowledge.lexicon import Lexicon
from kefu.knowledge.postings import Postings
from kefu.knowledge.trials import Material, _alike, spread, trials

TABLE = [{"a": 1.0, "b": 2.0}, {"b": 3.0}, {}, {"c": 0.5, "a": 4.0}]


def test_postings_sum_as_a_dense_matrix_does():
    posts = Postings.build(TABLE, ["a", "b", "c", "d"])
    dense = np.array([[row.get(name, 0.0) for name in "abcd"] for row in TABLE])
    ids, weights, unknown = posts.ids({"b": 2.0, "a": 0.5, "z": 9.0, "d": 1.0})
    (found,) = posts.sums(ids, weights)
    assert np.allclose(found, dense @ np.array([0.5, 2.0, 0.0, 1.0]))
    assert unknown == [9.0]
    (empty,) = posts.sums(*posts.ids({"z": 1.0})[:2])
    assert empty.tolist() == [0, 0, 0, 0]


def test_manuals_of_one_name_in_two_folders_stay_apart(tmp_path):
    files = []
    for folder in ("zh/shop", "en/shop"):
        (tmp_path / folder).mkdir(parents=True)
        files.append(tmp_path / folder / "policy.md")
        files[-1].write_text("# Returns\n\nSeven days.\n", "utf-8")
    files.append(tmp_path / "about.md")
    files[-1].write_text("Open daily.\n", "utf-8")
    named = names(files)
    assert list(named.values()) == ["zh/shop/policy.md", "en/shop/policy.md", "about.md"]
    ids = [entry.id for file, name in named.items() for entry in passages(file, 400, name)]
    assert len(ids) == len(set(ids)) == 3


def test_a_table_of_a_manual_reads_as_sentences(tmp_path):
    file = tmp_path / "invoice.md"
    file.write_text(
        "# 发票\n\n| 类型 | 时间 |\n| --- | :---: |\n| 电子发票 | 1 个工作日 |\n| 专用发票 | 5 个工作日 |\n\n纸质发票请联系客服。\n", "utf-8"
    )
    said = "\n".join(entry.answer for entry in passages(file, 400))
    assert "类型：电子发票；时间：1 个工作日。" in said
    assert "类型：专用发票；时间：5 个工作日。" in said
    assert "|" not in said
    assert "---" not in said


@pytest.mark.parametrize("word", ["*退款", "退款*", "the*refund", "*"])
def test_a_synonym_with_an_empty_side_is_a_fault(tmp_path, word):
    file = tmp_path / "synonyms.yaml"
    file.write_text(f"refund: ['{word}']\n", "utf-8")
    with pytest.raises(ConfigError, match="synonyms"):
        Lexicon.load(file)


def test_leave_one_out_of_the_ridge_equals_refitting():
    chance = np.random.default_rng(0)
    points = chance.normal(size=(30, 6))
    kernel = points @ points.T
    truth = np.eye(3)[chance.integers(3, size=30)]
    inverse = np.linalg.inv(kernel + ridge.BIAS + 0.3 * np.eye(30))
    quick = truth - (inverse @ truth) / np.diag(inverse)[:, None]
    for out in (0, 7, 29):
        keep = np.arange(30) != out
        weights = np.linalg.solve(kernel[np.ix_(keep, keep)] + ridge.BIAS + 0.3 * np.eye(29), truth[keep])
        assert np.allclose((kernel[out, keep] + ridge.BIAS) @ weights, quick[out])


def small_index(analyser: Analyser) -> tuple[Index, Material]:
    asked = [["团队版多少钱", "团队版价格"], ["企业版多少钱", "企业版价格"], ["怎么退款", "我要退钱"]]
    answers = ["每人每月29元", "每人每月59元", "三天内原路退回"]
    material = Material([[analyser.read(text) for text in group] for group in asked], [analyser.read(text) for text in answers], ["zh"] * 3)
    index = Index.build(material.questions, material.answers, material.languages, [])
    index.learn(spread(index.owner, 1))
    return index, material


def test_signals_of_a_known_question_are_full_for_its_entry():
    analyser = Analyser(Lexicon.load())
    index, _ = small_index(analyser)
    table = index.signals(Question.of(analyser.read("企业版价格"))).table
    row = dict(zip(SIGNALS, table[1], strict=True))
    assert row["characters"] == pytest.approx(1, abs=1e-5)
    assert row["units"] == pytest.approx(1, abs=1e-5)
    assert row["shared"] == pytest.approx(1, abs=1e-5)
    assert row["concepts"] == pytest.approx(1, abs=1e-5)
    assert (table[1, :8] >= table[0, :8]).all()
    assert (table[1, :8] >= table[2, :8]).all()


def test_what_nobody_mentions_is_unknown_mass():
    analyser = Analyser(Lexicon.load())
    index, _ = small_index(analyser)
    assert index.signals(Question.of(analyser.read("团队版多少钱"))).unknown == pytest.approx(0, abs=1e-6)
    assert index.signals(Question.of(analyser.read("魑魅"))).unknown == 1
    assert 0.2 < index.signals(Question.of(analyser.read("魑魅多少钱"))).unknown < 0.9


def test_a_circumstance_that_nobody_speaks_of_is_no_sign_of_a_stranger():
    analyser = Analyser(Lexicon.load())
    index, _ = small_index(analyser)
    plain, told, foreign = (index.signals(Question.of(analyser.read(text))) for text in ("怎么退款", "我半夜问一下怎么退款", "航班怎么退款"))
    assert told.unknown == pytest.approx(plain.unknown)
    assert foreign.unknown > plain.unknown


def test_a_wording_and_its_copy_with_a_filler_are_one():
    analyser = Analyser(Lexicon.load())
    texts = ["怎么退款", "我想问一下怎么退款呀", "钱能退给我吗", "请问怎么退款呢"]
    material = Material([[analyser.read(text) for text in texts]] * 2, [analyser.read("三天内退回")] * 2, ["zh"] * 2)
    groups = _alike(material.questions[0], range(4))
    assert sorted(map(sorted, groups)) == [[0, 1, 3], [2]]


def test_trials_ask_only_what_was_withheld():
    analyser = Analyser(Lexicon.load())
    asked = [["团队版多少钱", "团队版贵不贵啊我们人少"], ["企业版价格", "企业版的合同怎么签"], ["怎么退款", "我要把会员的钱拿回来"]]
    answers = [analyser.read(text) for text in ("每人每月29元", "每人每月59元", "三天内原路退回")]
    material = Material([[analyser.read(text) for text in group] for group in asked], answers, ["zh"] * 3)
    known: list[set[str]] = []

    def fit(part: Material) -> Index:
        known.append({reading.text for group in part.questions for reading in group})
        return Index.build(part.questions, part.answers, part.languages, [])

    made: list[tuple[int, str, str, int]] = []
    for trial in trials(material, [analyser.read("今天天气怎么样")], fit, 3):
        made.append((len(known) - 1, trial.kind, trial.text, trial.entry))
    assert {kind for _, kind, _, _ in made} >= {"new_wording", "other_entry", "general", "damaged"}
    for number, kind, text, entry in made:
        if kind in ("new_wording", "other_entry", "general"):
            assert text not in known[number]
        assert (entry >= 0) == (kind in ("new_wording", "damaged"))


def test_ranker_learns_which_signal_tells_and_never_goes_negative():
    chance = np.random.default_rng(1)
    choices = []
    for _ in range(200):
        table = chance.random((5, 3))
        choices.append(Choice(table[np.argsort(-(4 * table[:, 0] - 2 * table[:, 2]))], 0))
    weights = fit_ranker(choices, np.ones(3), strength=1e-4)
    assert weights[0] > 5 * weights[1]
    assert weights[2] == 0


def test_few_trials_leave_the_prior_as_it_is():
    prior = np.array([4.0, 2.0])
    assert np.allclose(fit_ranker([], prior), prior)
    one = fit_ranker([Choice(np.array([[0.1, 0.9], [0.9, 0.1]]), 0)], prior)
    assert (np.abs(one - prior) < prior / 2).all()
    start = Logistic(np.array([1.0]), -1.0)
    assert fit_logistic(np.ones((3, 1)), np.ones(3), np.ones(3), start) is start


def test_logistic_is_calibrated_on_what_it_was_given():
    chance = np.random.default_rng(2)
    x = chance.random((4000, 1))
    y = (chance.random(4000) < 1 / (1 + np.exp(-(6 * x[:, 0] - 3)))).astype(float)
    fitted = fit_logistic(x, y, np.ones(4000), Logistic(np.array([1.0]), 0.0), strength=1e-5)
    for low in (0.1, 0.5, 0.8):
        rows = (x[:, 0] >= low) & (x[:, 0] < low + 0.1)
        assert abs(fitted(x[rows]).mean() - y[rows].mean()) < 0.06


def test_thresholds_mean_what_they_say():
    score = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.45])
    right = np.array([True, True, True, False, True, False])
    at = judging._precision_at(score, right, np.ones(6), 0.75)
    assert right[score >= at].mean() >= 0.75
    assert 0.45 < at < 0.5
    assert judging._precision_at(score, np.zeros(6, bool), np.ones(6), 0.95) > 0.9
    outside = np.linspace(0.1, 0.6, 100)
    at = judging._recall_at(outside, np.ones(100), 0.97)
    assert (outside < at).mean() == pytest.approx(0.97, abs=0.011)


MANUAL = """开头没有标题的一段。

# 手册
## 安装 ##
第一句话。第二句话。

- 列表一
- **列表二** 和 [链接](http://x.y)

```
# 不是标题
```

另一个标题
----------
Some English text. It has two sentences!
"""


def test_passages_follow_headings_and_lose_no_word(tmp_path):
    path = tmp_path / "m.md"
    path.write_text(MANUAL, "utf-8")
    found = passages(path, 400)
    assert [entry.source for entry in found] == ["m.md", "m.md#手册 > 安装", "m.md#手册 > 另一个标题"]
    assert found[0].answer == "开头没有标题的一段。"
    assert found[1].answer == "第一句话。第二句话。\n列表一\n列表二和链接\n# 不是标题"
    assert [entry.language for entry in found] == ["zh", "zh", "en"]
    assert len({entry.id for entry in found}) == 3


def test_passages_keep_their_limit_and_their_sentences(tmp_path):
    path = tmp_path / "m.txt"
    text = "".join(f"这是第{i}句，说的是第{i}件事情。" for i in range(60)) + "\n\n" + "长" * 500
    path.write_text(text, "gb18030")
    found = passages(path, 100)
    assert all(len(entry.answer) <= 100 for entry in found)
    assert "".join(entry.answer.replace("\n", "") for entry in found) == text.replace("\n", "")
    assert sum(entry.answer.endswith("。") for entry in found) >= len(found) - 7


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_documents_in_every_encoding(tmp_path, encoding):
    path = tmp_path / "m.md"
    path.write_bytes("# 标题\n正文内容。".encode(encoding))
    (entry,) = passages(path, 200)
    assert (entry.category, entry.answer) == ("标题", "正文内容。")


def test_a_document_that_is_not_text(tmp_path):
    path = tmp_path / "m.md"
    path.write_bytes(b"\x89PNG\x00\x00\xff\xff\x00")
    with pytest.raises(InputError, match="is not text"):
        passages(path, 200)
    with pytest.raises(InputError, match="No such file"):
        passages(tmp_path / "none.md", 200)
