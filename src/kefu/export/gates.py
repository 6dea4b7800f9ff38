"""The gates. Each looks at one layer of the story alone, so that the one that fails names what broke.

    template      the prompt text, from messages                  whatever the tokenizer does
    tokenizer     token ids from that text, and text from ids     whatever the weights do
    convert       logits of the float32 IR from given ids         whatever quantisation does
    quantisation  first choices and size of the shipped weights   against the float32 IR
    engine        continuous batching, stop and end tokens        against the shipped weights themselves
    behaviour     whole answers and the task score                all together; asked only when the layers hold

Every function takes what it compares, so that a test can break one side on purpose.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from kefu import statistics
from kefu.engines.embedded import EmbeddedEngine, Logits
from kefu.engines.protocol import Completion, Sampling, complete
from kefu.engines.tokens import TextStream, Tokens
from kefu.export.reference import Answer, Reference
from kefu.export.samples import Sample

#: Largest |difference| of logits between torch and the float32 IR, in units of the logits' own spread.
LOGIT_TOLERANCE = 0.01
#: Share of engine steps that must be a first choice of the same weights outside the batch.
FOLLOWS = 0.99
STOP_RATE_DROP = 0.02
#: Token F1 from which an answer counts as right, and the fall of it that counts as lost.
RIGHT, LOST = 0.5, 0.05
#: Layers whose figures mean nothing once this one has failed (behaviour builds on all).
_BUILDS_ON = {"convert": ("quantisation",)}
_TIE = 1e-3  # two logits nearer than this (in spreads) are a tie: either is a first choice


@dataclass(frozen=True, slots=True)
class Gate:
    """One check. value against limit; n samples (or positions, see unit); interval: 95 %, where one is meant.

    passed: None when it was not asked because an earlier layer had failed. note: the first difference found.
    """

    name: str
    layer: str
    value: float
    limit: float
    compare: Literal[">=", "<="]
    passed: bool | None
    n: int
    unit: str = "prompts"
    interval: tuple[float, float] | None = None
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "interval": list(self.interval) if self.interval else None}


def gate(name: str, layer: str, value: float, compare: Literal[">=", "<="], limit: float, n: int, **more: Any) -> Gate:
    passed = n > 0 and (value >= limit - 1e-12 if compare == ">=" else value <= limit + 1e-12)
    return Gate(name, layer, round(float(value), 6), limit, compare, bool(passed), n, **more)


def template(reference: Reference, tokens: Tokens, samples: Sequence[Sample]) -> Gate:
    """The same prompt text from transformers' `apply_chat_template` and from ours, asking and answered."""
    same, note = 0, ""
    for sample in samples:
        for messages in (sample.messages, [*sample.messages, {"role": "assistant", "content": sample.answer}]):
            theirs, ours = reference.text(messages), tokens.text(messages)
            same += theirs == ours
            note = note or _difference(sample.id, theirs, ours)
    n = 2 * len(samples)
    return gate("prompt text", "template", same / n, ">=", 1.0, n, unit="texts", note=note)


def tokenizer(reference: Reference, tokens: Tokens, samples: Sequence[Sample]) -> list[Gate]:
    """The same ids from the same text, and the same text from the same ids, whole and token by token."""
    same = back = 0
    note = other = ""
    for sample in samples:
        text = reference.text([*sample.messages, {"role": "assistant", "content": sample.answer}])
        theirs, ours = reference.ids(text), tokens.ids(text)
        same += theirs == ours
        note = note or _difference(sample.id, theirs, ours)
        # Decoded as one answer is, from ids both sides agree on only if the first gate holds.
        answer = reference.ids(sample.answer)
        stream = TextStream(tokens)
        said = "".join(stream.push([token]) for token in answer) + stream.flush()
        expected = reference.decode(answer)
        back += expected == said == tokens.decode(answer)
        other = other or _difference(sample.id, expected, said)
    n = len(samples)
    return [
        gate("token ids", "tokenizer", same / n, ">=", 1.0, n, note=note),
        gate("text from ids", "tokenizer", back / n, ">=", 1.0, n, unit="answers", note=other),
    ]


def converted(reference: Reference, full: Logits, sequences: Sequence[Sequence[int]]) -> Gate:
    """Logits of the float32 IR against torch on whole sequences: largest difference over the logits' spread."""
    worst, note = 0.0, ""
    for i, ids in enumerate(sequences):
        theirs, ours = reference.logits(ids), full(list(ids))
        if theirs.shape != ours.shape:
            return gate("logits", "convert", float("inf"), "<=", LOGIT_TOLERANCE, 1, unit="sequences", note=f"shape {ours.shape} for {theirs.shape}")
        gap = float(abs(theirs - ours).max() / (theirs.std() or 1.0))
        if not gap <= worst:  # NaN must not pass
            worst, note = gap, f"sequence {i}: largest difference {gap:.2g} spreads"
    return gate("logits", "convert", worst, "<=", LOGIT_TOLERANCE, len(sequences), unit="sequences", note=note)


