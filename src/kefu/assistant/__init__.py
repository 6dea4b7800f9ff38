"""The customer-service chain: guard, FAQ, documents, model, person; a receipt for each reply. Knows no HTTP."""

from kefu.assistant.chain import Assistant
from kefu.assistant.handoff import HandoffState
from kefu.assistant.reply import ALL, TIERS, Piece, Receipt, Reply

__all__ = ["ALL", "TIERS", "Assistant", "HandoffState", "Piece", "Receipt", "Reply"]
