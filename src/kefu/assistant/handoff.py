"""Who owns a conversation, and when the assistant has tried often enough.

While a conversation is `waiting` the assistant only announces the queue; while it is `human` it is
silent. `release` is the operator's give-back, or the customer's own cancelling while waiting. Records
make the steps atomic; here they are the rules. Without an explicit state (a stateless caller that sends
the whole conversation each time) the state is read from the turns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kefu.assistant.texts import UNANSWERED, Texts
from kefu.conversation import STEPS, Owner, Step, Turn
from kefu.errors import InputError
from kefu.text.normalise import fold
from kefu.text.similarity import jaccard

#: Jaccard of two-character shingles from which a question is the same one again.
_SAME = 0.65


@dataclass(frozen=True, slots=True)
class HandoffState:
    """Who answers now, why a person was called, and how often the owner changed."""

    owner: Owner = "bot"
    reason: str = ""
    version: int = 0

    def on(self, step: Step, reason: str = "") -> HandoffState:
        """The state after a step. Raises InputError for a step that this state does not allow."""
        expected, target = STEPS[step]
        if self.owner not in expected:
            raise InputError(f"cannot {step} this conversation", f"it is with {self.owner}", f"{step} needs {' or '.join(expected)}")
        return HandoffState(target, (reason or self.reason) if target != "bot" else "", self.version + 1)


def from_turns(turns: Sequence[Turn], texts: Texts) -> HandoffState:
    """The state that the turns show: waiting when the assistant's newest words announced a person."""
    last = next((turn.text for turn in reversed(turns) if turn.role == "agent"), "")
    key = texts.known(last)
    return HandoffState("waiting", key.removeprefix("handoff").strip("_") or "person", 1) if texts.waiting(last) else HandoffState()


def same_question(a: str, b: str) -> bool:
    a, b = fold(a), fold(b)
    return bool(a) and (a == b or (min(len(a), len(b)) >= 4 and jaccard(a, b, 2) >= _SAME))


def misses(turns: Sequence[Turn], texts: Texts, dissatisfied: Callable[[str], bool]) -> int:
    """Customer turns in a row, before the newest one, that went unanswered.

    A turn counts when it said that the answer did not help, asked the same again, or got one of the
    texts for `I don't know`. Small talk is passed over; anything else that was answered ends the row.
    """
    pairs = exchanges(turns)
    count = 0
    for i in range(len(pairs) - 1, -1, -1):
        said, answer = pairs[i]
        key = texts.known(answer)
        if texts.waiting(answer) or key == "back":
            break
        if key in UNANSWERED or dissatisfied(said) or any(same_question(said, earlier) for earlier, _ in pairs[:i]):
            count += 1
        elif key not in ("greeting", "thanks", "who", "how", "ok", "sorry", "empty"):
            break
    return count


def exchanges(turns: Sequence[Turn]) -> list[tuple[str, str]]:
    """(customer's words, the answer to them) for every customer turn that got one, oldest first."""
    pairs: list[tuple[str, str]] = []
    said = ""
    for turn in turns:
        if turn.role == "customer":
            said = f"{said}\n{turn.text}" if said else turn.text
        elif turn.role == "agent" and said:
            pairs.append((said, turn.text))
            said = ""
    return pairs
