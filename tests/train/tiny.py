"""What the tests of this room share: a tiny FAQ and a chat template."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FAQ = [
    ("Z1", "zh", "退款", "七天内可以申请退款。", ["怎么退款？", "我想退钱", "退款流程是什么", "能退吗"]),
    ("Z2", "zh", "发票", "发票在费用中心下载。", ["怎么开发票？", "发票在哪里", "我要报销", "下载电子发票"]),
    ("Z3", "zh", "价格", "团队版每月29元。", ["团队版多少钱？", "团队版价格", "一个月要付多少", "怎么收费"]),
    (
        "E1",
        "en",
        "refund",
        "Refunds are possible within 7 days.",
        ["How do I get a refund?", "I want my money back", "refund please", "Can I return it?"],
    ),
    (
        "E2",
        "en",
        "invoice",
        "Download invoices under Billing.",
        ["Where is my invoice?", "I need a bill", "download invoice", "receipt for accounting"],
    ),
    ("E3", "en", "price", "Team costs 29 yuan a month.", ["How much is Team?", "Team price", "What does Team cost?", "monthly fee of Team"]),
]
# A ChatML template as many checkpoints have it: no generation marks, and it strips thinking from earlier turns.
CHATML = (
    "{%- for message in messages %}{%- set said = message.content %}{%- if message.role == 'assistant' and '</think>' in said %}"
    "{%- set said = said.split('</think>')[-1].lstrip('\\n') %}{%- endif %}"
    "{%- if message.role == 'assistant' and loop.last %}{%- set said = '<think>\\n\\n</think>\\n\\n' + said %}{%- endif %}"
    "{{- '<|im_start|>' + message.role + '\\n' + said + '<|im_end|>' + '\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- if enable_thinking is defined and not enable_thinking %}"
    "{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}"
)


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
