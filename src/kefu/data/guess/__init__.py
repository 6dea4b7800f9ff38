"""Look at a file nobody has described yet and say which source it would make, how sure that is, and what speaks against it."""

from __future__ import annotations

from kefu.data.guess.into import append, home, placed
from kefu.data.guess.propose import UNSURE, Proposal, propose

__all__ = ["UNSURE", "Proposal", "append", "home", "placed", "propose"]
