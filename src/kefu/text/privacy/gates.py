"""One gate before the patterns of names, addresses and recognisers: a text is read once for what any of them needs."""

from kefu.text.gate import Gates

GATES = Gates()
gated = GATES.add
