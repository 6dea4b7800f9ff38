"""The whole evaluation: cases, systems, scores, comparisons, verdict; as one report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kefu import __version__, statistics
from kefu.artifacts import fingerprint
from kefu.errors import ConfigError, InputError
from kefu.evals import metrics, release, runner, scenarios, systems, takeover, undesired
from kefu.evals import questions as single
from kefu.evals.answers import Entry, load_entries
from kefu.evals.remote import RemoteAssistant
from kefu.project import Loaded

Progress = Callable[[str, float], None]
CONCURRENCY = 8
TIMEOUT_S = 60.0
PERPLEXITY_QUESTIONS = 50


@dataclass(frozen=True)
class Cases:
    """What is asked. `own`: how many scenarios are the project's; the others are shipped with kefu."""

    scenarios: list[scenarios.Scenario]
    own: int
    questions: list[single.Question]
    held_out: list[single.Question]

    @property
    def size(self) -> int:
        return len(self.scenarios) + len(self.questions) + len(self.held_out)


@dataclass(frozen=True)
class Run:
    """One system's results, in the order of the cases."""

    name: str
    note: str
    played: list[runner.Played]
    questions: list[single.Asked]
    held_out: list[single.Asked]

    def outcomes(self) -> dict[str, list[bool]]:
        found = {
            "scenarios": [one.passed for one in self.played],
            "questions": [one.good for one in self.questions],
            "held_out": [one.good for one in self.held_out],
        }
        return {"all": [good for goods in found.values() for good in goods], **found}


def cases(project: Loaded, data: Path, entries: Mapping[str, Entry]) -> Cases:
    """Every case of the project. Raises ConfigError with all faults of its scenario and question files."""
    settings = project.settings.eval
    found, own = scenarios.load_all(project, entries)
    if not found:
        raise ConfigError("no scenario is left", f"eval.skip takes out all of them ({', '.join(settings.skip)})", "leave some in")
    asked = single.load(project.path(settings.questions), entries) if settings.questions else []
    return Cases(found, own, asked, single.held_out(data, settings.held_out, project.settings.seed, entries))


async def play(
    system: Any, asked: Cases, entries: Mapping[str, Entry], watch: undesired.Watch, progress: Progress | None = None, unaware: Any = None,
) -> Run:  # fmt: skip
    """Put every case to one system; the held-out questions to `unaware`, its twin that does not know them, when there is one."""
    count = 0

    def done(_: int) -> None:
        nonlocal count
        count += 1
        if progress:
            progress(f"{system.name}: {count}/{asked.size} cases", count / max(1, asked.size))

    async def one(question: single.Question, system: Any = system) -> single.Asked:
        reply, error, ms = await runner.ask(system, single.conversation(question), question, TIMEOUT_S)
        return single.judge(question, reply, error, ms, entries)

    played = await runner.play_all(system, asked.scenarios, entries, watch, concurrency=CONCURRENCY, timeout_s=TIMEOUT_S, done=done)
    answered = await runner.gather(asked.questions, one, CONCURRENCY, done)
    held = await runner.gather(asked.held_out, lambda question: one(question, unaware or system), CONCURRENCY, done)
    return Run(system.name, system.note, played, answered, held)


async def evaluate(
    project: Loaded, assistant: Any, *, knowledge: Any, data: Path, names: Sequence[str], without: tuple[Any, Any] | None = None,
    progress: Progress | None = None,
) -> tuple[dict[str, Any], list[Run]]:  # fmt: skip
    """The report, and each system's runs. `assistant`: an object with `answer`, or the URL of a service. `knowledge`: a folder or an open
    knowledge base. `without`: the same two without the held-out wordings."""
    entries = load_entries(data)
    asked = cases(project, data, entries)
    kb = _open(knowledge, project)
    opened = RemoteAssistant(assistant) if isinstance(assistant, str) else None
    assistant = opened or assistant
    labels = {one.id: one.takeover for one in asked.scenarios}
    made, absent = systems.assemble(["assistant", *names, "oracle"], project, assistant, kb, entries, labels)
    watch = undesired.Watch(entries)
    runs = []
    try:
        for i, system in enumerate(made):
            base = i / len(made)
            share = (lambda words, part, base=base: progress(words, base + part / len(made))) if progress else None
            unaware = systems.twin(system, without[0], _open(without[1], project)) if without else None
            runs.append(await play(system, asked, entries, watch, share, unaware))
        model = await _perplexity(assistant, asked.held_out, entries)
    finally:
        for system in made:
            if isinstance(system, systems.PromptWithFaq):
                await system.engine.close()
        if opened:
            await opened.close()
    return build(project, asked, runs, absent, entries, kb) | {"model": model, "never_said": never_said(assistant, entries)}, runs


