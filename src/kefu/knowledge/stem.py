"""A light English stemmer: enough to join `cancelled`, `cancelling` and `cancellation`, small enough to read.

Stems are never shown. Over-joining is worse than under-joining here (`order`/`orderly` may differ, `bill`/`billion`
may not meet), so only the endings that inflect support vocabulary are cut.
"""

from __future__ import annotations

import re
from functools import lru_cache

_IRREGULAR = {
    "bought": "buy", "paid": "pay", "sent": "send", "lost": "lose", "forgot": "forget", "forgotten": "forget", "got": "get", "gotten": "get",
    "made": "make", "went": "go", "gone": "go", "took": "take", "taken": "take", "gave": "give", "given": "give", "broke": "break", "broken": "break",
    "chose": "choose", "chosen": "choose", "stolen": "steal", "stole": "steal", "spent": "spend", "sold": "sell", "told": "tell", "kept": "keep",
    "left": "leave", "held": "hold", "men": "man", "people": "person", "children": "child", "does": "do", "did": "do", "done": "do", "has": "have",
    "had": "have", "was": "be", "were": "be", "is": "be", "are": "be", "am": "be", "been": "be", "wrote": "write", "written": "write",
    "came": "come", "became": "become", "began": "begin", "found": "find", "seen": "see", "saw": "see", "thought": "think", "said": "say",
    "knew": "know", "known": "know", "shown": "show", "withdrew": "withdraw", "withdrawn": "withdraw", "ate": "eat", "meant": "mean",
    "felt": "feel", "heard": "hear", "gonna": "go", "wanna": "want",
}  # fmt: skip
_VOWEL = re.compile(r"[aeiouy]")


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The stem of one folded Latin word; words with digits and words of three letters stay as they are."""
    word = _IRREGULAR.get(word, word)
    if len(word) <= 3 or not word.isalpha() or not word.isascii():
        return word
    base = word
    if base.endswith("s") and not base.endswith(("ss", "us", "is")):
        cut = 3 if base.endswith("ies") and len(base) > 4 else 2 if base.endswith(("sses", "shes", "ches", "xes", "zes")) else 1
        base = base[:-cut] + ("y" if cut == 3 else "")
    for ending in ("ization", "isation", "ation", "ing", "ied", "ed", "ate", "ly"):
        rest = base[: -len(ending)]
        least = 5 if ending in ("ation", "ate", "ly") else 3
        if base.endswith(ending) and len(rest) >= least - (ending in ("ed", "ing")) and _VOWEL.search(rest):
            base = rest + ("y" if ending == "ied" else "")
            break
    if base.endswith("at") and len(base) >= 7 and base != word:  # activat(ed)
        base = base[:-2]
    if len(base) > 3 and base[-1] == base[-2] and base[-1] not in "aeious":
        base = base[:-1]
    if len(base) > 3 and base.endswith("e"):
        base = base[:-1]
    if len(base) > 4 and base.endswith("y"):
        base = base[:-1]
    return base
