"""A tiny company in the layout of the data artefact, a project for it, and a small checkpoint made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kefu.project import Loaded, Project

from .recipes import questions, recipe
from .tiny import CHATML, FAQ, write_rows


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """faq.jsonl (18 questions), 6 held-out questions, 4 dialogues and 1 held-out dialogue."""
    folder = tmp_path_factory.mktemp("data")
    keys = ("id", "language", "category", "answer", "questions")
    write_rows(folder / "faq.jsonl", [dict(zip(keys, (*row[:4], row[4][:3]), strict=True)) for row in FAQ])
    held = [{"id": f"{i}-h", "text": q[3], "language": lang, "category": c, "answer_id": i, "answer": a} for i, lang, c, a, q in FAQ]
    write_rows(folder / "questions.validation.jsonl", held)
    talks = [
        [("user", "你好"), ("assistant", "您好，请讲。"), ("user", "怎么退款？"), ("assistant", "七天内可以申请退款。")],
        [("assistant", "欢迎光临"), ("user", "发票在哪里"), ("assistant", "发票在费用中心下载。"), ("user", "谢谢"), ("assistant", "不客气。")],
        [("user", "Hello"), ("assistant", "Hi, how can I help?"), ("user", "Team price"), ("assistant", "Team costs 29 yuan a month.")],
        [("user", "I need a bill"), ("system", "note"), ("assistant", "Download invoices under Billing."), ("assistant", "Anything else?")],
        [("user", "Hi"), ("assistant", "Hi, how can I help?")],
    ]
    rows = [
        {
            "id": f"d{i}",
            "kind": "dialogue",
            "language": "und",
            "category": "",
            "answer_id": "",
            "messages": [{"role": r, "content": c} for r, c in talk],
        }
        for i, talk in enumerate(talks)
    ]
    write_rows(folder / "messages.train.jsonl", [*rows[:4], {**rows[0], "id": "f", "kind": "faq"}])
    write_rows(folder / "messages.validation.jsonl", rows[4:])
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Loaded]:
    """`project(epochs=2, ...)`: a project with these train settings; retrieval off unless asked for."""

    def make(**train: Any) -> Loaded:
        settings = {"retrieval_context": False, "vocabulary": 400, "layers": 1, "hidden": 32, **train}
        raw = {
            "name": "tiny",
            "data": {"sources": [{"name": "a", "shape": "faq", "path": "x.csv"}]},
            "train": settings,
            "assistant": {"name": "云极"},
        }
        return Loaded(Project.model_validate(raw), tmp_path, {f"train.{key}": "kefu.yaml:9" for key in train})

    return make


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen3 of a few thousand random parameters with its tokenizer and a template without generation marks."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from kefu.train.base import embedded_tokenizer
    from kefu.train.quiet import quiet

    folder = tmp_path_factory.mktemp("checkpoint")
    tokenizer = embedded_tokenizer([text for row in FAQ for text in (row[3], *row[4])], 400)
    tokenizer.add_special_tokens({"eos_token": "<|im_end|>", "additional_special_tokens": ["<|im_start|>"]})
    tokenizer.chat_template = CHATML
    tokenizer.model_max_length = 256
    torch.manual_seed(1)
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1,
        head_dim=16, max_position_embeddings=256, tie_word_embeddings=True, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    with quiet():
        Qwen3ForCausalLM(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of two layers that has half learnt the shop's answers: something to align, and still unsure."""
    from kefu.train.factory import train

    folder = tmp_path_factory.mktemp("base")
    shape = {"embedded": {"vocabulary": 400, "layers": 2, "hidden": 64}}
    path = recipe(folder, "sft", "embedded", questions(), train={"epochs": 4, "rehearse": False}, data={"validation_share": 0}, sft=shape)
    result = train(str(path))
    assert result is not None
    return result.artifact.path / "model"


@pytest.fixture(scope="session")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose meaning lies in the mean over its tokens, as its folder says: what a small classifier learnt, without its head."""
    from transformers import AutoModel, AutoTokenizer

    from kefu.train.factory import train
    from kefu.train.quiet import quiet

    from .heads import classes, head

    folder = tmp_path_factory.mktemp("sentences")
    first = train(str(head(folder / "a", "classification", "embedded", classes(), train={"max_steps": 30})))
    assert first is not None
    with quiet():
        AutoModel.from_pretrained(first.artifact.path / "model").save_pretrained(folder / "encoder")
        AutoTokenizer.from_pretrained(first.artifact.path / "model").save_pretrained(folder / "encoder")
    (folder / "encoder" / "1_Pooling").mkdir()
    (folder / "encoder" / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}', "utf-8")
    return folder / "encoder"
