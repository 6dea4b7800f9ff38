"""Extractive answers: where in a text the answer to a question stands, with character offsets, or that none does.

Long texts are read in windows that overlap; each window competes with its best span against `no answer`, whose place is the
window's first token (Devlin et al. 2018, arXiv 1810.04805, section 4.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from kefu.data.mapping import plain
from kefu.data.tasks import qa
from kefu.train.heads import windows as cut
from kefu.train.heads.task import BadRow, Task

if TYPE_CHECKING:
    from kefu.train.base import Base

_CANDIDATES = 20


@dataclass(slots=True)
class Asked:
    """A question on a text. spans: the right answers as (start, end) in characters; none: the text has no answer."""

    question: str
    context: str
    spans: list[tuple[int, int]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def bare(row: dict[str, Any]) -> Asked:
    """A question and its text. Raises BadRow."""
    question, context = plain(row.get("question")).strip(), plain(row.get("context"))
    if not question or not context.strip():
        raise BadRow("no question" if not question else "no context", "both are needed", "see --map")
    return Asked(question, context)


def answered(row: dict[str, Any]) -> Asked:
    """A question with its answers, each checked to stand where it is said to. Raises BadRow."""
    columns = {name: name for name in ("question", "context", "answers")}
    whole = next(qa.walk({name: row.get(name) for name in columns}, columns), qa.Question("", ""))
    answers, done, reason = qa.place(whole)
    if reason:
        raise BadRow(reason, "the row cannot be learnt", "see data.map")
    spans = [(start, start + len(text)) for text, start in zip(answers["text"], answers["answer_start"], strict=True)]
    return Asked(whole.text, whole.context, spans, done)


def target(window: cut.Window, span: tuple[int, int] | None) -> tuple[int, int]:
    """(first, last) token of a span; (0, 0), the place of `no answer`, where it is not wholly inside this window."""
    if span is None:
        return 0, 0
    first = last = -1
    for position, ((start, end), side) in enumerate(zip(window.offsets, window.side, strict=True)):
        if side != 1 or start == end:
            continue
        if first < 0 and start <= span[0] < end:
            first = position
        if start < span[1] <= end:
            last = position
    return (first, last) if 0 < first <= last else (0, 0)


def best(window: cut.Window, logits: Any, longest: int) -> tuple[float, tuple[int, int], float]:
    """(score of the best span, its (start, end) in characters, score of `no answer`) of one window. logits: [tokens, 2]."""
    starts, ends = logits[:, 0].astype(np.float64), logits[:, 1].astype(np.float64)
    inside = np.array([side == 1 and a < b for side, (a, b) in zip(window.side, window.offsets, strict=True)])
    places = np.flatnonzero(inside)
    if not len(places):
        return -np.inf, (0, 0), float(starts[0] + ends[0])
    likely = places[np.argsort(-starts[places])][:_CANDIDATES]
    top, span = -np.inf, (0, 0)
    for first in likely:
        lasts = places[(places >= first) & (places < first + longest)]
        last = lasts[np.argmax(ends[lasts])]
        if starts[first] + ends[last] > top:
            top, span = starts[first] + ends[last], (window.offsets[first][0], window.offsets[last][1])
    return float(top), span, float(starts[0] + ends[0])


class Reader:
    """Question and text to an answer with its place."""

    needs = "spans"

    def __init__(self, base: Base, task: Task, rows: int = 16) -> None:
        self.base, self.task, self.rows = base, task, rows

    def read(self, row: dict[str, Any]) -> Asked:
        return bare(row)

    def windows(self, read: Sequence[Asked]) -> list[list[cut.Window]]:
        texts, others = [one.question for one in read], [one.context for one in read]
        return cut.windows(self.base.tokenizer, texts, others, self.task.max_length, self.task.stride)

    def spans(self, read: Sequence[Asked]) -> list[tuple[float, tuple[int, int], float]]:
        """(margin over `no answer`, (start, end), probability against `no answer`) of each; margin -inf: the question fills a window."""
        found = self.windows(read)
        made = iter(cut.logits(self.base, [window for parts in found for window in parts], self.rows))
        chosen = []
        for one, parts in zip(read, found, strict=True):
            tries = [best(window, next(made), self.task.longest_answer) for window in parts]
            top = max(tries, key=lambda t: t[0] - t[2], default=(-np.inf, (0, 0), 0.0))
            span = trimmed(one.context, top[1])
            margin = top[0] - top[2]
            chosen.append((margin, span, float(1 / (1 + np.exp(-np.clip(margin, -60, 60))))))
        return chosen

    def predict(self, read: Sequence[Asked], scores: bool = False) -> list[dict[str, Any]]:
        limit = self.task.no_answer
        made = []
        for one, (margin, (start, end), share) in zip(read, self.spans(read), strict=True):
            none = end <= start or margin == -np.inf or (limit is not None and margin < limit)
            said: dict[str, Any] = {"answer": "" if none else one.context[start:end], "start": None if none else start, "end": None if none else end}
            said["score"] = round(share, 6)
            if scores:
                said["best"] = {"answer": one.context[start:end], "start": start, "end": end, "margin": round(max(margin, -1e9), 4)}
            if margin == -np.inf:
                said["error"] = "the question fills a window of the model"
            made.append(said)
        return made


def trimmed(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """The span without blanks at its ends (some tokenizers count the blank before a word to it)."""
    start, end = span
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def limit(margins: Sequence[float], has: Sequence[bool], close: Sequence[float]) -> float:
    """The margin below which `no answer` is said, where the mean F1 on held-out rows is highest.

    margins: over `no answer`; has: whether there is an answer; close: F1 of the span found.
    """
    values = np.unique([m for m in margins if np.isfinite(m)])
    tries = np.concatenate([[values[0] - 1], (values[1:] + values[:-1]) / 2, [values[-1] + 1]]) if len(values) else np.array([0.0])
    far, real, gain = np.asarray(margins), np.asarray(has, dtype=bool), np.asarray(close, dtype=float)
    scores = [float(np.where(far < t, ~real, np.where(real, gain, 0.0)).mean()) for t in tries]
    top = [t for t, score in zip(tries, scores, strict=True) if score >= max(scores) - 1e-12]
    return float(top[len(top) // 2])
