import math

import pytest
import sacrebleu
from sklearn.metrics import f1_score

from kefu.evals import metrics

ZH = ["首次购买7天内可以全额退款。", "团队版每月29元。"]
ZH_NEAR = ["首次购买7天内可全额退款。", "团队版每月29元。"]
EN = ["A first purchase is refundable within 7 days.", "Team costs 29 yuan per month."]
EN_NEAR = ["A first purchase is refundable in 7 days.", "Team costs 29 yuan per month."]


def test_chinese_bleu_is_tokenised_by_character() -> None:
    right = metrics.bleu(ZH_NEAR, ZH, "zh")
    assert right["value"] == pytest.approx(sacrebleu.corpus_bleu(ZH_NEAR, [ZH], tokenize="zh").score, abs=1e-3)
    assert "tok:zh" in right["how"]
    blind = sacrebleu.corpus_bleu(ZH_NEAR, [ZH], tokenize="13a").score  # a Chinese sentence is one word there
    assert right["value"] > 80 > blind


def test_english_bleu_names_its_tokeniser() -> None:
    found = metrics.bleu(EN_NEAR, EN, "en")
    assert found["value"] == pytest.approx(sacrebleu.corpus_bleu(EN_NEAR, [EN], tokenize="13a").score, abs=1e-3)
    assert "tok:13a" in found["how"]


@pytest.mark.parametrize(("given", "reference"), [(ZH, ZH), (EN, EN)])
def test_equal_texts_are_perfect(given: list[str], reference: list[str]) -> None:
    language = "zh" if given is ZH else "en"
    found = metrics.texts(given, reference, language)
    assert found["bleu"]["value"] == pytest.approx(100)
    assert found["chrf"]["value"] == pytest.approx(100)
    assert found["rouge_l"]["value"] == found["token_f1"]["value"] == found["exact"]["value"] == 1


def test_rouge_sees_chinese() -> None:
    # 首次购买7天内可(以)全额退款: 12 of 13 units in order -> F1 24/25; the second pair is equal.
    assert metrics.rouge_l(ZH_NEAR, ZH)["value"] == pytest.approx((24 / 25 + 1) / 2, abs=1e-6)


def test_rouge_knows_order_where_token_f1_does_not() -> None:
    assert metrics.f1_of_tokens(["九八七"], ["七八九"])["value"] == 1
    assert metrics.rouge_l(["九八七"], ["七八九"])["value"] == pytest.approx(1 / 3, abs=1e-6)


def test_choices_against_scikit_learn() -> None:
    expected = ["a", "a", "b", "b", "c", "c"]
    chosen = ["a", "b", "b", "b", "", "c"]
    found = metrics.choices(expected, chosen)
    assert found["accuracy"]["value"] == pytest.approx(4 / 6, abs=1e-6)
    assert found["macro"]["f1"] == pytest.approx(f1_score(expected, chosen, labels=["a", "b", "c"], average="macro"), abs=1e-6)
    assert found["micro"]["recall"] == pytest.approx(4 / 6, abs=1e-6)
    assert found["micro"]["precision"] == pytest.approx(4 / 5, abs=1e-6)  # the empty choice is no label's mistake


def test_perplexity() -> None:
    assert metrics.perplexity([math.log(0.25)] * 7)["value"] == pytest.approx(4)
    assert metrics.perplexity([])["value"] is None


def test_unequal_lists_are_refused() -> None:
    with pytest.raises(ValueError, match="1 texts for 2 references"):
        metrics.bleu(["a"], ["a", "b"], "en")
