"""The rules by which a conversation is labelled: its quality, and where a person must take over. Apart from `dataset`, because a build that
labels by these rules alone needs no torch, which takes longer to load than a thousand conversations to build.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kefu.conversation import Context, Conversation
from kefu.data import signals
from kefu.data.lines import ConversationFile
from kefu.errors import InputError

#: Signs (lexicon.yaml) that call for a person whenever the customer shows them, and those that do only after an answer.
_AT_ONCE = ("danger", "asks_person", "complaint", "legal", "money_loss", "damage")
_AFTER_AN_ANSWER = ("unresolved", "fed_up", "contradicted")


class SupportDataset:
    """Support conversations with a quality label and the point where a person must take over.

    `label`: quality of a conversation.
        bad     the customer complains, or says at the end that nothing helped, or an agent could not answer twice
        fair    a question stays unanswered, or a speaker repeats himself, or the tone is bad but the end is not
        good    everything else
    An FAQ pair is `good`, or `fair` when the company contradicts itself on it (flag `contradiction`).

    `human_intervention_idx`: index of the first customer turn at which a person should take over, told from that
    turn and those before it only: somebody is in danger or hurt; the customer asks for a person, complains, names the law,
    lost money or had something spoilt, speaks of harming himself or others, or after an answer says that it still does not
    work or that he was told otherwise before, asks the same thing again or is fed up.
    Asking for a channel in a calm voice (投诉电话是多少) is none of it.
    """

    #: Best first; what people may choose on the labelling page, unless `data.labels.scale` of kefu.yaml names others. The last is low quality.
    labels: tuple[str, ...] = ("good", "fair", "bad")

    def __init__(self, conversations: Sequence[Conversation]) -> None:
        self.conversations = conversations if isinstance(conversations, Sequence) else list(conversations)

    @classmethod
    def from_file(cls, path: str | Path) -> SupportDataset:
        """Over conversations.jsonl, each item read from the file when asked for.

        Raises InputError for a missing file, and when a damaged row is asked for.
        """
        file = Path(path)
        if not file.is_file():
            raise InputError(f"no conversations at {file}", "the file does not exist", "run `kefu data build` first")
        return cls(ConversationFile(file))

    def __len__(self) -> int:
        return len(self.conversations)

    def __getitem__(self, index: int) -> Conversation:
        return self.conversations[index]

    def get_context(self, index: int) -> Context:
        """What is known beside the words: customer facts, tools, pictures, scripts."""
        return self.conversations[index].context

    def label(self, conversation: Conversation) -> str:
        """One of `labels`; the rule stands in the docstring of the class."""
        if conversation.kind != "dialogue":
            return "fair" if "contradiction" in conversation.flags else "good"
        turns = conversation.turns
        customer = [turn.text for turn in turns if turn.role == "customer"]
        if not customer:
            return "fair"
        last = customer[-1]
        could_not = sum(turn.role == "agent" and signals.has("cannot_answer", turn.text) for turn in turns)
        if any(signals.has(sign, text) for text in customer for sign in ("complaint", "legal")) or signals.still_fails(turns) or could_not >= 2:
            return "bad"
        angry = any(signals.sentiment(text) < 0 for text in customer)
        if angry or signals.unanswered(turns) or signals.repetition(turns, "customer") or signals.repetition(turns, "agent"):
            return "good" if angry and signals.sentiment(last) > 0 else "fair"
        return "good"

    def human_intervention_idx(self, conversation: Conversation) -> int | None:
        """Index into `turns`, or None when no person is needed. Never looks at later turns."""
        if conversation.kind != "dialogue":
            return None
        for i, turn in enumerate(conversation.turns):
            if turn.role == "customer" and self.needs_person(conversation, i):
                return i
        return None

    def needs_person(self, conversation: Conversation, index: int) -> bool:
        """Should a person take over when the customer says turn `index`? Sees only turns up to it."""
        past = conversation.turns[: index + 1]
        text = past[-1].text
        if any(signals.has(sign, text) for sign in _AT_ONCE):
            return True
        if {"self_harm", "threat"} & set(signals.sensitive(text)):
            return True
        answered = any(turn.role == "agent" for turn in past)
        again = signals.repeats(past, index)
        return answered and (any(signals.has(sign, text) for sign in _AFTER_AN_ANSWER) or (again and not signals.has("positive", text)))
