"""Exact and near-duplicate removal, counted and listed, never across different answers."""

from __future__ import annotations

from typing import TypeVar

from kefu.conversation import Conversation
from kefu.data import near
from kefu.data.exclusions import Exclusions
from kefu.data.ledger import Step
from kefu.errors import GateError
from kefu.project.schema import Dedup
from kefu.text.normalise import fold

_ENOUGH = 20  # below this a share says nothing


def exact(conversations: list[Conversation], step: Step, exclusions: Exclusions, settings: Dedup) -> list[Conversation]:
    """Drop conversations whose every turn equals an earlier one's (case, blanks and punctuation aside)."""
    step.into = len(conversations)
    first: dict[tuple[str, ...], str] = {}
    kept = []
    for conversation in conversations:
        key = (conversation.kind, conversation.language, *(f"{turn.role}:{fold(turn.text) or turn.text}" for turn in conversation.turns))
        if key in first:
            _drop(conversation, f"the same as {first[key]}", "exact duplicate", step, exclusions)
        else:
            first[key] = conversation.id
            kept.append(conversation)
    return guarded(kept, step, settings)


def near_duplicates(conversations: list[Conversation], step: Step, exclusions: Exclusions, settings: Dedup) -> list[Conversation]:
    """Drop near-duplicates: FAQ questions within one entry, dialogues as a whole. What differs in a number, a negation
    or a name is another question and stays."""
    step.into = len(conversations)
    gone: dict[int, int] = {}
    if settings.near:
        entries: dict[str, list[int]] = {}
        for i, conversation in enumerate(conversations):
            if not conversation.meta.get("record"):  # records of one template are alike in every word that is not theirs
                entries.setdefault(_comparable(conversation), []).append(i)
        for members in entries.values():
            texts = [_text(conversations[i]) for i in members]
            for a, b, _ in near.pairs(texts, settings.threshold):
                i, j = members[a], members[b]
                if i not in gone and j not in gone and near.same_meaning(texts[a], texts[b]):
                    gone[j] = i
    kept = []
    for i, conversation in enumerate(conversations):
        if i in gone:
            _drop(conversation, f"nearly the same as {conversations[gone[i]].id}", "near-duplicate", step, exclusions)
        else:
            kept.append(conversation)
    return guarded(kept, step, settings)


def _comparable(conversation: Conversation) -> str:
    """Conversations with the same key may be near-duplicates: never two with different answers."""
    if conversation.kind == "dialogue":
        return f"dialogue:{conversation.language}"
    answer = conversation.answer_id if conversation.kind == "faq" else fold(conversation.turns[-1].text)
    return f"{conversation.kind}:{answer}"


def _text(conversation: Conversation) -> str:
    return conversation.turns[0].text if conversation.kind == "faq" else conversation.text()


def _drop(conversation: Conversation, why: str, reason: str, step: Step, exclusions: Exclusions) -> None:
    step.dropped[reason] += 1
    text = f"({why}) {conversation.text()}"
    exclusions.drop("conversations", conversation.id.split(":", 1)[0], conversation.source, reason, text, step.name)


Kept = TypeVar("Kept")


def guarded(kept: list[Kept], step: Step, settings: Dedup) -> list[Kept]:
    """What a step keeps, counted. Raises GateError when it would drop more than `data.dedup.max_drop_share`."""
    step.kept = len(kept)
    dropped = step.into - step.kept
    if step.into >= _ENOUGH and dropped > step.into * settings.max_drop_share:
        raise GateError(
            f"{step.name} would drop {dropped} of {step.into} {step.unit}", f"data.dedup.max_drop_share is {settings.max_drop_share:g}",
            "look at the source (was it exported twice?), or raise the limit", layer="data",
        )  # fmt: skip
    return kept
