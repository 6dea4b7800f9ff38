"""What a model that learnt nothing would reach on the same rows, and the rule by which a trained one must be better than that.

A method says it in `trivial(job, rows, before)`; the loop records it as `baseline` in `training.json`, where report, registry and gate read it:
{"how": what the peer does, "metrics": {name: figure}, "main": [[figures, one group a task]], "guarded": [figures compared with before training]}.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kefu.registry import Gate
from kefu.statistics import FEW, apart

if TYPE_CHECKING:
    from kefu.train.factory.job import Job

Figure = dict[str, Any]
RULE = (
    "A model passes when, on the measured rows, a main figure ({main}) lies beyond the trivial peer's with its whole 95 % interval, no main figure "
    "lies wholly on the wrong side of it, and none of {guarded} is surely worse than before training (intervals that do not meet)."
)
_LOWER_IS_BETTER = ("loss", "perplexity", "error", "mae", "mse", "rmse", "wer", "cer", "kl")


def made(how: str, metrics: dict[str, Figure], main: Sequence[str] | Sequence[Sequence[str]], guarded: Sequence[str] = ()) -> dict[str, Any]:
    """The record of a peer; main: figures of one task, or a group for each of several."""
    groups = [list(group) for group in main if not isinstance(group, str)] or [[str(name) for name in main]]
    first = [name for group in groups for name in group]
    kept = list(dict.fromkeys([*first, *guarded]))
    rule = RULE.format(main=", ".join(map(_words, first)), guarded=", ".join(map(_words, kept)))
    return {"how": how, "metrics": metrics, "main": groups, "guarded": kept, "rule": rule}


def fixed(value: float | None, n: int) -> Figure:
    """A figure of the peer that is known without measuring: it has no interval."""
    return {"value": None if value is None else round(value, 5), "low": None, "high": None, "n": n}


def better_of(name: str, some: Sequence[Figure]) -> Figure:
    """The best of several peers in one figure."""
    known = [one for one in some if one.get("value") is not None]
    if not known:
        return dict(some[0])
    return dict((min if lower_is_better(name) else max)(known, key=lambda one: one["value"]))


def lower_is_better(name: str) -> bool:
    return name.rpartition("_")[2] in _LOWER_IS_BETTER or name.rpartition(".")[2] in _LOWER_IS_BETTER


def surely_worse(name: str, before: Figure, after: Figure) -> bool:
    """Whether the interval after lies wholly on the bad side of the one before."""
    return bool(apart(before, after)[0]) and (after["value"] > before["value"]) == lower_is_better(name)


def against(name: str, number: Figure, peer: Figure) -> int | None:
    """1: the whole interval is better than the peer's value; -1: all of it worse; 0: neither. None: too few rows, or nothing to compare with."""
    if number.get("value") is None or peer.get("value") is None or int(number.get("n") or 0) < FEW:
        return None
    low, high = (number["value"] if number.get(end) is None else number[end] for end in ("low", "high"))  # rows that are all alike
    low, high = (-high, -low) if lower_is_better(name) else (low, high)
    value = -peer["value"] if lower_is_better(name) else peer["value"]
    return 1 if low > value else -1 if high < value else 0


def gates(training: dict[str, Any]) -> list[Gate]:
    """Better than the peer (one gate a task), and no figure of the gate surely worse than before training."""
    after, before, peer = training["metrics"], training["metrics_before"], training.get("baseline") or {}
    found = [_better(group, after, peer["metrics"]) for group in peer.get("main", [])]
    if silent := training.get("facts", {}).get("no_signal"):
        found.append(Gate(name="the reward tells answers apart", passed=False, why=str(silent)))
    return [*found, *_guard(peer.get("guarded", list(after)), before, after)]


def _better(group: Sequence[str], after: dict[str, Figure], peer: dict[str, Figure]) -> Gate:
    told, said = {}, []
    for name in group:
        number, trivial = after.get(name, {}), peer.get(name, {})
        if number.get("value") is None:
            continue
        told[name] = against(name, number, trivial)
        ends = f" [{number['low']:.4g}, {number['high']:.4g}]" if number.get("low") is not None else ""
        of = f"{trivial['value']:.4g}" if trivial.get("value") is not None else "-"
        said.append(f"{_words(name)} {number['value']:.4g}{ends}, trivial peer {of}" + ("; too few rows to compare" if told[name] is None else ""))
    known = [one for one in told.values() if one is not None]
    passed = (1 in known and -1 not in known) if known else bool(told)
    title = "better than a trivial answer"
    task = group[0].partition(".")[0] if "." in group[0] else ""
    return Gate(name=f"{task}: {title}" if task else title, passed=passed, why="; ".join(said) or "none of its main figures could be measured")


def _guard(names: Sequence[str], before: dict[str, Figure], after: dict[str, Figure]) -> list[Gate]:
    both = [name for name in names if all(some.get(name, {}).get("value") is not None for some in (before, after))]
    worse = [name for name in both if surely_worse(name, before[name], after[name])]
    said = []
    for name in worse or both[:1]:
        known, why = apart(before[name], after[name])
        said.append(
            f"{_words(name)} {before[name]['value']:.4g} before, {after[name]['value']:.4g} after" + ("" if known is not None else f"; {why}")
        )
    return [Gate(name="not worse than before training", passed=not worse, why="; ".join(said))] if both else []


def _words(name: str) -> str:
    return name.replace("_", " ")


# -- peers that several methods share


def commonest(answers: Sequence[str]) -> str:
    """The answer most rows have; of equal ones the first in order, so that a run made again finds the same."""
    counts = Counter(answer for answer in answers if answer)
    return min(counts, key=lambda one: (-counts[one], one)) if counts else ""


def spoken(train: Sequence[str], right: Sequence[str]) -> dict[str, Figure]:
    """exact and token_f1 of one answer to everything: the most frequent one of the training rows."""
    from kefu.text.normalise import fold
    from kefu.text.similarity import token_f1
    from kefu.train.factory import figures

    always = commonest(train)
    return {
        "exact": figures.share([fold(one) == fold(always) for one in right]),
        "token_f1": figures.mean([token_f1(always, one) for one in right], figures.UNIT),
    }


def lengths(train: Sequence[tuple[str, str]], rows: Sequence[tuple[str, str]]) -> dict[str, Figure]:
    """accuracy of choosing by length alone, longer or shorter as the training pairs (better, worse) have it; a coin where that is better."""
    from kefu.train.factory import figures

    sign = 1 if sum((len(a) > len(b)) - (len(a) < len(b)) for a, b in train) >= 0 else -1
    by_length = figures.share([sign * len(a) > sign * len(b) for a, b in rows])
    return {"accuracy": better_of("accuracy", [by_length, fixed(0.5, len(rows))])}


def chance(job: Job) -> float:
    """Loss per token, nats, of a model that holds every token for equally likely."""
    import math

    return math.log(int(job.model.get_input_embeddings().num_embeddings))
