"""A small company with two languages: 14 entries each in Chinese and English, four known wordings each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kefu.knowledge import KnowledgeBase, build
from kefu.project.schema import Knowledge

ZH = {
    "z-refund": (
        "退款多久到账",
        "申请退款后钱几天能回来|退的款什么时候到|退款到账时间",
        "退款在3个工作日内原路退回。",
    ),
    "z-invoice": (
        "怎么开发票",
        "电子发票在哪里申请|可以开增值税专票吗|付款后怎么拿发票",
        "在订单页点申请发票，发票会发到邮箱。",
    ),
    "z-password": (
        "忘记密码怎么办",
        "密码想不起来了|怎么重置登录密码|密码找回",
        "在登录页点忘记密码，用手机验证码重设。",
    ),
    "z-track": (
        "怎么查物流",
        "包裹到哪里了|快递单号在哪看|物流一直不更新",
        "在订单详情里可以查看物流进度。",
    ),
    "z-address": (
        "下单后能改收货地址吗",
        "地址填错了怎么改|想换个收货地址|发货前修改地址",
        "发货前可以在订单详情修改地址。",
    ),
    "z-cancel": (
        "怎么取消订单",
        "不想要了可以取消吗|订单撤销|下错单了想取消",
        "发货前可以在订单页取消。",
    ),
    "z-warranty": (
        "保修期多长",
        "质保几年|过了保修期还能修吗|坏了能免费修吗",
        "整机保修两年，人为损坏除外。",
    ),
    "z-team": (
        "团队版多少钱",
        "团队版怎么收费|团队版一个月费用|团队版价格",
        "团队版每人每月29元。",
    ),
    "z-ent": (
        "企业版多少钱",
        "企业版怎么收费|企业版一个月费用|企业版价格",
        "企业版每人每月59元。",
    ),
    "z-human": (
        "怎么联系人工客服",
        "转人工|客服电话是多少|我要找真人",
        "工作日9点到18点可拨打客服热线。",
    ),
    "z-renew": (
        "怎么关闭自动续费",
        "不想自动扣费了|取消连续包月|自动续订怎么关",
        "在账单设置里关闭自动续费。",
    ),
    "z-delete": (
        "怎么注销账号",
        "账号不用了想删掉|永久删除账户|注销后数据还在吗",
        "在安全设置里申请注销，15天后生效。",
    ),
    "z-coupon": (
        "优惠券怎么用",
        "优惠码在哪里输入|券为什么用不了|优惠券过期了",
        "结算时输入优惠码，每单限用一张。",
    ),
    "z-size": (
        "尺码不合适能换吗",
        "衣服买小了想换大一码|换货流程|怎么换尺寸",
        "签收7天内可以换尺码一次。",
    ),
}
EN = {
    "e-refund": (
        "How long does a refund take",
        "when will I get my money back|refund still not in my account|refund time",
        "Refunds arrive within three working days.",
    ),
    "e-invoice": (
        "How do I get an invoice",
        "where is my receipt|I need a VAT invoice|download invoice",
        "Open the order and click Request invoice.",
    ),
    "e-password": (
        "I forgot my password",
        "reset password|can't remember my login password|password recovery",
        "Click Forgot password and enter the code.",
    ),
    "e-track": (
        "Where is my parcel",
        "track my order|tracking number|my package has not moved for days",
        "The order page shows where the parcel is.",
    ),
    "e-address": (
        "Can I change the delivery address",
        "wrong shipping address|ship it somewhere else|edit address",
        "Edit the address before we ship.",
    ),
    "e-cancel": (
        "How do I cancel my order",
        "I no longer want my order|call off a purchase|ordered by mistake",
        "Cancel on the order page before we ship.",
    ),
    "e-warranty": (
        "How long is the warranty",
        "is it covered if it breaks|guarantee period|repair after two years",
        "The device is covered for two years.",
    ),
    "e-team": (
        "How much is the Team plan",
        "Team plan price|monthly fee for Team|Team cost per seat",
        "Team costs 29 per seat and month.",
    ),
    "e-ent": (
        "How much is the Enterprise plan",
        "Enterprise plan price|monthly fee for Enterprise|Enterprise cost per seat",
        "Enterprise costs 59 per seat and month.",
    ),
    "e-human": (
        "How do I reach a person",
        "talk to a human|customer service phone number|live agent please",
        "Call the hotline on weekdays from 9 to 18.",
    ),
    "e-renew": (
        "How do I turn off auto-renewal",
        "stop automatic billing|do not charge me again next month|cancel renewal",
        "Switch it off in billing settings.",
    ),
    "e-delete": (
        "How do I close my account",
        "delete my account for good|remove my profile|what happens to my data when I leave",
        "Ask for it in security settings.",
    ),
    "e-coupon": (
        "How do I use a coupon",
        "where do I enter the promo code|voucher not working|discount code expired",
        "Enter the code at checkout; one per order.",
    ),
    "e-size": (
        "Can I exchange for another size",
        "shoes are too small|swap for a bigger size|exchange process",
        "Exchange the size once within seven days.",
    ),
}

MANUAL = """# 云盒手册

## 首次安装
把云盒接上电源和网线，等指示灯变蓝。然后用手机扫描机身底部的二维码完成绑定。

## 指示灯含义
红灯闪烁表示硬盘故障，请立即备份数据。黄灯表示正在升级固件，不要断电。

## 恢复出厂设置
用卡针按住背面小孔十秒，听到提示音后松开，云盒会清除全部设置。
"""


def rows() -> list[dict[str, Any]]:
    made = []
    for language, table in (("zh", ZH), ("en", EN)):
        for name, (first, similar, answer) in table.items():
            row = {"id": name, "language": language, "category": "", "answer": answer, "answers": [], "questions": [first, *similar.split("|")]}
            made.append({**row, "source": f"faq_{language}.csv", "flags": []})
    return made


def write(path: Path, table: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table), "utf-8")
    return path


def make(folder: Path, table: list[dict[str, Any]], documents: tuple[Path, ...] = (), **settings: Any) -> tuple[KnowledgeBase, dict[str, Any]]:
    """Build and load."""
    facts = build(write(folder / "faq.jsonl", table), list(documents), Knowledge(**settings), folder / "kb", 7)
    return KnowledgeBase.load(folder / "kb"), facts
