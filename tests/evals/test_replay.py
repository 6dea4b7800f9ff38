import asyncio
from pathlib import Path
from typing import Any

import pytest

from kefu.conversation import Conversation
from kefu.evals import runner, scenarios, undesired
from kefu.evals.said import Said


class Plain:
    """Says what it is told to, and keeps what it saw."""

    name = "plain"

    def __init__(self, *replies: Said | Exception | float) -> None:
        self.replies, self.seen = list(replies), []  # type: list[Any], list[list[dict[str, str]]]

    async def answer(self, conversation: Conversation, wanted: Any) -> Said:
        self.seen.append(conversation.messages())
        reply = self.replies[(len(conversation.turns) - 1) // 2]
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, float):
            await asyncio.sleep(reply)
            return Said("late")
        return reply


def scenario(tmp_path: Path, *expects: str, takeover: str = "", kind: str = "new_customer") -> scenarios.Scenario:
    turns = "".join(f"    - {{say: 第{i}问, expect: [{expect}]}}\n" for i, expect in enumerate(expects))
    label = f"  takeover: {takeover}\n" if takeover else ""
    (tmp_path / "s.yaml").write_text(f"- id: s\n  kind: {kind}\n  language: zh\n{label}  turns:\n{turns}", "utf-8")
    return scenarios.load_scenarios([tmp_path / "s.yaml"])[0]


def play(system: Any, one: scenarios.Scenario, timeout_s: float = 5) -> runner.Played:
    return asyncio.run(runner.play(system, one, {}, undesired.Watch({}), timeout_s))


YES = "{check: answered, is: true}"
NO = "{check: handoff, is: false}"


def test_its_own_replies_are_the_history(tmp_path: Path) -> None:
    system = Plain(Said("一"), Said("二"))
    played = play(system, scenario(tmp_path, YES, YES))
    assert played.passed
    assert [message["content"] for message in system.seen[1]] == ["第0问", "一", "第1问"]


def test_an_exception_fails_the_scenario_and_nothing_else(tmp_path: Path) -> None:
    played = play(Plain(Said("一"), RuntimeError("engine died"), Said("三")), scenario(tmp_path, YES, YES, YES))
    assert (played.passed, played.error) == (False, "RuntimeError: engine died")
    assert played.exchanges[1].undesired == ["error"]
    assert played.exchanges[2].skipped == "error at turn 1"
    assert played.checks == [True, False]  # the turn that was never reached counts as failed
    assert "turn 1: RuntimeError: engine died" in played.reasons()


def test_a_timeout_is_an_error(tmp_path: Path) -> None:
    played = play(Plain(1.0), scenario(tmp_path, YES), timeout_s=0.05)
    assert played.error == "no reply within 0.05 s"


def test_cancelling_the_evaluation_is_not_the_assistants_error(tmp_path: Path) -> None:
    async def main() -> None:
        task = asyncio.create_task(runner.play(Plain(5.0), scenario(tmp_path, YES), {}, undesired.Watch({}), 10))
        await asyncio.sleep(0.05)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())


def test_after_a_needless_handover_the_rest_counts_as_failed(tmp_path: Path) -> None:
    played = play(Plain(Said("转人工", handoff=True), Said("二")), scenario(tmp_path, "{check: language, is: zh}", YES, takeover="null"))
    assert (played.outcome, played.handed_at, played.passed) == ("needless", 0, False)
    assert played.exchanges[0].undesired == ["needless_handoff"]
    assert played.checks == [True, False]
    assert played.glitches == [True]  # a turn that was not played is no reply


def test_after_the_labelled_handover_the_rest_is_a_persons_business(tmp_path: Path) -> None:
    played = play(
        Plain(Said("一"), Said("转", handoff=True), Said("x")), scenario(tmp_path, YES, "{check: handoff, is: true}", YES, takeover="{at: 1}")
    )
    assert (played.outcome, played.passed, played.checks) == ("on_time", True, [True, True])


def test_a_missed_handover_is_put_on_the_labelled_turn(tmp_path: Path) -> None:
    played = play(Plain(Said("一"), Said("二"), Said("三")), scenario(tmp_path, YES, YES, YES, takeover="{at: 1}"))
    assert (played.outcome, played.passed) == ("missed", False)
    assert [one.undesired for one in played.exchanges] == [[], ["missed_handoff"], []]


def test_a_late_handover(tmp_path: Path) -> None:
    played = play(
        Plain(Said("一"), Said("二"), Said("转", handoff=True)), scenario(tmp_path, YES, YES, "{check: handoff, is: true}", takeover="{at: 1}")
    )
    assert played.outcome == "late"
    assert played.reasons() == ["take-over late"]


def test_an_allowed_handover_ends_an_unlabelled_scenario(tmp_path: Path) -> None:
    away = "{check: refused_or_handoff, is: true}"
    played = play(Plain(Said("转", handoff=True), Said("x")), scenario(tmp_path, away, away, kind="out_of_scope"))
    assert (played.passed, played.checks) == (True, [True])


def test_concurrency_changes_nothing_and_is_bounded(tmp_path: Path) -> None:
    running, most = 0, 0

    class Slow:
        name = "slow"

        async def answer(self, conversation: Conversation, wanted: Any) -> Said:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.001 * (hash(conversation.id) % 5))
            running -= 1
            return Said(f"答{conversation.last_customer_turn()}")

    many = [scenarios.Scenario(f"s{i}", "new_customer", "zh", scenario(tmp_path, YES, NO).turns) for i in range(30)]

    def results(concurrency: int) -> list[dict[str, Any]]:
        played = asyncio.run(runner.play_all(Slow(), many, {}, undesired.Watch({}), concurrency=concurrency))
        for one in played:
            for exchange in one.exchanges:
                exchange.ms = 0
        return [one.as_dict() for one in played]

    assert results(1) == results(7)
    assert most == 7
