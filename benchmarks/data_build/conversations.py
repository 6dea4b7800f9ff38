"""Seeded support conversations in Chinese and English, with the dirt of real exports and planted duplicates.

    python benchmarks/data_build/conversations.py 10000 rows.jsonl

One row is one conversation of four to eight turns. Shares: 12 % exact copies (case, blanks and punctuation aside), 6 % near copies (a
particle or a polite word more), 8 % with HTML, 10 % with personal data, 3 % without an answer, 1 % broken lines, 5 % split turns.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_EXACT, _NEAR, _HTML, _PERSONAL, _UNANSWERED, _BROKEN, _SPLIT = 0.12, 0.06, 0.08, 0.10, 0.03, 0.01, 0.05
_RECENT = 2000  # copies are of one of the latest rows, as in an export that was joined from parts


def _words(**lists: str) -> dict[str, list[str]]:
    return {key: words.split("|") for key, words in lists.items()}


ZH = _words(
    thing=(
        "订单|发票|合同|会员|账号|密码|快递|退款|优惠券|积分|保修单|充值卡|报表|工单|套餐|域名|证书|摄像头|路由器|打印机|门锁|"
        "台灯|耳机|键盘|水壶|电池"
    ),
    place="后台|手机端|网页版|小程序|门店|仓库|公众号|控制台|邮箱里|个人中心",
    state=("打不开|收不到|不见了|一直转圈|提示失败|显示异常|没有反应|重复扣费|过期了|绑定不上|变成灰色|少了一半|和页面写的不一样|同步不了"),
    time="昨天|上周三|刚才|月初|前天晚上|今早|双十一那天|续费以后|换手机之后|升级以后",
    tried="重启过|换过浏览器|清过缓存|重新登录过|联系过门店|看过帮助|换了网络|试了三次",
    act=(
        "点右上角的设置，再点恢复|重新提交一次申请|在账单页核对金额|把截图发到客服邮箱|等系统同步完成|更新到最新版本|"
        "解除绑定后重新添加|换一个收货地址|联系仓库改派|开具电子凭证"
    ),
    when="十分钟内|两小时内|今天下班前|一个工作日内|三天内|下个账期",
    thanks="好的谢谢|明白了|那我试试|行，先这样|可以了，谢谢|收到|嗯嗯好的",
)
EN = _words(
    thing=(
        "order|invoice|contract|membership|account|password|parcel|refund|coupon|voucher|warranty|report|ticket|plan|domain|"
        "certificate|camera|router|printer|lock|lamp|headset|keyboard|kettle|battery"
    ),
    place="in the app|on the website|in the dashboard|at the store|in my inbox|under billing|on my tablet|in the console",
    state=(
        "does not open|never arrived|has disappeared|keeps loading|shows an error|was charged twice|has expired|"
        "cannot be linked|is greyed out|differs from the page|stopped syncing"
    ),
    time=(
        "since yesterday|since last Wednesday|just now|since the first of the month|since the renewal|since I changed phones|"
        "after the update|this morning"
    ),
    tried=(
        "restarted it|tried another browser|cleared the cache|signed in again|asked the store|read the help page|"
        "changed the network|tried three times"
    ),
    act=(
        "open settings and press restore|submit the request once more|compare the amount on the billing page|"
        "send a screenshot to our mailbox|wait until the sync is done|install the newest version|unlink it and add it again|"
        "change the delivery address|ask the warehouse to reroute it|download the electronic receipt"
    ),
    when=("within ten minutes|within two hours|by this evening|within one working day|within three days|in the next billing cycle"),
    thanks="ok thanks|got it|I will try that|fine, that is all|works now, thank you|noted",
)
_HAN = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"


def rows(count: int, seed: int = 7) -> Iterator[str]:
    """`count` lines of JSON."""
    r = random.Random(seed)
    recent: list[dict[str, Any]] = []
    for i in range(count):
        draw = r.random()
        if draw < _BROKEN:
            yield f'{{"ticket_id": "T{i}", "messages": [{{"from": "customer", "text": "'
            continue
        if recent and draw < _BROKEN + _EXACT + _NEAR:
            row = _copy(r, r.choice(recent), near=draw > _BROKEN + _EXACT)
        else:
            row = _row(r, i)
            if len(recent) < _RECENT:
                recent.append(row)
            else:
                recent[r.randrange(_RECENT)] = row
        yield json.dumps({**row, "ticket_id": f"T{i}", "customer_id": f"c-{r.randrange(max(1, count // 2))}"}, ensure_ascii=False)


def _row(r: random.Random, i: int) -> dict[str, Any]:
    zh = r.random() < 0.6
    w = {key: r.choice(words) for key, words in (ZH if zh else EN).items()}
    more = {key: r.choice(words) for key, words in (ZH if zh else EN).items()}
    code = f"{r.randrange(10**6):06d}"
    odd = "".join(r.choice(_HAN) for _ in range(r.randint(4, 12))) if zh else " ".join(_word(r) for _ in range(r.randint(2, 5)))
    if zh:
        said = [
            ("customer", f"你好，我的{w['thing']}{w['time']}在{w['place']}{w['state']}，编号{code}，备注写着{odd}"),
            ("agent", f"您好，{w['thing']}的问题我来看一下，请问您{more['tried']}吗？"),
            ("customer", f"{w['tried']}，还是{more['state']}，另外{more['thing']}也{r.choice(ZH['state'])}"),
            ("agent", f"请{w['act']}，{w['when']}会恢复；如果{more['place']}仍然{w['state']}，请{more['act']}"),
        ]
    else:
        said = [
            ("customer", f"Hello, my {w['thing']} {w['state']} {w['place']} {w['time']}, number {code}, the note says {odd}"),
            ("agent", f"Sorry to hear that. About the {w['thing']}: have you {more['tried']}?"),
            ("customer", f"I {w['tried']} and it still {more['state']}, and the {more['thing']} {r.choice(EN['state'])} too"),
            ("agent", f"Please {w['act']}, it will be back {w['when']}. If it still {w['state']} {more['place']}, please {more['act']}."),
        ]
    for _ in range(r.choice([0, 0, 1, 2])):
        said += [("customer", f"{r.choice((ZH if zh else EN)['thing'])}{'呢' if zh else '?'} {_word(r)}"), ("agent", more["act"])]
    if r.random() < 0.6:
        said.append(("customer", w["thanks"]))
    if r.random() < _UNANSWERED:
        said = [turn for turn in said if turn[0] == "customer"]
    if r.random() < _PERSONAL:
        role, text = said[0]
        said[0] = role, text + (f"，手机号13{r.randrange(10**9):09d}" if zh else f", my mail is {_word(r)}.{_word(r)}@example.net")
    if r.random() < _HTML:
        role, text = said[-1]
        said[-1] = role, f"<p>{text}&nbsp;</p><br>"
    if r.random() < _SPLIT:
        role, text = said[0]
        said[:1] = [(role, text[: len(text) // 2]), (role, text[len(text) // 2 :])]
    messages = [{"from": role, "text": text} for role, text in said]
    return {"messages": messages, "category": w["thing"], "created_at": f"2026-0{r.randint(1, 9)}-1{r.randint(0, 9)} 1{r.randint(0, 9)}:30:00"}


_SYLLABLES = ("ba", "ko", "ri", "ten", "lo", "mi", "sar", "due", "pon", "vel", "qui", "zan", "fo", "gre")


def _word(r: random.Random) -> str:
    return "".join(r.choice(_SYLLABLES) for _ in range(r.randint(2, 4)))


def _copy(r: random.Random, row: dict[str, Any], near: bool) -> dict[str, Any]:
    messages = [dict(message) for message in row["messages"]]
    last = messages[-1]
    if near:
        last["text"] += "哈" if any(char > "\u3000" for char in last["text"]) else " please"
    elif r.random() < 0.5:
        last["text"] = f" {last['text']}!" if r.random() < 0.5 else f"{last['text']}  "
    return {**row, "messages": messages}


def write(path: Path, count: int, seed: int = 7) -> None:
    with open(path, "w", encoding="utf-8") as handle:
        for line in rows(count, seed):
            handle.write(line + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[2]), int(sys.argv[1]))
