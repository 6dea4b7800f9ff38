"""`SupportDataset`: the per-customer dataset class, a torch Dataset with the rules of `rules`.

A project subclasses it in a file of its own (`data.dataset_class: dataset.py:CloudMaxDataset`) and writes its
rule of quality and of taking over into `label` and `human_intervention_idx`, with the rule in the docstring.
"""

from __future__ import annotations

from typing import Any

from kefu.conversation import Conversation
from kefu.data import rules

try:
    from torch.utils.data import Dataset
except ImportError:  # a map-style dataset needs no torch; with torch installed it is a true torch Dataset

    class Dataset:  # type: ignore[no-redef]
        """Stands in for torch.utils.data.Dataset where torch is not installed."""

        def __class_getitem__(cls, item: Any) -> Any:
            return cls


class SupportDataset(rules.SupportDataset, Dataset[Conversation]):
    __doc__ = rules.SupportDataset.__doc__  # the rule, which stands in the card
