"""Plays scenarios and questions to a system: turn by turn, with the system's own replies as history.

An exception or a timeout in the system fails that case and is recorded; it never stops the evaluation. Results come back in
the order of the cases whatever the concurrency, so the same system gives the same report.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from kefu.conversation import Context, Conversation, Turn
from kefu.evals import checks, takeover, undesired
from kefu.evals.answers import Entry
from kefu.evals.said import Said
from kefu.evals.scenarios import Ask, Scenario
from kefu.text.language import detect

Report = Callable[[str, float], None]
T = TypeVar("T")
R = TypeVar("R")


class System(Protocol):
    """Anything that answers. `wanted` is the case's label: only an oracle may look at it."""

    name: str

    async def answer(self, conversation: Conversation, wanted: Any) -> Said: ...


@dataclass
class Exchange:
    """One customer turn with its reply, its findings and what was undesired in it."""

    say: str
    said: Said | None = None
    findings: list[checks.Finding] = field(default_factory=list)
    undesired: list[str] = field(default_factory=list)
    error: str = ""
    ms: float = 0.0
    skipped: str = ""  # why the turn was not played, if it was not

    def as_dict(self) -> dict[str, Any]:
        return {
            "customer": self.say, "reply": self.said.as_dict() if self.said else None, "findings": [one.as_dict() for one in self.findings],
            "undesired": self.undesired, "error": self.error, "skipped": self.skipped, "ms": round(self.ms, 1),
        }  # fmt: skip


@dataclass
class Played:
    """A scenario as it went. `handed_at`: the first turn answered with a hand-over, or None."""

    scenario: Scenario
    exchanges: list[Exchange]
    handed_at: int | None
    outcome: str  # take-over outcome, empty when not labelled

    @property
    def error(self) -> str:
        return next((one.error for one in self.exchanges if one.error), "")

    @property
    def checks(self) -> list[bool]:
        """Every check that counts; turns never reached because of an early hand-over or an error count as failed."""
        return [finding.passed for one in self.exchanges for finding in one.findings]

    @property
    def passed(self) -> bool:
        return not self.error and all(self.checks) and self.outcome in ("", *takeover.RIGHT)

    @property
    def glitches(self) -> list[bool]:
        return [bool(one.undesired) for one in self.exchanges if not one.skipped]

    def as_dict(self) -> dict[str, Any]:
        scenario = self.scenario
        return {
            "case": "scenario", "id": scenario.id, "kind": scenario.kind, "language": scenario.language, "source": scenario.source,
            "passed": self.passed, "takeover": self.outcome, "handed_at": self.handed_at, "error": self.error,
            "reasons": self.reasons(), "turns": [one.as_dict() for one in self.exchanges],
        }  # fmt: skip

    def reasons(self) -> list[str]:
        """Why it failed, one line each."""
        lines = [f"turn {i}: {one.error}" for i, one in enumerate(self.exchanges) if one.error]
        lines += [
            f"turn {i}: {finding.check}: {finding.explanation}"
            for i, one in enumerate(self.exchanges)
            for finding in one.findings
            if not finding.passed
        ]
        if self.outcome and self.outcome not in takeover.RIGHT:
            lines.append(f"take-over {self.outcome}")
        return lines


async def gather(items: Sequence[T], work: Callable[[T], Awaitable[R]], concurrency: int, done: Callable[[int], None] | None = None) -> list[R]:
    """Run `work` on all items, at most `concurrency` at once; results in the order of the items."""
    results: list[Any] = [None] * len(items)
    queue = iter(enumerate(items))
    finished = 0

    async def worker() -> None:
        nonlocal finished
        for i, item in queue:
            results[i] = await work(item)
            finished += 1
            if done:
                done(finished)

    await asyncio.gather(*(worker() for _ in range(min(concurrency, len(items)))))
    return results


async def ask(system: System, conversation: Conversation, wanted: Any, timeout_s: float) -> tuple[Said | None, str, float]:
    """One reply: (what was said, error, milliseconds)."""
    started = time.perf_counter()
    try:
        reply = await asyncio.wait_for(system.answer(conversation, wanted), timeout_s)
        return reply, "", (time.perf_counter() - started) * 1000
    except TimeoutError:
        error = f"no reply within {timeout_s:g} s"
    except Exception as fault:  # noqa: BLE001 - whatever the assistant raises is its failure, not the evaluation's
        error = f"{type(fault).__name__}: {fault}"
    return None, error, (time.perf_counter() - started) * 1000


