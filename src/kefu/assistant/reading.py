"""How much of a conversation is read: the newest turns, and of a long turn its two ends.

A caller may send hundreds of turns of any length, and normalising can make a text eighteen times as long (`ﷺ`). What a reply costs
must not depend on that, so everything after this step sees a bounded conversation; the notes say what was left out.
"""

from __future__ import annotations

from dataclasses import replace

from kefu.conversation import Conversation, Turn
from kefu.text.disguise import bounded, folded_size

#: A turn longer than this, as written or normalised, is read at both ends. Characters.
MAX_CHARS = 8000
#: Of which so many from its end.
TAIL = 2000
#: Characters, as written or normalised, of all turns that are read; the newest come first.
MAX_TOTAL = 16_000
#: Turns that are read at most, the newest.
MAX_TURNS = 40


def readable(conversation: Conversation) -> tuple[Conversation, list[str]]:
    """The part of a conversation that is read, and a note for everything that is not. The first system turn stays."""
    turns = conversation.turns
    kept: list[Turn] = []
    notes: list[str] = []
    total = 0
    for turn in reversed(turns[-MAX_TURNS:]):
        text, note = ends(turn.text)
        total += folded_size(text)
        if kept and total > MAX_TOTAL:
            break
        if note and turn.role == "customer":
            notes.append(note)
        kept.append(turn if text is turn.text else Turn(turn.role, text, turn.at))
    if len(kept) < len(turns):
        notes.append(f"read the last {len(kept)} of {len(turns)} turns")
        system = next((turn for turn in turns[: -len(kept)] if turn.role == "system"), None)
        if system is not None:
            kept.append(Turn("system", ends(system.text)[0], system.at))
    elif not notes:
        return conversation, notes
    return replace(conversation, turns=kept[::-1]), notes


def ends(text: str) -> tuple[str, str]:
    """The text, or its two ends when it is too long as written or once normalised; and the note that says so."""
    if len(text) * 18 <= MAX_CHARS or (len(text) <= MAX_CHARS and folded_size(text) <= MAX_CHARS):
        return text, ""
    head = bounded(text, MAX_CHARS - TAIL - 1)  # and the line end between
    tail = bounded(text[max(len(head), len(text) - TAIL) :][::-1], TAIL)[::-1]
    return f"{head}\n{tail}", f"read the first {len(head)} and the last {len(tail)} of {len(text)} characters"
