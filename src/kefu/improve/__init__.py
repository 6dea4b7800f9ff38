"""From what happened in service to what should change: bad cases, scenario drafts, advice."""

from kefu.improve.advise import advise
from kefu.improve.cases import BadCase, find_cases, write_drafts

__all__ = ["BadCase", "advise", "find_cases", "write_drafts"]