def first_choices(full: Logits, shipped: Logits, sequences: Sequence[tuple[Sequence[int], int]], limit: float) -> Gate:
    """Share of answer positions where the shipped weights' first token is the float32 IR's.

    sequences: (ids of prompt and answer, where the answer starts). Only positions that predict the
    answer count: the rest was never trained for. One position alone never fails: few answers have so few positions
    that a single one would be more than the limit allows, and it may be a coin that fell otherwise.
    """
    same = n = 0
    note = ""
    for i, (ids, start) in enumerate(sequences):
        theirs, ours = full(list(ids))[start - 1 :].argmax(1), shipped(list(ids))[start - 1 :].argmax(1)
        same, n = same + int((theirs == ours).sum()), n + len(theirs)
        if not note and (theirs != ours).any():
            note = f"first at sequence {i}, position {start + int((theirs != ours).argmax())}"
    found = gate("first choices", "quantisation", same / max(1, n), ">=", limit, n, unit="positions", interval=_interval(same, n), note=note)
    if not found.passed and n - same == 1 and n > 1:
        return replace(found, passed=True, note=f"one of {n} differs, which proves nothing; {note}")
    return found


def size(engine: Path, reference_bytes: int, limit: float) -> Gate:
    """Bytes of the shipped weights over four bytes for each parameter of the tuned model."""
    shipped = (engine / "openvino_model.bin").stat().st_size
    note = f"{shipped / 1e6:.2f} MB for {reference_bytes / 1e6:.2f} MB"
    return gate("size ratio", "quantisation", shipped / reference_bytes, "<=", limit, 1, unit="files", note=note)


def follows(engine: EmbeddedEngine, shipped: Logits, reference: Reference, prompts: Sequence[list[int]], max_tokens: int) -> list[Gate]:
    """The engine, given ids: each token it gives is a first choice of its own weights, and it ends where the model says end.

    The end tokens and the context length are the model's own, not the engine's settings.
    """
    declared = int(engine.settings["context"])
    if declared != reference.context:
        note = f"the engine takes {declared} tokens, the model {reference.context}"
        return [gate("context", "engine", float(declared == reference.context), ">=", 1.0, 1, unit="models", note=note)]
    end_ids = reference.end_ids
    answers = _together([_continue(engine, ids, max_tokens) for ids in prompts])
    good = steps = ended = 0
    note = other = ""
    for i, (ids, answer) in enumerate(zip(prompts, answers, strict=True)):
        logits = shipped([*ids, *answer.token_ids])[len(ids) - 1 :]
        best, spread = logits.max(1), logits.std() or 1.0
        for at, token in enumerate(answer.token_ids):
            right = bool(logits[at, token] >= best[at] - _TIE * spread)
            good, steps = good + right, steps + 1
            if not right and not note:
                note = f"prompt {i}, step {at}: token {token}, first choice {int(logits[at].argmax())}"
        last = len(answer.token_ids)
        at_end = max((float(logits[last, token]) for token in end_ids), default=float("-inf")) >= float(best[last]) - _TIE * float(spread)
        ran_past = any(token in end_ids for token in answer.token_ids)
        full = last >= min(max_tokens, (reference.context or 1 << 30) - len(ids))
        right = not ran_past and (at_end if answer.finish == "stop" else full)
        ended += right
        if not right and not other:
            said = "went on past the end token" if ran_past else f"ended ({answer.finish}) after {last} tokens where the model does not end"
            other = f"prompt {i}: {said}"
    n = len(prompts)
    return [
        gate(
            "engine follows weights", "engine", good / max(1, steps), ">=", FOLLOWS, steps, unit="steps", interval=_interval(good, steps), note=note
        ),
        gate("end of answer", "engine", ended / n, ">=", FOLLOWS, n, unit="answers", interval=_interval(ended, n), note=other),
    ]


