"""Texts of any length to token windows that overlap: nothing is cut. And windows to batches that a model reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kefu.errors import InputError

_TOKENIZED_AT_ONCE = 512
IGNORE = -100


MANY_UNKNOWN = 0.1


@dataclass(slots=True)
class Window:
    """Part of a text. row: of which one. offsets: (start, end) in characters of each token; side: 0 or 1 in a pair, None for special tokens."""

    row: int
    ids: list[int]
    types: list[int] | None
    offsets: list[tuple[int, int]]
    side: list[int | None]


def check(tokenizer: Any, name: str) -> None:
    """Heads need character offsets. Raises InputError for a tokenizer that has none."""
    if not getattr(tokenizer, "is_fast", False):
        raise InputError(f"base: {name!r}", "its tokenizer gives no character offsets", "use a checkpoint with tokenizer.json")


def windows(tokenizer: Any, texts: Sequence[str], others: Sequence[str] | None, max_length: int, stride: int) -> list[list[Window]]:
    """Windows of each row; an empty list where `texts[i]` leaves no room for `others[i]`.

    max_length: tokens of a window with special ones. stride: tokens that neighbours share. In a pair only the second is split.
    """
    made: list[list[Window]] = [[] for _ in texts]
    # two sentences without a mark between them would run into one another
    close = "" if others is None or tokenizer.sep_token_id is not None else "\n"
    fits = range(len(texts))
    if others is not None:
        special = tokenizer.num_special_tokens_to_add(pair=True)
        lengths = [len(ids) for ids in tokenizer([text + close for text in texts], add_special_tokens=False)["input_ids"]] if texts else []
        fits = [i for i in fits if lengths[i] + special + stride < max_length]  # type: ignore[assignment]
    overlap = min(stride, max(0, (max_length - tokenizer.num_special_tokens_to_add(pair=False)) // 2))
    for start in range(0, len(fits), _TOKENIZED_AT_ONCE):
        chosen = fits[start : start + _TOKENIZED_AT_ONCE]
        pairs = {} if others is None else {"text_pair": [others[i] for i in chosen]}
        coded = tokenizer(
            text=[texts[i] + close for i in chosen], **pairs, truncation="only_first" if others is None else "only_second", max_length=max_length,
            stride=overlap, return_overflowing_tokens=True, return_offsets_mapping=True,
        )  # fmt: skip
        types = coded.get("token_type_ids")
        for n, sample in enumerate(coded["overflow_to_sample_mapping"]):
            row = chosen[sample]
            made[row].append(
                Window(row, coded["input_ids"][n], types[n] if types else None, list(map(tuple, coded["offset_mapping"][n])), coded.sequence_ids(n))
            )
    return made


def unknown(tokenizer: Any, found: Sequence[Sequence[Window]]) -> float:
    """Share of the texts' tokens that the tokenizer does not know, 0..1."""
    mark = tokenizer.unk_token_id
    ids = [token for windows in found for window in windows for token, side in zip(window.ids, window.side, strict=True) if side is not None]
    return sum(token == mark for token in ids) / len(ids) if ids and mark is not None else 0.0


def tell_unknown(job: Any, found: Sequence[Sequence[Window]]) -> None:
    """Say it when the base does not know the language or the signs of the training texts."""
    if (share := unknown(job.tokenizer, found)) >= MANY_UNKNOWN:
        job.say(
            f"{share:.0%} of the texts' tokens are unknown to {job.recipe.base}: it was not made for their language or signs; "
            "take a base that was, or `base: embedded`"
        )


class Collate:
    """Items to one padded batch (padding on the right). Columns: input_ids, token_type_ids, and what the head adds."""

    def __init__(self, pad: int) -> None:
        self.pad = pad

    def __call__(self, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        import torch

        made: dict[str, Any] = {}
        for name in items[0]:
            values = [item[name] for item in items]
            if isinstance(values[0], list):
                fill = self.pad if name.endswith("input_ids") else IGNORE if name.endswith("labels") else 0
                width = max(1, max(map(len, values)))
                made[name] = torch.tensor([list(v) + [fill] * (width - len(v)) for v in values])
                if name.endswith("input_ids"):
                    made[name.replace("input_ids", "attention_mask")] = torch.tensor([[1] * len(v) + [0] * (width - len(v)) for v in values])
            else:
                made[name] = torch.tensor(values)
        return made


def columns(window: Window) -> dict[str, Any]:
    """The columns of a window that every model reads."""
    return {"input_ids": window.ids, **({"token_type_ids": window.types} if window.types is not None else {})}


def batches(base: Any, items: Sequence[dict[str, Any]], rows: int) -> Iterator[tuple[list[int], dict[str, Any]]]:
    """(indices, batch on the model's device): like lengths together, at most `rows` at once."""
    collate = Collate(base.tokenizer.pad_token_id or 0)
    order = sorted(range(len(items)), key=lambda i: -len(items[i]["input_ids"]))
    for start in range(0, len(order), rows):
        chosen = order[start : start + rows]
        yield chosen, {name: value.to(base.model.device) for name, value in collate([items[i] for i in chosen]).items()}


def logits(base: Any, found: Sequence[Window], rows: int) -> list[Any]:
    """The model's logits for each window, float32 on the CPU (a token head's without the padding); its mode is left as it was."""
    import torch

    made: list[Any] = [None] * len(found)
    training = base.model.training
    base.model.eval()
    try:
        for chosen, batch in batches(base, [columns(window) for window in found], rows):
            with torch.inference_mode():
                out = base.model(**batch)
            parts = [out.start_logits, out.end_logits] if "start_logits" in out else [out.logits]
            joined = torch.stack(parts, -1) if len(parts) > 1 else parts[0]
            for n, i in enumerate(chosen):
                made[i] = (joined[n, : len(found[i].ids)] if joined.ndim == 3 else joined[n]).float().cpu().numpy()
    finally:
        base.model.train(training)
    return made
