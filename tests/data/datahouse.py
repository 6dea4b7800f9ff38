"""A small built project, and processes of `kefu data ...` over it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from kefu.artifacts import Artifact
from kefu.pipeline.run import run
from kefu.project import load

from .desk import ZH, dialogue, jsonl, table

TALKS = [
    ("你好，团队版怎么退款？", "您好，请在订单页点击申请退款。", "还是不行，我要投诉！", "非常抱歉，马上为您转接专员。"),
    ("How do I reset my password?", "Open Settings and choose Reset password.", "Great, thank you!", "You are welcome."),
    ("文件同步一直失败怎么办？", "请先检查网络，再重新登录客户端。", "好了，谢谢。", "不客气。"),
    ("发票什么时候能开？", "付款后三个工作日内开具电子发票。", "我要人工客服", "正在为您转接。"),
    (
        "Where is my invoice? <script>alert(1)</script>",
        "It was sent by e-mail yesterday.",
        "Still nothing, this is a scam!",
        "I am sorry, let me check.",
    ),
]


def company(root: Path, name: str = "shop", talks: int = 20, **more: Any) -> Path:
    """A project with an FAQ and `talks` dialogues in Chinese and English."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "faq.csv").write_bytes(table(ZH))
    rows = []
    for number in range(talks):
        said = TALKS[number % len(TALKS)]
        words = [f"{text} ({number // len(TALKS)})" if number >= len(TALKS) and i == 0 else text for i, text in enumerate(said)]
        rows.append(dialogue(number, *zip(("customer", "staff", "customer", "staff"), words, strict=True), category=["账户", "billing"][number % 2]))
    (root / "logs.jsonl").write_text(jsonl(rows), "utf-8")
    sources = [
        {"name": "faq", "shape": "faq", "path": "faq.csv"},
        {
            "name": "logs", "shape": "dialogues", "path": "logs.jsonl", "roles": {"customer": "customer", "staff": "agent"},
            "map": {"id": "ticket_id", "turns": "messages", "role": "from", "text": "text", "customer": "customer_id", "category": "category"},
        },
    ]  # fmt: skip
    document = {"name": name, "data": {"sources": sources, "dedup": {"near": False}}, **more}
    (root / "kefu.yaml").write_text(yaml.safe_dump(document, allow_unicode=True), "utf-8")
    return root


def built(root: Path) -> Artifact:
    return run(load(root), until="data").artifact("data")


@contextmanager
def process(*arguments: object, **environment: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """`kefu data ARGUMENTS --json` in a process, on a free port of its own; gives its address, and sees that it ends well."""
    child = subprocess.Popen(
        [sys.executable, "-m", "kefu", "data", *map(str, arguments), *([] if "--port" in arguments else ["--port", "0"]), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "KEFU_DATA_KEYS": "", **environment},
    )  # fmt: skip
    try:
        line = child.stdout.readline()
        if not line:
            raise AssertionError(f"it did not start: {child.stderr.read()}")
        yield json.loads(line)["url"], child
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            assert child.wait(20) == 0, child.stderr.read()
    finally:
        child.kill()
        child.communicate()
