"""What the wording alone says: logistic regression on character and word n-grams, to be added to what an encoder understands.

The two err in different places: an encoder knows what is meant, n-grams see the number, the product name, the writing that its
tokens take apart or (another language) do not know. Their log-probabilities are added with a weight learnt on held-out rows, a
log-linear pool (Hinton 2002, "Training products of experts"; stacking, Wolpert 1992). Hashing needs no vocabulary, so that no text
stays in the file; nothing of it is a pickle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kefu.errors import InputError
from kefu.text.normalise import fold

WORDING_FILE = "wording.safetensors"
BUCKETS = 1 << 20
#: numbers to be fitted, at most: beyond it only the commonest n-grams are kept (the solver keeps some twenty copies in 64 bits)
MOST_NUMBERS = 4_000_000
_CHARACTERS, _WORDS = (1, 5), (1, 3)
_STRENGTH = 20.0
_ROUNDS = 60


@dataclass
class Wording:
    """columns: the buckets that count, ascending, of 2 * BUCKETS. idf: [columns]. weights: [columns, labels]. bias: [labels]."""

    columns: Any
    idf: Any
    weights: Any
    bias: Any

    @classmethod
    def learn(cls, texts: Sequence[str], labels: Sequence[int], count: int, seed: int, rates: Sequence[float] | None = None) -> Wording:
        """labels: a place below `count` for each text; each place is met at least once. rates: how much a text of each label weighs."""
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        found, weighed = hashed(texts), (np.ones(count) if rates is None else np.asarray(rates, dtype=np.float64))[np.asarray(labels)]
        met = np.bincount(found.indices, minlength=found.shape[1])
        columns = np.flatnonzero(met >= (2 if len(texts) > _SPARSE else 1))
        most = max(1000, MOST_NUMBERS // count)
        if len(columns) > most:
            columns = np.sort(columns[np.argsort(-met[columns], kind="stable")[:most]])
        made = cls(columns, np.log((1 + len(texts)) / (1 + met[columns])) + 1, None, None)
        if not len(columns):  # signs and pictures only
            share = np.bincount(labels, weights=weighed, minlength=count) / weighed.sum()
            return cls(columns, made.idf, np.zeros((0, count), dtype=np.float16), np.log(np.maximum(share, 1e-6)).astype(np.float32))
        fitted = LogisticRegression(C=_STRENGTH, max_iter=_ROUNDS, tol=1e-4, random_state=seed)
        with warnings.catch_warnings():  # it warns when its rounds are used up; more of them change next to nothing
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted.fit(made._rows(found), np.asarray(labels), None if rates is None else weighed)
        weights, bias = fitted.coef_.T, fitted.intercept_
        if count == 2:  # one row of numbers stands for both labels
            weights, bias = np.hstack([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
        made.weights, made.bias = weights.astype(np.float16), bias.astype(np.float32)
        return made

    def scores(self, texts: Sequence[str]) -> Any:
        """[texts, labels]: log-probabilities."""
        raw = self._rows(hashed(texts)) @ self.weights.astype(np.float32) + self.bias
        raw = raw - raw.max(1, keepdims=True)
        return raw - np.log(np.exp(raw).sum(1, keepdims=True))

    def _rows(self, found: Any) -> Any:
        """TF-IDF rows, of length 1 in characters and of length 1 in words."""
        from scipy.sparse import diags, hstack

        def long_one(part: Any) -> Any:
            size = np.sqrt(np.asarray(part.multiply(part).sum(1)).ravel())
            return diags(1 / np.where(size > 0, size, 1).astype(np.float32)) @ part

        chosen = found[:, self.columns].astype(np.float32)
        chosen.data = np.log(chosen.data) + 1
        rows, words = chosen.multiply(self.idf[None].astype(np.float32)).tocsr(), int(np.searchsorted(self.columns, BUCKETS))
        return hstack([long_one(rows[:, :words]), long_one(rows[:, words:])]).tocsr()

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        arrays = {"columns": self.columns.astype(np.int32), "idf": self.idf.astype(np.float32), "weights": self.weights, "bias": self.bias}
        save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, str(folder / WORDING_FILE))

    @classmethod
    def load(cls, folder: Path, labels: int) -> Wording:
        """Raises InputError for a file that is not there, damaged, or of other labels."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        path = folder / WORDING_FILE
        try:
            held = load_file(str(path))
            columns, idf, weights, bias = (held[name] for name in ("columns", "idf", "weights", "bias"))
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise InputError(f"{path} cannot be read", str(error).partition("\n")[0], "train the model again") from None
        whole = columns.ndim == 1 and idf.shape == columns.shape and weights.shape == (len(columns), labels) and bias.shape == (labels,)
        if not (whole and columns.dtype.kind == "i" and all(array.dtype.kind == "f" and np.isfinite(array).all() for array in (idf, weights, bias))):
            raise InputError(f"{path} does not fit its task.json", f"{weights.shape} weights for {labels} labels", "take both from one training run")
        if len(columns) and (columns[0] < 0 or columns[-1] >= 2 * BUCKETS or (np.diff(columns) <= 0).any()):
            raise InputError(f"{path} is damaged", "its n-grams are out of order", "train the model again")
        return cls(columns, idf, weights, bias)


_SPARSE = 500


def hashed(texts: Sequence[str]) -> Any:
    """Counts of n-grams by bucket, [texts, 2 * BUCKETS]: of characters inside words, then of words."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import HashingVectorizer

    folded = [fold(text) for text in texts]
    options = {"n_features": BUCKETS, "norm": None, "alternate_sign": False, "lowercase": False, "dtype": np.float32}
    characters = HashingVectorizer(analyzer="char_wb", ngram_range=_CHARACTERS, **options)
    words = HashingVectorizer(token_pattern=r"(?u)\b\w+\b", ngram_range=_WORDS, **options)
    return hstack([characters.transform(folded), words.transform(folded)]).tocsr()


#: what is believed of (log scale of the encoder, log scale of the n-grams) before any held-out row, and how firmly: 50 rows settle it, 10
#: move it. An encoder that starts from random weights on few rows is surer than it is right; n-grams are not.
CHECKPOINT, SCRATCH = (0.0, -0.7), (-2.5, 0.0)
_SPREAD = {CHECKPOINT: 1.0, SCRATCH: 0.3}  # held-out rows of few that are learnt look like these, and flatter the encoder from random weights


def pool(logits: Any, scores: Any, right: Sequence[int], belief: tuple[float, float] = CHECKPOINT) -> tuple[float, float]:
    """(temperature, weight) with the highest posterior on held-out rows, of softmax((logits + weight * scores) / temperature)."""
    from scipy.optimize import minimize

    if not len(right):
        return float(np.exp(-belief[0])), float(np.exp(belief[1] - belief[0]))

    first, second, truth = np.asarray(logits, dtype=np.float64), np.asarray(scores, dtype=np.float64), np.asarray(right)
    row, start = np.arange(len(truth)), np.asarray(belief)

    def loss(numbers: Any) -> float:
        scaled = np.exp(numbers[0]) * first + np.exp(numbers[1]) * second
        top = scaled.max(1)
        missed = np.log(np.exp(scaled - top[:, None]).sum(1)) + top - scaled[row, truth]
        return float((missed.sum() + np.square((numbers - start) / _SPREAD[belief]).sum() / 2) / len(truth))

    found = minimize(loss, start, method="L-BFGS-B", bounds=[(-3, 3), (-6, 2)]).x
    return float(np.exp(-found[0])), float(np.exp(found[1] - found[0]))
