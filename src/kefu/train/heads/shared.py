"""One encoder for several heads: adapted to the domain of a row, joined with what is known about it.

Adapter: a narrow layer beside the encoder's output for each domain (Houlsby et al. 2019, arXiv 1902.00751). Knowledge: a text that
comes with the row (facts of the customer, a passage), read by the same encoder and let in by a learnt gate, either as one vector
(gated) or by attention on its tokens (attended). Both start at nothing, so that a model begins as its encoder.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from kefu.data.mapping import plain
from kefu.errors import InputError
from kefu.train.heads import tags, windows
from kefu.train.heads.labels import pooled, probabilities, say
from kefu.train.heads.task import BadRow, Part, Task

if TYPE_CHECKING:
    from kefu.train.base import Base

HEADS_FILE = "heads.safetensors"
KNOWN_TOKENS = 256


class Adapters(torch.nn.Module):
    """A bottleneck for each domain. States [rows, tokens, hidden] and domain [rows] (-1: none) to states."""

    def __init__(self, domains: int, hidden: int, width: int) -> None:
        super().__init__()
        self.norm = torch.nn.LayerNorm(hidden)
        self.down = torch.nn.Parameter(torch.randn(domains, hidden, width) / hidden**0.5)
        self.up = torch.nn.Parameter(torch.zeros(domains, width, hidden))

    def forward(self, states: Any, domain: Any) -> Any:
        chosen = domain.clamp(min=0)
        narrow = torch.nn.functional.gelu(torch.bmm(self.norm(states), self.down[chosen].to(states.dtype)))
        return states + torch.bmm(narrow, self.up[chosen].to(states.dtype)) * (domain >= 0)[:, None, None]


class Fusion(torch.nn.Module):
    """Knowledge into states, as far as a gate for each token lets it. Rows without knowledge stay as they are."""

    def __init__(self, hidden: int, attended: bool) -> None:
        super().__init__()
        heads = next(count for count in (8, 4, 2, 1) if hidden % count == 0)
        self.attention = torch.nn.MultiheadAttention(hidden, heads, batch_first=True) if attended else None
        self.gate = torch.nn.Linear(2 * hidden, hidden)
        self.into = torch.nn.Linear(hidden, hidden)
        torch.nn.init.zeros_(self.into.weight)
        torch.nn.init.zeros_(self.into.bias)

    def forward(self, states: Any, known: Any, mask: Any) -> Any:
        has = mask.any(1)
        if self.attention is None:
            vector = mean_of(known, mask)[:, None].expand_as(states)
        else:
            open_mask = mask.bool() | ~has[:, None]  # a row whose every token is shut would give NaN
            vector = self.attention(states, known, known, key_padding_mask=~open_mask, need_weights=False)[0]
        let = torch.sigmoid(self.gate(torch.cat([states, vector], -1)))
        return states + let * self.into(vector) * has[:, None, None]


def mean_of(states: Any, mask: Any) -> Any:
    """[rows, hidden]: the mean over the tokens that are there."""
    there = mask[..., None].to(states.dtype)
    return (states * there).sum(1) / there.sum(1).clamp(min=1)


class Shared(torch.nn.Module):
    """Encoder, adapters, fusion and one linear layer for each head. Returns the logits of each, in the order of the task."""

    def __init__(self, encoder: Any, task: Task) -> None:
        super().__init__()
        hidden = int(encoder.config.hidden_size)
        self.encoder, self.kinds = encoder, [part.task for part in task.heads.values()]
        self.adapters = Adapters(len(task.domains), hidden, task.adapter) if task.domains else None
        self.fusion = Fusion(hidden, task.fusion == "attended") if task.fusion != "none" else None
        self.dropout = torch.nn.Dropout(0.1)
        self.heads = torch.nn.ModuleList(torch.nn.Linear(hidden, max(1, len(part.labels))) for part in task.heads.values())

    def forward(self, domain: Any = None, known_input_ids: Any = None, known_attention_mask: Any = None, **inputs: Any) -> list[Any]:
        states = self.encoder(**inputs).last_hidden_state
        if self.adapters is not None and domain is not None:
            states = self.adapters(states, domain)
        if self.fusion is not None and known_input_ids is not None:
            known = self.encoder(input_ids=known_input_ids, attention_mask=known_attention_mask).last_hidden_state
            states = self.fusion(states, known, known_attention_mask)
        whole = self.dropout(mean_of(states, inputs["attention_mask"]))
        each = self.dropout(states)
        return [head(each if kind == "token-classification" else whole) for head, kind in zip(self.heads, self.kinds, strict=True)]

    # what the loop asks of a model

    @property
    def config(self) -> Any:
        return self.encoder.config

    @property
    def device(self) -> Any:
        return self.encoder.device

    def num_parameters(self, **_: Any) -> int:
        return sum(p.numel() for p in self.parameters())

    def gradient_checkpointing_enable(self, **given: Any) -> None:
        self.encoder.gradient_checkpointing_enable(**given)

    def save(self, folder: Path) -> None:
        from safetensors.torch import save_file

        self.encoder.save_pretrained(folder)
        own = {name: value.contiguous().cpu() for name, value in self.state_dict().items() if not name.startswith("encoder.")}
        save_file(own, folder / HEADS_FILE, {"format": "pt"})

    def load(self, folder: Path) -> None:
        """The heads of a saved model. Raises InputError when they do not fit."""
        load_own(self, folder / HEADS_FILE, "encoder.")


class Pooled(Shared):
    """Encoder, mean over its tokens, one linear layer: for sentence encoders, whose first token was never trained to speak for all."""

    def __init__(self, encoder: Any, outputs: int) -> None:
        super().__init__(encoder, Task(task="multitask", heads={"head": Part(task="regression")}))
        self.heads[0] = torch.nn.Linear(int(encoder.config.hidden_size), outputs)

    def forward(self, **inputs: Any) -> Any:  # type: ignore[override]
        from transformers.modeling_outputs import SequenceClassifierOutput

        return SequenceClassifierOutput(logits=super().forward(**inputs)[0])

    def vector(self, **inputs: Any) -> Any:
        """[rows, hidden]: what the head reads."""
        return mean_of(self.encoder(**inputs).last_hidden_state, inputs["attention_mask"])

    @property
    def base_model(self) -> Any:
        return self.encoder


def says_mean(folder: Path) -> bool:
    """Whether a checkpoint is made for the mean over tokens: a sentence-transformers folder that says so, or one of ours."""
    import json

    if (folder / HEADS_FILE).is_file():
        return True
    try:
        return bool(json.loads((folder / "1_Pooling" / "config.json").read_text("utf-8"))["pooling_mode_mean_tokens"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def load_own(model: Any, file: Path, body: str) -> None:
    """Everything of a model but its `body.` from a file of its own. Raises InputError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    own = {name: value for name, value in model.state_dict().items() if not name.startswith(body)}
    try:
        found = load_file(str(file))
    except (OSError, SafetensorError) as error:
        raise InputError(f"{file} cannot be read", str(error).partition("\n")[0], "train the model again") from None
    wrong = [name for name in {*own, *found} if name not in found or name not in own or found[name].shape != own[name].shape]
    if wrong:
        raise InputError(f"{file} does not fit its task.json", f"{', '.join(sorted(wrong)[:3])}", "take both from one training run")
    model.load_state_dict(found, strict=False)


