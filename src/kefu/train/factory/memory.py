"""How much memory each stage of a run takes, estimated before it runs.

Weights, gradients and Adam's two moments are exact. Activations follow Korthikanti et al. 2022
(arXiv 2205.05198, eq. 2: s*b*h*(34 + 5*a*s/h) bytes a layer at 16 bit, twice that at 32), with the scores of
attention left out where the fused kernel never stores them; logits are counted at 32 bit, with their gradient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kefu.train.factory.job import Job

ROOM = 0.7
MOST_ROWS_CPU = 32


def stages(job: Job, rows: int, length: int) -> dict[str, int]:
    """Bytes of each stage: load, train, evaluate, save. rows: of one pass; length: tokens of the longest row.

    A row may be several sequences of a pass (`job.facts["sequences"]`): a pair of answers, or two readings under different dropout.
    """
    model, rows = job.model, rows * int(job.facts.get("sequences", 1))
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    trained = sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
    copies = int(job.facts.get("frozen_copies", 0))
    held = weights * (1 + copies)
    head = getattr(model, "get_output_embeddings", None)
    work = activations(
        model.config,
        rows,
        length,
        half=bool(job.plan["bf16"]),
        again=bool(job.plan["gradient_checkpointing"]),
        logits=bool(head and head() is not None),
    )
    return {
        "load": held,
        "train": held + 3 * trained + work,
        "evaluate": held + 3 * trained + work // 4,
        "save": held + 3 * trained + (weights if weights != trained else 0),
        "machine": job.device.memory,
    }


def activations(config: Any, rows: int, length: int, *, half: bool, again: bool, logits: bool = True) -> int:
    """Bytes kept for the backward pass of one pass of `rows` times `length` tokens. logits: whether each token gets one for every word."""
    text = getattr(config, "text_config", config)
    hidden = int(getattr(text, "hidden_size", 768))
    layers = int(getattr(text, "num_hidden_layers", 12))
    words = int(getattr(text, "vocab_size", 0)) if logits else 0
    return activation_bytes(hidden, layers, words, rows, length, half=half, again=again)


def activation_bytes(hidden: int, layers: int, words: int, rows: int, length: int, *, half: bool, again: bool) -> int:
    """The same from bare numbers. words: vocabulary of the logits, 0 where there are none."""
    each = (2 if again else 34) * (1 if half else 2)
    whole = 34 * (1 if half else 2) if again else 0  # the layer being made again
    return rows * length * (hidden * (each * layers + whole) + 8 * words)


def passes(job: Job, rows: int, length: int) -> tuple[int, str]:
    """Passes that a batch of `rows` is split into so that the estimate fits the machine, and why."""
    room, split = job.device.memory * ROOM, 1
    most = rows if job.device.cuda else MOST_ROWS_CPU
    while rows % (split * 2) == 0 and rows // split > 1 and (stages(job, rows // split, length)["train"] > room or rows // split > most):
        split *= 2
    return split, f"{rows // split} rows of up to {length} tokens at once are estimated to fit {show(job.device.memory)}"


def exhausted(error: BaseException) -> bool:
    """Whether an error says that the memory is used up, of the machine or of the GPU."""
    import torch

    said = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in said or "can't allocate memory" in said)
    )


def show(count: int) -> str:
    """1.4 GiB."""
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
