"""Labels learned from people's: logistic regression on hashed character n-grams and the signs of `signals.summary`.

The judgement on taking over is made turn by turn from what was said so far, so it can never know the future. Weights are kept in .npz
and .json; no pickle. Hashing needs no vocabulary, so nothing of the conversations stays in the file.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kefu.artifacts import write_json
from kefu.conversation import Conversation, Turn
from kefu.data import signals
from kefu.errors import InputError, MissingExtra
from kefu.text.segment import char_ngrams

BUCKETS = 1 << 14
FEWEST = 30
_FOLDS = 5
_SIGNS = tuple(signals.summary([]))


@dataclass
class Linear:
    """scores = features @ weights.T + bias; one class: the label itself. threshold: for yes-or-no, the probability from which it is yes."""

    classes: list[str]
    weights: Any
    bias: Any
    threshold: float = 0.5

    def probabilities(self, features: Any) -> Any:
        import numpy as np

        scores = np.asarray(features @ self.weights.T) + self.bias
        if len(self.classes) == 2:
            yes = 1 / (1 + np.exp(-np.clip(scores[:, 0], -60, 60)))
            return np.stack([1 - yes, yes], axis=1)
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)

    def predict(self, features: Any) -> list[str]:
        return [self.classes[i] for i in self.probabilities(features).argmax(axis=1)]


@dataclass
class LabelModel:
    """quality: of whole conversations. takeover: of a conversation up to one customer turn; None when people gave no turns."""

    quality: Linear
    takeover: Linear | None
    report: dict[str, Any] = field(default_factory=dict)

    def label(self, conversation: Conversation) -> str:
        return self.quality.predict(features([conversation.turns]))[0]

    def human_intervention_idx(self, turns: Sequence[Turn]) -> int | None:
        """The first customer turn at which the model would hand over, from that turn and those before it only."""
        return None if self.takeover is None else taken_over(self.takeover, turns)

    def save(self, folder: Path) -> None:
        """labeller.npz (weights) and labeller.json (classes, thresholds, cross-validation)."""
        import numpy as np

        arrays = {"quality_weights": self.quality.weights, "quality_bias": self.quality.bias}
        if self.takeover:
            arrays |= {"takeover_weights": self.takeover.weights, "takeover_bias": self.takeover.bias}
        buffer = io.BytesIO()
        plain: dict[str, Any] = {name: np.asarray(array, dtype=np.float32) for name, array in arrays.items()}
        np.savez_compressed(buffer, **plain)
        (folder / "labeller.npz").write_bytes(buffer.getvalue())
        facts = {"buckets": BUCKETS, "signs": list(_SIGNS), "classes": self.quality.classes, "report": self.report}
        write_json(folder / "labeller.json", facts | {"takeover_threshold": self.takeover.threshold if self.takeover else None})

    @classmethod
    def load(cls, folder: Path) -> LabelModel:
        """Raises InputError for files that are not there, damaged, or made for other signs."""
        import numpy as np

        try:
            facts = json.loads((folder / "labeller.json").read_text("utf-8"))
            with np.load(folder / "labeller.npz", allow_pickle=False) as arrays:
                held = {name: arrays[name] for name in arrays.files}
            if facts["buckets"] != BUCKETS or facts["signs"] != list(_SIGNS):
                raise InputError(f"the labeller in {folder}", "it was made by another version of kefu", "build the dataset again")
            quality = Linear(facts["classes"], held["quality_weights"], held["quality_bias"])
            takeover = (
                Linear(["no", "yes"], held["takeover_weights"], held["takeover_bias"], facts["takeover_threshold"])
                if "takeover_weights" in held
                else None
            )
        except (OSError, ValueError, KeyError, zlib.error) as error:
            raise InputError(
                f"no labeller in {folder}", str(error) or type(error).__name__, "build the dataset with data.labels.by=classifier"
            ) from None
        return cls(quality, takeover, facts["report"])


def taken_over(model: Linear, turns: Sequence[Turn]) -> int | None:
    """The first customer turn of which the model says yes."""
    places = [i for i, turn in enumerate(turns) if turn.role == "customer"]
    if not places:
        return None
    chances = model.probabilities(features([turns[: i + 1] for i in places], last_only=True))[:, 1]
    return next((i for i, chance in zip(places, chances, strict=True) if chance >= model.threshold), None)


def features(conversations: Sequence[Sequence[Turn]], *, last_only: bool = False) -> Any:
    """Sparse rows: character 1- to 3-grams of what the customer and the agent said (of the last turn only, with `last_only`), and the signs."""
    try:
        import numpy as np
        from scipy.sparse import csr_matrix
    except ImportError:
        raise MissingExtra("data.labels.by: classifier (scikit-learn, scipy)", "data") from None
    data: list[float] = []
    places: list[int] = []
    ends = [0]
    for turns in conversations:
        row: dict[int, float] = {}
        for turn in turns[-1:] if last_only else turns:
            for gram in char_ngrams(turn.text, 1, 3):
                place = zlib.crc32(f"{turn.role[0]}{gram}".encode()) % BUCKETS
                row[place] = row.get(place, 0.0) + 1.0
        size = float(np.sqrt(sum(np.log1p(v) ** 2 for v in row.values()))) or 1.0
        row = {place: float(np.log1p(value)) / size for place, value in row.items()}
        for k, value in enumerate(signals.summary(turns).values()):
            if value:
                row[BUCKETS + k] = float(np.log1p(value))
        for place in sorted(row):
            places.append(place)
            data.append(row[place])
        ends.append(len(places))
    return csr_matrix((data, places, ends), shape=(len(conversations), BUCKETS + len(_SIGNS)))


def learn(
    labelled: Sequence[tuple[Conversation, str]], takeovers: Sequence[tuple[Conversation, int | None]], seed: int
) -> tuple[LabelModel, dict[str, str], dict[str, int | None]]:
    """The model, and for every labelled conversation what a model that never saw it (nor its customer) says: label and take-over turn (of
    those for which the others are enough to learn from). Raises InputError."""
    classes = sorted({label for _, label in labelled})
    if len(labelled) < FEWEST or len(classes) < 2:
        raise InputError(
            f"{len(labelled)} conversations with {len(classes)} different labels by people",
            f"a classifier needs {FEWEST} with at least two labels",
            "label more, or set data.labels.by to rules",
        )
    rows = features([conversation.turns for conversation, _ in labelled])
    truth = [label for _, label in labelled]
    groups = [conversation.group or conversation.id for conversation, _ in labelled]
    unseen = _held_out(rows, truth, groups, seed)
    model = LabelModel(_fit(rows, truth, seed), None)
    model.report = {"labelled": len(labelled), "classes": {name: truth.count(name) for name in classes}, "folds": min(_FOLDS, len(set(groups)))}
    if takeovers:
        model.takeover, model.report["takeover"] = _learn_takeover(takeovers, seed)
    told = {conversation.id: label for (conversation, _), label in zip(labelled, unseen, strict=True)}
    return model, told, _unseen_takeovers(takeovers, seed) if model.takeover is not None else {}


def _fit(rows: Any, truth: list[str], seed: int) -> Linear:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1.0, class_weight="balanced", max_iter=2000, random_state=seed).fit(rows, truth)
    return Linear([str(name) for name in fitted.classes_], fitted.coef_, fitted.intercept_)


def _folds(groups: Sequence[str], seed: int) -> dict[str, int]:
    """A fold for each group, of nearly equal numbers of them."""
    return {group: i % _FOLDS for i, group in enumerate(sorted(set(groups), key=lambda g: zlib.crc32(f"{seed}{g}".encode())))}


def _held_out(rows: Any, truth: list[str], groups: list[str], seed: int) -> list[str]:
    """Cross-validated by customer: a conversation is judged by a model that saw neither it nor others of its group."""
    order = _folds(groups, seed)
    told = [""] * len(truth)
    for fold in range(_FOLDS):
        test = [i for i, group in enumerate(groups) if order[group] == fold]
        train = [i for i, group in enumerate(groups) if order[group] != fold]
        if not test:
            continue
        seen = [truth[i] for i in train]
        guesses = _fit(rows[train], seen, seed).predict(rows[test]) if len(set(seen)) > 1 else [max(set(truth), key=truth.count)] * len(test)
        for i, guess in zip(test, guesses, strict=True):
            told[i] = guess
    return told


def _unseen_takeovers(takeovers: Sequence[tuple[Conversation, int | None]], seed: int) -> dict[str, int | None]:
    order = _folds([conversation.group or conversation.id for conversation, _ in takeovers], seed)
    told: dict[str, int | None] = {}
    for fold in range(_FOLDS):
        mine = [(one, index, order[one.group or one.id] == fold) for one, index in takeovers]
        model, _ = _learn_takeover([(one, index) for one, index, held in mine if not held], seed)
        if model is not None:
            told |= {one.id: taken_over(model, one.turns) for one, _, held in mine if held}
    return told


def _learn_takeover(takeovers: Sequence[tuple[Conversation, int | None]], seed: int) -> tuple[Linear | None, dict[str, Any]]:
    """Customer turns before the one at which a person took over say no, that one says yes, later ones are not looked at."""
    cut: list[Sequence[Turn]] = []
    truth: list[str] = []
    for conversation, index in takeovers:
        for i, turn in enumerate(conversation.turns):
            if turn.role == "customer" and (index is None or i <= index):
                cut.append(conversation.turns[: i + 1])
                truth.append("yes" if i == index else "no")
    count = truth.count("yes")
    if count < 10 or truth.count("no") < 10:
        return None, {"turns": len(truth), "yes": count, "why": "fewer than 10 turns of one kind; the rules decide"}
    return _fit(features(cut, last_only=True), truth, seed), {"turns": len(truth), "yes": count}
