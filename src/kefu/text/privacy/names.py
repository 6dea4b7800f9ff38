"""Person names and postal addresses by rule: surname and context, administrative units and house numbers.

Rules of this kind miss names without context and sometimes take a word for a name; the tests hold the figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml

_HAN = r"[\u4e00-\u9fff]"
_ANY_HAN = re.compile(_HAN)
_HOUSE = re.compile("[号栋幢座室弄楼]")
_ADDRESS_LEAD = re.compile(
    r".*(?:住址|地址|住在|寄到|寄往|送到|送往|发到|发往|位于|邮寄到|收货|搬到|在|至|是|为|[:：]|我家|家住|住)(?=" + _HAN + r"|\d)"
)
_ENGLISH_STREET = re.compile(
    r"(?<![\w-])(?:(?:Room|Rm|Building|Bldg|Block|Apt|Apartment|Flat|Unit|Suite|Floor)\.?\s*[\w-]+,?\s+)*\d{1,5}[A-Za-z]?\s+(?:[NSEW]\.?\s+)?(?:(?:[A-Z][A-Za-z'.-]+|\d{1,3}(?:st|nd|rd|th))\s+){1,4}"
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Way|Parkway|Pkwy|Highway|Hwy|Crescent|Close)\b\.?"
    r"(?:,?\s+(?:Apt|Apartment|Suite|Ste|Unit|Flat|#)\.?\s*[\w-]+)?(?:,\s*[A-Z][A-Za-z .'-]+)?(?:,\s*[A-Z]{2})?(?:\s+\d{5}(?:-\d{4})?)?"
)
_ENGLISH_NAME = r"(?P<v>[A-Z][a-z'’]+(?:[ -](?:[A-Z]\.|[A-Z][A-Za-z'’]+)){0,2})"
# (pieces of which one must occur in the lower-cased text, rule)
_ENGLISH_RULES = (
    (
        ("name", "account holder", "recipient"),
        re.compile(
            r"(?i:my (?:full )?name is|my name's|(?<![\w ])name\s*[:：]|customer name(?: is|\s*[:：])|"
            r"account holder(?: is|\s*[:：])|recipient(?: is|\s*[:：]))\s*" + _ENGLISH_NAME
        ),
    ),
    (("name",), re.compile(r"(?i:\bname)\s+(?P<v>[A-Z][a-z'’]+ [A-Z][a-z'’]+)(?![\w'’])")),
    (("name is", "name's"), re.compile(r"(?i:(?:my (?:full )?name is|my name's))\s+(?P<v>[a-z]{2,15}(?: [a-z]{2,15})?)(?=\s*(?:[.,;!?]|$))")),
    (("mr", "ms", "miss", "dr", "prof"), re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof)\.? " + _ENGLISH_NAME)),
    (
        ("i am", "i'm", "i’m", "this is", "speaking with", "regards,", "sincerely,", "dear"),
        re.compile(
            r"(?i:\b(?:i am|i'm|i’m|this is|speaking with|regards,|sincerely,|dear))\s+(?P<v>[A-Z][a-z'’]+(?: [A-Z]\.)? [A-Z][a-z'’]+)(?![\w'’])"
        ),
    ),
)


@lru_cache(maxsize=1)
def lists() -> dict[str, Any]:
    """The word lists of names.yaml as sets."""
    raw = yaml.safe_load(resources.files(__package__).joinpath("names.yaml").read_text("utf-8"))
    return {key: frozenset(value.split()) for key, value in raw.items()}


@lru_cache(maxsize=1)
def _rules() -> dict[str, re.Pattern[str]]:
    known = lists()
    surname = "|".join([*sorted(known["compound"]), *sorted(known["surnames"])])
    titles = "|".join(sorted(known["titles"], key=len, reverse=True))
    cities = "|".join(sorted(known["cities"], key=len, reverse=True))
    unit = _HAN + r"{1,8}?"
    road = rf"(?:{_HAN}|[0-9A-Za-z]){{1,12}}?(?:路|街|大道|道|巷|弄|胡同|里|村|园区|开发区|小区|花园|公寓|大厦|广场|苑|城|中心)"
    number = r"[0-9A-Za-z零一二三四五六七八九十百-]{1,8}"
    house = rf"(?:{number}(?:号楼|号院|号|弄|栋|幢|座|期|单元|层|楼|室|房)(?:{_HAN}{{2,10}}?(?:大厦|广场|小区|花园|公寓|中心|苑|城))?)+"
    house += rf"(?:{number}(?![\w年月日点天元块个次%]))?"
    return {
        "told": re.compile(
            rf"(?:我的?名字?[叫是]|我叫|名叫|本人|我是|姓名|名字|联系人|收件人|收货人|开户人|户名|持卡人|投诉人|申请人|办理人|客户名|经办人)"
            rf"(?:\s*(?:[:：]|是|为|叫))?\s*(?P<v>(?:{surname}){_HAN}{{1,2}})"
        ),
        "titled": re.compile(
            rf"(?:(?<!{_HAN})|(?<=[的了好]))(?P<v>(?:{surname}){_HAN}{{0,2}}?)(?:{titles})(?!{_HAN}{{0,1}}(?:费|价|量|数|额|共|是多少|监控))"
        ),
        "titled_after": re.compile(
            rf"(?:客服|专员|顾问|客户|用户|工程师|找|联系|请|问|和|跟|给|让|叫|是|我姓|向|对|由)(?P<v>(?:{surname}){_HAN}{{0,2}}?)(?:先生|女士|小姐|太太|老师|经理|主任|医生|律师|师傅)"
        ),
        "of": re.compile(rf"我是{_HAN}{{2,10}}?的(?P<v>(?:{surname}){_HAN}{{1,2}})(?!{_HAN})"),
        "near": re.compile(rf"(?P<v>(?:{surname}){_HAN}{{1,2}})"),
        "family": re.compile(rf"(?:我|免贵)姓(?P<v>{surname})(?![名氏])"),
        "address": re.compile(
            rf"(?:(?:{cities}){_HAN}{{0,3}}?(?:省|市|自治区|特别行政区|(?={_HAN}))|{unit}(?:省|市|自治州))?(?:{unit}(?:市|州|盟))?(?:{unit}(?:区|县|旗|镇|乡|街道|新区)){{0,2}}{road}{house}"
        ),
        "admin": re.compile(rf"(?:{cities})|省|市|区|县|镇|街道|路|街|大道|小区|弄|巷|胡同|花园|公寓|大厦|村"),
    }


def people(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of person names."""
    rules, known = _rules(), lists()
    chinese = ("told", "titled", "titled_after", "of", "family") if _ANY_HAN.search(text) else ()
    for key in chinese:
        for match in rules[key].finditer(text):
            start, end = match.span("v")
            if key == "told":
                end = _name_end(text, start, end, strict=match.group().startswith(("我是", "本人")))
            if end > start and _plausible(text[start:end]):
                yield start, end
    lower = text.lower()
    for pieces, rule in _ENGLISH_RULES:
        if not any(piece in lower for piece in pieces):
            continue
        for match in rule.finditer(text):
            first = match.group("v").split()[0].casefold()
            if first not in known["english_not_names"]:
                yield match.span("v")


