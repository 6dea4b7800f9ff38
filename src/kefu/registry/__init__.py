"""`models.yaml`: what exists, how it was made, how to make it again. Never loads weights."""

from kefu.registry.entry import STAGES, Entry, Gate
from kefu.registry.registry import FILE_NAME, Registry

__all__ = ["FILE_NAME", "STAGES", "Entry", "Gate", "Registry"]
