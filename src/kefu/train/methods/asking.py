"""Asking a model being trained: loss on right answers, greedy answers, and how right they are."""

from __future__ import annotations

from collections.abc import Sequence

from kefu.text.normalise import fold
from kefu.text.similarity import token_f1
from kefu.train.answer import answers
from kefu.train.base import Base
from kefu.train.encode import Encoded, Encoder
from kefu.train.rows import Row

_BATCH = 8


def said(base: Base, reader: Encoder, asked: Sequence[Row], max_new_tokens: int) -> list[tuple[str, bool]]:
    """Greedy (text, ended by itself) for each turn; the model's mode is left as it was."""
    training = base.model.training
    try:
        return answers(base, reader, list(asked), max_new_tokens)
    finally:
        base.model.train(training)


def losses(base: Base, reader: Encoder, asked: Sequence[Row]) -> list[float]:
    """Loss per learnt token (nats) of the right answer to each turn."""
    return [total / max(1, count) for total, count in logprobs(base, [reader.plain(turn)[0] for turn in asked])]


def logprobs(base: Base, rows: Sequence[Encoded]) -> list[tuple[float, int]]:
    """(negative log-probability of the learnt tokens, their number) of each row."""
    import torch

    model, made = base.model, []
    training = model.training
    model.eval()
    pad = base.tokenizer.pad_token_id or 0
    for start in range(0, len(rows), _BATCH):
        some = rows[start : start + _BATCH]
        width = max(len(row.ids) for row in some)
        ids = torch.tensor([row.ids + [pad] * (width - len(row.ids)) for row in some], device=model.device)
        mask = torch.tensor([[1] * len(row.ids) + [0] * (width - len(row.ids)) for row in some], device=model.device)
        labels = torch.tensor([row.labels + [-100] * (width - len(row.labels)) for row in some], device=model.device)
        with torch.inference_mode():
            logits = model(input_ids=ids, attention_mask=mask).logits.float()
        each = torch.nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:], ignore_index=-100, reduction="none")
        made += [(float(total), row.supervised) for total, row in zip(each.sum(1), some, strict=True)]
    model.train(training)
    return made


def judge(asked: Sequence[Row], heard: Sequence[tuple[str, bool]]) -> tuple[list[bool], list[float], list[bool]]:
    """Whole answer right (folded text equal), token F1, ended by itself: one each per turn."""
    right = [fold(text) == fold(turn.answer) for turn, (text, _) in zip(asked, heard, strict=True)]
    close = [token_f1(text, turn.answer) for turn, (text, _) in zip(asked, heard, strict=True)]
    return right, close, [ended for _, ended in heard]
