"""Messages to token ids and token ids to text, with `tokenizers` and the checkpoint's own template only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kefu.engines.prompt import FILE_NAME as PROMPT_FILE
from kefu.engines.prompt import render
from kefu.errors import InputError, MissingExtra

_BROKEN = "\N{REPLACEMENT CHARACTER}"
_SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


class Tokens:
    """The tokenizer and chat template of a model folder (`tokenizer.json`, `chat_template.jinja`, `tokenizer_config.json`).

    Template variables come from `prompt.json` beside it, where there is one.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise MissingExtra("running a model", "embedded") from None
        config = read_json(folder / "tokenizer_config.json", {})
        try:
            self.tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # noqa: BLE001 - the library raises bare Exception
            raise InputError(f"{folder / 'tokenizer.json'} cannot be read", str(error), "export the model again") from None
        # Padding and truncation may be baked into tokenizer.json; a chat prompt wants neither.
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        template = folder / "chat_template.jinja"
        self.template = template.read_text("utf-8") if template.is_file() else config.get("chat_template") or ""
        if not isinstance(self.template, str) or not self.template:
            raise InputError(f"{folder} has no chat template", "the model was not made for conversations", "use a chat or instruction-tuned model")
        self.special = {name: text for name in _SPECIAL if (text := _content(config.get(name)))}
        self.variables: dict[str, Any] = read_json(folder / PROMPT_FILE, {}).get("template_kwargs") or {}

    def text(self, messages: Sequence[Mapping[str, Any]], add_generation_prompt: bool | None = None) -> str:
        """The prompt as text; by default a generation prompt follows unless the last message is the assistant's."""
        if add_generation_prompt is None:
            add_generation_prompt = not messages or messages[-1].get("role") != "assistant"
        return render(self.template, messages, self.special, add_generation_prompt, **self.variables)

    def ids(self, text: str) -> list[int]:
        """Token ids of a rendered prompt; nothing is added, the template has written what it wants."""
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def encode(self, messages: Sequence[Mapping[str, Any]]) -> list[int]:
        return self.ids(self.text(messages))

    def answer_span(self, messages: Sequence[Mapping[str, Any]]) -> tuple[list[int], int]:
        """(ids of the whole conversation, index of the first token of the last message's content). Raises InputError."""
        if not messages or messages[-1].get("role") != "assistant":
            raise InputError("nothing to score", "the last message is not the assistant's", "end the messages with the answer to score")
        whole, prompt = self.encode(messages), self.ids(self.text(messages[:-1], add_generation_prompt=True))
        start = next((i for i, (a, b) in enumerate(zip(whole, prompt, strict=False)) if a != b), min(len(whole), len(prompt)))
        if start < len(prompt) or start >= len(whole):
            raise InputError("this answer cannot be scored", "the chat template rewrites the text before it", "use the engine's chat instead")
        return whole, start

    def decode(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))


class TextStream:
    """Token ids in, text out: only whole characters leave, and nothing of a stop string.

    Text is decoded from a sliding window, as a token's text may depend on the one before it.
    """

    def __init__(self, tokens: Tokens, stop: Sequence[str] = ()) -> None:
        self._tokens = tokens
        self._stop = [text for text in stop if text]
        self._ids: list[int] = []
        self._from = 0  # window start: decoded for context, its text has left already
        self._to = 0  # ids before this one are in the text that left
        self._held = ""  # text that may be the beginning of a stop string
        self.stopped = False

    def push(self, ids: Sequence[int]) -> str:
        """Text that can leave after these ids; sets `stopped` when a stop string is complete."""
        if self.stopped:
            return ""
        self._ids += ids
        before = self._tokens.decode(self._ids[self._from : self._to])
        now = self._tokens.decode(self._ids[self._from :])
        if now.endswith(_BROKEN) or len(now) <= len(before):
            return ""
        self._from, self._to = self._to, len(self._ids)
        return self._release(now[len(before) :])

    def flush(self) -> str:
        """What is left at the end of the answer; a broken character stays out."""
        if self.stopped:
            return ""
        before = self._tokens.decode(self._ids[self._from : self._to])
        tail = self._tokens.decode(self._ids[self._from :])[len(before) :].rstrip(_BROKEN)
        self._from = self._to = len(self._ids)
        text = self._release(tail) + ("" if self.stopped else self._held)
        self._held = ""
        return text

    def _release(self, text: str) -> str:
        if not self._stop:
            return text
        text = self._held + text
        hits = [at for stop in self._stop if (at := text.find(stop)) >= 0]
        if hits:
            self.stopped, self._held = True, ""
            return text[: min(hits)]
        longest = max(
            (n for stop in self._stop for n in range(1, min(len(stop) - 1, len(text)) + 1) if text.endswith(stop[:n])),
            default=0,
        )
        self._held = text[len(text) - longest :]
        return text[: len(text) - longest]


def read_json(path: Path, default: Any = None) -> Any:
    """A JSON file of a model folder; `default` when it is not there. Raises InputError when broken."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if default is None:
            raise InputError(f"{path} is missing", "the model folder is not complete", "export the model again") from None
        return default
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read", str(error), "export the model again") from None


def end_tokens(*values: Any) -> list[int]:
    """End-token ids from `eos_token_id` values (a number, a list, or None), in order, without repeats."""
    found: list[int] = []
    for value in values:
        found += [int(v) for v in (value if isinstance(value, list) else [value]) if v is not None]
    return list(dict.fromkeys(found))


def _content(token: Any) -> str:
    return str(token.get("content") or "") if isinstance(token, dict) else str(token or "")
