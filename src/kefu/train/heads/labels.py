"""Classification: label sets, class weights, calibrated probabilities and thresholds, and the head that answers with labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kefu.data.mapping import plain
from kefu.train.heads import windows as cut
from kefu.train.heads.task import BadRow, Part, Task

if TYPE_CHECKING:
    from kefu.train.base import Base
    from kefu.train.heads.wording import Wording

Texts = tuple[str, str | None]
SEPARATORS = ("|", ";", "；", "、", ",", "，")
_MOSTLY = 0.9
_FEW = 20  # rows below which nothing is calibrated


def texts(row: dict[str, Any]) -> Texts:
    """The text of a row and, where there is one, the other text of the pair. Raises BadRow."""
    text, other = plain(row.get("text")).strip(), row.get("other")
    if not text:
        raise BadRow("no text", "the row has an empty text, or no column of that meaning", "see --map")
    if other is None:
        return text, None
    if not plain(other).strip():
        raise BadRow("no second text", "the row has only one text of the pair", "see --map")
    return text, plain(other).strip()


def whole(read: Texts) -> str:
    """A pair as one text."""
    return " ".join(text for text in read if text)


def given(value: Any, separator: str = "") -> list[str] | None:
    """The labels of a cell: one text, a list of them (also as JSON text), or texts joined by `separator`. None: nothing is said."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        import json

        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            parsed = value
        value = parsed if isinstance(parsed, list) else value
    if separator and isinstance(value, str) and separator in value:
        value = value.split(separator)
    if isinstance(value, list):
        return list(dict.fromkeys(said for item in value if (said := plain(item).strip())))
    said = plain(value).strip()
    return [said] if said else None


def several(values: Sequence[Any]) -> bool:
    """Whether the cells hold lists: more than one label may be right."""
    return any(isinstance(value, list) or (isinstance(value, str) and value.lstrip().startswith("[") and (given(value) or [""])[0] != value.strip())
               for value in values)  # fmt: skip


def separator(values: Sequence[Any]) -> str:
    """The sign that joins several labels in one cell (`refund;late`), or empty.

    The sign may also be part of a name (`Cards, lost`) or of a path (`shop|refund`): it separates only where most of what it yields stands
    alone in other cells, and nearly all of it alone or in different company.
    """
    cells = [value.strip() for value in values if isinstance(value, str) and value.strip()]
    for sign in SEPARATORS:
        joined = {tuple(part.strip() for part in cell.split(sign)) for cell in cells if sign in cell}
        if len(joined) < 2:
            continue
        known = {cell for cell in cells if sign not in cell}
        company = Counter(part for parts in joined for part in set(parts))
        parts = [part for cell in joined for part in cell]
        alone = sum(part in known for part in parts)
        apart = sum(part not in known and company[part] > 1 for part in parts)
        if alone >= len(parts) / 2 and alone + apart >= _MOSTLY * len(parts):
            return sign
    return ""


def weights(counts: Counter[str], labels: Sequence[str], kind: str) -> list[float]:
    """A weight for each label with mean 1 over the rows: `balanced` by 1 / count, `root` by 1 / sqrt(count), else all 1."""
    power = {"balanced": 1.0, "root": 0.5}.get(kind, 0.0)
    raw = [max(1, counts[label]) ** -power for label in labels]
    mean = sum(w * counts[label] for w, label in zip(raw, labels, strict=True)) / max(1, sum(counts.values()))
    return [w / mean for w in raw]


def divergence(logits: Any, several: bool) -> Any:
    """How far the two halves of a batch, the same rows under different dropout, are apart: the mean over rows of the mean of both
    Kullback-Leibler divergences (R-Drop: Liang et al. 2021, arXiv 2106.14448); of several labels, the mean over them."""
    import torch

    logs = torch.log_softmax(logits, 1) if not several else torch.stack([torch.nn.functional.logsigmoid(x) for x in (logits, -logits)], -1)
    first, second = logs.chunk(2)
    each = ((first.exp() - second.exp()) * (first - second)).sum(-1) / 2
    return each.mean()


def softmax(logits: Any) -> Any:
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def sigmoid(logits: Any) -> Any:
    return 1 / (1 + np.exp(-np.clip(logits, -60, 60)))


