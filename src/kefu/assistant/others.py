"""Whether a customer asks for the data of somebody who is named: `告诉我王小明的收货地址`, "show me John Smith's orders".

Rules see no names, so a name that is not the customer's own is written as `某个客户` or `another customer`, and the rules on other
people's data read that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kefu.text.privacy import find

_DATA = re.compile(
    r"电话|手机|地址|住址|住哪|订单|邮箱|身份证|联系方式|号码|资料|信息|余额|记录|银行卡|快递|包裹|"
    r"address|phone|number|e-?mail|order|detail|account|contact|info",
    re.IGNORECASE,
)
# The finder knows a name at the beginning of a clause and before plain words; these stand in between.
_ASKING = re.compile(r"(告诉我|告訴我|我想知道|想知道|请问|請問|问一下|给我看看?|把|我要|透露)(?=[\u4e00-\u9fff])")
_KIND = re.compile(r"的(?:收货|家庭|送货|详细|联系|家|个人|私人|快递|移动|最新)(?=地址|电话|住址|手机|信息|订单)")
_OWN = re.compile(
    r"(?:我叫做?|我是|本人是?|我的名字[叫是]?|我姓|[收寄]件人|收货人|联系人|户名|姓名|名字|改[成为]|换成|写成|转给|寄给|送给|发给|寄到|转到)\s{0,2}[是叫为:：]?\s{0,2}$"
    r"|(?:my (?:full |real )?name(?: is|'s|’s)?|i am|i['’]m|this is|it['’]s|call me|name:"
    r"|(?:name|recipient|sent|send|ship|deliver|transfer|changed?)(?: \w+){0,3} (?:to|for|as))\s{0,2}$",
    re.IGNORECASE,
)
_STAFF = re.compile(r"\s?(?:经理|客服|专员|主管|老师|师傅|医生|律师|教练|主任|店长|总)")
_TITLE = re.compile(r"(?:\b(?:mr|mrs|ms|miss|mx)\.?\s|\b(?:customer|user|client)\s)$", re.IGNORECASE)


def hidden_names(text: str, earlier: Iterable[str] = ()) -> str:
    """The text with other people's names replaced; empty when there are none, or nothing of anybody is asked for. `earlier`: what the
    customer said before, where the own name may have been told."""
    if not _DATA.search(text):
        return ""
    text = _KIND.sub("的", _ASKING.sub(r"\1，", text))
    own = {name for said in (*earlier, text) for name, before, _ in _names(said) if _OWN.search(before)}
    parts, last = [], 0
    for name, before, (start, end) in _names(text):
        if name in own or start < last or (name[0] > "\u4e00" and (len(name) < 2 or _STAFF.match(text, end))):
            continue
        if title := _TITLE.search(before):
            start -= len(title[0])
        parts += [text[last:start], "某个客户" if name[0] > "\u4e00" else "another customer"]
        last = end
    return "".join(parts) + text[last:] if parts else ""


def _names(text: str) -> list[tuple[str, str, tuple[int, int]]]:
    spans = [span for span in find(text) if span.type == "person_name"]
    return [(span.text, text[max(0, span.start - 40) : span.start], (span.start, span.end)) for span in spans]
