"""Chats saved as plain text: a line that names who spoke and when, then what was said. A row a message.

`2024-05-01 10:22:31 客服小王` or `客服小王 2024/5/1 10:22` with the text below (WeChat, WeCom, QQ), `[01/05/2024, 10:22:31] Anna: text` or
`01/05/2024, 10:22 - Anna: text` (WhatsApp), `2024-05-01 10:22 Anna: text`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from kefu.data import times
from kefu.data.readers.encoding import Line, lines
from kefu.data.readers.rows import Broken, Row

#: A pause after which the same two people begin something new.
GAP_S = 6 * 3600
_LONGEST = 20_000  # characters of one message; a file without headings is no chat
_LOOKED_AT = 400
_DATE = r"(?:\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})"
_CLOCK = r"(?:[上下]午|凌晨|晚上)?\s?\d{1,2}:\d{2}(?::\d{2})?(?:\s?[AaPp]\.?[Mm]\.?)?"
_TIME = rf"{_DATE},?[\sT]+{_CLOCK}"
_NAME = r"[^\s:：,，;；\t|\[\]\"'？！?!。][^:：,，;；\t|\[\]\"？！?!。]{0,30}?"
_SHOP = r"[^:：,，;；\t|\[\]\"'？！?!。\s]{1,30}[:：][^:：,，;；\t|\[\]\"'？！?!。\s]{1,20}"  # a desk's seat of a shop: 旗舰店:小美
_FORMS = (
    re.compile(rf"^\s*(?P<name>{_SHOP})\s*[(（]\s*(?P<at>{_TIME})\s*[)）]\s*[:：]?\s*(?P<text>.*)$"),
    re.compile(rf"^\s*(?P<name>{_SHOP})\s+(?P<at>{_TIME})\s*[:：]?(?P<text>)$"),
    re.compile(rf"^[\u200e\s]*\[(?P<at>{_TIME})\]\s?(?P<name>{_NAME})\s?[:：]\s?(?P<text>.*)$"),
    re.compile(rf"^[\u200e\s]*(?P<at>{_TIME})\s(?:-|–)\s(?P<name>{_NAME})\s?[:：]\s?(?P<text>.*)$"),
    re.compile(rf"^\s*(?P<at>{_TIME})\s+(?P<name>{_NAME})\s?[:：]\s?(?P<text>.*)$"),
    re.compile(rf"^\s*\[?(?P<at>{_TIME})\]?\s+(?P<name>{_NAME})\s*(?P<text>)$"),
    re.compile(rf"^\s*(?P<name>{_NAME})\s+[\[(（]?(?P<at>{_TIME})[\])）]?\s*[:：]?(?P<text>)$"),
)
_SEAT = re.compile(_SHOP)
_RULE = re.compile(
    r"^\s*(?:[-=*_—]{5,}|(?:会话|对话|工单)\s?(?:ID|编号|号)\s?[:：]\s?(?P<id>\S.{0,60}?)|"
    r"(?:conversation|session|ticket|chat) (?:id|no\.?)\s?:\s?(?P<no>\S.{0,60}?))\s*$",
    re.IGNORECASE,
)
#: A line of its own above a chat that says who is who: `客服：小王`, `Visitor: Anna`.
_PARTY = re.compile(
    r"^\s*(?P<role>(?:接待|在线|人工)?客服|坐席|卖家|商家|顾客|客户|买家|访客|用户|agent|operator|customer|visitor|client)\s?(?:昵称|账号|ID|名称|name)?"
    rf"\s?[:：]\s?(?P<name>[^\s:：,，。！？!?]{{1,40}}|{_SHOP})\s*$",
    re.IGNORECASE,
)
#: Lines between messages that nobody said: a day, and what the messenger reports (`01/03/2024, 10:22 - You blocked this contact`).
_DAY = re.compile(
    rf"^[\s\-—=*]*{_DATE}\s*(?:星期[一二三四五六日天]|周[一二三四五六日天]|(?:mon|tues|wednes|thurs|fri|satur|sun)day)?[\s\-—=*]*$", re.IGNORECASE
)
_REPORT = re.compile(rf"^[\u200e\s]*(?:\[(?P<a>{_TIME})\]\s?|(?P<b>{_TIME})\s(?:-|–)\s)(?P<text>\S.*)$")


def looks(path: Path, encoding: str) -> bool:
    """True when a fifth of the first lines are headings of messages, by two people at least."""
    told = [line.text for line in islice(lines(path, encoding, 16), _LOOKED_AT) if line.text.strip() and not line.fault]
    opened = [found for text in told if (found := _heading(text))]
    return len(opened) >= 4 and len(opened) * 5 >= len(told) and len({match["name"].strip() for match in opened}) >= 2


def _heading(text: str) -> re.Match[str] | None:
    if len(text) > _LONGEST:
        return None
    for form in _FORMS:
        if (found := form.match(text)) and times.seconds(found["at"].replace(",", " ")) is not None:
            return found
    return None


def read(path: Path, name: str, encoding: str, limit_mb: float, facts: dict[str, Any]) -> Iterator[Row | Broken]:
    """Columns conversation, time, sender, text. A conversation ends where nobody speaks for GAP_S, time runs back, a ruled line stands, or
    the desk of a shop turns to another customer. Who is said to be who above a chat (`顾客：anna88`) is told so: sender `顾客(anna88)`."""
    facts["columns"] = ["conversation", "time", "sender", "text"]
    stem = path.name.split(".")[0]
    conversation, last, ruled, named = 1, 0.0, False, ""
    place, held, said = 0, {}, []  # type: int, dict[str, Any], list[str]
    parties: dict[str, str] = {}
    heard: set[str] = set()  # customers of a shop in this conversation
    shop = used = False  # used: somebody spoke since the conversation was named

    def row() -> Row:
        return Row(f"{name}#{place}", {**held, "text": "\n".join(said).strip()})

    for line in lines(path, encoding, limit_mb):
        found = None if line.fault else _heading(line.text)
        if found is None:
            rule = None if line.fault else _RULE.match(line.text)
            if rule:
                ruled, named = True, (rule["id"] or rule["no"] or ("" if used else named)).strip()
                used = False
            elif not line.fault and (ruled or not held) and (party := _PARTY.match(line.text)):
                parties[party["name"].strip()] = party["role"]
            elif not line.fault and (_DAY.match(line.text) or (not held and not line.text.strip())):
                facts["lines_between"] = facts.get("lines_between", 0) + bool(line.text.strip())
            elif (
                not line.fault and (report := _REPORT.match(line.text)) and times.seconds((report["a"] or report["b"]).replace(",", " ")) is not None
            ):
                if held:
                    yield row()
                place, said = line.number, [report["text"]]
                held = {"conversation": f"{stem}-{conversation}", "time": report["a"] or report["b"], "sender": "system"}
            elif held and not line.fault:
                said.append(line.text)
            elif line.text.strip() or line.fault:
                yield _lost(name, line)
            continue
        if held:
            yield row()
        now = times.seconds(found["at"].replace(",", " ")) or 0.0
        sender = found["name"].strip()
        seat = bool(_SEAT.fullmatch(sender))
        other = shop and not seat and bool(heard) and sender not in heard
        if held and (ruled or (last and now - last > GAP_S) or now < last or other):
            conversation += 1
            heard, shop = set(), False
        shop |= seat
        if not seat:
            heard.add(sender)
        last, ruled, used, place = now, False, True, line.number
        title = f"{stem}-{named}" if named else f"{stem}-{conversation}"
        held = {"conversation": title, "time": found["at"], "sender": f"{parties[sender]}({sender})" if sender in parties else sender}
        said = [found["text"]]
    if held:
        yield row()


def _lost(name: str, line: Line) -> Broken:
    return Broken(f"{name}#{line.number}", line.fault or "a line before anybody spoke", line.text[:2000])