def probabilities(logits: Any, part: Part) -> Any:
    """[rows, labels]: of one label each row sums to 1; of several labels each stands for itself."""
    scaled = np.asarray(logits, dtype=np.float64) / part.temperature
    return sigmoid(scaled) if part.multi_label else softmax(scaled)


def decide(shares: Any, part: Part) -> list[str]:
    """The labels chosen for one row of probabilities; `other` where nothing is sure enough."""
    if part.multi_label:
        limits = part.thresholds or [0.5] * len(part.labels)
        return [label for label, share, limit in zip(part.labels, shares, limits, strict=True) if share >= limit]
    best, sure = inside(np.asarray(shares)[None], part)
    return [part.other if part.other and sure[0] < part.sure else part.labels[int(best[0])]]


def inside(shares: Any, part: Part) -> tuple[Any, Any]:
    """([rows] the best label but `other`, [rows] how sure it is). shares: [rows, labels].

    Where `other` was learnt as a label of its own, sure is the share of the two that the best one has, so that 0.5 is whichever is likelier:
    what is far from one class and near to many others is no reason to turn a row away, what is near to `other` is. Else it is the
    probability itself (Hendrycks & Gimpel 2017, arXiv 1610.02136).
    """
    if part.other not in part.labels:
        return shares.argmax(1), shares.max(1)
    place = part.labels.index(part.other)
    rest = shares.copy()
    rest[:, place] = -1
    best = rest.max(1)
    return rest.argmax(1), best / np.maximum(best + shares[:, place], 1e-300)


def temperature(logits: Any, chosen: Sequence[int]) -> float:
    """What logits are divided by so that the log-likelihood of held-out rows is highest (Guo et al. 2017, arXiv 1706.04599)."""
    from scipy.optimize import minimize_scalar

    if len(chosen) < _FEW:
        return 1.0
    rows, right = np.asarray(logits, dtype=np.float64), np.asarray(chosen)

    def loss(log_t: float) -> float:
        scaled = rows / np.exp(log_t)
        top = scaled.max(1)
        return float(np.mean(np.log(np.exp(scaled - top[:, None]).sum(1)) + top - scaled[np.arange(len(right)), right]))

    return float(np.exp(minimize_scalar(loss, bounds=(-2.3, 2.3), method="bounded").x))


def thresholds(shares: Any, truth: Any) -> list[float]:
    """For each label the threshold with the best F1 on held-out rows; 0.5 for labels met fewer than 5 times there.

    Halfway between the two neighbouring probabilities, so that a like row falls on the same side. shares, truth: [rows, labels].
    """
    limits = []
    for column, right in zip(np.asarray(shares).T, np.asarray(truth).T, strict=True):
        if right.sum() < 5:
            limits.append(0.5)
            continue
        order = np.argsort(-column, kind="stable")
        hits = np.cumsum(right[order])
        f1 = 2 * hits / (np.arange(1, len(order) + 1) + right.sum())
        ends = np.append(column[order][:-1] != column[order][1:], True)  # equal probabilities stand on one side
        best = int(np.argmax(np.where(ends, f1, -1)))
        below = column[order][best + 1] if best + 1 < len(order) else 0.0
        limits.append(round(float((column[order][best] + below) / 2), 6))
    return limits


