"""The stages in order, each skipped when what it would make is there already."""

from kefu.pipeline.run import Outcome, StageResult, run
from kefu.pipeline.state import current, open_assistant

__all__ = ["Outcome", "StageResult", "current", "open_assistant", "run"]
