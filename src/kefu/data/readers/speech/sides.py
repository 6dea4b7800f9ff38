"""Who of two anonymous voices works for the company: by what people at a desk say. Labels such as SPEAKER_00 mean another person in each call."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

_ANONYMOUS = re.compile(
    r"(?:speaker|spk|spkr|ch|channel|voice|participant|person|说话人|发言人|讲话人|声道|角色)?[\s_\-#:]*(?:\d{1,3}|[A-H])|guest[-_ ]?\d+",
    re.IGNORECASE,
)
_DESK = re.compile(
    r"thank(?:s| you) for (?:calling|contacting|holding|waiting)|how (?:can|may) i help|my name is \w+,? (?:how|and how)|"
    r"may i have your|can i have your|could you (?:give|confirm|verify|provide)|let me (?:check|look|pull)|i(?:'ll| will) (?:check|"
    r"look into|transfer)|"
    r"is there anything else|your account|on our (?:end|side)|"
    r"很高兴为您|为您服务|请问有什么(?:可以|能)?帮|感谢(?:您的)?(?:来电|致电|等待)|工号|这边(?:帮|给|为)您|我(?:帮|给|为)您(?:查|看|登记|处理|转接)|"
    r"请您(?:提供|稍等|核对|报)|麻烦您(?:提供|报)|还有(?:其他|别的)(?:问题|需要)|祝您|给您带来(?:的)?不便|请稍等",
    re.IGNORECASE,
)


@dataclass
class Told:
    """roles by speaker; empty where the names of the speakers say more. by: what told."""

    roles: dict[str, str] = field(default_factory=dict)
    by: str = ""


def told(talk: Sequence[tuple[str, str]]) -> Told:
    """The sides of one call: who uses a desk's phrases most is the agent, the others are customers; else who speaks first answers the telephone."""
    speakers = list(dict.fromkeys(who for who, _ in talk))
    if len(speakers) < 2 or not all(_ANONYMOUS.fullmatch(who) for who in speakers):
        return Told()
    phrases = Counter[str]()
    for who, text in talk:
        phrases[who] += len(_DESK.findall(text))
    ranked = phrases.most_common(2)
    best, by = (ranked[0][0], "phrases") if ranked[0][1] and (len(ranked) < 2 or ranked[0][1] > ranked[1][1]) else (speakers[0], "who speaks first")
    return Told({who: "agent" if who == best else "customer" for who in speakers}, by)
