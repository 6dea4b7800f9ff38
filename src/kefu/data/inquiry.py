"""Is a thing only asked about? 投诉电话是多少 is no complaint and 人工几点上班 asks for nobody, but 我要投诉 and 能转人工吗 do."""

from __future__ import annotations

import re

from kefu.data.words import lexicon

_SENTENCE = re.compile(r"[。！？!?；;\n]|(?<=[a-z])\.(?=\s|$)")
_REACH = 120  # characters of a sentence that are looked at on either side
#: Of these the channel is that they are only supposed (如果着火), which needs no question.
_SUPPOSED = frozenset(["money_loss", "danger", "damage"])
_LOUD = re.compile(r"[!！]")


def only_asked(sign: str, text: str, at: int) -> bool:
    """Is what begins at character `at` and shows the sign only asked about, in a calm voice? `sign`: a name of lexicon.yaml.

    Its sentence must ask, speak of a thing to ask for (`channel.` of the sign) and hold no wish, threat or reproach (`meant`). Who says
    what he works as (我是律师) asks for no law; a loss that is only supposed (如果被盗刷) needs no question.
    """
    words = lexicon()
    channel = words.get(f"channel.{sign}")
    if channel is None:
        return False
    start = max((match.end() for match in _SENTENCE.finditer(text, max(0, at - _REACH), at)), default=max(0, at - _REACH))
    stop = _SENTENCE.search(text, at, at + _REACH)
    sentence = text[start : stop.end() if stop else at + _REACH]
    if sign == "legal" and words["profession"].search(sentence):
        return True
    if words["meant"].search(sentence) or not channel.search(sentence) or _LOUD.search(sentence):
        return False
    return sign in _SUPPOSED or words["inquiry"].search(sentence) is not None
