"""Personal data in Chinese and English text: found by rule and checksum, masked with consistent placeholders.

`find(text)` gives spans, `mask(text, memory)` a text without them. Recognisers are rows of recognisers.yaml.
"""

from kefu.text.privacy.find import Span, contact_types, find, labels
from kefu.text.privacy.mask import Memory, mask, replacements

__all__ = ["Memory", "Span", "contact_types", "find", "labels", "mask", "replacements"]
