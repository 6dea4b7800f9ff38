"""云极 CloudMax: what a good conversation is, and when a person should take over."""

from __future__ import annotations

import re

from kefu.conversation import Conversation
from kefu.data import SupportDataset, signals

_VIP_WORDS = re.compile(r"企业版|enterprise", re.IGNORECASE)
_URGENT = re.compile(r"急|马上|尽快|today|urgent|asap|right now|deadline", re.IGNORECASE)


class CloudMaxDataset(SupportDataset):
    """The support desk of CloudMax.

    `label`, in this order:
        bad     the customer gave 1 or 2 stars, or the ticket was escalated (转技术, escalated, transferred), or the rule of
                `SupportDataset` says bad
        good    4 or 5 stars
        fair    the customer left (abandoned), or the rule of `SupportDataset` says fair
        good    everything else

    `human_intervention_idx`: as in `SupportDataset`, and earlier: an Enterprise customer in a hurry, or a Box that lost data,
    is worth a person at the first word.
    """

    def label(self, conversation: Conversation) -> str:
        stars = str(conversation.meta.get("satisfaction", ""))
        if stars in ("1", "2") or conversation.outcome in ("转技术", "escalated", "transferred"):
            return "bad"
        rule = super().label(conversation)
        if rule == "bad":
            return "bad"
        if stars in ("4", "5"):
            return "good"
        return "fair" if conversation.outcome == "abandoned" else rule

    def needs_person(self, conversation: Conversation, index: int) -> bool:
        text = conversation.turns[index].text
        if signals.has("money_loss", text) or (_VIP_WORDS.search(text) and _URGENT.search(text)):
            return True
        return super().needs_person(conversation, index)
