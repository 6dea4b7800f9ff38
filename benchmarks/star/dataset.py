"""STAR: dialogues recorded between two people, some of them broken off."""

from __future__ import annotations

from kefu.conversation import Conversation
from kefu.data import SupportDataset


class StarDataset(SupportDataset):
    """Quality by how the recording ended, then by the general rule.

    `label`: bad when it was broken off (CompletionLevel is not Complete), else as in `SupportDataset`.
    `human_intervention_idx`: as in `SupportDataset`.
    """

    def label(self, conversation: Conversation) -> str:
        return super().label(conversation) if conversation.outcome == "Complete" else "bad"