async def play(system: System, scenario: Scenario, entries: Mapping[str, Entry], watch: undesired.Watch, timeout_s: float) -> Played:
    """Play one scenario. After a hand-over a person owns the conversation, so the turns that follow are not played."""
    context = Context(**scenario.context)
    conversation = Conversation(id=scenario.id, turns=[], language=scenario.language, context=context)
    exchanges: list[Exchange] = []
    handed_at: int | None = None
    stopped = ""
    for i, turn in enumerate(scenario.turns):
        exchange = Exchange(turn.say)
        exchanges.append(exchange)
        if stopped:
            exchange.skipped = stopped
            if not _rightly_over(scenario, exchanges, handed_at):
                exchange.findings = [checks.Finding(one.name, False, f"not reached: {stopped}") for one in turn.expect]
            continue
        conversation.turns.append(Turn("customer", turn.say))
        exchange.said, exchange.error, exchange.ms = await ask(system, conversation, turn, timeout_s)
        if exchange.said is None:
            exchange.undesired = ["error"]
            stopped = f"error at turn {i}"
            continue
        _judge(exchange, exchange.said, turn, conversation, scenario, entries, watch)
        conversation.turns.append(Turn("agent", exchange.said.text))
        if exchange.said.handoff:
            handed_at, stopped = i, f"handed over at turn {i}"
    outcome = takeover.outcome(scenario.takeover, handed_at)
    _blame(outcome, scenario, exchanges, handed_at)
    return Played(scenario, exchanges, handed_at, outcome)


def _judge(
    exchange: Exchange, reply: Said, turn: Ask, conversation: Conversation,
    scenario: Scenario, entries: Mapping[str, Entry], watch: undesired.Watch,
) -> None:  # fmt: skip
    language = detect(turn.say, scenario.language)
    moment = checks.Moment(reply, conversation, entries, language)
    exchange.findings = [checks.run(one, moment) for one in turn.expect]
    named = watch.see(reply, conversation, language if language in undesired.MAX_CHARS else scenario.language)
    expects_answer = any(one.name in {"answer_id", "contains", "answered"} for one in turn.expect)
    right_again = any(finding.passed and finding.check in {"answer_id", "contains"} for finding in exchange.findings)
    if "repeated_itself" in named and (reply.tier == "rule" or right_again) and not undesired.loops(reply.text):
        named.remove("repeated_itself")  # the same question asked in other words, or a courtesy: saying it again is right
    for one, finding in zip(turn.expect, exchange.findings, strict=True):
        if not finding.passed:
            named.append(undesired.of_check(finding, reply, scenario.kind, expects_answer, one.parameters))
    exchange.undesired = list(dict.fromkeys(named))


def _blame(outcome: str, scenario: Scenario, exchanges: list[Exchange], handed_at: int | None) -> None:
    """Put a wrong take-over on the reply that showed it."""
    name = {"early": "needless_handoff", "needless": "needless_handoff", "late": "missed_handoff", "missed": "missed_handoff"}.get(outcome)
    at = handed_at if name == "needless_handoff" else scenario.takeover
    if name is None or at is None or exchanges[at].skipped:
        return
    if name not in exchanges[at].undesired:
        exchanges[at].undesired.append(name)


def _rightly_over(scenario: Scenario, exchanges: list[Exchange], handed_at: int | None) -> bool:
    """What follows a hand-over is a person's business when it was labelled, or when its own turn allowed it."""
    if handed_at is None:
        return False
    if scenario.takeover is not None:
        return 0 <= scenario.takeover <= handed_at
    allowed = exchanges[handed_at].findings
    return any(one.check in {"handoff", "refused_or_handoff"} for one in allowed) and all(one.passed for one in allowed)


async def play_all(
    system: System, scenarios: Sequence[Scenario], entries: Mapping[str, Entry], watch: undesired.Watch,
    *, concurrency: int = 8, timeout_s: float = 30.0, done: Callable[[int], None] | None = None,
) -> list[Played]:  # fmt: skip
    return await gather(scenarios, lambda one: play(system, one, entries, watch, timeout_s), concurrency, done)
