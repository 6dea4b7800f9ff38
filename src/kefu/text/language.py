"""Which language a short support text is in. Counted by script, because a turn has a dozen characters."""

from __future__ import annotations

import re

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7af]")
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ɏ]+(?:'[a-z]+)?")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")


def detect(text: str, default: str = "und") -> str:
    """`zh`, `en` (any Latin-script text), `ja`, `ko`, `ru`, or `default` when nothing tells.

    A Han character weighs about as much as half a word, so "我的 API key 不能用" is Chinese.
    """
    han = len(_HAN.findall(text))
    kana = len(_KANA.findall(text))
    if kana and kana * 4 >= han:
        return "ja"
    if _HANGUL.search(text) and len(_HANGUL.findall(text)) > han:
        return "ko"
    latin = len(_LATIN_WORD.findall(text))
    if han and han >= latin:
        return "zh"
    cyrillic = len(_CYRILLIC.findall(text))
    if cyrillic > 3 * latin and cyrillic:
        return "ru"
    if latin:
        return "en"
    return "zh" if han else default