def never_said(assistant: Any, entries: Mapping[str, Entry]) -> list[dict[str, str]]:
    """Approved answers that the project's own output rules keep from ever being shown: `{"entry", "rule"}`."""
    guard = getattr(assistant, "guard", None)
    if guard is None:
        return []
    found = ((name, guard.check(entry.answer)) for name, entry in entries.items())
    return [{"entry": name, "rule": hit.id} for name, hit in found if hit is not None]


async def _perplexity(assistant: Any, held_out: Sequence[single.Question], entries: Mapping[str, Entry]) -> dict[str, Any]:
    """How well the model alone foresees the approved answers of held-out questions, without retrieved context; empty where it cannot score."""
    engine, style = getattr(assistant, "engine", None), getattr(assistant, "style", None)
    if engine is None or style is None or "score" not in engine.capabilities or not held_out:
        return {}
    from kefu.engines.prompt import build_messages

    logprobs: list[float] = []
    too_long = 0
    for one in held_out[:PERPLEXITY_QUESTIONS]:
        turns = [{"role": "user", "content": one.text}, {"role": "assistant", "content": entries[str(one.answer_id)].answer}]
        try:
            logprobs += (await engine.score(build_messages(turns, (), style, one.language))).token_logprobs
        except InputError:  # longer than the model's context
            too_long += 1
    return ({"perplexity": metrics.perplexity(logprobs)} if logprobs else {}) | ({"too_long": too_long} if too_long else {})


def evaluate_sync(*args: Any, **kwargs: Any) -> tuple[dict[str, Any], list[Run]]:
    return asyncio.run(evaluate(*args, **kwargs))


def build(project: Loaded, asked: Cases, runs: Sequence[Run], absent: Mapping[str, str], entries: Mapping[str, Entry], kb: Any) -> dict[str, Any]:
    """Assemble the report from recorded outcomes; nothing is asked again."""
    seed = project.settings.seed
    main = runs[0]
    summaries = {run.name: summary(run) for run in runs}
    first = main.outcomes()
    comparisons = []
    for run in runs[1:]:
        if run.name == "oracle":
            continue
        for case, outcomes in run.outcomes().items():
            if outcomes:
                comparisons.append({"system": main.name, "baseline": run.name, "case": case, **statistics.mcnemar(first[case], outcomes)})
    report: dict[str, Any] = {
        "project": project.settings.name,
        "score": summaries[main.name]["scenarios"]["score"],
        **summaries[main.name],
        "scenarios": {**summaries[main.name]["scenarios"], **_breakdown(main.played, asked.own)},
        "text": _text(main, entries),
        "systems": {name: {"note": run.note, **summaries[name]} for name, run in zip(summaries, runs, strict=True)},
        "absent": dict(absent),
        "comparisons": comparisons,
        "timings": _timings(main),
        "signature": {
            "kefu": __version__, "seed": seed, "interval": statistics.LEVEL, "scenarios": len(asked.scenarios), "own_scenarios": asked.own,
            "questions": len(asked.questions), "held_out": len(asked.held_out), "entries": len(entries), "knowledge": str(getattr(kb, "digest", "")),
            "cases": _fingerprint(asked),
            "answers_right_when": "source accepted, or word for word, or the model's text with token F1 >= 0.8, or a passage that holds it",
        },
    }  # fmt: skip
    report["release"] = release.verdict(report, project.settings.eval.release)
    return report


