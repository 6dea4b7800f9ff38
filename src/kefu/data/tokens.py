"""Texts as a chosen tokenizer cuts them: how many tokens, where a length limit would cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kefu.conversation import Conversation
from kefu.errors import InputError, MissingExtra


def load(folder: Path) -> Any:
    """The tokenizer in a model folder (tokenizer.json). Raises InputError, MissingExtra."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingExtra("--tokenizer (tokenizers)", "train") from None
    file = folder / "tokenizer.json" if folder.is_dir() else folder
    if not file.is_file():
        raise InputError(f"no tokenizer in {folder}", "there is no tokenizer.json", "give the folder of a model, e.g. build/train/NAME/KEY/model")
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # noqa: BLE001 - the library raises plain Exception for every fault of the file
        raise InputError(f"{file} is not a tokenizer", str(error)[:200], "give a tokenizer.json as the tokenizers library writes it") from None


def counter(tokenizer: Any) -> Callable[[str], int]:
    """How many tokens a text has, special tokens aside."""
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def view(conversation: Conversation, tokenizer: Any, max_length: int = 0) -> dict[str, Any]:
    """Each turn with its tokens, and which are cut when the oldest go first until `max_length` tokens are left (0: no limit).

    Chat template tokens are not counted: they belong to a model, not to the data.
    """
    turns: list[dict[str, Any]] = []
    for turn in conversation.turns:
        encoded = tokenizer.encode(turn.text, add_special_tokens=False)
        pieces = [turn.text[start:stop] or "·" for start, stop in encoded.offsets]
        turns.append({"role": turn.role, "text": turn.text, "tokens": len(encoded.ids), "pieces": pieces, "cut": False})
    total = sum(one["tokens"] for one in turns)
    left = total
    for one in turns:
        if max_length and left > max_length:
            one["cut"] = True
            left -= one["tokens"]
    return {
        "id": conversation.id, "tokens": total, "characters": sum(len(t.text) for t in conversation.turns), "kept": left,
        "turns_cut": sum(one["cut"] for one in turns), "turns": turns,
    }  # fmt: skip
