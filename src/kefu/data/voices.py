"""Who senders are that no name gives away (1, 2, 3, `T`), told by what they say: with how sure that is, and why.

Customers ask and report; a desk greets, thanks, asks for details and promises; a bot offers menus; the software says who came and went. Who
speaks first counts little: desks greet first, bots come before both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from kefu.data import signals, steps

CLEAR = 0.8  # at least so sure is a side proposed; below it a person must say
_MACHINE = 0.6  # menus and notices are told by their words alone
_HALF = 0.5
_SOME = 0.35  # bots say more than menus
_SUREST = 0.95
_GAP = 0.5  # shares apart at which nothing more is gained

_DESK = re.compile(
    r"您好|很?高兴为您|为您(?:服务|查|登记|处理|转接|核实|安排)|尊敬的|感谢您|谢谢您的|(?:请|麻烦|烦请)您|请(?:稍等|提供|先|立即|确认|核对|重启|检查|联系|留意|放心)|"
    r"抱歉|给您|帮您|已(?:为|帮|给)?您?(?:登记|记录|转|处理|核实|安排|提交|办理)|祝您|欢迎(?:光临|咨询|致电)|建议(?:您|先)|工号|不便|收到[,，。]|还有(?:其他|什么)|"
    r"\b(?:thank(?:s| you) for (?:your|calling|contacting|writing|waiting|reaching|holding)|sorry (?:for|to hear|about)|apologi[sz]e|"
    r"how (?:can|may) i (?:help|assist)|(?:happy|glad) to help|may i have your|"
    r"(?:can|could) you (?:please )?(?:confirm|provide|verify|send|tell|share)|"
    r"please (?:try|check|send|provide|confirm|allow|wait|note|hold|contact|restart)|let me (?:check|look|see)|(?:we|i)(?:'ll| will| have|'ve) "
    r"(?:check|look|transfer|send|refund|process|get back|forward|escalate|let you|issued?|noted)|(?:we|our team) (?:can|are|is|offer)|you can |"
    r"your (?:account|order|ticket|request|refund|case)|anything else|best regards|kind regards|case \d+|customer (?:support|service))",
    re.IGNORECASE,
)
_CUSTOMER = re.compile(
    r"我(?:的|家|买|要|想|们?这|刚|昨天|今天|这)|俺|咋|怎么|为(?:什么|啥)|啥|请问|在吗|有人吗|你们|能不能|可不可以|多久|多少(?:钱|天|度)?|"
    r"(?:坏|漏|断|卡|丢|错)了|不(?:能用|工作|行|动|亮|转|出)|没(?:反应|收到|人)|什么时候|好的?谢谢|急|投诉|退(?:款|货)|"
    r"\b(?:i (?:can't|cannot|want|need|bought|ordered|have|am|tried|still|would)|i'm|"
    r"i've|my |is there|can i|do you|does it|why|how (?:do|long|much|can) (?:i|it|does)?|"
    r"doesn't|not working|broken|still waiting|where is|when will|hello\??$|thanks?\b)",
    re.IGNORECASE,
)
_MENU = re.compile(
    r"(?:回复|输入|按|发送)(?:数字|序号|编号|\s?[「\"“]?\d)|请选择(?:[:：]|您)|[1１][.、:：)）\s].{1,30}[2２][.、:：)）\s]|转人工请|智能(?:助手|客服|机器人)|机器人|自助(?:服务|查询)|"
    r"\b(?:(?:i'm|i am) (?:a|the|your) (?:virtual|automated|digital)|virtual assistant|"
    r"chat ?bot|type (?:\"?\w+\"? )?(?:to|for)|press \d|reply with \d|choose (?:one|an option))",
    re.IGNORECASE | re.DOTALL,
)
_ASIDE = re.compile(r"^\W{0,2}(?:内部|备注|跟进|交接|internal|note|fyi|private note)\W?\s*(?:[:：|]|note)", re.IGNORECASE)


@dataclass
class Voice:
    """role: customer, agent, bot, system, ignore (notes), or empty where nothing tells; sure: 0 to 1; n: messages looked at."""

    role: str
    sure: float
    n: int
    why: str = ""
    example: str = ""


@dataclass
class _Said:
    texts: list[str] = field(default_factory=list)
    talks: int = 0
    first: int = 0

    def share(self, test: re.Pattern[str]) -> float:
        return sum(bool(test.search(text)) for text in self.texts) / len(self.texts)


def tell(talks: Sequence[Sequence[tuple[str, str]]]) -> dict[str, Voice]:
    """The voice of every sender. talks: (sender, text) of each message, in order."""
    said: dict[str, _Said] = {}
    for talk in talks:
        for sender, text in talk:
            if text.strip():
                said.setdefault(sender, _Said()).texts.append(text.strip())
    found = {sender: voice for sender, one in said.items() if (voice := _machine(one)) is not None}
    people = {sender: one for sender, one in said.items() if sender not in found}
    for talk in talks:
        present = list(dict.fromkeys(sender for sender, text in talk if sender in people and text.strip()))
        for place, sender in enumerate(present if len(present) > 1 else []):
            people[sender].talks += 1
            people[sender].first += place == 0
    scores = {sender: _score(one) for sender, one in people.items()}
    middle = (min(scores.values()) + max(scores.values())) / 2 if len(scores) > 1 else 0.0
    middle = 0.5 * middle  # between what sets these apart and what people say anywhere
    for sender, one in people.items():
        apart = scores[sender] - middle
        sure = min(_SUREST, (_HALF + _HALF * min(1.0, abs(apart) / _GAP)) * _counted(one))
        role = "agent" if apart > 0 else "customer" if apart < 0 else ""
        found[sender] = Voice(role if sure >= CLEAR else "", round(sure, 2), len(one.texts), _why(one), _example(one))
    sides = {found[sender].role for sender in people} - {""}
    if len(people) == 2 and len(sides) == 1:  # of two, the one who is not the customer answers him
        for sender in people:
            found[sender].role = found[sender].role or ("customer" if "agent" in sides else "agent")
    elif len(people) > 1 and "agent" not in sides:  # nobody answers: then nothing is clear about those who ask either
        for sender in people:
            found[sender].role = ""
    return {sender: found[sender] for sender in said}


def _machine(one: _Said) -> Voice | None:
    n = len(one.texts)
    shares = {
        "ignore": (one.share(_ASIDE), "notes among colleagues"),
        "system": (sum(steps.is_notice(text) for text in one.texts) / n, "notices of the software"),
        "bot": (one.share(_MENU), "menus and words of a bot"),
    }
    for role, (share, what) in shares.items():
        if share >= (_SOME if role == "bot" else _HALF):
            sure = min(_SUREST, (_HALF + _HALF * share) * _counted(one))
            return Voice(role if sure >= _MACHINE else "", round(sure, 2), n, f"{share:.0%} are {what}", _example(one))
    return None


def _counted(one: _Said) -> float:
    """A few messages tell less: a half of one, three quarters of three."""
    return len(one.texts) / (len(one.texts) + 1)


def _asks(one: _Said) -> float:
    return sum(signals.is_question(text) or bool(_CUSTOMER.search(text)) for text in one.texts) / len(one.texts)


def _score(one: _Said) -> float:
    """Above zero: the desk. Long answers said again and again are prepared ones."""
    first = one.first / one.talks if one.talks else _HALF
    long = [text for text in one.texts if len(text) >= 20]
    again = 1 - len(set(long)) / len(long) if len(long) > 5 else 0.0
    return one.share(_DESK) - _asks(one) + 0.3 * again + 0.2 * (_HALF - first)


def _why(one: _Said) -> str:
    first = f", first in {one.first / one.talks:.0%} of the conversations" if one.talks else ""
    return f"asks or reports in {_asks(one):.0%} of {len(one.texts)} messages, speaks like a desk in {one.share(_DESK):.0%}{first}"


def _example(one: _Said) -> str:
    return max(one.texts[:5], key=lambda text: min(len(text), 40))