def summary(run: Run) -> dict[str, Any]:
    """The numbers of one system."""
    glitches = [one.undesired for played in run.played for one in played.exchanges if not one.skipped]
    labelled = [(played.scenario.takeover, played.handed_at) for played in run.played if played.scenario.takeover is not None]
    return {
        "scenarios": {
            "score": statistics.share([one.passed for one in run.played], "scenarios"),
            "checks": statistics.clustered_share([one.checks for one in run.played], "checks"),
        },
        "glitch_rate": statistics.clustered_share([one.glitches for one in run.played]),
        "undesired": undesired.count(glitches),
        "takeover": takeover.score(labelled),
        "questions": single.table(run.questions) if run.questions else None,
        "held_out": single.table(run.held_out) if run.held_out else None,
        "errors": sum(bool(one.error) for one in run.played) + sum(one.outcome == "error" for one in (*run.questions, *run.held_out)),
    }


def _breakdown(played: Sequence[runner.Played], own: int) -> dict[str, Any]:
    def scores(key: Callable[[runner.Played], str]) -> dict[str, Any]:
        names = sorted({key(one) for one in played})
        return {name: statistics.share([one.passed for one in played if key(one) == name], "scenarios") for name in names}

    kinds = {kind: score for kind in scenarios.KINDS if (score := scores(lambda one: one.scenario.kind).get(kind))}
    parts = {"own": played[:own], "shipped": played[own:]}
    origin = {name: statistics.share([one.passed for one in part], "scenarios") for name, part in parts.items()}
    return {"by_kind": kinds, "by_language": scores(lambda one: one.scenario.language), "by_origin": origin}


def _text(run: Run, entries: Mapping[str, Entry]) -> dict[str, Any]:
    """Text metrics of what was answered, and the choice of entry, over in-scope questions; by language."""
    found: dict[str, Any] = {}
    inside = [one for one in (*run.questions, *run.held_out) if one.question.answer_id in entries]
    for language in sorted({one.question.language for one in inside}):
        said = [one for one in inside if one.question.language == language and one.said is not None and one.said.text and not one.said.turned_away]
        given = [one.said.text for one in said if one.said is not None]
        found[language] = metrics.texts(given, [entries[str(one.question.answer_id)].answer for one in said], language)
    if inside:
        expected = [str(one.question.answer_id) for one in inside]
        found["choice"] = metrics.choices(expected, [_chosen(one) for one in inside])
    return found


def _chosen(one: single.Asked) -> str:
    """The entry answered from; an accepted one counts as the expected one; empty for no answer."""
    if one.outcome == "right":
        return str(one.question.answer_id)
    return one.said.sources[0] if one.said is not None and one.said.sources and not one.said.turned_away else ""


def _timings(run: Run) -> dict[str, Any]:
    values = sorted(one.ms for played in run.played for one in played.exchanges if not one.skipped)
    values = sorted([*values, *(one.ms for one in (*run.questions, *run.held_out))])
    if not values:
        return {}
    at = {name: round(values[min(len(values) - 1, int(part * len(values)))], 1) for name, part in (("p50_ms", 0.5), ("p95_ms", 0.95))}
    return {**at, "n": len(values), "how": f"per reply, {CONCURRENCY} cases at once"}


def _fingerprint(asked: Cases) -> str:
    """What is asked and expected, without where it stands: moving a file changes nothing."""
    played = [
        [one.id, one.kind, one.takeover, one.context, [[turn.say, [[check.name, check.parameters] for check in turn.expect]] for turn in one.turns]]
        for one in asked.scenarios
    ]
    return fingerprint([played, [[one.id, one.text, one.answer_id, one.accept] for one in (*asked.questions, *asked.held_out)]])[:16]


def _open(knowledge: Any, project: Loaded) -> Any:
    if not isinstance(knowledge, str | Path):
        return knowledge
    from kefu.engines import encoder
    from kefu.knowledge import KnowledgeBase

    return KnowledgeBase.load(Path(knowledge), encoder.opener(project.root))
