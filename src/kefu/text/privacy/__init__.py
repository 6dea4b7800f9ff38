"""Personal data in Chinese and English text: found by rule and checksum, masked with consistent placeholders.

`find(text)` gives spans, `mask(text, memory)` a text without them. Recognisers are rows of recognisers.yaml; names and
addresses have rules and word lists of their own.
"""

from kefu.text.privacy.find import find
from kefu.text.privacy.leaving import masked, remote, restored
from kefu.text.privacy.mask import STRUCK, Memory, mask, replacements, strike
from kefu.text.privacy.span import REPORTED_AS, SCANNED, Span
from kefu.text.privacy.table import contact_types, labels, types

__all__ = [
    "REPORTED_AS",
    "SCANNED",
    "STRUCK",
    "Memory",
    "Span",
    "contact_types",
    "find",
    "labels",
    "mask",
    "masked",
    "remote",
    "replacements",
    "restored",
    "strike",
    "types",
]
