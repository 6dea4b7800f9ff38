"""What an answer states that another answer can deny: amounts by kind (money, time, share, count), clock times, dates, yes and no.

Amounts are read as values of one kind whatever their unit: 24 小时 is 1 天, a week is 7 days. Sentences that tell of one case ("your parcel
left at 9") state no rule, so nothing in them stands against another answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from kefu.data import near
from kefu.text.segment import sentences, units

_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_HAN = "零〇一二两三四五六七八九十百千半"
_ENGLISH = {
    "half": 0.5, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "fourteen": 14, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90, "hundred": 100,
}  # fmt: skip
_VALUE = rf"(?P<value>{_DIGITS}|(?<![第一十{_HAN[:-1]}])[{_HAN}]+|(?<![a-z])(?:{'|'.join(_ENGLISH)})(?![a-z]))"
#: unit -> (kind, in the unit of that kind). A working day counts as a day: whoever writes 3 天 seldom means another thing.
_UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("个工作日", "工作日", "天", "日内", "days", "day"), ("time", 24.0)),
    **dict.fromkeys(("business days", "business day", "working days", "working day"), ("time", 24.0)),
    **dict.fromkeys(("个小时", "小时", "钟头", "hours", "hour", "hrs", "h"), ("time", 1.0)),
    **dict.fromkeys(("分钟", "minutes", "minute", "mins", "min"), ("time", 1 / 60)),
    **dict.fromkeys(("个星期", "星期", "周", "weeks", "week"), ("time", 168.0)),
    **dict.fromkeys(("个月", "months", "month"), ("time", 720.0)),
    **dict.fromkeys(("年", "years", "year"), ("time", 8640.0)),
    **dict.fromkeys(("元", "块钱", "块", "rmb", "yuan", "cny"), ("money", 1.0)),
    "万元": ("money", 10_000.0),
    **dict.fromkeys(("usd", "dollars", "dollar", "美元", "eur", "euros", "欧元", "gbp", "pounds"), ("foreign money", 1.0)),
    **dict.fromkeys(("%", "％", "percent", "per cent"), ("share", 1.0)),
    "折": ("discount", 1.0),
    **dict.fromkeys(("gb", "g"), ("size", 1.0)), "tb": ("size", 1000.0), "mb": ("size", 0.001),
    **dict.fromkeys(("次", "times"), ("times", 1.0)),
    **dict.fromkeys(("个人", "个", "人", "位", "名", "users", "user", "people", "members", "seats"), ("number", 1.0)),
    **dict.fromkeys(("台", "部", "devices", "device"), ("devices", 1.0)),
    **dict.fromkeys(("公斤", "千克", "kg"), ("weight", 1.0)),
    **dict.fromkeys(("公里", "千米", "km"), ("distance", 1.0)),
    **dict.fromkeys(("积分", "分", "points", "point"), ("points", 1.0)),
}  # fmt: skip
_AMOUNT = re.compile(
    rf"(?P<sign>[$€£￥¥])?\s*(?:{_VALUE})(?:\s*(?:-|~|～|–|至|到|to)\s*(?P<upto>{_DIGITS}|[{_HAN}]+))?[\s-]*"
    rf"(?P<unit>{'|'.join(sorted(map(re.escape, _UNITS), key=len, reverse=True))})?(?![a-z])"
)
_CLOCK = re.compile(r"(?<!\d)(\d{1,2})\s*(?::|：|点(?!\d))\s*(\d{2})?\s*([ap]\.?m\.?)?(?![\d])|(?<!\d)(\d{1,2})\s*([ap])\.?m\b\.?")
_DATE = re.compile(r"(?:(\d{4})年)?(\d{1,2})月(\d{1,2})[日号]?|(\d{4})-(\d{1,2})-(\d{1,2})")
#: What costs nothing costs 0; a free hotline is no price.
_FREE = re.compile(
    r"免费(?!电话|热线|咨询|客服|试用|注册|下载|wifi|wi-fi|停车|取消|领取)|不(?:收|要|用)(?:任何)?(?:钱|费用|费)|无需(?:付费|费用)|"
    r"free of charge|\bis free\b|at no cost"
)
_LATE = re.compile(r"下午|晚上|傍晚|晚$|晚间")
_NEGATION = re.compile(
    r"不[可能会支需用必再予得]|无法|无需|没有|没(?!关系|问题)|未能|尚未|暂不|暂未|禁止|拒绝|不(?=[\u4e00-\u9fff])|\b(?:not|no|never|cannot|unable|without|neither)\b|n['’]t\b"
)
#: 不过, 不好意思, 是不是: a sign of negation that denies nothing.
_DENIES_NOTHING = re.compile(
    r"不过|不好意思|对不起|不客气|不用谢|不同|不仅|不但|不论|不管|不少|不久|差不多|不然|"
    r"([\u4e00-\u9fff])不\1|no longer than|not only|no matter|no problem|no\."
)
_YES = re.compile(
    r"^(?:您?好|亲|你好|hi|hello|dear)?[，,！!。~ ]*(?:是的|可以|支持|能的|能够|会的|有的|需要|要的|yes|sure|of course|certainly|you can)(?![不没])"
)
_NO = re.compile(
    r"^(?:您?好|亲|你好|抱歉|不好意思|很抱歉|目前|hi|hello|dear|sorry|unfortunately)?[，,！!。~ ]*(?:目前|暂时|您)?"
    r"(?:不可以|不能|不支持|不会|没有|不需要|不用|无法|暂不|不行|不是|no\b(?!\.)|you cannot|you can't|we do not|we don't)"
)
_CLAIM = re.compile(r"需要|可以|支持|允许|提供|包含|收取|必须|\b(?:can|must|may|need|needs|available|supports?|allowed|includes?|offers?)\b")
_ASKS_YES_NO = re.compile(
    r"吗|么[?？]?$|能不能|可不可以|是不是|是否|能否|可否|有没有|支不支持|要不要|^(?:can|could|do|does|did|is|are|will|may|am|has|have|should)\b"
)
#: One case and no rule: what is done for this customer, his own parcel, a promise, a placeholder.
_CASE = re.compile(
    r"\[[^\[\]\s]+_\d+\]|帮您|帮你|给您|给你|为您|为你|跟您|您这|这边|已经|已为|刚刚|刚才|稍等|补偿您|抱歉久等|"
    r"您的(?:订单|快递|包裹|快件|物流|退款|账单|账户余额|余额|工单|申请|司机|骑手|预约)|"
    r"\b(?:i have|i've|i'll|i will|i am|i'm|i can see|let me|for you now|please hold|moment|"
    r"your (?:\w+ ){1,2}(?:is|was|has been|will be|should be))\b"
)
_PHONE = re.compile(r"(?<!\d)(?:\+?\d{2,4}[- .)）]{1,2}){1,4}\d{3,8}(?!\d)")
_HAN_AMOUNT = re.compile(
    r"(?<![第一十零〇二两三四五六七八九百千半])[零〇一二两三四五六七八九十百千半]+(?=个?(?:年|月|天|日|小时|分钟|元|块|次|台|件|周|星期|折|成|转|人|位))"
)
_FEES = frozenset(["收费", "免费", "付费", "自费", "费用", "缴费", "计费", "公费", "能", "可以"])
_ALIKE, _LOOSELY = 0.6, 0.25  # share of the shorter sentence's words
_SHORT = 14  # units: an answer that is hardly more than its amount
_CLOSE = 0.03  # 365 days are a year


@dataclass(frozen=True)
class Statement:
    """A sentence. amounts: kind -> values; words: its words, amounts aside; denies: an odd number of negations."""

    text: str
    amounts: dict[str, frozenset[float]] = field(hash=False)
    words: frozenset[str]
    denies: bool


@lru_cache(maxsize=512)
def statements(text: str) -> tuple[Statement, ...]:
    """The rules an answer states, sentence by sentence (a semicolon parts them too)."""
    parts = (part.strip() for sentence in sentences(text) for part in re.split(r"[；;]", sentence))
    return tuple(_statement(part) for part in parts if part and not _CASE.search(part.casefold()) and not part.endswith(("?", "？")))


def against(a: str, b: str, question: str = "") -> str:
    """In what two answers to one question contradict each other, e.g. `money: 29 against 25`; empty: in nothing that can be told.

    Sentences that speak of the same thing must differ in an amount of one kind, or one denies what the other says.
    """
    left, right = statements(a), statements(b)
    if not left or not right:
        return ""
    if _ASKS_YES_NO.search(question.strip().casefold()) and {_verdict(left), _verdict(right)} == {"yes", "no"}:
        return "yes against no"
    alone = len(left) == len(right) == 1
    short = alone and max(len(units(a)), len(units(b))) <= _SHORT
    for one in left:
        for other in right:
            same = _overlap(one.words, other.words)
            if same >= (_LOOSELY if alone and not short else 0.0 if short else _ALIKE) and (found := _amounts(one, other, same, alone)):
                return found
            if same >= 0.8 and len(one.words & other.words) >= 2 and one.denies != other.denies:
                return "one denies what the other says"
    return ""


def but_for_amounts(a: str, b: str) -> bool:
    """Do the words of two answers differ in amounts alone?"""
    left, right = statements(a), statements(b)
    return bool(left) and [(one.words, one.denies) for one in left] == [(one.words, one.denies) for one in right]


def compared_as(a: str, b: str, question: str = "") -> str:
    """Of two answers to the very same question: `agree` (the same values, or the one only says more), `conflict` (other values of one thing, or
    one denies what the other says) or `unsure` (of other things, or nothing that can be told)."""
    left, right = _values(a), _values(b)
    opposite = bool(_ASKS_YES_NO.search(question.strip().casefold())) and {_verdict(statements(one)) for one in (a, b) if statements(one)} == {
        "yes",
        "no",
    }
    if opposite or _denials(a) % 2 != _denials(b) % 2:
        return "conflict"
    if left and right and (left <= right or right <= left):
        # 主机保修24个月，电源12个月 beside 主机和电源都保修12个月: the values of one are among the other's, and yet they begin with another
        return "agree" if left == right or _numbers(a)[0] == _numbers(b)[0] else "unsure"
    mine, theirs = (frozenset(_bare(one)) for one in (a, b))
    if left - right and right - left:
        return "unsure" if _other_kind(mine - theirs, theirs - mine) else "conflict"
    return "agree" if left == right and _overlap(mine, theirs) >= 1 and _denials(a) == _denials(b) else "unsure"


def _values(text: str) -> frozenset[str]:
    return frozenset(_numbers(text))


def _numbers(text: str) -> list[str]:
    """Every number in its order, written one way: digits of a telephone number together, 十年 as 10, what is free as 0."""
    plain = _FREE.sub(" 0元 ", _PHONE.sub(lambda match: re.sub(r"\D", "", match[0]), text.casefold()))
    plain = _HAN_AMOUNT.sub(lambda match: f" {_han(match[0]) or 0:g}", plain)
    return [repr(float(value.replace(",", ""))) for value in re.findall(_DIGITS, plain)]


def _denials(text: str) -> int:
    return len(_NEGATION.findall(_DENIES_NOTHING.sub(" ", _FREE.sub(" ", text.casefold()))))


def _bare(text: str) -> Iterator[str]:
    """The words, amounts aside."""
    return (word for word in near.content(_FREE.sub(" ", text.casefold())) if not any(char.isdigit() or char in _HAN for char in word))


def _other_kind(mine: frozenset[str], theirs: frozenset[str]) -> bool:
    """Does each speak of something that the other does not, so that both may be right: 柜机 and 挂机, 专业版 and 基础版?"""
    return all(any(len(word) > 1 and word not in _FEES for word in words) for words in (mine, theirs))


def _amounts(one: Statement, other: Statement, same: float, alone: bool) -> str:
    for kind in sorted(one.amounts.keys() & other.amounts.keys()):
        mine, theirs = one.amounts[kind], other.amounts[kind]
        lost, won = ([v for v in first if not any(_equal(v, w) for w in second)] for first, second in ((mine, theirs), (theirs, mine)))
        if not lost or not won:
            continue  # the one only says more
        if same >= _ALIKE or (alone and len(mine) == len(theirs) == 1):
            return f"{kind}: {_shown(kind, lost)} against {_shown(kind, won)}"
    return ""


def _equal(a: float, b: float) -> bool:
    return abs(a - b) <= _CLOSE * max(abs(a), abs(b))


def _shown(kind: str, values: list[float]) -> str:
    if kind == "time":
        return ", ".join(f"{v / 24:g} days" if v >= 24 else f"{v:g} hours" for v in sorted(values))
    if kind == "clock":
        return ", ".join(f"{int(v) // 60}:{int(v) % 60:02}" for v in sorted(values))
    if kind == "date":
        return ", ".join(f"{int(v) // 100 % 100}-{int(v) % 100}" for v in sorted(values))
    return ", ".join(f"{v:g}" for v in sorted(values))


def _overlap(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / min(len(a), len(b)) if a and b else 0.0


def _verdict(given: tuple[Statement, ...]) -> str:
    """What the first sentence says: yes, no, or an empty string."""
    first = given[0].text.casefold()
    return "no" if _NO.search(first) else "yes" if _YES.search(first) else ""


def _statement(text: str) -> Statement:
    plain = text.casefold()
    amounts: dict[str, set[float]] = {}
    rest = plain
    for kind, value, place in _read(plain):
        amounts.setdefault(kind, set()).add(value)
        rest = rest[: place[0]] + " " * (place[1] - place[0]) + rest[place[1] :]
    denials = len(_NEGATION.findall(_DENIES_NOTHING.sub(" ", rest)))
    words = frozenset(word for word in near.content(_NEGATION.sub(" ", rest)) if not word.isdigit())
    return Statement(text, {kind: frozenset(values) for kind, values in amounts.items()}, words, denials % 2 == 1)


def _read(text: str) -> Iterator[tuple[str, float, tuple[int, int]]]:
    """(kind, value, where it stands)"""
    taken: list[tuple[int, int]] = []
    for match in _DATE.finditer(text):
        parts = [int(part) for part in match.groups()[1:3] if part] or [int(part) for part in match.groups()[4:6] if part]
        if len(parts) == 2:
            taken.append(match.span())
            yield "date", float(parts[0] * 100 + parts[1]), match.span()
    for match in _CLOCK.finditer(text):
        if any(a < match.end() and match.start() < b for a, b in taken):
            continue
        hour, minute = int(match[1] or match[4]), int(match[2] or 0)
        if hour > 24 or minute > 59:
            continue
        late = (match[3] or match[5] or "").startswith("p") or _LATE.search(text[max(0, match.start() - 3) : match.start()])
        taken.append(match.span())
        yield "clock", float((hour + 12 * bool(late and hour < 12)) * 60 + minute), match.span()
    for match in _FREE.finditer(text):
        taken.append(match.span())
        yield "money", 0.0, match.span()
    for match in _AMOUNT.finditer(text):
        if any(a < match.end() and match.start() < b for a, b in taken):
            continue
        unit, sign = match["unit"], match["sign"]
        if not unit and not sign:
            continue
        kind, factor = _UNITS[unit] if unit else ("money" if sign in "￥¥" else "foreign money", 1.0)
        for raw in (match["value"], match["upto"]):
            value = _value(raw) if raw else None
            if value is not None:
                yield kind, round(value * factor, 4), match.span()


def _value(raw: str) -> float | None:
    if raw in _ENGLISH:
        return float(_ENGLISH[raw])
    if raw[0] in _HAN:
        return _han(raw)
    return float(raw.replace(",", ""))


def _han(raw: str) -> float | None:
    """三十五 -> 35, 半 -> 0.5"""
    if raw == "半":
        return 0.5
    digits = {char: i for i, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
    total, last = 0, 0
    for char in raw:
        if char in digits:
            last = digits[char]
        elif char in "十百千":
            total += (last or 1) * {"十": 10, "百": 100, "千": 1000}[char]
            last = 0
        else:
            return None
    return float(total + last)


def deniable(text: str) -> bool:
    """May another answer contradict this one? Cheap, and generous: `against` decides."""
    plain = text.casefold()
    if _NEGATION.search(plain) or _CLAIM.search(plain) or _YES.search(plain) or _DATE.search(plain) or _CLOCK.search(plain):
        return True
    return any(match["unit"] or match["sign"] for match in _AMOUNT.finditer(plain))


def signature(text: str) -> tuple[object, ...]:
    """Equal for answers of equal facts, whatever their words."""
    given = statements(text)
    if not given:
        return ()
    amounts = tuple(sorted({(kind, tuple(sorted(values))) for one in given for kind, values in one.amounts.items()}))
    return amounts, _verdict(given), sum(one.denies for one in given) % 2