@dataclass(slots=True)
class Case:
    """A row to be read: its text, its domain and what is known."""

    text: str
    domain: str = ""
    known: str = ""


def bare(row: dict[str, Any]) -> Case:
    text = plain(row.get("text"))
    if not text.strip():
        raise BadRow("no text", "the row has an empty text, or no column of that meaning", "see --map")
    return Case(text, plain(row.get("domain")).strip(), plain(row.get("knowledge")).strip())


def given(tokenizer: Any, cases: Sequence[Case], task: Task) -> tuple[list[list[windows.Window]], list[dict[str, Any]], int]:
    """(windows of each text, columns that all windows of a row share, how many knowledge texts were cut)."""
    found = windows.windows(tokenizer, [case.text for case in cases], None, task.max_length, task.stride)
    place = {name: n for n, name in enumerate(task.domains)}
    shared: list[dict[str, Any]] = [{"domain": place.get(case.domain, -1)} if task.domains else {} for case in cases]
    cut = 0
    if task.fusion != "none":
        most = min(KNOWN_TOKENS, task.max_length)
        for case, columns in zip(cases, shared, strict=True):
            ids = tokenizer(case.known)["input_ids"] if case.known else []
            cut += len(ids) > most
            columns["known_input_ids"] = ids[:most]
    return found, shared, cut


class SharedReader:
    """Text (with domain and knowledge) to what every head says."""

    needs = "tasks"

    def __init__(self, base: Base, task: Task, rows: int = 32) -> None:
        self.base, self.task, self.rows = base, task, rows

    def read(self, row: dict[str, Any]) -> Case:
        return bare(row)

    def logits(self, cases: Sequence[Case]) -> tuple[list[list[windows.Window]], list[list[list[Any]]]]:
        """(windows of each text, [head][row][window] -> logits)."""
        found, shared, _ = given(self.base.tokenizer, cases, self.task)
        items = [{**windows.columns(w), **columns} for parts, columns in zip(found, shared, strict=True) for w in parts]
        made: list[list[Any]] = [[None] * len(items) for _ in self.task.heads]
        model = self.base.model
        training = model.training
        model.eval()
        try:
            for chosen, batch in windows.batches(self.base, items, self.rows):
                with torch.inference_mode():
                    outputs = model(**batch)
                for head, logits in enumerate(outputs):
                    for n, i in enumerate(chosen):
                        part = logits[n, : len(items[i]["input_ids"])] if logits.ndim == 3 else logits[n]
                        made[head][i] = part.float().cpu().numpy()
        finally:
            model.train(training)
        ends = np.cumsum([0, *(len(parts) for parts in found)])
        return found, [[some[a:b] for a, b in itertools.pairwise(ends)] for some in made]

    def predict(self, read: Sequence[Case], scores: bool = False) -> list[dict[str, Any]]:
        if not read:
            return []
        found, logits = self.logits(read)
        made: list[dict[str, Any]] = [{"heads": {}, **({"windows": len(parts)} if len(parts) > 1 else {})} for parts in found]
        for (name, part), some in zip(self.task.heads.items(), logits, strict=True):
            for row, said in zip(made, self._head(part, read, found, some, scores), strict=True):
                row["heads"][name] = said
        return made

    def _head(
        self, part: Part, read: Sequence[Case], found: Sequence[Sequence[windows.Window]], some: Sequence[Sequence[Any]], scores: bool
    ) -> list[dict[str, Any]]:
        if part.task == "classification":
            return [say(shares, part, scores) for shares in probabilities(pooled(some), part)]
        if part.task == "regression":
            return [{"value": round(float(row[0] * part.spread + part.mean), 6)} for row in pooled(some)]
        tagger = tags.Tagger(self.base, self.task.model_copy(update={"labels": part.labels, "task": part.task}), self.rows)
        texts = [tags.Tagged(case.text, tags.units_of(case.text)) for case in read]
        return [tagger.say(one, parts, rows, scores) for one, parts, rows in zip(texts, found, some, strict=True)]