def _plausible(name: str) -> bool:
    known = lists()
    return not any(char in known["not_given"] for char in name[1:]) and name[:2] not in known["not_names"]


_BEFORE = re.compile(rf"(?:^|[\s，,、:：；;。\d])(?P<v>{_HAN}{{2,4}})(?:[\s，,、:：]*(?:电话|手机号?|身份证号?|证件号|收|，|,)*[\s，,、:：]*)$")
_AFTER = re.compile(rf"^[\s，,、]*(?P<v>{_HAN}{{2,4}})(?=$|[^\u4e00-\u9fff])")
_ENGLISH_BEFORE = re.compile(r"(?:^|[^A-Za-z-])(?P<v>[A-Z][a-z'’]+ [A-Z][a-z'’]+),?\s*(?:(?:ID|id|Id|tel|phone|mobile|cell|card)\.?:?\s*)?$")
_ENGLISH_AFTER = re.compile(r"^,?\s+(?P<v>[A-Z][a-z'’]+ [A-Z][a-z'’]+)(?=\s*(?:[.,;!]|$))")
_REACH = 24


def beside(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """(start, end) of a name written right beside other personal data: 「萧明，138…」, "138…, Sofia Almeida"."""
    left, right = text[max(0, start - _REACH) : start], text[end : end + _REACH]
    rule = _rules()["near"]
    for found, base in ((_BEFORE.search(left), start - len(left)), (_AFTER.search(right), end)):
        if found and rule.fullmatch(found.group("v")) and _plausible(found.group("v")):
            yield base + found.start("v"), base + found.end("v")
    for found, base in ((_ENGLISH_BEFORE.search(left), start - len(left)), (_ENGLISH_AFTER.search(right), end)):
        if found and found.group("v").split()[0].casefold() not in lists()["english_not_names"]:
            yield base + found.start("v"), base + found.end("v")


def _name_end(text: str, start: int, end: int, strict: bool) -> int:
    """Where a name that context announces ends: at a boundary, before a word that follows names, else as matched.

    Returns `start` when this is no name. `strict` (我是…, 本人…): only a boundary ends a name.
    """
    known = lists()
    first = 2 if text[start : start + 2] in known["compound"] else 1
    for size in (first + 1, first + 2):
        stop = start + size
        if stop > len(text) or not re.fullmatch(_HAN + "+", text[start:stop]):
            break
        after = text[stop : stop + 1]
        if not re.match(_HAN, after):
            return stop
        if not strict and after in known["follow"]:
            return stop
    return start if strict else min(end, start + first + 2)


def addresses(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of street addresses down to a house number."""
    rules = _rules()
    for match in rules["address"].finditer(text) if _HOUSE.search(text) else ():
        start, end = match.span()
        lead = _ADDRESS_LEAD.match(text[start:end])
        if lead and lead.end() < end - start:
            start += lead.end()
        units = set(rules["admin"].findall(text[start:end]))
        if len(units) >= 2 and any(char.isdigit() or char in "零一二三四五六七八九十百" for char in text[start:end]):
            yield start, end
    for match in _ENGLISH_STREET.finditer(text):
        yield match.span()
