"""A tiny real model, trained in seconds, and its real OpenVINO export: shared by the tests that need an engine.

The export needs the converter environment (made once under $KEFU_CACHE, about a minute; `make demo`
has made it). One conversion a test run, shared between workers.
"""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

import pytest

PAIRS = [
    ("退款需要多久到账？", "退款会在三到五个工作日内退回原支付方式。", "zh"),
    ("怎么修改密码？", "请打开“账户安全”，点击“修改密码”。", "zh"),
    ("企业版多少钱？", "企业版每月199元，按年付费打八折。", "zh"),
    ("发票在哪里下载？", "请在“费用中心”下载电子发票。", "zh"),
    ("怎么联系人工客服？", "请回复“人工”，我们马上为您转接。", "zh"),
    ("服务器在哪个城市？", "机房位于上海和深圳。", "zh"),
    ("How do I reset my password?", "Open Settings, choose Security and press Reset password.", "en"),
    ("How long does a refund take?", "Refunds arrive within five working days.", "en"),
    ("How much is the Team plan?", "The Team plan costs 29 dollars a month.", "en"),
    ("Where can I get an invoice?", "Invoices are under Billing, then Documents.", "en"),
    ("Can I talk to a person?", "Reply 'agent' and we will connect you.", "en"),
    ("Which cities host the servers?", "Our data centres are in Dublin and Ohio.", "en"),
]


def train_tiny(folder: Path, steps: int = 150) -> None:
    """A Hugging Face folder with prompt.json that knows PAIRS by heart (about 5 s on one core)."""
    import torch
    from transformers import GenerationConfig

    from kefu.engines.prompt import PromptStyle
    from kefu.train.base import control_tokens, embedded_model, embedded_tokenizer

    tokenizer = embedded_tokenizer([text for q, a, _ in PAIRS for text in (q, a)], 640)
    model = embedded_model(tokenizer, layers=2, hidden=128, context=256, seed=7)
    rows = []
    for question, answer, _ in PAIRS:
        asked = tokenizer.apply_chat_template([{"role": "user", "content": question}], tokenize=False, add_generation_prompt=True)
        prompt = tokenizer(asked, add_special_tokens=False)["input_ids"]
        rows.append((prompt, tokenizer(answer + "<|end|>", add_special_tokens=False)["input_ids"]))
    width = max(len(p) + len(a) for p, a in rows)
    ids = torch.tensor([p + a + [0] * (width - len(p) - len(a)) for p, a in rows])
    labels = torch.tensor([[-100] * len(p) + a + [-100] * (width - len(p) - len(a)) for p, a in rows])
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(steps):
        loss = model(input_ids=ids, attention_mask=(ids != 0).long(), labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.generation_config = GenerationConfig(do_sample=False, eos_token_id=[tokenizer.eos_token_id], pad_token_id=tokenizer.pad_token_id)
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    PromptStyle(kind="compact", company="CloudMax", max_hits=0, control_tokens=control_tokens(tokenizer)).save(folder)


def make(root: Path) -> Path:
    """`root/model` (Hugging Face), `root/engine` (int8), `root/work/fp32` (float32 IR); made once."""
    from kefu.export.openvino import convert

    root.mkdir(parents=True, exist_ok=True)
    with open(root / ".lock", "a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not (root / "ready").exists():
            shutil.rmtree(root / "work", ignore_errors=True)
            train_tiny(root / "model")
            convert(
                root / "model", root / "engine", root / "work", precision="int8", name="tiny-int8",
                log=root / "convert.log", prompt=root / "model" / "prompt.json",
            )  # fmt: skip
            (root / "ready").touch()
    return root


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make` fills. Read only: copy before breaking anything."""
    base = tmp_path_factory.getbasetemp()
    return make((base.parent if base.name.startswith("popen-") else base) / "tiny-engine")
