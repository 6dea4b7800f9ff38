"""Rows to (ids, labels): what is learnt is the answer and the token that ends it, and nothing else.

The text is what serving will render (`kefu.engines.prompt`), so the model learns exactly the prompt it
will see. `Ledger` counts every row and token that came in, was cut, or left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kefu.engines.prompt import PromptStyle, build_messages, render
from kefu.errors import GateError, InputError
from kefu.train.rows import Row, from_messages

IGNORE = -100
_LEAST = 8  # characters of a question that is cut


@dataclass(frozen=True)
class Encoded:
    """ids and labels have one length; labels hold IGNORE where nothing is learnt. `answer_at`: first learnt position."""

    ids: list[int]
    labels: list[int]
    answer_at: int

    @property
    def supervised(self) -> int:
        return len(self.labels) - self.labels.count(IGNORE)


@dataclass
class Ledger:
    """rows_in = rows + sum(dropped); tokens are those of rows kept (dropped rows: tokens_dropped)."""

    rows_in: int = 0
    rows: int = 0
    tokens: int = 0
    supervised: int = 0
    cut: int = 0
    cut_messages: int = 0
    cut_questions: int = 0
    tokens_dropped: int = 0
    rewritten: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        share = self.supervised / self.tokens if self.tokens else 0.0
        balanced = self.rows_in == self.rows + sum(self.dropped.values())
        return {
            "rows_in": self.rows_in, "rows": self.rows, "dropped": dict(self.dropped), "cut_oldest": self.cut, "cut_messages": self.cut_messages,
            "cut_questions": self.cut_questions,
            "tokens": self.tokens, "supervised_tokens": self.supervised, "supervised_share": round(share, 4),
            "tokens_dropped": self.tokens_dropped, "prompt_rewritten_by_template": self.rewritten, "examples": self.examples, "balanced": balanced,
        }  # fmt: skip


class Encoder:
    """Tokenizes rows with one tokenizer, template and prompt style.

    tokenizer: transformers fast tokenizer with its chat template. end_ids: ids that end a turn.
    max_length: tokens a row may have. over_length: `drop`, `cut_oldest` (turns of history first, then
    passages, then the beginning of the question; never the answer) or `fail`.
    """

    def __init__(self, tokenizer: Any, style: PromptStyle, end_ids: set[int], max_length: int, over_length: str = "cut_oldest") -> None:
        self.tokenizer, self.style, self.end_ids = tokenizer, style, end_ids
        self.max_length, self.over_length = max_length, over_length
        self.special = {key: str(value) for key, value in tokenizer.special_tokens_map.items()}

    def text(self, row: Row, history: Sequence[dict[str, str]], hits: Sequence[Any]) -> tuple[str, str, bool]:
        """Prompt text, the text learnt, and whether the template rewrites the prompt once an answer follows."""
        prompt = self.prompt(history, hits, row.language)
        whole = build_messages([*history, {"role": "assistant", "content": row.answer}], hits, self.style, row.language)
        full = render(self.tokenizer.chat_template, whole, self.special, False, **self.style.template_kwargs)
        if full.startswith(prompt):
            return prompt, full[len(prompt) :], False
        start = full.rfind(whole[-1]["content"])
        if start < 0:
            raise GateError(f"row {row.id}", "the chat template changes the answer's text", "use another checkpoint", layer="template")
        return prompt, full[start:], True

    def prompt(self, history: Sequence[dict[str, str]], hits: Sequence[Any], language: str) -> str:
        messages = build_messages(history, hits, self.style, language)
        return render(self.tokenizer.chat_template, messages, self.special, True, **self.style.template_kwargs)

    def ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def plain(self, row: Row, history: Sequence[dict[str, str]] | None = None, hits: Sequence[Any] | None = None) -> tuple[Encoded, bool]:
        """Encode without looking at the length. Raises GateError when the row teaches nothing or never ends."""
        prompt, learnt, rewritten = self.text(row, row.history if history is None else history, row.hits if hits is None else hits)
        before, ids = self.ids(prompt), self.ids(prompt + learnt)
        start = next((i for i, (a, b) in enumerate(zip(before, ids, strict=False)) if a != b), min(len(before), len(ids)))
        end = next((i + 1 for i in range(start, len(ids)) if ids[i] in self.end_ids), 0)
        if not end:
            raise GateError(f"row {row.id}", "no end-of-turn token follows the answer, so the model would never stop", _END_FIX, layer="template")
        if end - start < 2 or not row.answer.strip():
            raise GateError(f"row {row.id} supervises no token", "its answer is empty after rendering", "remove the row or its cause", layer="train")
        ids = ids[:end]
        return Encoded(ids, [IGNORE] * start + ids[start:], start), rewritten

    def fit(self, row: Row, ledger: Ledger) -> Encoded | None:
        """Encode under the length policy, counting into the ledger; None when the row is dropped."""
        ledger.rows_in += 1
        encoded, rewritten = self.plain(row)
        if len(encoded.ids) > self.max_length:
            if self.over_length == "fail":
                why = f"{len(encoded.ids)} tokens, {self.max_length} allowed (train.over_length: fail)"
                raise GateError(f"row {row.id} is too long", why, "raise train.max_length or choose drop or cut_oldest", layer="train")
            shorter = self._cut(row, ledger) if self.over_length == "cut_oldest" else None
            if shorter is None:
                ledger.dropped["longer than max_length"] += 1
                ledger.tokens_dropped += len(encoded.ids)
                if len(ledger.examples) < 20:
                    ledger.examples.append(row.id)
                return None
            encoded = shorter
        ledger.rows += 1
        ledger.tokens += len(encoded.ids)
        ledger.supervised += encoded.supervised
        ledger.rewritten += rewritten
        return encoded

    def _cut(self, row: Row, ledger: Ledger) -> Encoded | None:
        """Leave out the oldest turns, then the last passages, until the row fits."""
        history, hits = list(row.history), list(row.hits)
        while (kept := sum(message["role"] != "system" for message in history)) > 1 or hits:
            if kept > 1:
                history.pop(int(history[0]["role"] == "system"))
            else:
                hits.pop()
            if not any(message["role"] == "user" for message in history):
                return None
            encoded, _ = self.plain(row, history, hits)
            if len(encoded.ids) <= self.max_length:
                ledger.cut += 1
                ledger.cut_messages += len(row.history) - len(history)
                return encoded
        if not history or history[-1]["role"] != "user":
            return None

        def with_end(question: str) -> Encoded:
            return self.plain(row, [*history[:-1], {**history[-1], "content": question}], hits)[0]

        end = fitting(history[-1]["content"], lambda question: len(with_end(question).ids) <= self.max_length)
        if not end:
            return None
        ledger.cut += 1
        ledger.cut_questions += 1
        ledger.cut_messages += len(row.history) - len(history)
        return with_end(end)


def fitting(text: str, fits: Callable[[str], bool]) -> str:
    """The longest end of a text that fits; empty where less than `_LEAST` characters of it would be left."""
    low, high = 0, len(text) - _LEAST + 1  # characters gone: too few at low, and at high too little is left
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(text[middle:].strip()) else (middle, high)
    return text[high:].strip() if high <= len(text) - _LEAST and fits(text[high:].strip()) else ""


_END_FIX = "the chat template must write the tokenizer's end token after each assistant message"


def view(model_dir: Path, row: dict[str, Any]) -> list[tuple[str, bool]]:
    """Pieces of a `messages` row of the data artefact, as this model reads it, and whether each is learnt.

    Neighbouring tokens of one kind are joined, so that a Chinese character split over tokens stays whole.
    The last agent turn is the one learnt. Raises InputError when the row has none.
    """
    from transformers import AutoTokenizer, GenerationConfig

    home = model_dir if (model_dir / "prompt.json").is_file() else model_dir.parent
    tokenizer = AutoTokenizer.from_pretrained(str(model_dir), local_files_only=True)
    ends = GenerationConfig.from_pretrained(str(model_dir)).eos_token_id
    end_ids = set(ends if isinstance(ends, list) else [ends]) | {tokenizer.eos_token_id}
    turns = [turn for turn in from_messages(row) if turn.history and turn.history[-1]["role"] == "user"]
    if not turns:
        raise InputError(f"row {row.get('id')}", "no agent turn answers a customer", "show another row")
    encoded, _ = Encoder(tokenizer, PromptStyle.load(home), end_ids, 1 << 30).plain(turns[-1])
    prompt, learnt = encoded.ids[: encoded.answer_at], encoded.ids[encoded.answer_at :]
    return [(tokenizer.decode(prompt), False), (tokenizer.decode(learnt), True)]
