"""`question-answering`: the place in a text that answers a question (extractive), or that none does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from kefu.project.schema import Block
from kefu.train.heads.task import BadRow, Task
from kefu.train.methods.head import Counting, Head, HeadSettings

if TYPE_CHECKING:
    from kefu.train.factory.job import Job, Prepared
    from kefu.train.heads.decisions import Decision
    from kefu.train.heads.spans import Asked, Reader

_LENGTH = 384
_FEW = 5


class Settings(HeadSettings):
    longest_answer: int = Field(default=48, ge=1, description="tokens of an answer, at most")
    no_answer_margin: float | None = Field(
        default=None,
        description="an answer must be so much better than none; unset: calibrated on validation rows that have none",
    )


class Answering(Head):
    name: ClassVar[str] = "question-answering"
    Settings: ClassVar[type[Block]] = Settings
    needs: ClassVar[str] = "spans"
    auto: ClassVar[str] = "QuestionAnswering"
    longest: ClassVar[int] = _LENGTH

    def texts(self, row: dict[str, Any]) -> list[str]:
        return [str(row.get("question") or ""), str(row.get("context") or "")]

    def learn(self, job: Job) -> dict[str, Any]:
        given = job.settings
        self.task = Task(task="question-answering", method=self.name, longest_answer=given.longest_answer, no_answer=given.no_answer_margin)
        return {}

    def encode(self, job: Job, rows: list[dict[str, Any]], split: str) -> Prepared:
        from kefu.train.heads import spans, windows

        ledger, reader = Counting(job, split), self._reader(job)
        kept: list[tuple[dict[str, Any], Asked]] = []
        for row in rows:
            try:
                kept.append((row, one := spans.answered(row)))
            except BadRow as error:
                ledger.drop(row, error.what)
                continue
            ledger.facts.update({reason: count for reason, count in one.counts.items() if count})
        for (row, one), found in zip(kept, reader.windows([one for _, one in kept]), strict=True):
            if not found:
                ledger.drop(row, "question fills a window")
                continue
            places = [spans.target(window, one.spans[0] if one.spans else None) for window in found]
            if one.spans and not any(last for _, last in places):
                ledger.drop(row, "answer is longer than what two windows share")
                continue
            ledger.keep(
                row, found, [{**windows.columns(w), "starts": first, "ends": last} for w, (first, last) in zip(found, places, strict=True)], 1
            )
            ledger.facts["no answer"] += not one.spans
        return ledger.done(len(rows))

    def loss(self, job: Job) -> Callable[..., Any]:
        import torch

        def own(model: Any, inputs: Any) -> tuple[Any, Any]:
            out = model(**{name: value for name, value in inputs.items() if name not in ("starts", "ends")})
            shut = inputs["attention_mask"] == 0
            begin, end = (part.float().masked_fill(shut, -1e4) for part in (out.start_logits, out.end_logits))
            entropy = torch.nn.functional.cross_entropy
            return (entropy(begin, inputs["starts"]) + entropy(end, inputs["ends"])) / 2, out

        return own

    def finish(self, job: Job) -> None:
        """The limit of `no answer`, on validation rows that have such."""
        from kefu.text.similarity import token_f1
        from kefu.train.heads import spans

        read = self._asked(job.rows.validation if job.rows else [])
        if job.settings.no_answer_margin is not None or sum(not one.spans for one in read) < _FEW:
            return
        found = self._reader(job).spans(read)
        close = [
            max((token_f1(one.context[slice(*span)], one.context[slice(*right)]) for right in one.spans), default=0.0)
            for one, (_, span, _) in zip(read, found, strict=True)
        ]
        margin = spans.limit([m for m, _, _ in found], [bool(one.spans) for one in read], close)
        self.task = self.task.model_copy(update={"no_answer": round(margin, 6)})

    def measure(self, job: Job, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        from kefu.train.heads import metrics

        read = self._asked(rows)
        said = self._reader(job).predict(read)
        return metrics.answers([[one.context[a:b] for a, b in one.spans] for one in read], [one["answer"] for one in said])

    def decisions(self, job: Job, rows: list[dict[str, Any]]) -> tuple[list[Decision], bool]:
        from kefu.text.normalise import fold
        from kefu.train.heads.decisions import Decision

        read, made = self._asked(rows), []
        for one, said in zip(read, self._reader(job).predict(read), strict=True):
            right = [one.context[a:b] for a, b in one.spans] or [""]
            told = next((answer for answer in right if fold(answer) == fold(said["answer"])), None)
            truth = told if told is not None else right[0]
            heard = truth if told is not None else said["answer"]
            made.append(Decision(one.question, frozenset([truth] if truth else []), frozenset([heard] if heard else [])))
        return made, False

    def trivial(self, job: Job, rows: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
        from kefu.text.segment import sentences
        from kefu.train.factory import trivial
        from kefu.train.heads import peers

        read = self._asked(rows)
        first = [(sentences(one.context) or [one.context])[0] for one in read]
        return trivial.made(peers.ANSWER, peers.answers([[one.context[a:b] for a, b in one.spans] for one in read], first), ("f1", "exact"))

    def samples(self, job: Job, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        read = self._asked(rows)
        said = self._reader(job).predict(read)
        return [
            {
                "asked": one.question,
                "expected": " / ".join(dict.fromkeys(one.context[a:b] for a, b in one.spans)) or "(none)",
                "said": s["answer"] or "(none)",
            }
            for one, s in zip(read, said, strict=True)
        ]

    def _reader(self, job: Job) -> Reader:
        from kefu.train.heads.spans import Reader

        return Reader(job.opened, self.sized(job))

    @staticmethod
    def _asked(rows: list[dict[str, Any]]) -> list[Asked]:
        from kefu.train.heads import spans

        read = []
        for row in rows:
            try:
                read.append(spans.answered(row))
            except BadRow:
                continue
        return read

    def pieces(self, job: Job, item: dict[str, Any]) -> list[tuple[str, bool]]:
        ids, first, last = item["input_ids"], item["starts"], item["ends"] + 1
        if not item["ends"]:
            return [(job.tokenizer.decode(ids), False), (" → (none here)", True)]
        decode = job.tokenizer.decode
        return [(decode(ids[:first]), False), (decode(ids[first:last]), True), (decode(ids[last:]), False)]
