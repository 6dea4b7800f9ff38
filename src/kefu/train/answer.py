"""Greedy answers of a model being trained: samples before and after, and the score on held-out questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kefu.text.normalise import fold
from kefu.text.similarity import token_f1
from kefu.train.base import Base
from kefu.train.encode import Encoder
from kefu.train.rows import Row

_BATCH = 16


def answers(base: Base, encoder: Encoder, rows: Sequence[Row], max_new_tokens: int) -> list[tuple[str, bool]]:
    """(text, whether the model ended it itself) for each row; deterministic (greedy)."""
    import torch

    base.model.eval()
    said: list[tuple[str, bool]] = []
    ends = base.end_ids()
    pad = base.tokenizer.pad_token_id if base.tokenizer.pad_token_id is not None else next(iter(ends))
    for start in range(0, len(rows), _BATCH):
        prompts = [encoder.ids(encoder.prompt(row.history, row.hits, row.language)) for row in rows[start : start + _BATCH]]
        width = max(map(len, prompts))
        ids = torch.tensor([[pad] * (width - len(p)) + p for p in prompts], device=base.model.device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=base.model.device)
        with torch.inference_mode():
            made = base.model.generate(
                input_ids=ids, attention_mask=mask, max_new_tokens=max_new_tokens, do_sample=False, num_beams=1,
                eos_token_id=sorted(ends), pad_token_id=pad,
            )  # fmt: skip
        for line in made[:, width:].tolist():
            end = next((i for i, token in enumerate(line) if token in ends), None)
            said.append((base.tokenizer.decode(line[:end], skip_special_tokens=True).strip(), end is not None))
    return said


def score(rows: Sequence[Row], said: Sequence[tuple[str, bool]]) -> dict[str, Any]:
    """Share of whole answers right (folded text equal), mean token F1, share that ended by itself; 0..1 each."""
    n = len(rows)
    if not n:
        return {"n": 0}
    exact = sum(fold(text) == fold(row.answer) for row, (text, _) in zip(rows, said, strict=True))
    f1 = sum(token_f1(text, row.answer) for row, (text, _) in zip(rows, said, strict=True))
    return {"n": n, "exact": round(exact / n, 4), "token_f1": round(f1 / n, 4), "ended": round(sum(ended for _, ended in said) / n, 4)}