def outside(sure_of: Any, inside: Sequence[bool], right: Sequence[bool]) -> float:
    """The probability below which a row is taken for `other`, where most rows are then answered right.

    The two kinds count alike: mean of (inside rows right and kept) and (outside rows turned away).
    """
    sure_of, within = np.asarray(sure_of, dtype=np.float64), np.asarray(inside, dtype=bool)
    correct = np.asarray(right, dtype=bool)
    if within.all() or not within.any():
        return 0.0
    values = np.unique(sure_of)
    tries = np.concatenate([[0.0], (values[1:] + values[:-1]) / 2])
    scores = [((sure_of >= t) & correct & within).sum() / within.sum() + ((sure_of < t) & ~within).sum() / (~within).sum() for t in tries]
    best = max(scores)
    held = [t for t, score in zip(tries, scores, strict=True) if score >= best - 1e-12]
    return float(held[len(held) // 2])


def keeping(sure_of: Any, inside: Sequence[bool], share: float) -> float | None:
    """The highest limit below which rows are taken for `other` so that `share` of the inside rows stay. None: too few rows to tell."""
    values = np.sort(np.asarray(sure_of, dtype=np.float64)[np.asarray(inside, dtype=bool)])
    lost = int(np.floor((1 - share) * len(values) + 1e-9))
    return float((values[lost - 1] + values[lost]) / 2) if 0 < lost < len(values) else None


def pooled(found: Sequence[Sequence[Any]]) -> Any:
    """One row of logits for each text: the mean over its windows."""
    return np.stack([np.mean(parts, axis=0) for parts in found])


class Windowed:
    """What heads on whole texts share: rows to logits, whatever their length."""

    def __init__(self, base: Base, task: Task, rows: int = 32) -> None:
        self.base, self.task, self.rows = base, task, rows

    def read(self, row: dict[str, Any]) -> Texts:
        return texts(row)

    def logits(self, read: Sequence[Texts]) -> tuple[Any, list[int]]:
        """([rows, outputs], windows of each row). Raises BadRow when the first text of a pair fills a window."""
        found = split(self.base.tokenizer, read, self.task)
        flat = [window for parts in found for window in parts]
        made = iter(cut.logits(self.base, flat, self.rows))
        return pooled([[next(made) for _ in parts] for parts in found]), [len(parts) for parts in found]


def split(tokenizer: Any, read: Sequence[Texts], task: Task) -> list[list[cut.Window]]:
    """Windows of single texts and of pairs."""
    made: list[list[cut.Window]] = [[] for _ in read]
    for paired in (False, True):
        chosen = [i for i, (_, other) in enumerate(read) if (other is not None) == paired]
        others = [str(read[i][1]) for i in chosen] if paired else None
        for i, parts in zip(chosen, cut.windows(tokenizer, [read[i][0] for i in chosen], others, task.max_length, task.stride), strict=True):
            made[i] = parts
    for parts in made:
        if not parts:
            raise BadRow("the first text fills a window", f"{task.max_length} tokens hold both texts of a pair", "shorten it, or change the two")
    return made


class Classifier(Windowed):
    """Text, or a pair of texts, to a label or several. wording: n-grams that are added with `task.wording`."""

    needs = "labelled"

    def __init__(self, base: Base, task: Task, rows: int = 32, wording: Wording | None = None) -> None:
        super().__init__(base, task, rows)
        self.wording = wording

    def logits(self, read: Sequence[Texts]) -> tuple[Any, list[int]]:
        found, pieces = super().logits(read)
        if self.wording is not None and read:
            found = found + self.task.wording * self.wording.scores([whole(text) for text in read])
        return found, pieces

    def predict(self, read: Sequence[Texts], scores: bool = False) -> list[dict[str, Any]]:
        if not read:
            return []
        found, pieces = self.logits(read)
        return [say(shares, self.task, scores, count) for shares, count in zip(probabilities(found, self.task), pieces, strict=True)]


def say(shares: Any, part: Part, scores: bool, pieces: int = 1) -> dict[str, Any]:
    """What is written for one row of probabilities. pieces: windows that the text was read in."""
    chosen = decide(shares, part)
    by_label = dict(zip(part.labels, (round(float(share), 6) for share in shares), strict=True))
    if part.multi_label:
        made: dict[str, Any] = {"labels": chosen, "probabilities": {label: by_label[label] for label in chosen}}
    else:
        best = max(by_label, key=lambda label: by_label[label])
        made = {"label": chosen[0], "probability": by_label.get(chosen[0], round(1 - by_label[best], 6))}
    return {**made, **({"scores": by_label} if scores else {}), **({"windows": pieces} if pieces > 1 else {})}


class Regressor(Windowed):
    """Text, or a pair of texts, to a number."""

    needs = "numbers"

    def predict(self, read: Sequence[Texts], scores: bool = False) -> list[dict[str, Any]]:
        if not read:
            return []
        found, pieces = self.logits(read)
        values = found[:, 0] * self.task.spread + self.task.mean
        return [{"value": round(float(v), 6), **({"windows": n} if n > 1 else {})} for v, n in zip(values, pieces, strict=True)]