def behaviour(
    engine: EmbeddedEngine, before: Sequence[Answer], samples: Sequence[Sample], *, max_tokens: int, keep: float, score_drop: float, seed: int
) -> tuple[list[Gate], list[dict[str, Any]]]:
    """Whole answers through the engine's own path, against transformers' answers to the same messages.

    The score is the token F1 with the company's own answer. An answer that was right (F1 at least RIGHT) is
    kept when it is the same word for word or at most LOST worse; what was wrong before is the model's
    guess, which any rounding may turn. Returns gates and one row a sample.
    """
    from kefu.text.similarity import token_f1

    after = _together([complete(engine, sample.messages, Sampling(max_tokens=max_tokens)) for sample in samples])
    rows = []
    for sample, was, now in zip(samples, before, after, strict=True):
        scores = {"f1_before": token_f1(was.text.strip(), sample.answer), "f1_after": token_f1(now.text.strip(), sample.answer)}
        asked = {
            "id": sample.id,
            "known": sample.known,
            "language": sample.language,
            "question": sample.messages[-1]["content"],
            "reference": sample.answer,
        }
        said = {"before": was.text, "after": now.text, "equal": was.text == now.text}
        stops = {"stopped_before": was.stopped, "stopped_after": now.finish == "stop"}
        rows.append({**asked, **said, **{key: round(value, 4) for key, value in scores.items()}, **stops})
    n = len(rows)
    score = [round(row["f1_before"] - row["f1_after"], 4) for row in rows]
    stop = [float(row["stopped_before"]) - float(row["stopped_after"]) for row in rows]
    mean = [sum(row[key] for row in rows) / n for key in ("f1_before", "f1_after", "stopped_before", "stopped_after")]
    right = [row for row in rows if row["f1_before"] >= RIGHT] or rows
    lost = [row for row in right if not row["equal"] and row["f1_after"] < row["f1_before"] - LOST]
    kept = len(right) - len(lost)
    note = f"{sum(row['equal'] for row in rows)} of {n} word for word"
    if lost:
        note += f"; {lost[0]['id']}: {lost[0]['before'][:60]!r} became {lost[0]['after'][:60]!r}"
    gates = [
        gate(
            "answers kept",
            "behaviour",
            kept / len(right),
            ">=",
            keep,
            len(right),
            unit="right answers",
            interval=_interval(kept, len(right)),
            note=note,
        ),
        _drop("task score drop", score, score_drop, seed, f"token F1 {mean[0]:.4f} -> {mean[1]:.4f}"),
        _drop("stop rate drop", stop, STOP_RATE_DROP, seed, f"{mean[2]:.3f} -> {mean[3]:.3f}"),
    ]
    return gates, rows


def _drop(name: str, drops: Sequence[float], limit: float, seed: int, note: str) -> Gate:
    """A paired fall. It fails only when the whole 95 % interval lies beyond the limit: a few answers that
    change for better or worse move the mean of a hundred by more than a point, and prove nothing."""
    fall = statistics.mean(drops, "answers", seed)
    value = fall["value"] or 0.0
    interval = None if fall["low"] is None else (round(fall["low"], 4), round(fall["high"], 4))
    found = gate(name, "behaviour", value, "<=", limit, len(drops), unit="answers", interval=interval, note=note)
    return replace(found, passed=bool(drops) and (interval[0] if interval else value) <= limit)


def _interval(good: int, n: int) -> tuple[float, float] | None:
    """95 % interval of a share; None without observations."""
    if not n:
        return None
    low, high = statistics.wilson(good, n)
    return round(low, 4), round(high, 4)


def in_order(steps: Mapping[str, Callable[[], Gate | Sequence[Gate]]], say: Callable[[str, float], None] | None = None) -> list[Gate]:
    """Ask layer by layer. A layer that builds on one that failed is recorded as not asked: its figures would blame the wrong one."""
    gates: list[Gate] = []
    for i, (layer, step) in enumerate(steps.items()):
        broken = [g.layer for g in gates if g.passed is False]
        cause = next((name for name in broken if layer in _BUILDS_ON.get(name, ()) or layer == "behaviour"), "")
        if cause:
            gates.append(Gate(layer, layer, 0.0, 0.0, ">=", None, 0, note=f"not asked: layer {cause} failed"))
            continue
        if say:
            say(layer, i / len(steps))
        found = step()
        gates += [found] if isinstance(found, Gate) else found
    return gates


async def _gather(coroutines: Sequence[Any]) -> list[Completion]:
    return list(await asyncio.gather(*coroutines))


def _together(coroutines: Sequence[Any]) -> list[Completion]:
    return asyncio.run(_gather(coroutines))


async def _continue(engine: EmbeddedEngine, ids: list[int], max_tokens: int) -> Completion:
    found: list[int] = []
    finish, text = None, ""
    async for delta in engine.continue_ids(ids, Sampling(max_tokens=max_tokens)):
        found += delta.token_ids
        text += delta.text
        finish = delta.finish or finish
    return Completion(text, found, None, finish)


def _difference(name: str, theirs: Any, ours: Any) -> str:
    if theirs == ours:
        return ""
    at = next((i for i, (a, b) in enumerate(zip(theirs, ours, strict=False)) if a != b), min(len(theirs), len(ours)))
    near = slice(max(0, at - 12), at + 12)
    return f"{name}, at {at}: expected {theirs[near]!r}, got {ours[near]!r}"
