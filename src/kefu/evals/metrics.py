"""Metrics of text and of choices (E4), right for Chinese. Every corpus number carries its signature.

BLEU and chrF: sacrebleu (Post 2018), tokenised `zh` or `13a` by language, never mixed in one number. ROUGE-L: rouge-score
with our units (Han characters, Latin words), because its own tokeniser throws Chinese away. Choices: scikit-learn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kefu import statistics
from kefu.errors import MissingExtra
from kefu.text.segment import units
from kefu.text.similarity import token_f1

TOKENIZERS = {"zh": "zh", "ja": "char", "ko": "char"}


class Units:
    """rouge-score's tokenizer interface over our units."""

    def tokenize(self, text: str) -> list[str]:
        return units(text)


def bleu(given: Sequence[str], references: Sequence[str], language: str) -> dict[str, Any]:
    """Corpus BLEU, 0..100, with sacrebleu's signature."""
    _same_length(given, references)
    metric = _sacrebleu().BLEU(tokenize=TOKENIZERS.get(language, "13a"))
    score = metric.corpus_score(list(given), [list(references)])
    return {"value": round(score.score, 4), "n": len(given), "how": f"BLEU {metric.get_signature()}"}


def chrf(given: Sequence[str], references: Sequence[str]) -> dict[str, Any]:
    """Corpus chrF2 (Popović 2015), 0..100: characters, so the same for both languages."""
    _same_length(given, references)
    metric = _sacrebleu().CHRF()
    score = metric.corpus_score(list(given), [list(references)])
    return {"value": round(score.score, 4), "n": len(given), "how": f"chrF {metric.get_signature()}"}


def rouge_l(given: Sequence[str], references: Sequence[str]) -> statistics.Figure:
    """Mean ROUGE-L F1 (Lin 2004), 0..1."""
    _same_length(given, references)
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError:
        raise MissingExtra("ROUGE", "eval") from None
    scorer = RougeScorer(["rougeL"], tokenizer=Units())
    values = [scorer.score(reference, text)["rougeL"].fmeasure for text, reference in zip(given, references, strict=True)]
    return _named(statistics.bounded_mean(values, "texts"), "ROUGE-L F1, kefu units")


def f1_of_tokens(given: Sequence[str], references: Sequence[str]) -> statistics.Figure:
    """Mean token F1 (SQuAD's measure on our units), 0..1."""
    _same_length(given, references)
    values = [token_f1(text, reference) for text, reference in zip(given, references, strict=True)]
    return _named(statistics.bounded_mean(values, "texts"), "token F1, kefu units")


def exact(given: Sequence[str], references: Sequence[str]) -> statistics.Figure:
    """Share of texts equal to their reference after trimming, 0..1."""
    _same_length(given, references)
    return statistics.share([text.strip() == reference.strip() for text, reference in zip(given, references, strict=True)], "texts")


def texts(given: Sequence[str], references: Sequence[str], language: str) -> dict[str, Any]:
    """All text metrics for one language. Empty input gives an empty dict."""
    if not given:
        return {}
    return {
        "exact": exact(given, references), "token_f1": f1_of_tokens(given, references), "rouge_l": rouge_l(given, references),
        "bleu": bleu(given, references, language), "chrf": chrf(given, references),
    }  # fmt: skip


def choices(expected: Sequence[str], chosen: Sequence[str]) -> dict[str, Any]:
    """Accuracy with interval; precision, recall, F1 as macro (over expected labels) and micro.

    A choice outside the expected labels (such as an empty one: no answer) costs recall and no label's precision.
    """
    _same_length(chosen, expected)
    if not expected:
        return {}
    try:
        from sklearn.metrics import precision_recall_fscore_support
    except ImportError:
        raise MissingExtra("precision, recall and F1", "eval") from None
    labels = sorted(set(expected))
    found: dict[str, Any] = {"accuracy": statistics.share([a == b for a, b in zip(expected, chosen, strict=True)], "choices"), "labels": len(labels)}
    for average in ("macro", "micro"):
        precision, recall, f1, _ = precision_recall_fscore_support(expected, chosen, labels=labels, average=average, zero_division=0)
        found[average] = {"precision": round(float(precision), 6), "recall": round(float(recall), 6), "f1": round(float(f1), 6), "n": len(expected)}
    return found


def perplexity(logprobs: Sequence[float]) -> dict[str, Any]:
    """exp of the mean negative log probability (natural) of the tokens."""
    if not logprobs:
        return {"value": None, "n": 0, "how": "no tokens"}
    return {"value": round(math.exp(-sum(logprobs) / len(logprobs)), 6), "n": len(logprobs), "how": "exp(-mean log p), tokens"}


def _named(number: statistics.Figure, name: str) -> statistics.Figure:
    return {**number, "how": f"{name}; {number['how']}"}


def _same_length(given: Sequence[Any], references: Sequence[Any]) -> None:
    if len(given) != len(references):
        raise ValueError(f"{len(given)} texts for {len(references)} references")


def _sacrebleu() -> Any:
    try:
        from sacrebleu import metrics
    except ImportError:
        raise MissingExtra("BLEU and chrF", "eval") from None
    return metrics
